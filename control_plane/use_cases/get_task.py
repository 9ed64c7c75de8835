"""Read one task."""

from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from shared.errors import NotFound
from shared.ids import TenantId, parse_task_id


async def get_task(reader: Reader, tenant_id: TenantId, task_id: str) -> Task:
    """The task with the lease it is under. Raises NotFound for one that is not this tenant's."""
    instance_id, ordinal = parse_task_id(task_id)
    task = await reader.get_task(tenant_id, instance_id, ordinal)
    if task is None:
        raise NotFound("task", task_id)
    return task
