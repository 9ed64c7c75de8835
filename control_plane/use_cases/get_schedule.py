"""Read one schedule."""

from control_plane.ports.schedule_store import Found, ScheduleStore
from shared.errors import NotFound
from shared.ids import TenantId


async def get_schedule(schedules: ScheduleStore, tenant_id: TenantId, schedule_id: str) -> Found:
    """
    The schedule and its open instances. Raises NotFound for an id that is unknown, or another
    tenant's.
    """
    found = await schedules.find(tenant_id, schedule_id)
    if found is None:
        raise NotFound("schedule", schedule_id)
    return found
