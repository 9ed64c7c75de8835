"""
Mail by SMTP, by aiosmtplib: encrypted, to a server whose certificate is checked, unless the
operator says otherwise. One connection a message.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from executor.ports.email import (
    PERMANENT,
    Email,
    EmailRefused,
    EmailUnreachable,
    Receipt,
    RefusedRecipient,
    check_refused,
)
from shared.errors import InvalidRequest
from shared.telemetry import attempt_spans
from shared.tls import is_local

MAX_CONNECTIONS = 10
"""Messages that one executor sends at the same moment; others wait."""

MAX_SAID = 200
"""How much is kept of what a server says, in characters."""

FAREWELL = timedelta(seconds=2)
PORTS = {"smtp": 587, "smtps": 465, "smtp+plaintext": 25}


class SmtpEmail:
    def __init__(
        self,
        url: str,
        *,
        password: Callable[[], str] | None = None,
        ca_file: str = "",
        allow_plaintext: bool = False,
    ) -> None:
        """
        `smtps://user@host:465` is encrypted from the first byte on, `smtp://user@host:587` by
        STARTTLS, and goes no further without; `smtp+plaintext://host:25` is not encrypted, and
        stays on this machine unless `allow_plaintext`. `password` is asked for each message, so
        that it may be renewed. `ca_file` has the authorities to believe,
        not set those of the machine. Raises InvalidRequest for what cannot be used.
        """
        parts = urlsplit(url)
        port = _port_of(parts.netloc, parts.scheme)
        if not parts.hostname or port is None or parts.path not in {"", "/"} or parts.query:
            raise _unusable("is not as smtps://<user>@<host>:<port>")
        if parts.password is not None:
            raise _unusable("holds a password; give it by FOLIOT_MAIL_PASSWORD")
        is_plain = parts.scheme == "smtp+plaintext"
        if is_plain and not allow_plaintext and not is_local(f"{parts.hostname}:{port}"):
            raise _unusable(
                "is without encryption; FOLIOT_ALLOW_PLAINTEXT=true lets mail travel in the open",
            )
        if (password is None) != (not parts.username):
            raise _unusable(
                "has a user if there is FOLIOT_MAIL_PASSWORD or FOLIOT_MAIL_PASSWORD_FILE, and none"
                " if there is not",
            )
        self._host, self._port = parts.hostname, port
        self._user = unquote(parts.username) if parts.username else None
        self._password = password
        self._is_encrypted_first = parts.scheme == "smtps"
        self._context = None if is_plain else _context(ca_file)
        self._room = asyncio.Semaphore(MAX_CONNECTIONS)
        self._name = ""

    async def send(self, message: Email, within: timedelta) -> Receipt:
        with attempt_spans.mail(self._host, self._port):
            return await self._sent(message, within)

    async def _sent(self, message: Email, within: timedelta) -> Receipt:
        smtp: SMTP | None = None
        try:
            async with asyncio.timeout(within.total_seconds()), self._room:
                smtp = SMTP(
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=None if self._password is None else self._password(),
                    local_hostname=await self._own_name(),
                    timeout=None,
                    use_tls=self._is_encrypted_first,
                    start_tls=self._context is not None and not self._is_encrypted_first,
                    tls_context=self._context,
                )
                await smtp.connect()
                receipt = await _given(smtp, message)
            await _leave(smtp)
        except TimeoutError:
            raise EmailUnreachable(
                f"the mail server did not answer within {within.total_seconds():g} s"
            ) from None
        except SMTPAuthenticationError as error:
            raise EmailUnreachable(
                "the mail server does not let us in; look at the user in FOLIOT_MAIL_URL and at"
                " FOLIOT_MAIL_PASSWORD"
            ) from error
        except SMTPResponseException as error:
            raise _said_no(error) from error
        except (SMTPException, OSError) as error:
            raise _unreachable(error, is_encrypted=self._context is not None) from error
        else:
            return receipt
        finally:
            if smtp is not None:
                smtp.close()

    async def _own_name(self) -> str:
        """What we call ourselves. Looked up once, as that may ask a name server."""
        if not self._name:
            found = await asyncio.to_thread(socket.getfqdn)
            is_good = found.isascii() and found.replace("-", "").replace(".", "").isalnum()
            self._name = found if is_good else "localhost"
        return self._name


async def _given(smtp: SMTP, message: Email) -> Receipt:
    """The conversation, once we are in."""
    if smtp.is_ehlo_or_helo_needed:
        try:
            await smtp.ehlo()
        except SMTPHeloError:
            await smtp.helo()
    options, encoding = _options(smtp, message)
    await smtp.mail(message.sender, options=options, encoding=encoding)
    accepted: list[str] = []
    refused: list[RefusedRecipient] = []
    for recipient in message.recipients:
        try:
            await smtp.rcpt(recipient, encoding=encoding)
        except SMTPRecipientRefused as error:
            said = _cleaned(error.message)
            refused.append(RefusedRecipient(address=recipient, code=error.code, message=said))
        else:
            accepted.append(recipient)
    check_refused(message, refused)
    response = await smtp.data(message.message)
    return Receipt(
        accepted=tuple(accepted), refused=tuple(refused), response=_cleaned(response.message)
    )


def _options(smtp: SMTP, message: Email) -> tuple[list[str], str]:
    """What to say of the message. Raises EmailRefused for what the server says it cannot take."""
    options = []
    if smtp.supports_extension("size"):
        most = smtp.esmtp_extensions["size"].strip()
        if most.isdecimal() and 0 < int(most[:15]) < len(message.message):
            raise EmailRefused(
                f"the message has {len(message.message)} bytes, and the mail server takes {most};"
                " send a link instead"
            )
        options.append(f"SIZE={len(message.message)}")
    if not message.is_international:
        return options, "ascii"
    if not (smtp.supports_extension("smtputf8") and smtp.supports_extension("8bitmime")):
        raise EmailRefused(
            "the mail server takes no address with other than ASCII characters before its @"
        )
    return [*options, "SMTPUTF8", "BODY=8BITMIME"], "utf-8"


async def _leave(smtp: SMTP) -> None:
    """Politely, for a moment: the message has been taken, whatever comes of this."""
    with suppress(SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(FAREWELL.total_seconds()):
            await smtp.quit()


def _said_no(error: SMTPResponseException) -> EmailRefused | EmailUnreachable:
    if error.code >= PERMANENT:
        return EmailRefused(f"the mail server refuses the message for good ({error.code})")
    return EmailUnreachable(f"the mail server does not take the message now ({error.code})")


def _unreachable(error: BaseException, *, is_encrypted: bool) -> EmailUnreachable:
    """What went wrong before or between answers, in our words."""
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return EmailUnreachable(
            "the certificate of the mail server is not one to believe; FOLIOT_MAIL_CA_FILE says"
            " whose are"
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return EmailUnreachable(
            "the mail server cannot be talked to encrypted; smtps:// is encrypted at once, usually"
            " on port 465, and smtp:// after a word, usually on 587"
        )
    if is_encrypted and "STARTTLS" in str(error):
        return EmailUnreachable(
            "the mail server offers no encryption; use smtps://, or smtp+plaintext:// if that is"
            " as it should be"
        )
    return EmailUnreachable(
        "the mail server cannot be reached, or has ended the conversation; FOLIOT_MAIL_URL says"
        " where it is"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _cleaned(said: str) -> str:
    """What a server said, as one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())[:MAX_SAID]


def _port_of(netloc: str, scheme: str) -> int | None:
    try:
        given = urlsplit(f"//{netloc}").port
    except ValueError:
        return None
    return given or PORTS.get(scheme)


def _context(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError):
        raise InvalidRequest(
            f"FOLIOT_MAIL_CA_FILE is {ca_file!r}, which holds no certificates in PEM",
            field="mail_ca_file",
        ) from None


def _unusable(why: str) -> InvalidRequest:
    return InvalidRequest(f"FOLIOT_MAIL_URL {why}", field="mail_url")
