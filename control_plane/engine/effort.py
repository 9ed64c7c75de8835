"""
How much work an event asks for, as far as that can be told before anything runs.

The unit is an action, a guard or a member of a value: two microseconds at most. What is
written in a spec runs once in a microstep, so that its size bounds it; what multiplies it
is counted when it does: microsteps that are large, names, items of a fan-out. The numbers
do not depend on what a machine has planned before, so neither does a decision.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from control_plane.engine.actions import (
    Action,
    Assign,
    Call,
    Cancel,
    CreateTaskAction,
    Emit,
    If,
    Log,
    Raise,
)
from control_plane.engine.delays import Delay
from control_plane.engine.guards import And, Condition, Guard, NamedGuard, Not, Or, StateIn
from control_plane.engine.operations import ArmAfter, RaiseDone, StartInvoke
from control_plane.engine.states import Transition
from control_plane.engine.templates import work_of

_STATE: Final = 2
"""A state that is left or entered, besides its actions."""

_ACTIVE: Final = 2
"""Active states that count as one."""

_TASK: Final = 4
"""A task that is created, besides its input."""

_CHARACTERS: Final = 100
"""Characters of the history that count as one."""

_STATES: Final = 8
"""States that are asked for together and count as one."""


def of_moving(moved: Sequence[str], stood: Sequence[str], active: Collection[int]) -> int:
    """Of a microstep besides its actions: states left and entered, and what tells of them."""
    written = sum(map(len, moved)) + sum(map(len, stood))
    return _STATE * len(moved) + len(active) // _ACTIVE + written // _CHARACTERS


def of_candidates(candidates: Iterable[Transition]) -> int:
    """Of asking all of these whether they may be taken."""
    return sum(1 if one.guard is None else of_guard(one.guard) for one in candidates)


def of_actions(actions: Iterable[Action]) -> int:
    """Of running these, without what the names stand for that they use."""
    return sum(map(_of_action, actions))


def of_guard(guard: Guard) -> int:
    """Of asking it, without what the names stand for that it uses."""
    match guard:
        case Condition(computed=computed):
            return work_of(computed)
        case And(guards=guards) | Or(guards=guards):
            return 1 + sum(map(of_guard, guards))
        case Not(guard=inner):
            return 1 + of_guard(inner)
        case NamedGuard(params=params) if params is not None:
            return 1 + work_of(params)
        case StateIn(states=states):
            return 1 + len(states) // _STATES
        case _:
            return 1


def _of_action(action: Action) -> int:
    match action:
        case Call(params=params):
            return 1 if params is None else 1 + work_of(params)
        case Assign(members=members):
            return 1 + sum(work_of(value) for _, value in members)
        case Emit(event=value) | Log(value=value) | Cancel(id=value):
            return 1 + work_of(value)
        case Raise(event=event, delay=delay, id=named):
            return 1 + work_of(event) + _of_delay(delay) + (0 if named is None else work_of(named))
        case ArmAfter(timed=timed):
            return 1 + _of_delay(timed.delay)
        case RaiseDone(output=output):
            return 1 if output is None else 1 + work_of(output)
        case If(branches=branches):
            return 1 + sum(
                (0 if guard is None else of_guard(guard)) + of_actions(actions)
                for guard, actions in branches
            )
        case CreateTaskAction(plan=plan):
            return _TASK + plan.work
        case StartInvoke(invocation=invocation):
            return _TASK + invocation.plan.work
        case _:
            return 1


def _of_delay(delay: Delay | None) -> int:
    return 0 if delay is None or delay.computed is None else work_of(delay.computed)
