"""End a task well that waited for a person or a callback."""

from control_plane.orchestrator.request import Request, Settle
from control_plane.ports.people import Person
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from control_plane.use_cases import fields
from control_plane.use_cases.forms import check_form
from control_plane.use_cases.get_task import get_task
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.submits import Submits
from shared.ids import TenantId, parse_task_id
from shared.tasks import Outcome


async def complete_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    output: str | None,
    person: Person,
    reason: str,
    request_id: str,
    is_callback: bool = False,
) -> Task:
    """The instance reacts in the same commit."""
    instance_id, ordinal = parse_task_id(task_id)
    fields.text(reason, "reason", longest=fields.MAX_REASON)
    value = fields.json_value(output, "output")
    task = await get_task(reader, tenant_id, task_id)
    if person.may_see(task):
        check_form(task, value)
    await orchestrator.submit(
        Request(
            tenant_id=tenant_id,
            instance_id=instance_id,
            asked=Settle(
                ordinal=ordinal,
                outcome=Outcome.succeeded(value),
                settled_by=person.name,
                # The right of a callback is its token's, which names the task.
                person=None if is_callback else person,
                reason=reason,
                is_callback=is_callback,
            ),
            repeatable=repeatable(request_id, "complete", [task_id, value]),
        )
    )
    return await get_task(reader, tenant_id, task_id)
