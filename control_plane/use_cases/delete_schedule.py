"""Forget a schedule."""

from control_plane.access.auditing import noted
from control_plane.ports.schedule_store import ScheduleStore
from control_plane.use_cases import fields
from shared.errors import NotFound
from shared.ids import TenantId


async def delete_schedule(schedules: ScheduleStore, tenant_id: TenantId, schedule_id: str) -> None:
    """
    What it has started lives on. A repeat is told that there is none, which is what was wanted.
    """
    fields.text(schedule_id, "schedule_id", longest=fields.MAX_DEFINITION_KEY)
    if not await schedules.delete(tenant_id, schedule_id, noted=noted()):
        raise NotFound("schedule", schedule_id)
