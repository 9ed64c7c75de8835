"""
EMAIL tasks: one mail a try, by the same Message-ID each time.

    input   see composing.py
    output  {"message_id": "<…@example.com>", "accepted": ["bo@example.com"],
             "refused": [{"address": "…", "code": 550, "message": "…"}], "response": "…"}

A mail server takes a message or does not, and a connection may be lost before it has said which:
then the next attempt sends it once more, and who gets two can tell by the Message-ID.
"""

import asyncio
from collections.abc import Sequence

from executor.handlers import missing
from executor.handlers.addresses import mailbox
from executor.handlers.composing import Letter, composed, letter_of
from executor.handlers.templates import TemplateRefused
from executor.ports import Ports
from executor.ports.email import (
    MAX_MESSAGE_BYTES,
    EmailRefused,
    EmailUnreachable,
    Receipt,
    RefusedRecipient,
)
from executor.ports.object_storage import (
    ObjectCorrupt,
    ObjectMissing,
    ObjectRef,
    ObjectsUnavailable,
    ObjectTooLarge,
)
from shared.errors import FoliotError, InvalidRequest, LimitExceeded
from shared.json import Json
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType


class EmailHandler:
    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        return type is TaskType.EMAIL

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """
        Succeeds once a server has the message for somebody, or for everybody if `all_or_none`.
        What a server refuses for now, and what cannot be reached, may be retried.
        """
        if ports.mail is None:
            return Outcome.failed(missing("this executor sends no mail; set FOLIOT_MAIL_URL"))
        try:
            letter = await asyncio.to_thread(letter_of, task.input)
            asked = None if letter.sender is None else letter.sender.address
            sender = letter.sender or mailbox(ports.mail.sender(asked), "FOLIOT_MAIL_FROM")
            ports.mail.sender(sender.address)
            email = await asyncio.to_thread(
                composed,
                letter,
                sender=sender,
                contents=await _contents(letter, ports),
                key=task.idempotency_key,
                at=ports.clock.now(),
            )
            receipt = await ports.mail.send(email, letter.within)
        except (InvalidRequest, LimitExceeded) as error:
            return _failed("email.input", error)
        except TemplateRefused as error:
            return _failed("email.template", error)
        except (ObjectMissing, ObjectCorrupt, ObjectTooLarge) as error:
            return _failed("email.attachment", error)
        except ObjectsUnavailable as error:
            return _failed("email.attachment", error, retryable=True)
        except EmailRefused as error:
            return _failed("email.refused", error, refused=error.refused)
        except EmailUnreachable as error:
            return _failed("email.unreachable", error, refused=error.refused, retryable=True)
        return Outcome.succeeded(_output(email.message_id, receipt))


async def _contents(letter: Letter, ports: Ports) -> list[bytes]:
    """What is attached, one after the other, and never more than a mail may have."""
    contents: list[bytes] = []
    for attachment in letter.attachments:
        if not isinstance(attachment.content, ObjectRef):
            contents.append(attachment.content.encode(errors="replace"))
            continue
        if ports.objects is None:
            raise InvalidRequest(
                "an attachment is an object, and this executor has no storage of objects; set"
                " FOLIOT_OBJECTS_URL"
            )
        contents.append(await ports.objects.get(attachment.content, max_bytes=MAX_MESSAGE_BYTES))
    return contents


def _output(message_id: str, receipt: Receipt) -> Json:
    return {
        "message_id": message_id,
        "accepted": list(receipt.accepted),
        "refused": _told(receipt.refused),
        "response": receipt.response,
    }


def _told(refused: Sequence[RefusedRecipient]) -> list[Json]:
    return [{"address": one.address, "code": one.code, "message": one.message} for one in refused]


def _failed(
    kind: str,
    error: FoliotError,
    *,
    refused: Sequence[RefusedRecipient] = (),
    retryable: bool = False,
) -> Outcome:
    details: Json = {"refused": _told(refused)} if refused else None
    return Outcome.failed(
        Failure(kind=kind, message=error.message, retryable=retryable, details=details)
    )
