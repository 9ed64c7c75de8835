"""
EMAIL tasks by the HTTP API of a mail provider.

    input   {"to": ["ada@example.com"], "subject": "…", "text": "…"}
    output  {"id": "…"}
"""

from datetime import timedelta

from pydantic import BaseModel, ValidationError

from executor.ports import Ports
from executor.ports.http import HttpRefused, HttpTooLarge, HttpUnreachable
from executor.ports.secrets import SecretMissing, SecretsUnavailable
from shared.json import dump, load
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType

WITHIN = timedelta(seconds=15)


class Mail(BaseModel):
    """What an EMAIL task's input says."""

    to: list[str]
    subject: str
    text: str


class MailHandler:
    """Takes the place of foliot's own handler of EMAIL tasks."""

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002
        """EMAIL tasks."""
        return type is TaskType.EMAIL

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """Hand the mail over. What may pass by itself is tried again, as the task's policy says."""
        try:
            mail = Mail.model_validate(task.input)
            url = await ports.secrets.resolve("mail-url")
            token = await ports.secrets.resolve("mail-token")
            answer = await ports.http.request(
                "POST",
                url,
                headers={
                    "authorization": f"Bearer {token}",
                    "content-type": "application/json",
                    "idempotency-key": str(task.idempotency_key),
                },
                body=dump(mail.model_dump()).encode(),
                within=WITHIN,
            )
        except ValidationError:
            return _failed("mail.input", "the input is no mail: it has to, subject and text")
        except (SecretMissing, HttpRefused, HttpTooLarge) as error:
            return _failed("mail.refused", error.message)
        except (SecretsUnavailable, HttpUnreachable) as error:
            return _failed("mail.unreachable", error.message, retryable=True)
        if answer.status != 202:
            message = f"the provider answered {answer.status}"
            return _failed("mail.status", message, retryable=answer.status >= 500)
        return Outcome.succeeded(load(answer.body))


def _failed(kind: str, message: str, *, retryable: bool = False) -> Outcome:
    return Outcome.failed(Failure(kind=kind, message=message, retryable=retryable))
