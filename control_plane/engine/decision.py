"""
decide()'s answer: the next snapshot, what to do, what to write down, and what to tell the sender.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from control_plane.engine.commands import Command
from control_plane.engine.naming import state_words
from control_plane.engine.snapshot import Snapshot
from shared.frozen import frozen, frozen_positional
from shared.json import Json

Disposition: TypeAlias = Literal["APPLIED", "IGNORED", "DEFERRED", "REJECTED"]


@frozen_positional
class Entry:
    """
    One line of an instance's history. Its `seq`, time and hash are added outside.

    `ordinal` is set on entries about a task.
    """

    type: str
    payload: dict[str, Json]
    ordinal: int | None = None


@dataclass(frozen=True, slots=True)
class EventNotAccepted:
    """The current state has no transition for the event; `accepts` are the ones it has."""

    state: str
    event: str
    accepts: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        legal = ", ".join(self.accepts) if self.accepts else "no event"
        missing = (
            f"has a transition for {self.event!r}, but no guard lets it pass"
            if self.event in self.accepts
            else f"has no transition for {self.event!r}"
        )
        return f"{state_words(self.state)} {missing}; it accepts {legal}"


@dataclass(frozen=True, slots=True)
class ExpressionFailed:
    """An expression could not be evaluated for this event; the instance stands as it stood."""

    json_pointer: str
    message: str
    expression: str
    """Its text; "" where a value is wrong and not the expression that gave it."""

    @property
    def located(self) -> str:
        """The message, and where the expression stands."""
        place = ": ".join(part for part in (self.json_pointer, self.expression) if part)
        return f"{self.message} (at {place})" if place else self.message


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """The event would have taken the instance over a named limit."""

    limit: str
    actual: int
    maximum: int

    @property
    def message(self) -> str:
        return f"{self.limit}: {self.actual} is over the limit of {self.maximum}"


@dataclass(frozen=True, slots=True)
class InstanceClosed:
    """
    The instance takes no more events: `status` is how it ended, "finishing" while it
    waits for its last tasks, "cancelling" while it undoes what it did.
    """

    status: str

    @property
    def message(self) -> str:
        return f"the instance takes no more events: it is {self.status}"


Refusal: TypeAlias = EventNotAccepted | ExpressionFailed | LimitExceeded | InstanceClosed


@frozen
class Considered:
    """A transition that was a candidate: its guard's value and what the guard read."""

    json_pointer: str
    source: str
    guard: bool | None
    """None when the transition has no guard, or when its guard could not be evaluated."""
    operands: dict[str, Json] = field(default_factory=dict)
    error: str | None = None


@frozen
class Microstep:
    """One step of the algorithm: what was considered, chosen, exited and entered."""

    event: str
    eventless: bool
    considered: tuple[Considered, ...]
    chosen: tuple[str, ...]
    exited: tuple[str, ...]
    entered: tuple[str, ...]


@frozen
class Trace:
    """How a decision came about. Made only when it was asked for."""

    microsteps: tuple[Microstep, ...]
    logged: tuple[Json, ...] = ()
    """What `@log` actions had to say, in order."""
    is_cut_short: bool = False
    """Whether there was more than a trace tells of; what is told is the beginning then."""


@frozen_positional
class Decision:
    """
    What an event does to an instance, in whole or not at all.

    APPLIED and IGNORED keep `snapshot`; DEFERRED and REJECTED leave the instance as it
    was, and `snapshot` is the one given. `commands` are to be carried out in order and
    `history` to be appended in order, in the same transaction as the snapshot.
    """

    snapshot: Snapshot
    commands: tuple[Command, ...] = ()
    history: tuple[Entry, ...] = ()
    disposition: Disposition = "APPLIED"
    refusal: Refusal | None = None
    trace: Trace | None = None
