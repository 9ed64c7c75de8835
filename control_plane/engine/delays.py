"""
Delays in a spec, and the instants at which they end.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from control_plane.engine.durations import Duration, parse_duration
from control_plane.engine.failures import ExpressionUnusable, LimitReached
from control_plane.engine.limits import MAX_DELAY
from control_plane.engine.templates import Template
from control_plane.engine.turn import Turn
from shared.json import Json


@dataclass(frozen=True, slots=True, eq=False)
class Delay:
    """How long to wait: fixed when the spec was compiled, or worked out when it starts."""

    length: Duration | None
    computed: Template | None
    json_pointer: str

    def due(self, turn: Turn) -> datetime:
        """The instant it ends. Raises what ends the macrostep if there is none."""
        if self.computed is None:
            assert self.length is not None
            return within_reach(self.length, turn.now, self.json_pointer)
        return due_after(self.computed.evaluate(turn), turn.now, self.json_pointer)


def due_after(value: Json, now: datetime, json_pointer: str) -> datetime:
    """The end of a delay that was worked out: milliseconds or an ISO 8601 duration."""
    length = parse_duration(value)
    if length is None:
        raise ExpressionUnusable(
            json_pointer,
            "a delay must be milliseconds or an ISO 8601 duration such as PT15M, and not negative",
            "",
        )
    return within_reach(length, now, json_pointer)


def within_reach(length: Duration, now: datetime, json_pointer: str) -> datetime:
    try:
        due = length.after(now)
    except OverflowError:
        due = datetime.max.replace(tzinfo=UTC)
    if due - now > MAX_DELAY:
        raise LimitReached(
            "timer delay in days",
            actual=(due - now).days,
            maximum=MAX_DELAY.days,
            json_pointer=json_pointer,
        )
    return due
