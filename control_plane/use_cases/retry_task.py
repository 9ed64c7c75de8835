"""Try a task now: one that waits for its next attempt, or a dead one once more."""

from dataclasses import replace

from control_plane.orchestrator.request import Hasten, Redrive, Request
from control_plane.orchestrator.stalled import stalled_tasks
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from control_plane.use_cases import fields
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.get_task import get_task
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.retry_instance import retry_request
from control_plane.use_cases.submits import Submits
from shared.ids import TenantId, parse_task_id


async def retry_task(
    orchestrator: Submits,
    reader: Reader,
    tenant_id: TenantId,
    task_id: str,
    *,
    reason: str,
    retried_by: str,
    request_id: str,
) -> Task:
    """Repeating is harmless. Of a dead task's failed instance all that was open is done again."""
    instance_id, ordinal = parse_task_id(task_id)
    fields.required(reason, "reason", longest=fields.MAX_REASON)
    task = await get_task(reader, tenant_id, task_id)
    same = repeatable(request_id, "retry_task", [task_id, reason])
    if task.status != "failed":
        hasten = Hasten(ordinal=ordinal, reason=reason, hastened_by=retried_by)
        request = Request(
            tenant_id=tenant_id, instance_id=instance_id, asked=hasten, repeatable=same
        )
    else:
        instance = await find_instance(reader, tenant_id, instance_id)
        if ordinal in stalled_tasks(instance):
            request = replace(
                retry_request(instance, reason=reason, retried_by=retried_by), repeatable=same
            )
        else:
            redrive = Redrive(ordinal=ordinal, redriven_by=retried_by, reason=reason)
            request = Request(
                tenant_id=tenant_id, instance_id=instance_id, asked=redrive, repeatable=same
            )
    await orchestrator.submit(request)
    return await get_task(reader, tenant_id, task_id)
