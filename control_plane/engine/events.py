"""
What an instance is told. Everything that can change one arrives as one of these.
"""

from dataclasses import field
from datetime import datetime, timedelta
from typing import TypeAlias

from shared.frozen import frozen
from shared.json import Json


@frozen
class Started:
    """The first event of a new instance; guards and actions see it as `xstate.init`."""

    input: Json = None


@frozen
class Received:
    """
    A sender's event: an RPC, an inbox row.

    Expressions see `{"type": type, **payload}` when the payload is an object, and
    `{"type": type, "data": payload}` when it is any other value but null. Types that
    begin with `xstate.` or `task.` are the engine's own and are refused.
    """

    type: str
    payload: Json = None
    event_id: str = ""


@frozen
class TaskSucceeded:
    """
    A task ended well. Ignored unless the snapshot has the task open.

    Of an AI task the output says what was chosen: `{"choice": <event type>, …}`. The machine gets
    it as that event, with the members of the output. A choice that is none of the task's, or that
    nothing answers now, is refused, and the task stays open.
    """

    ordinal: int
    output: Json = None


@frozen
class TaskSkipped:
    """
    An operator has passed a task over; the instance goes on as if it had succeeded with the
    output. There is nothing to undo of it.
    """

    ordinal: int
    output: Json = None


@frozen
class TaskFailed:
    """
    A task failed for good: whether it is tried again was decided before, outside.

    `error` is `{"kind": …, "message": …, "details": …}`.
    """

    ordinal: int
    error: dict[str, Json]


@frozen
class Suggested:
    """
    What an AI task came to goes to a person: a human task of this input is to be created beside
    it. Ignored unless the AI task is open and nobody reviews it yet.

    `told` is what the history is to tell of the suggestion, `terms` and `due` are the human
    task's, as those of CreateTask.
    """

    of: int
    input: Json = None
    terms: dict[str, Json] | None = None
    due: datetime | None = None
    told: dict[str, Json] = field(default_factory=dict)


@frozen
class TimerFired:
    """A timer is due. Ignored unless the snapshot has it armed for exactly that instant."""

    timer_id: str
    due: datetime


@frozen
class Cancelled:
    """An orderly end: open tasks are cancelled, exit actions run."""

    reason: str = ""


@frozen
class Terminated:
    """The end at once: open tasks are cancelled, and no action runs."""

    reason: str = ""


@frozen
class Retried:
    """A failed instance goes on from where it failed. Refused for one that has not failed."""

    reason: str = ""


@frozen
class Resumed:
    """
    The end of a pause. Timers were not armed meanwhile; now they are, `shift` later than
    they were due: nothing keeps their instants, the length of the pause what was left.
    """

    shift: timedelta = timedelta(0)
    reason: str = ""


@frozen
class Redriven:
    """
    A detached task that died is to be tried once more; its instance may have ended since.

    `of` is its number, `name` and `type` are the task's own.
    """

    of: int
    name: str
    type: str


Event: TypeAlias = (
    Started
    | Received
    | TaskSucceeded
    | TaskSkipped
    | TaskFailed
    | Suggested
    | TimerFired
    | Cancelled
    | Terminated
    | Retried
    | Resumed
    | Redriven
)
