"""
How a handler sends mail: a message that is whole already, and whom it goes to.

What may stand in a message is decided by whoever writes it; what may stand in the conversation
with a server is decided here, where every adapter gets it from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared.errors import FoliotError
from shared.ids import TenantId

MAX_RECIPIENTS = 100
MAX_MESSAGE_BYTES = 10 * 1024 * 1024
MAX_ADDRESS = 254
"""RFC 5321: a path has 256 characters, two of which are its brackets."""
MAX_TOLD = 10
PERMANENT = 500
"""From this code on, a server's no is for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRecipient:
    """Somebody to whom the server does not deliver."""

    address: str
    code: int
    """As SMTP numbers it: from 400 on for now, from 500 on for good."""
    message: str


class EmailRefused(FoliotError):
    """The message is not taken, now or later: by a server, or by the rules here."""

    reason = "EMAIL_REFUSED"

    def __init__(self, message: str, refused: Sequence[RefusedRecipient] = ()) -> None:
        super().__init__(message)
        self.refused = tuple(refused)


class EmailUnreachable(FoliotError):
    """
    The message was not taken now; later it may be. It may have been taken all the same, if the
    connection was lost after the message was sent.
    """

    reason = "EMAIL_UNREACHABLE"

    def __init__(self, message: str, refused: Sequence[RefusedRecipient] = ()) -> None:
        super().__init__(message)
        self.refused = tuple(refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """
    A message on its way. `message` are its bytes, with CRLF at the ends of its lines; whoever
    gets a blind copy is in `recipients` alone.
    """

    message_id: str
    """The same for every attempt of one task: who gets two can tell that they are one."""
    sender: str
    recipients: tuple[str, ...]
    message: bytes
    is_international: bool = False
    """Whether an address has other characters than ASCII before its @."""
    all_or_none: bool = False
    """Whether nobody shall get it if one of the recipients is refused."""

    def __post_init__(self) -> None:
        """Raises EmailRefused for what must never be said to a server, whoever made it."""
        for address in (self.sender, *self.recipients):
            if not _is_sayable(address):
                raise EmailRefused("an address has white space, brackets or controls in it")
        if not 1 <= len(self.recipients) <= MAX_RECIPIENTS:
            raise EmailRefused(f"a message has 1 to {MAX_RECIPIENTS} recipients")
        if len(self.message) > MAX_MESSAGE_BYTES:
            raise EmailRefused(
                f"the message has {len(self.message)} bytes, of {MAX_MESSAGE_BYTES} at most;"
                " send a link instead"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a message: who has taken it, and for whom not."""

    accepted: tuple[str, ...]
    refused: tuple[RefusedRecipient, ...] = ()
    response: str = ""
    """What the server said last; it may name the message there."""


class EmailPort(Protocol):
    """How mail goes out. For adapters; handlers are given `Mail`."""

    async def send(self, message: Email, within: timedelta) -> Receipt:
        """
        Give a message to a server, in that time. It is accepted for at least one recipient; of
        `all_or_none`, for each.

        Raises EmailRefused if nobody gets it and trying again does not help, and EmailUnreachable
        if it may help.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRules:
    """
    From whom tenants may send. An entry is an address, or `@` and a domain for all of its
    addresses; those of the tenant `*` are for every tenant.
    """

    default: str = ""
    """From whom it is where a task does not say; any tenant may."""
    by_tenant: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def allows(self, tenant_id: TenantId, address: str) -> bool:
        """Whether it may be from there. Capitals in a domain make no difference."""
        local, _, domain = address.rpartition("@")
        asked = {(local, domain.lower()), ("", domain.lower())}
        return any(
            _split(entry) in asked
            for of, entries in (*self.by_tenant, ("*", (self.default,) if self.default else ()))
            if of in {"*", tenant_id}
            for entry in entries
        )


@dataclass(frozen=True, slots=True)
class Mail:
    """The mail of one tenant, which sends from its own addresses alone."""

    port: EmailPort
    tenant_id: TenantId
    rules: SenderRules

    def sender(self, asked: str | None) -> str:
        """From whom it is. Raises EmailRefused for whom the tenant may not be."""
        if asked is None:
            if not self.rules.default:
                raise EmailRefused(
                    "from is missing; without FOLIOT_MAIL_FROM there is no usual one"
                )
            return self.rules.default
        if not self.rules.allows(self.tenant_id, asked):
            raise EmailRefused(
                f"this tenant may not send from {asked!r}; an operator can allow it by"
                " FOLIOT_MAIL_SENDERS"
            )
        return asked

    async def send(self, message: Email, within: timedelta) -> Receipt:
        """Send it, as EmailPort says. Raises EmailRefused also for a sender that may not be."""
        self.sender(message.sender)
        return await self.port.send(message, within)


def check_refused(message: Email, refused: Sequence[RefusedRecipient]) -> None:
    """
    Raises for a message that goes to nobody, or must go to all and does not: EmailUnreachable if
    that may be different later.
    """
    if not refused or (len(refused) < len(message.recipients) and not message.all_or_none):
        return
    told = ", ".join(f"{one.address} ({one.code})" for one in refused[:MAX_TOLD])
    told += f" and {len(refused) - MAX_TOLD} more" if len(refused) > MAX_TOLD else ""
    for_good = [one.code >= PERMANENT for one in refused]
    if any(for_good) if message.all_or_none else all(for_good):
        raise EmailRefused(f"the server takes no mail for {told}; correct the addresses", refused)
    raise EmailUnreachable(f"the server takes no mail for {told} now", refused)


def _split(entry: str) -> tuple[str, str]:
    local, _, domain = entry.rpartition("@")
    return local, domain.lower()


def _is_sayable(address: str) -> bool:
    """Whether it stays one argument of one command, whatever a server makes of it."""
    return (
        0 < len(address.encode(errors="replace")) <= MAX_ADDRESS
        and address.count("@") == 1
        and not address.startswith("@")
        and not address.endswith("@")
        and address.isprintable()
        and not any(sign in address for sign in ' <>,;:\\"()[]')
    )
