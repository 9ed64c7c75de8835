"""
Addresses and other texts that stand in the head of a mail, where a line end or a character that
looks like another would be somebody's chance.
"""

import unicodedata
from dataclasses import dataclass
from email.headerregistry import Address

from email_validator import EmailNotValidError, validate_email

from executor.ports.email import MAX_ADDRESS
from shared.errors import InvalidRequest
from shared.json import Json

MAX_DISPLAY_NAME = 200

# Controls, halves of characters, and the ends of lines and paragraphs that are no controls.
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Whatever follows these is shown in another order than it is written.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ENCODED_WORD = "=?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Whom a mail goes to or comes from: an address as it is sent, and a name to be shown."""

    local: str
    domain: str
    """In ASCII: what is not is written as `xn--…`, so that no look-alike is taken for another."""
    name: str = ""

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def is_international(self) -> bool:
        return not self.local.isascii()

    def header(self) -> Address:
        """As the head of a mail has it."""
        return Address(display_name=self.name, username=self.local, domain=self.domain)


def mailboxes(given: Json, field: str) -> tuple[Mailbox, ...]:
    """
    One or a list of addresses, each a text, or `{"address", "name"}`. Raises InvalidRequest.
    """
    if given is None:
        return ()
    listed = given if isinstance(given, list) else [given]
    return tuple(mailbox(one, field) for one in listed)


def mailbox(given: Json, field: str) -> Mailbox:
    """A single one, likewise."""
    address, name = given, None
    if isinstance(given, dict):
        if given.keys() - {"address", "name"}:
            raise InvalidRequest(f'{field} is as {{"address": "bo@example.com", "name": "Bo"}}')
        address, name = given.get("address"), given.get("name")
    if not isinstance(address, str):
        raise InvalidRequest(f"{field} is an address as 'bo@example.com', or a list of them")
    local, domain = _parts(address, field)
    shown = "" if name is None else header_text(name, f"the name in {field}", MAX_DISPLAY_NAME)
    return Mailbox(local=local, domain=domain, name=shown)


def header_text(given: Json, field: str, longest: int) -> str:
    """A text of one line that shows as it is written. Raises InvalidRequest."""
    if not isinstance(given, str) or len(given) > longest:
        raise InvalidRequest(f"{field} is text of {longest} characters at most")
    if any(unicodedata.category(sign) in _BREAKING or sign in _TURNING for sign in given):
        raise InvalidRequest(
            f"{field} has a line end, a control or half a character in it; it is one line of text"
        )
    if ENCODED_WORD in given:
        raise InvalidRequest(
            f"{field} has {ENCODED_WORD!r} in it, by which encoded words begin; write the"
            " characters themselves"
        )
    return given


def _parts(address: str, field: str) -> tuple[str, str]:
    """What stands before the @ and after it. Raises InvalidRequest for what is not exactly that."""
    shown = address[:MAX_ADDRESS]
    try:
        found = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise InvalidRequest(
            f"{field} has {shown!r}, which is no address; one is as 'bo@example.com', without"
            " quotes, comments and brackets"
        ) from None
    if ENCODED_WORD in found.local_part:
        raise InvalidRequest(f"{field} has {shown!r}, which cannot stand in a mail")
    local, _, domain = address.rpartition("@")
    # A character that only looks like another one, as a wide letter, would be another address.
    if local != unicodedata.normalize("NFKC", found.local_part) or domain.lower() not in {
        found.domain,
        found.ascii_domain,
    }:
        plain = unicodedata.normalize("NFKC", found.normalized)
        raise InvalidRequest(f"{field} has {shown!r}; if it is {plain!r}, write it so")
    return local, found.ascii_domain
