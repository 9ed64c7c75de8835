"""Let a schedule rest."""

from control_plane.ports.schedule_store import Found, Schedule, ScheduleStore
from control_plane.use_cases import fields
from control_plane.use_cases.change_schedule import change_schedule
from control_plane.use_cases.schedule_moves import paused
from shared.ids import TenantId


async def pause_schedule(
    schedules: ScheduleStore, tenant_id: TenantId, schedule_id: str, *, reason: str
) -> Found:
    """It starts nothing until it is resumed; what runs, runs on. Repeating is harmless."""
    fields.text(reason, "reason", longest=fields.MAX_REASON)

    def change(found: Found) -> Schedule:
        if found.schedule.paused_at is not None:
            return found.schedule
        return paused(found.schedule, reason, found.now)

    return await change_schedule(schedules, tenant_id, schedule_id, change)
