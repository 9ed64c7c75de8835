"""
What a run came to: every step with all that happened in it, and how things stood after it.
"""

from dataclasses import field
from datetime import datetime
from typing import Literal, TypeAlias

from control_plane.engine import Entry, Trace
from control_plane.simulation.script import Step
from shared.frozen import frozen
from shared.json import Json

Kind: TypeAlias = Literal[
    "start",  # the instance is started
    "event",  # it is sent an event
    "deferred",  # an event that had to wait is tried again
    "task",  # a task has ended
    "attempt",  # an attempt failed, and there will be another
    "waiting",  # an attempt has begun, and waits for a step
    "timer",  # a timer is due
    "cancel",  # it is cancelled
]

ERROR_KEYS = ("kind", "message", "json_pointer")
"""What clients get of an instance's error."""

InstanceStatus: TypeAlias = Literal["running", "waiting", "completed", "failed", "cancelled"]


@frozen
class Refused:
    """Why a step was refused: the reason that gRPC clients get, and what it says."""

    reason: str
    message: str
    accepts: tuple[str, ...] = ()
    """The events that would be taken, where that was the reason."""

    json_pointer: str = ""
    """The place of the expression in the definition, where that was the reason."""


@frozen
class TaskView:
    """An open task. `attempt` counts the tries so far, the one under way included."""

    ordinal: int
    name: str
    type: str
    input: Json
    attempt: int


@frozen
class TimerView:
    """An armed timer."""

    timer_id: str
    due: datetime


@frozen
class Happening:
    """
    One thing that happened to the instance, and what came of it.

    `subject` is the type of an event, the name of a task, the id of a timer, or the reason
    of a cancel. `history` are the entries as the instance's history has them. `run_at` is
    when the next attempt comes.
    """

    at: datetime
    kind: Kind
    subject: str = ""
    ordinal: int | None = None
    attempt: int | None = None
    payload: Json = None
    """What came with it: an event's payload, the input, a task's output."""

    error: Json = None
    """Why an attempt or a task failed."""

    run_at: datetime | None = None
    disposition: str = "APPLIED"
    refused: Refused | None = None
    trace: Trace | None = None
    history: tuple[Entry, ...] = ()
    created: tuple[TaskView, ...] = ()
    cancelled: tuple[int, ...] = ()
    armed: tuple[TimerView, ...] = ()
    disarmed: tuple[str, ...] = ()
    state: Json = None
    status: InstanceStatus | None = None


@frozen
class Seen:
    """
    How things stand after a step, as any client could see it, and what the step itself was
    answered. Without an instance, as its start was refused, `status` is None.
    """

    status: InstanceStatus | None = None
    state: Json = None
    context: Json = None
    output: Json = None
    error: Json = None
    tasks: tuple[TaskView, ...] = ()
    accepts: tuple[str, ...] = ()
    disposition: str | None = None
    """What became of an event: APPLIED, IGNORED, DEFERRED. None for other steps."""

    refused: Refused | None = None
    history: tuple[Entry, ...] = ()
    """The entries that this step added."""

    @property
    def emitted(self) -> tuple[Json, ...]:
        """The events that the step emitted."""
        return tuple(one.payload["event"] for one in self.history if one.type == "EVENT_EMITTED")


@frozen
class PlayedStep:
    """A step of the script; None for the start, which is the first."""

    step: Step | None
    at: datetime
    """When it was over."""

    happenings: tuple[Happening, ...]
    seen: Seen
    timers: tuple[TimerView, ...] = ()
    deferred: tuple[str, ...] = ()
    """Events that wait for a state that takes them."""


@frozen
class Simulation:
    """
    A run. `stopped` says which limit ended it early, if one did; the steps that it has were
    played in full, but for the last one.
    """

    steps: tuple[PlayedStep, ...] = field(default_factory=tuple)
    stopped: str | None = None

    @property
    def end(self) -> PlayedStep:
        """How things stood at last."""
        return self.steps[-1]

    @property
    def emitted(self) -> tuple[Json, ...]:
        """All events that were emitted, in order."""
        return tuple(event for one in self.steps for event in one.seen.emitted)
