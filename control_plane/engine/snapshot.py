"""
An instance at rest: what is active, what it remembers, and what it is waiting for.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal, TypeAlias

from shared.frozen import frozen, frozen_positional
from shared.json import Json

Status: TypeAlias = Literal["active", "done", "error", "cancelled"]

Join: TypeAlias = Literal["all", "any", "settled"] | int
"""
When a group has ended: all succeeded or one failed; one succeeded; all ended; or so many
succeeded, or can no longer.
"""


@frozen
class OpenTask:
    """
    A task whose outcome has not come yet.

    `state` is the path of the state that created it. `invoke_id` is set when the task
    is bound to that state, so that leaving the state cancels it. `group` is the number
    of the group it belongs to, and `place` its place there. `plan` says by which of the
    machine's plans it was made, where its success has to be remembered for that, and of AI
    tasks. `reviews` is the AI task about whose suggestion this one asks a person.
    """

    name: str
    type: str
    state: str
    invoke_id: str | None = None
    detached: bool = False
    group: int | None = None
    place: int = 0
    plan: int | None = None
    reviews: int | None = None


@frozen
class WaitingTask:
    """A task of a group that is created when another of the group has ended."""

    plan: int
    input: Json
    place: int
    undoes: int | None = None
    key: str | None = None
    """Of a child instance its business key, of an executor's task its limit key."""

    offer: dict[str, Json] | None = None
    """Of a human task: whom it is offered to."""


@frozen
class OpenGroup:
    """
    Tasks that have one outcome together: a `forEach`, or the compensations that run.

    `endings` has a place for each: null while it is open, then `{"output": …}` or
    `{"error": …}`. `held` is how many bytes those and the inputs of `waiting` take as JSON.
    """

    name: str
    state: str
    invoke_id: str | None
    detached: bool
    join: Join
    endings: tuple[Json, ...]
    waiting: tuple[WaitingTask, ...]
    held: int = 0


@frozen
class Undo:
    """How to undo what a task has done: the plan of the task that does it, and its input."""

    ordinal: int
    plan: int
    input: Json


@frozen
class OpenTimer:
    """An armed timer: when it is due, the event it sends, and the state that armed it."""

    due: datetime
    event: dict[str, Json]
    state: str


@frozen
class Stalled:
    """What an instance stood with when it failed, so that it can be taken up again."""

    tasks: Mapping[int, OpenTask]
    timers: Mapping[str, OpenTimer]
    groups: Mapping[int, OpenGroup]
    finishing: bool
    cancelling: str | None


@frozen_positional
class Snapshot:
    """
    One instance between two events. Values of it are never changed, only replaced.

    `configuration` holds the paths of the active leaves, in document order; everything
    above them is active too. `finishing` is true once the machine has reached its final
    state while tasks it waits for are still open: `status` stays "active" until the last
    of them has ended. `output` is set from then on. So it is too while an instance that
    is being cancelled runs its compensations; `cancelling` is the reason then.

    `groups` are numbered by their first task. `undo` is what `compensate` would do, the
    last first. `stalled` is set while the status is "error". `redriven` are the dead tasks
    that were done again by themselves, each once. `context_bytes`
    is an upper bound of the context's bytes as JSON; 0 is not known, as it is after `replace`.
    """

    spec_hash: str
    status: Status = "active"
    configuration: tuple[str, ...] = ()
    history: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    context: dict[str, Json] = field(default_factory=dict)
    output: Json = None
    error: dict[str, Json] | None = None
    tasks: Mapping[int, OpenTask] = field(default_factory=dict)
    timers: Mapping[str, OpenTimer] = field(default_factory=dict)
    next_ordinal: int = 1
    finishing: bool = False
    cancelling: str | None = None
    groups: Mapping[int, OpenGroup] = field(default_factory=dict)
    undo: tuple[Undo, ...] = ()
    stalled: Stalled | None = None
    redriven: frozenset[int] = frozenset()
    context_bytes: int = field(default=0, init=False, compare=False, repr=False)
