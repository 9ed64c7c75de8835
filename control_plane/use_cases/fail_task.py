"""End an attempt of a task badly that waited for a person or a callback."""

from dataclasses import dataclass

from control_plane.orchestrator.request import Request, Settle
from control_plane.ports.people import Person
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from control_plane.use_cases import fields
from control_plane.use_cases.get_task import get_task
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import TenantId, parse_task_id
from shared.tasks import Failure, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureOf:
    """A failure as it was sent. `details` is JSON text, None for none."""

    kind: str
    message: str
    retryable: bool
    details: str | None


async def fail_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    failure: FailureOf,
    person: Person,
    reason: str,
    request_id: str,
    is_callback: bool = False,
) -> Task:
    """The task is tried again if its policy says so; else the instance reacts in the commit."""
    instance_id, ordinal = parse_task_id(task_id)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    checked = check_failure(failure, "failure")
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=Settle(
                ordinal=ordinal,
                outcome=Outcome.failed(checked),
                settled_by=person.name,
                # The right of a callback is its token's, which names the task.
                person=None if is_callback else person,
                reason=reason,
                is_callback=is_callback,
            ),
            repeatable=repeatable(
                request_id, "fail", [task_id, checked.as_json(), checked.retryable]
            ),
        )
    )
    return await get_task(reader, tenant_id, task_id)


def check_failure(failure: FailureOf, field: str) -> Failure:
    """The failure within its limits. Raises InvalidRequest or LimitExceeded."""
    return Failure(
        kind=fields.failure_kind(failure.kind, f"{field}.kind"),
        message=fields.text(
            failure.message, f"{field}.message", longest=fields.MAX_FAILURE_MESSAGE
        ),
        retryable=failure.retryable,
        details=fields.json_value(
            failure.details, f"{field}.details", max_bytes=fields.MAX_FAILURE_DETAILS_BYTES
        ),
    )
