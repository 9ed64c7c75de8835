"""
A mail from what a task says: its head, its texts and what is attached, as bytes ready to be sent.

    input   {"to": "bo@example.com" or a list, "cc", "bcc", "reply_to", "from",
             "subject": "…", "text": "…", "html": "…",
             "template": {"subject": "…", "text": "…", "html": "…"}, "data": {…},
             "attachments": [{"object": {"$object": …}, "name": "bill.pdf"},
                             {"text": "…", "name": "readme.txt", "content_type": "text/plain"}],
             "all_or_none": false, "timeout_s": 60}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from uuid import UUID

from executor.handlers.addresses import Mailbox, header_text, mailbox, mailboxes
from executor.handlers.templates import rendered
from executor.ports.email import MAX_MESSAGE_BYTES, MAX_RECIPIENTS, Email
from executor.ports.object_storage import ObjectRef, checked_content_type
from shared.errors import InvalidRequest, LimitExceeded
from shared.json import Json

MAX_SUBJECT = 500
MAX_FILE_NAME = 200
MAX_ATTACHMENTS = 20
DEFAULT_TIMEOUT = timedelta(seconds=60)
MAX_TIMEOUT = timedelta(minutes=10)

FIELDS = frozenset(
    {"to", "cc", "bcc", "reply_to", "from", "subject", "text", "html", "template", "data",
     "attachments", "all_or_none", "timeout_s"}
)  # fmt: skip
TEXTS = ("subject", "text", "html")
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes along: an object, or a text."""

    name: str
    content_type: str
    content: ObjectRef | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What a task asks for, read and checked; its objects are not fetched yet."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    sender: Mailbox | None
    texts: Mapping[str, str]
    """Of TEXTS those that are there, rendered."""
    attachments: tuple[Attachment, ...]
    all_or_none: bool
    within: timedelta


def letter_of(given: Json) -> Letter:
    """
    What the input asks for. Takes a while where templates are rendered.

    Raises InvalidRequest, LimitExceeded and TemplateRefused.
    """
    if not isinstance(given, dict):
        raise InvalidRequest("an EMAIL task's input is an object with at least to and text")
    _check_fields(given, FIELDS, "the input")
    to, cc, bcc = (mailboxes(given.get(field), field) for field in ("to", "cc", "bcc"))
    if not to:
        raise InvalidRequest("to is missing; it is an address as 'bo@example.com', or a list")
    if len(to) + len(cc) + len(bcc) > MAX_RECIPIENTS:
        raise LimitExceeded(
            "recipients", actual=len(to) + len(cc) + len(bcc), maximum=MAX_RECIPIENTS
        )
    reply_to = mailboxes(given.get("reply_to"), "reply_to")
    if len(reply_to) > MAX_RECIPIENTS:
        raise LimitExceeded("reply_to", actual=len(reply_to), maximum=MAX_RECIPIENTS)
    all_or_none = given.get("all_or_none", False)
    if not isinstance(all_or_none, bool):
        raise InvalidRequest("all_or_none is true or false")
    return Letter(
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        sender=None if given.get("from") is None else mailbox(given["from"], "from"),
        texts=_texts_of(given),
        attachments=_attachments_of(given.get("attachments")),
        all_or_none=all_or_none,
        within=_timeout_of(given.get("timeout_s")),
    )


def composed(
    letter: Letter,
    *,
    sender: Mailbox,
    contents: Sequence[bytes],
    key: UUID,
    at: datetime,
) -> Email:
    """
    The mail. `contents` are those of the attachments, in their order. Its Message-ID is made of
    the task's key: every attempt has the same.

    Raises EmailRefused for one that is too large.
    """
    everybody = (*letter.to, *letter.cc, *letter.bcc)
    is_international = any(one.is_international for one in (*everybody, *letter.reply_to, sender))
    policy = SMTPUTF8 if is_international else SMTP
    message = EmailMessage(policy=policy)
    message_id = f"<{key}@{sender.domain}>"
    message["Message-ID"] = message_id
    message["Date"] = format_datetime(at)
    message["From"] = sender.header()
    for name, boxes in (("To", letter.to), ("Cc", letter.cc), ("Reply-To", letter.reply_to)):
        if boxes:
            message[name] = _headers(boxes)
    message["Subject"] = letter.texts.get("subject", "")
    # So that nobody's holiday reply answers a program.
    message["Auto-Submitted"] = "auto-generated"
    _put_texts(message, letter.texts)
    for attachment, content in zip(letter.attachments, contents, strict=True):
        _attach(message, attachment, content)
    return Email(
        message_id=message_id,
        sender=sender.address,
        recipients=tuple(dict.fromkeys(one.address for one in everybody)),
        message=message.as_bytes(),
        is_international=is_international,
        all_or_none=letter.all_or_none,
    )


def _texts_of(given: Mapping[str, Json]) -> dict[str, str]:
    """The subject and the bodies, each said or rendered."""
    templates = given.get("template", {})
    if not isinstance(templates, dict):
        raise InvalidRequest("template is an object with any of subject, text and html")
    _check_fields(templates, frozenset(TEXTS), "template")
    texts: dict[str, str] = {}
    for field in TEXTS:
        if field in templates:
            source = templates[field]
            if given.get(field) is not None:
                raise InvalidRequest(f"{field} and template.{field} are both set; set one of them")
            if not isinstance(source, str):
                raise InvalidRequest(f"template.{field} is text")
            # Its author may end the line; what it is filled with may not.
            source = source.removesuffix("\n") if field == "subject" else source
            texts[field] = rendered(source, given.get("data", {}), is_html=field == "html")
        elif given.get(field) is not None:
            said = given[field]
            if not isinstance(said, str):
                raise InvalidRequest(f"{field} is text")
            texts[field] = said
    if "subject" not in texts or not texts.keys() & {"text", "html"}:
        raise InvalidRequest("a mail has a subject, and a text or html")
    texts["subject"] = header_text(texts["subject"], "subject", MAX_SUBJECT)
    for field, text in texts.items():
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise InvalidRequest(f"{field} has half a character in it")
    return texts


def _attachments_of(given: Json) -> tuple[Attachment, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise InvalidRequest("attachments is a list")
    if len(given) > MAX_ATTACHMENTS:
        raise LimitExceeded("attachments", actual=len(given), maximum=MAX_ATTACHMENTS)
    found = tuple(_attachment_of(one) for one in given)
    size = sum(one.content.size for one in found if isinstance(one.content, ObjectRef))
    if size > MAX_MESSAGE_BYTES:
        raise LimitExceeded("bytes of attachments", actual=size, maximum=MAX_MESSAGE_BYTES)
    return found


def _attachment_of(given: Json) -> Attachment:
    if not isinstance(given, dict) or ("object" in given) == ("text" in given):
        raise InvalidRequest(
            'an attachment is {"object": {"$object": …}, "name": "bill.pdf"}, or has a text'
            " instead of the object"
        )
    _check_fields(given, frozenset({"object", "text", "name", "content_type"}), "an attachment")
    name = header_text(given.get("name"), "an attachment's name", MAX_FILE_NAME)
    if not name or "/" in name or "\\" in name:
        raise InvalidRequest("an attachment's name is that of a file, without its folder")
    content: ObjectRef | str
    if "object" in given:
        content = ObjectRef.read(given["object"])
        content_type = content.content_type
    else:
        text = given["text"]
        if not isinstance(text, str):
            raise InvalidRequest("an attachment's text is text")
        content, content_type = text, _TEXT
    content_type = checked_content_type(given.get("content_type", content_type))
    if content_type.lower().startswith(("multipart/", "message/")):
        raise InvalidRequest("an attachment is a file, not a mail in the mail")
    return Attachment(name=name, content_type=content_type, content=content)


def _put_texts(message: EmailMessage, texts: Mapping[str, str]) -> None:
    """The bodies, encoded, so that no line of them is anything but text."""
    bodies = [(kind, texts[field]) for field, kind in (("text", "plain"), ("html", "html"))
              if field in texts]  # fmt: skip
    for index, (kind, text) in enumerate(bodies):
        cte = "quoted-printable" if _is_mostly_ascii(text) else "base64"
        if index == 0:
            message.set_content(text, subtype=kind, cte=cte)
        else:
            message.add_alternative(text, subtype=kind, cte=cte)


def _attach(message: EmailMessage, attachment: Attachment, content: bytes) -> None:
    kind, *parameters = (part.strip() for part in attachment.content_type.split(";"))
    maintype, _, subtype = kind.partition("/")
    message.add_attachment(
        content,
        maintype=maintype,
        subtype=subtype,
        filename=attachment.name,
        params=dict(parameter.split("=", 1) for parameter in parameters),
    )


def _headers(boxes: Sequence[Mailbox]) -> list[Address]:
    return [box.header() for box in boxes]


def _is_mostly_ascii(text: str) -> bool:
    """Whether it is shorter, and can be read as it is sent, in quoted-printable."""
    return len(text.encode()) < len(text) * 1.2


def _timeout_of(given: Json) -> timedelta:
    if given is None:
        return DEFAULT_TIMEOUT
    longest = MAX_TIMEOUT.total_seconds()
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= longest:
        raise InvalidRequest(f"timeout_s {given!r} is not a number of seconds up to {longest:g}")
    return timedelta(seconds=given)


def _check_fields(given: Mapping[str, Json], known: frozenset[str], where: str) -> None:
    for field in given:
        if field not in known:
            close = get_close_matches(field, known, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(sorted(known))}"
            raise InvalidRequest(f"{where} has no {field[:64]!r}; {meant}")
