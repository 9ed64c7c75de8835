"""Tell when a schedule would fire, without keeping one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from control_plane.ports.schedule_store import ScheduleStore
from control_plane.timetable import LAST_YEAR, FireTimes, parse_cron, zone_named
from shared.errors import InvalidRequest

DEFAULT_TIMES = 5
MAX_TIMES = 100
FIRST_YEAR = 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class FireTime:
    """An instant, and what the clock on the wall shows then."""

    instant: datetime
    local: datetime


async def preview_schedule(
    schedules: ScheduleStore, *, cron: str, time_zone: str, after: datetime | None, count: int
) -> Sequence[FireTime]:
    """The first times later than `after`, or than now; fewer if there are no more."""
    if count < 0 or count > MAX_TIMES:
        raise InvalidRequest(
            f"count is {count}; it may be from 1 to {MAX_TIMES}, or unset for {DEFAULT_TIMES}",
            field="count",
        )
    if after is not None and not FIRST_YEAR <= after.year <= LAST_YEAR:
        raise InvalidRequest(
            f"after_time is in the year {after.year}; it may be from {FIRST_YEAR} to {LAST_YEAR}",
            field="after_time",
        )
    zone = zone_named(time_zone)
    times = FireTimes(parse_cron(cron), zone)
    since = await schedules.now() if after is None else after
    return [
        FireTime(instant=one, local=one.astimezone(zone))
        for one in islice(times.every_after(since), count or DEFAULT_TIMES)
    ]
