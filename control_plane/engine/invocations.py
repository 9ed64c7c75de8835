"""
Tasks as a spec describes them: bound to a state (`invoke`), or outliving it (`createTask`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from control_plane.engine.commands import CreateTask
from control_plane.engine.durations import Duration, parse_duration
from control_plane.engine.failures import ExpressionUnusable, LimitReached
from control_plane.engine.instants import read_instant
from control_plane.engine.limits import MAX_DELAY
from control_plane.engine.snapshot import OpenTask
from control_plane.engine.templates import Template
from control_plane.engine.turn import Turn
from shared.json import Json
from shared.retry import RetryPolicy
from shared.tasks import TaskType, Timeouts


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
            return _within_reach(self.length, turn.now, self.json_pointer)
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
    return _within_reach(length, now, json_pointer)


def _within_reach(length: Duration, now: datetime, json_pointer: str) -> datetime:
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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TaskPlan:
    """Everything about a task but its input, which is worked out when it is created."""

    name: str
    type: TaskType
    function: str | None
    input: Template
    queue: str
    priority: int
    retry: RetryPolicy
    timeout: Timeouts
    detached: bool
    json_pointer: str

    def create(self, turn: Turn, invoke_id: str | None = None) -> None:
        """Open a task of this kind for the state whose action is running."""
        given = self.input.evaluate(turn)
        turn.create_task(
            CreateTask(
                ordinal=turn.next_ordinal,
                name=self.name,
                type=self.type,
                function=self.function,
                input=given,
                queue=self.queue,
                priority=self.priority,
                run_at=self._run_at(given, turn.now) if self.type is TaskType.TIMER else None,
                retry=self.retry,
                timeout=self.timeout,
                detached=self.detached,
            ),
            OpenTask(
                name=self.name,
                type=str(self.type),
                state=turn.owner,
                invoke_id=invoke_id,
                detached=self.detached,
            ),
        )

    def _run_at(self, given: Json, now: datetime) -> datetime:
        pointer = f"{self.json_pointer}/input"
        if isinstance(given, dict):
            if "delay" in given and "at" not in given:
                return due_after(given["delay"], now, pointer)
            at = given.get("at")
            instant = read_instant(at) if isinstance(at, str) else None
            if instant is not None and "delay" not in given:
                return _within_reach(Duration(0, max(instant - now, now - now)), now, pointer)
        raise ExpressionUnusable(
            pointer,
            'the input of a timer must be {"delay": <duration>} or {"at": <RFC 3339 timestamp>}',
            "",
        )


@dataclass(frozen=True, slots=True, eq=False)
class Invocation:
    """A task bound to a state: created on entry, cancelled on exit."""

    id: str
    plan: TaskPlan
