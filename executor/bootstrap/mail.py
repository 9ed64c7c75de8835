"""How an executor sends mail, and from whom it may be."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import unquote, urlsplit

from executor.adapters.file_email import FileEmail
from executor.adapters.smtp_email import SmtpEmail
from executor.handlers.addresses import mailbox
from executor.plugins import Plugins
from executor.ports.email import EmailPort, SenderRules
from shared.errors import InvalidRequest
from shared.settings import Settings


def email_of(settings: Settings) -> EmailPort | None:
    """What sends mail, as the settings say. Raises InvalidRequest for what cannot be used."""
    url = settings.mail_url
    parts = urlsplit(url)
    if not url:
        return None
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path:
        return FileEmail(unquote(parts.path))
    if parts.scheme not in {"smtp", "smtps", "smtp+plaintext"}:
        raise InvalidRequest(
            "FOLIOT_MAIL_URL begins with smtps://, smtp://, smtp+plaintext:// or file:///, as"
            " smtps://user@mail.example.com",
            field="mail_url",
        )
    return SmtpEmail(
        url,
        password=_mail_password(settings),
        ca_file=settings.mail_ca_file,
        allow_plaintext=settings.allow_plaintext,
    )


def senders_of(settings: Settings) -> SenderRules:
    """From whom mail may be. Raises InvalidRequest for what is no address."""
    usual = settings.mail_from
    return SenderRules(
        default=mailbox(usual, "FOLIOT_MAIL_FROM").address if usual else "",
        by_tenant=tuple(
            (of, tuple(_sender(entry) for entry in entries))
            for of, entries in settings.mail_senders.items()
        ),
    )


def _sender(entry: str) -> str:
    """An address, or `@` and a domain, as a mail would have it."""
    if entry.startswith("@"):
        return f"@{mailbox(f'any{entry}', 'FOLIOT_MAIL_SENDERS').domain}"
    return mailbox(entry, "FOLIOT_MAIL_SENDERS").address


def _mail_password(settings: Settings) -> Callable[[], str] | None:
    own, file = settings.mail_password.get_secret_value(), settings.mail_password_file
    if own and file:
        raise InvalidRequest(
            "FOLIOT_MAIL_PASSWORD and FOLIOT_MAIL_PASSWORD_FILE are both set; set one of them",
            field="mail_password",
        )
    if not file:
        return (lambda: own) if own else None
    if not os.access(file, os.R_OK):
        raise InvalidRequest(
            f"FOLIOT_MAIL_PASSWORD_FILE is {file!r}, which cannot be read",
            field="mail_password_file",
        )
    return lambda: Path(file).read_text("utf-8").rstrip("\r\n")


async def open_email(
    settings: Settings, plugins: Plugins, exits: AsyncExitStack
) -> EmailPort | None:
    opening = plugins.adapters.get("email")
    if opening is None:
        return email_of(settings)
    if settings.mail_url:
        raise InvalidRequest(
            "mail is sent by FOLIOT_MAIL_URL and by a package in FOLIOT_PLUGINS; leave one of them"
            " out",
            field="mail_url",
        )
    email: EmailPort = await exits.enter_async_context(opening())
    return email
