"""Let a paused schedule go on."""

from control_plane.ports.schedule_store import Found, Schedule, ScheduleStore
from control_plane.use_cases.change_schedule import change_schedule
from control_plane.use_cases.schedule_moves import resumed
from shared.ids import TenantId


async def resume_schedule(schedules: ScheduleStore, tenant_id: TenantId, schedule_id: str) -> Found:
    """With its next time after now; those of the pause are gone. Repeating is harmless."""

    def change(found: Found) -> Schedule:
        if found.schedule.paused_at is None:
            return found.schedule
        return resumed(found.schedule, found.now)

    return await change_schedule(schedules, tenant_id, schedule_id, change)
