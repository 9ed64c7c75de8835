"""End a task by a business error, which its definition has a way for."""

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


async def throw_task_error(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    code: str,
    message: str,
    data: str | None,
    person: Person,
    reason: str,
    request_id: str,
) -> Task:
    """It is never tried again, whatever its policy: the same would come of it."""
    instance_id, ordinal = parse_task_id(task_id)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    failure = Failure(
        kind=fields.failure_kind(code, "code"),
        message=fields.text(message, "message", longest=fields.MAX_FAILURE_MESSAGE),
        retryable=False,
        details=fields.json_value(data, "data", max_bytes=fields.MAX_FAILURE_DETAILS_BYTES),
    )
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=Settle(
                ordinal=ordinal,
                outcome=Outcome.failed(failure),
                settled_by=person.name,
                person=person,
                reason=reason,
            ),
            repeatable=repeatable(request_id, "throw", [task_id, failure.as_json()]),
        )
    )
    return await get_task(reader, tenant_id, task_id)
