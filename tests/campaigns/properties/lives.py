"""
Random lives of random machines: what an instance is told, and every decision about it.

A life follows from two numbers, the machine's and its own. Machines are compiled once and
kept, so that many lives pass through the caches of one, as in a process that runs for long.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import count
from random import Random
from typing import Any, Final

from control_plane.engine import (
    Cancelled,
    Decision,
    Event,
    Machine,
    Received,
    Resumed,
    Retried,
    Snapshot,
    Started,
    Terminated,
    check_spec,
    decide,
)
from shared.json import Json
from tests.campaigns.xstate import specs as statecharts
from tests.engine import machines as tasks
from tests.engine.telling import NOW

MACHINES: Final = 2_000
"""How many machines a campaign has, by its seed: few enough for each to live often."""

CACHED: Final = 2 * MACHINES
"""Of each, one copy."""

LONGEST: Final = 12
PAYLOADS: Final[tuple[Json, ...]] = (
    None,
    {"x": 1},
    {"x": 3},
    {"x": "text"},
    {"type": "Z"},
    [1, {"a": None}],
    2.5,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that an instance was told, when, and what was decided."""

    event: Event
    now: datetime
    before: Snapshot | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that happened to one instance."""

    number: int
    machine: Machine
    moments: tuple[Moment, ...]

    @property
    def snapshot(self) -> Snapshot:
        """Where it has got to."""
        return self.moments[-1].decision.snapshot


@lru_cache(CACHED)
def machine_of(number: int, copy: int = 0) -> Machine:
    """The machine of a number; another `copy` is equal, with caches of its own."""
    for attempt in count():
        machine, _ = check_spec(spec_of(number, attempt))
        if machine is not None and _starts(machine):
            return machine
    raise AssertionError("count() does not end")


def spec_of(number: int, attempt: int) -> dict[str, Any]:
    """Statecharts with everything XState has, and those with tasks of all kinds, by turns."""
    chance = Random(f"{number}/{attempt}")
    return tasks.random_spec(chance) if number % 2 else statecharts.random_spec(chance)


def live(number: int, seed: int, *, trace: bool = False) -> Life:
    """One life; the same whenever it is asked for."""
    machine = machine_of(number)
    chance = Random(seed)
    now = NOW
    start = Started(input={"x": 1, "n": chance.randrange(4)})
    decision = decide(machine, None, start, now, trace=trace)
    moments = [Moment(start, now, None, decision)]
    for _ in range(chance.randint(1, LONGEST)):
        now += timedelta(milliseconds=chance.choice((0, 1, 10, 2_000)))
        before = decision.snapshot
        event = _event(chance, before)
        decision = decide(machine, before, event, now, trace=trace)
        moments.append(Moment(event, now, before, decision))
    return Life(number, machine, tuple(moments))


def _event(chance: Random, snapshot: Snapshot) -> Event:
    drawn = chance.random()
    if drawn < 0.02:
        return Cancelled(reason="no longer needed")
    if drawn < 0.03:
        return Terminated(reason="at once")
    if drawn < 0.06:
        return Resumed(shift=timedelta(seconds=chance.choice((0, 5))))
    if drawn < 0.08 or (snapshot.status == "error" and drawn < 0.5):
        return Retried(reason="mended")
    if drawn < 0.3:
        kind = chance.choice(("A", "B", "R", "A.x", "Q", "", "*", "xstate.done.state.m"))
        return Received(type=kind, payload=chance.choice(PAYLOADS))
    return tasks.random_event(chance, snapshot)


def _starts(machine: Machine) -> bool:
    start = Started(input={"x": 1, "n": 0})
    return decide(machine, None, start, NOW).disposition == "APPLIED"
