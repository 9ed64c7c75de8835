"""
When things come round: cron expressions, time zones, and the instants the two make. Pure.

The rules that a reader has to know are in docs/schedules.md, their reasons in
docs/decisions/0013-schedules.md.
"""

from control_plane.timetable.cron import LAST_YEAR, MAX_CRON, Cron, parse_cron
from control_plane.timetable.fire_times import FireTimes
from control_plane.timetable.moments import is_moment, moment_after
from control_plane.timetable.zones import zone_named

__all__ = [
    "LAST_YEAR",
    "MAX_CRON",
    "Cron",
    "FireTimes",
    "is_moment",
    "moment_after",
    "parse_cron",
    "zone_named",
]
