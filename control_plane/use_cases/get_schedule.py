"""Read one schedule."""

from control_plane.ports.schedule_store import Found, ScheduleStore
from control_plane.use_cases import fields
from shared.errors import NotFound
from shared.ids import TenantId


async def get_schedule(schedules: ScheduleStore, tenant_id: TenantId, schedule_id: str) -> Found:
    """
    The schedule and its open instances. Raises NotFound for an id that is unknown, or another
    tenant's.
    """
    fields.text(schedule_id, "schedule_id", longest=fields.MAX_DEFINITION_KEY)
    found = await schedules.find(tenant_id, schedule_id)
    if found is None:
        raise NotFound("schedule", schedule_id)
    return found
