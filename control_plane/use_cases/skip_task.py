"""Pass a task over, if its definition allows it, and say what its instance goes on with."""

from control_plane.orchestrator.request import Request, Skip
from control_plane.ports.people import Person
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from control_plane.use_cases import fields
from control_plane.use_cases.forms import check_form
from control_plane.use_cases.get_task import get_task
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import TenantId, parse_task_id


async def skip_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    output: str | None,
    reason: str,
    skipped_by: str,
    person: Person,
    request_id: str,
) -> Task:
    """The instance reacts in the same commit. An executor that has the task is told to stop."""
    instance_id, ordinal = parse_task_id(task_id)
    fields.required(reason, "reason", longest=fields.MAX_REASON)
    value = fields.json_value(output, "output")
    check_form(await get_task(reader, tenant_id, task_id), value)
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=Skip(
                ordinal=ordinal,
                output=value,
                reason=reason,
                skipped_by=skipped_by,
                person=person,
            ),
            repeatable=repeatable(request_id, "skip", [task_id, value, reason]),
        )
    )
    return await get_task(reader, tenant_id, task_id)
