"""
A script: what happens to one instance, step by step, and how its tasks go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from control_plane.engine.durations import Duration
from shared.json import Json
from shared.tasks import Outcome

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)
"""When a run starts whose script does not say: always the same, so that its result is too."""

NO_TIME = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Somebody sends the instance an event."""

    type: str
    payload: dict[str, Json] = field(default_factory=dict)
    event_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclude:
    """
    The attempt that is under way of an open task ends: of the task with that number, or of
    the first open one with that name.
    """

    task: str | int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Time passes, and what falls due meanwhile happens at its own instant, in order."""

    by: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Somebody cancels the instance."""

    reason: str


Step: TypeAlias = Send | Conclude | Advance | Cancel


@dataclass(frozen=True, slots=True, kw_only=True)
class MockedAttempt:
    """How one attempt goes, and how long it takes."""

    outcome: Outcome
    takes: timedelta = NO_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Mock:
    """
    How the attempts of a task go.

    `attempts` are given one after the other to the attempts of all tasks of the name, the
    last of them again and again. `each` is set instead for a `forEach`: the attempts of each
    item, by its place, the last again for the items after it.
    """

    attempts: tuple[MockedAttempt, ...] = ()
    each: tuple[tuple[MockedAttempt, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """
    A task without a mock waits: for a step that concludes it, for its timeout, for the
    instance to cancel it. A TIMER task is done when it is due, mocked or not.
    """

    input: dict[str, Json] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    mocks: Mapping[str, Mock] = field(default_factory=dict)
    start: datetime = DEFAULT_START
