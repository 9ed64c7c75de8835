"""Change a schedule that control planes are changing too."""

import asyncio
from collections.abc import Callable

from control_plane.access.auditing import noted
from control_plane.ports.schedule_store import Found, Schedule, ScheduleStore
from control_plane.use_cases.get_schedule import get_schedule
from shared.errors import Conflict
from shared.ids import TenantId

TRIES = 20
PAUSE_S = 0.02
"""Between tries: whoever was faster has a write to finish."""


async def change_schedule(
    schedules: ScheduleStore,
    tenant_id: TenantId,
    schedule_id: str,
    change: Callable[[Found], Schedule],
) -> Found:
    """
    Read, change and write until nobody came between; tells how it stands then.

    A change that gives back the schedule it got writes nothing. Raises NotFound, and Conflict if
    others were faster every time.
    """
    for _ in range(TRIES):
        found = await get_schedule(schedules, tenant_id, schedule_id)
        changed = change(found)
        if changed is found.schedule:
            return found
        if await schedules.put([changed], noted=noted()):
            return await get_schedule(schedules, tenant_id, schedule_id)
        await asyncio.sleep(PAUSE_S)
    raise Conflict(f"schedule {schedule_id!r} was changed by others all the while; try again")


def check_revision(schedule: Schedule, expected: int | None) -> None:
    """Raises Conflict unless the schedule is as its caller saw it, or nobody asked."""
    if expected is not None and expected != schedule.revision:
        raise Conflict(
            f"schedule {schedule.schedule_id!r} is at revision {schedule.revision}, not at"
            f" {expected}; read it again and decide anew",
            metadata={"expected": str(expected), "current": str(schedule.revision)},
        )
