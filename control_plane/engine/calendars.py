"""
Instants in a spec that are written as a place in the calendar; what they are, says the timetable.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from control_plane.engine.delays import within_reach
from control_plane.engine.durations import Duration
from control_plane.engine.failures import ExpressionUnusable
from control_plane.timetable import moment_after
from shared.errors import InvalidRequest

CALENDAR_WORK = 200
"""What looking one up counts as among the work of an event; 50 us mostly, 1 ms of a leap day."""


def on_calendar(given: Mapping[str, object], now: datetime, json_pointer: str) -> datetime:
    """The instant; now for one that is past. Raises what ends the macrostep if there is none."""
    try:
        found = moment_after(given, now)
    except InvalidRequest as error:
        raise ExpressionUnusable(json_pointer, error.message, "") from error
    return within_reach(Duration(0, max(found - now, timedelta(0))), now, json_pointer)
