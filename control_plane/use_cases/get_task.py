"""Read one task."""

from control_plane.ports.people import Person
from control_plane.ports.reader import Reader
from control_plane.ports.records import Task
from shared.errors import NotFound
from shared.ids import TenantId, parse_task_id


async def get_task_for(reader: Reader, tenant_id: TenantId, task_id: str, person: Person) -> Task:
    """The task, for a person who may see it. Raises NotFound for one that they may not."""
    task = await get_task(reader, tenant_id, task_id)
    if not person.may_see(task):
        raise NotFound("task", task_id)
    return task


async def get_task(reader: Reader, tenant_id: TenantId, task_id: str) -> Task:
    """The task with the lease it is under. Raises NotFound for one that is not this tenant's."""
    instance_id, ordinal = parse_task_id(task_id)
    task = await reader.get_task(tenant_id, instance_id, ordinal)
    if task is None:
        raise NotFound("task", task_id)
    return task
