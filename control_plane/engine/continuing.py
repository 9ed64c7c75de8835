"""
Whether an instance that began with one machine can go on with another.

It can if, wherever it may stand, it stands as one would that had begun with the other: in
the same states, waiting for the same tasks and timers, with the keys in its context that
expressions read.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from control_plane.engine.actions import Assign
from control_plane.engine.invocations import TaskPlan
from control_plane.engine.machine import Machine
from control_plane.engine.matching import Match
from control_plane.engine.members import context_members, delays_of, invocations_of
from control_plane.engine.shapes import Shapes, pieces_in
from control_plane.engine.states import ROOT, State
from control_plane.engine.templates import Computed
from control_plane.engine.wording import event_words
from shared.frozen import frozen

Compatibility: TypeAlias = Literal["IDENTICAL", "COMPATIBLE", "NEEDS_MAPPING", "BREAKING"]
"""
IDENTICAL      nothing differs.
COMPATIBLE     every instance can go on in the states it is in; what it does from there on
               is what the new machine says.
NEEDS_MAPPING  some states are gone, have another path or are of another kind: for the
               instances in them somebody has to say where they go on; all others can.
BREAKING       there are states that both machines have, and an instance in one of them
               waits for what the new machine does not answer, does not wait for what the
               new machine relies on, or lacks what its expressions read. Such an instance
               has to end with the old machine, or to be taken into the state afresh.
"""


@frozen
class Reason:
    """Why an instance in this state, by its path in the old machine, cannot just go on."""

    compatibility: Compatibility
    state: str
    message: str


def worst_of(reasons: Sequence[Reason], *, differs: bool) -> Compatibility:
    """What the reasons come to; `differs` says whether there is any difference at all."""
    found = {one.compatibility for one in reasons}
    if "BREAKING" in found:
        return "BREAKING"
    if "NEEDS_MAPPING" in found:
        return "NEEDS_MAPPING"
    return "COMPATIBLE" if differs else "IDENTICAL"


def reasons_of(before: Machine, after: Machine, matches: Sequence[Match]) -> Iterator[Reason]:
    """Why instances cannot all go on as they are, in the order of the old machine's states."""
    became = {one.before: one for one in matches}
    known = {one.after for one in matches}
    for state in before.states:
        match = became.get(state.index)
        if match is None:
            yield _mapping(state, "it is gone; say in which state its instances go on")
            continue
        there = after.states[match.after]
        if state.path != there.path and match.means != "parent":
            inside = ", with all that is in it" if state.children else ""
            yield _mapping(state, f"it is called {there.path!r} now{inside}")
        yield from _of_state(state, there, known, after)
    yield from _of_plans(before, after)
    yield from _of_context(before, after)


def _of_state(state: State, there: State, known: set[int], after: Machine) -> Iterator[Reason]:
    is_moved = state.path != there.path
    if (state.kind, state.deep) != (there.kind, there.deep):
        yield _mapping(state, f"it was {state.kind} and is {there.kind} now")
    elif state.kind == "parallel":
        for index in there.children:
            if index not in known:
                region = after.states[index].key
                yield _mapping(state, f"its instances are not in the new region {region!r}")
    yield from _of_tasks(state, there, is_moved)
    yield from _of_timers(state, there, is_moved)
    for descriptor in state.on:
        if (
            descriptor.startswith("task.")
            and descriptor not in there.on
            and not _answers_above(after, there, descriptor)
        ):
            yield _breaking(
                state, f"the outcome {event_words(descriptor)!r} of an open task has no answer"
            )


def _of_tasks(state: State, there: State, is_moved: bool) -> Iterator[Reason]:
    olds, news = invocations_of(state), invocations_of(there)
    for name, invocation in olds.items():
        called = repr(invocation.plan.name)
        if name not in news:
            yield _breaking(state, f"its open task {called} would end without an answer")
        elif news[name].id != invocation.id and not is_moved:
            yield _breaking(state, f"its open task {called} has another id now, as its state has")
    for name, invocation in news.items():
        if name not in olds:
            yield _breaking(
                state, f"instances in it have not begun its new task {invocation.plan.name!r}"
            )


def _of_timers(state: State, there: State, is_moved: bool) -> Iterator[Reason]:
    """Where a state is called otherwise its ids are too: mapping the one maps the others."""
    olds, news = delays_of(state), delays_of(there)
    for name, timed in olds.items():
        called = f"'after {name}'"
        if name not in news:
            yield _breaking(state, f"its armed timer {called} would fire without an answer")
        elif news[name].timer_id != timed.timer_id and not is_moved:
            yield _breaking(state, f"its armed timer {called} has another id now, as its state has")
    for name in news:
        if name not in olds:
            yield _breaking(state, f"instances in it have not armed its new timer 'after {name}'")


def _of_plans(before: Machine, after: Machine) -> Iterator[Reason]:
    """An instance remembers the tasks of a group, and those it may undo, by their numbers."""
    shapes = Shapes(lambda index: before.states[index].path)
    others = Shapes(lambda index: after.states[index].path)
    for plan in _remembered(before):
        there = after.task_plans[plan.index] if plan.index < len(after.task_plans) else None
        if there is None or shapes.of(plan) != others.of(there):
            yield Reason(
                compatibility="BREAKING",
                state=before.states[ROOT].path,
                message=(
                    f"instances remember how to go on with task {plan.name!r}, or how to undo it,"
                    " and that has changed or has another place among the tasks now"
                ),
            )


def _remembered(machine: Machine) -> list[TaskPlan]:
    undoing = {one.compensation.index for one in machine.task_plans if one.compensation is not None}
    return [
        one
        for one in machine.task_plans
        if one.for_each is not None or one.compensation is not None or one.index in undoing
    ]


def _of_context(before: Machine, after: Machine) -> Iterator[Reason]:
    """What is there from the start now, and is read, must be there in older instances too."""
    olds, news = context_members(before.context), context_members(after.context)
    if "" in olds:
        # It is worked out as a whole, and has what keys it has.
        return
    set_later = {
        key
        for one in pieces_in((before.states, before.transitions))
        if isinstance(one, Assign)
        for key, _ in one.members
    }
    read = _read(after)
    for key in news:
        if key in read and key not in olds and key not in set_later:
            yield Reason(
                compatibility="BREAKING",
                state=before.states[ROOT].path,
                message=f"expressions read context.{key}, which instances that run do not have",
            )


def _read(machine: Machine) -> set[str]:
    """Keys of the context that some expression reads."""
    return {
        path[1]
        for one in pieces_in((machine.states, machine.transitions, machine.task_plans))
        if isinstance(one, Computed)
        for path in one.expression.reads
        if path[0] == "context" and len(path) > 1
    }


def _answers_above(machine: Machine, state: State, descriptor: str) -> bool:
    above = state
    while above.index != ROOT:
        above = machine.states[above.parent]
        if descriptor in above.on:
            return True
    return False


def _mapping(state: State, message: str) -> Reason:
    return Reason(compatibility="NEEDS_MAPPING", state=state.path, message=message)


def _breaking(state: State, message: str) -> Reason:
    return Reason(compatibility="BREAKING", state=state.path, message=message)
