"""A mail server that tests talk to: aiosmtpd on a socket, which keeps every byte it was told."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class MailServer:
    """What arrived, and what is said instead of yes."""

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    """All that was said to it, as it came over the wire, decrypted where it was encrypted."""
    taken: list[Envelope] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    connections: int = 0
    refuses: dict[str, str] = field(default_factory=dict)
    """What is said to a recipient, as `550 5.1.1 unknown`."""
    after_data: str = "250 2.0.0 taken as 42"
    at_sender: str = "250 OK"
    is_silent: bool = False
    """Whether it takes the message and never says so."""
    hangs_up: bool = False
    """Whether it takes the message and ends the connection instead of saying so."""
    user: tuple[bytes, bytes] | None = None

    @property
    def contents(self) -> list[bytes]:
        """What was taken, as it came."""
        return [bytes(cast("bytes", one.content)) for one in self.taken]

    @property
    def messages(self) -> list[EmailMessage]:
        """The mails, read as a mail program reads them."""
        return [message_from_bytes(one, policy=policy.default) for one in self.contents]

    @property
    def commands(self) -> list[bytes]:
        """The first word of each line that was no part of a message."""
        words: list[bytes] = []
        is_data = False
        for line in bytes(self.heard).split(b"\r\n"):
            if is_data:
                is_data = line != b"."
                continue
            words.append(line.split(b" ")[0])
            is_data = line == b"DATA"
        return [word for word in words if word]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The sender."""
        if self.at_sender.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.at_sender

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A recipient."""
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """The message."""
        self.taken.append(envelope)
        transport = cast("asyncio.Transport", server.transport)
        self.was_encrypted.append(transport.get_extra_info("sslcontext") is not None)
        if self.hangs_up:
            transport.abort()
        if self.is_silent:
            await asyncio.Event().wait()
        return self.after_data

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Who may send."""
        is_known = isinstance(data, LoginPassword) and (data.login, data.password) == self.user
        return AuthResult(success=is_known, handled=False)


class _Hearing(SMTP):
    """Writes down what comes."""

    def __init__(self, state: MailServer, **options: Any) -> None:
        super().__init__(state, **options)
        self._state = state

    def connection_made(self, transport: Any) -> None:
        self._state.connections += 1
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._state.heard += data
        super().data_received(data)


@asynccontextmanager
async def mail_server(
    *,
    context: ssl.SSLContext | None = None,
    starttls: bool = False,
    user: tuple[bytes, bytes] | None = None,
    knows_international: bool = True,
    size_limit: int | None = 33_554_432,
) -> AsyncIterator[MailServer]:
    """With a context it is encrypted: at once, or after STARTTLS, which it then asks for."""
    state = MailServer(user=user)
    asked: dict[str, Any] = {
        "hostname": "mail.example.test",
        "enable_SMTPUTF8": knows_international,
        "data_size_limit": size_limit,
        "tls_context": context if starttls else None,
        "require_starttls": starttls,
        "authenticator": None if user is None else state.authenticate,
        "auth_required": starttls and user is not None,
        "auth_require_tls": starttls,
    }
    server = await asyncio.get_running_loop().create_server(
        lambda: _Hearing(state, **asked),
        "127.0.0.1",
        0,
        ssl=None if starttls else context,
    )
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
