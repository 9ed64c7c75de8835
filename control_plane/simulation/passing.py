"""
Time passes, and what is due happens: each thing at its own instant, in order.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from control_plane.engine import TimerFired
from control_plane.simulation.attempts import Attempts
from control_plane.simulation.ending import begin_attempt, end_attempt
from control_plane.simulation.instance import SimulatedInstance
from control_plane.simulation.nudging import carry_out_nudge, next_nudge


class Due(NamedTuple):
    """
    Something that happens by itself, in the order in which such things do: of what is due at
    one instant timers go first, then reminders and escalations, then attempts that end, then
    those that begin, the one of the larger priority first.
    """

    at: datetime
    kind: int
    rank: int
    key: str | int


FIRES, NUDGES, ENDS, BEGINS = range(4)


def pass_time(instance: SimulatedInstance, until: datetime) -> None:
    """Up to an instant, and what is due at it included."""
    while True:
        due = min((one for one in _due(instance) if one.at <= until), default=None)
        if due is None:
            break
        instance.now = max(instance.now, due.at)
        _happen(instance, due)
    instance.now = until


def _due(instance: SimulatedInstance) -> Iterator[Due]:
    snapshot = instance.snapshot
    if snapshot is not None and snapshot.status == "active":
        for timer_id, timer in snapshot.timers.items():
            yield Due(timer.due, FIRES, 0, timer_id)
    for attempts in instance.attempts.values():
        yield from _due_of(attempts)


def _due_of(attempts: Attempts) -> Iterator[Due]:
    nudge = next_nudge(attempts)
    if nudge is not None:
        yield Due(nudge, NUDGES, 0, attempts.ordinal)
    if attempts.run_at is not None:
        yield Due(attempts.run_at, BEGINS, -attempts.priority, attempts.ordinal)
    elif attempts.ends is not None:
        yield Due(attempts.ends[0], ENDS, 0, attempts.ordinal)


def _happen(instance: SimulatedInstance, due: Due) -> None:
    if isinstance(due.key, str):
        decision = instance.decide(TimerFired(timer_id=due.key, due=due.at))
        instance.keep(decision, "timer", subject=due.key)
        instance.retry_deferred()
        return
    attempts = instance.attempts[due.key]
    if due.kind == NUDGES:
        carry_out_nudge(instance, attempts)
    elif attempts.ends is None:
        begin_attempt(instance, attempts)
    else:
        end_attempt(instance, attempts, attempts.ends[1])
