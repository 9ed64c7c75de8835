"""
What a microstep does: a flat list of operations, and the configuration it leads to. Worked out
once for a configuration and the transitions taken in it; run as often as that happens.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from control_plane.engine.actions import Action
from control_plane.engine.configurations import Configuration
from control_plane.engine.decision import Entry
from control_plane.engine.effort import of_actions, of_moving
from control_plane.engine.operations import (
    ArmAfter,
    Finish,
    RaiseDone,
    StartInvoke,
    StopInvokes,
    on_exit,
)
from control_plane.engine.procedures import (
    EntrySet,
    Record,
    domain_of,
    exit_sets,
    without_conflicts,
)
from control_plane.engine.states import NO_STATE, ROOT, State, Transition
from control_plane.engine.turn import Turn
from shared.json import Json

Operation: TypeAlias = tuple[str, Callable[[Turn], None]]
"""Something to run, and the path of the state on whose behalf."""


class _Agenda:
    """The operations of a microstep as they come together, and what they take."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.work = 0

    def add(self, path: str, actions: Sequence[Action]) -> None:
        self.operations += [(path, action.run) for action in actions]
        self.work += of_actions(actions)

    def leave(self, states: Sequence[State], active: Iterable[int]) -> None:
        """Leave these, innermost and last first."""
        for index in sorted(active, reverse=True):
            self.add(states[index].path, on_exit(states[index]))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StepPlan:
    """
    A microstep from one configuration by given transitions.

    `remembers` is what history states record. `moves` tells whether the configuration
    or a record changes at all, without which eventless transitions would never settle.
    `told` is its STATE_TRANSITION entry but for the event, None when nothing is left
    or entered; `entry` is all of it, made once, where the transitions name the event.
    `does_nothing` when all of its transitions are forbidden ones.
    """

    transitions: tuple[Transition, ...]
    operations: tuple[Operation, ...]
    to: Configuration
    remembers: Mapping[str, tuple[str, ...]]
    moves: bool
    exited: tuple[str, ...]
    entered: tuple[str, ...]
    told: dict[str, Json] | None
    entry: Entry | None
    does_nothing: bool
    work: int
    """What carrying it out takes."""


Intern: TypeAlias = Callable[[frozenset[int]], Configuration]
"""Gives the one object for a set of active states."""


def plan_start(states: Sequence[State], intern: Intern) -> StepPlan:
    """The microstep that enters the machine."""
    entry = EntrySet(states, {})
    entry.add_initial()
    active: set[int] = set()
    agenda = _Agenda()
    _enter(states, entry, active, agenda)
    to = intern(frozenset(active))
    entered = _paths(states, sorted(entry.entered))
    return StepPlan(
        transitions=(),
        operations=tuple(agenda.operations),
        to=to,
        remembers={},
        moves=True,
        exited=(),
        entered=entered,
        told=_told((), to.paths, (), entered),
        entry=None,
        does_nothing=False,
        work=agenda.work + of_moving(entered, to.paths, to.active),
    )


def plan_step(
    states: Sequence[State],
    before: Configuration,
    enabled: Sequence[Transition],
    record: Record,
    intern: Intern,
) -> StepPlan:
    """The microstep by the enabled transitions, those in conflict removed."""
    active = before.active
    domains = {one.index: domain_of(states, one, record) for one in enabled}
    exits = exit_sets(states, enabled, domains, before.ordered)
    chosen = without_conflicts(states, enabled, exits)
    leaving = sorted(frozenset().union(*(exits[one.index] for one in chosen)), reverse=True)
    remembered = _remembered(states, before, leaving)

    agenda = _Agenda()
    agenda.leave(states, leaving)
    for one in chosen:
        agenda.add(one.source_path, one.actions)
    staying = active.difference(leaving)
    entry = EntrySet(states, {**record, **remembered}, staying)
    for one in chosen:
        entry.add_transition(one, domains[one.index])
    after = set(staying)
    _enter(states, entry, after, agenda)

    to = before if after == active else intern(frozenset(after))
    exited, entered = _paths(states, leaving), _paths(states, sorted(entry.entered))
    told = _told(before.paths, to.paths, exited, entered) if exited or entered else None
    return StepPlan(
        transitions=chosen,
        operations=tuple(agenda.operations),
        to=to,
        remembers={states[key].path: _paths(states, value) for key, value in remembered.items()},
        moves=bool(remembered) or to is not before,
        exited=exited,
        entered=entered,
        told=told,
        entry=_entry(chosen, told),
        does_nothing=all(one.is_forbidden for one in chosen),
        work=agenda.work + of_moving(exited + entered, before.paths + to.paths, to.active),
    )


def plan_end(states: Sequence[State], active: Iterable[int]) -> tuple[Operation, ...]:
    """Leaving everything, the root included, innermost and last first."""
    agenda = _Agenda()
    agenda.leave(states, active)
    return tuple(agenda.operations)


def _remembered(
    states: Sequence[State], before: Configuration, leaving: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """What the history states of what is being left record, before anything is left."""
    found: dict[int, tuple[int, ...]] = {}
    for index in leaving:
        for history in states[index].histories:
            if states[history].deep:
                first = bisect_right(before.ordered, index)
                below = before.ordered[first : bisect_right(before.ordered, states[index].last)]
                found[history] = tuple(one for one in below if states[one].is_leaf)
            else:
                children = states[index].children
                found[history] = tuple(one for one in children if one in before.active)
    return found


def _enter(states: Sequence[State], entry: EntrySet, active: set[int], agenda: _Agenda) -> None:
    """
    What entering does, in document order; `active` grows to the configuration it leads
    to. Entering a final state at the top ends with the exits of everything.
    """
    completed: set[int] = set()
    is_done = False
    for index in sorted(entry.entered):
        state = states[index]
        is_active = index in active
        active.add(index)
        agenda.add(state.path, state.entry)
        agenda.add(state.path, [ArmAfter(timed) for timed in state.after])
        if is_active and state.invokes:
            # The root as a target of a state inside is entered without having been left.
            agenda.add(state.path, [StopInvokes(state.path)])
        agenda.add(state.path, [StartInvoke(invocation) for invocation in state.invokes])
        if index in entry.by_default:
            agenda.add(state.path, state.initial_actions)
        if state.kind == "final":
            is_done = _complete(states, state, active, completed, agenda) or is_done
    if is_done:
        agenda.leave(states, active)


def _complete(
    states: Sequence[State],
    final: State,
    active: set[int],
    completed: set[int],
    agenda: _Agenda,
) -> bool:
    """What entering a final state completes; whether that is the machine itself."""
    parent = states[final.parent]
    above = parent.index if parent.kind == "parallel" else parent.parent
    completing = final.index if above == NO_STATE else above
    if parent.kind == "compound":
        agenda.add(final.path, [RaiseDone(parent.id, final.output)])
    while (
        above != NO_STATE
        and states[above].kind == "parallel"
        and above not in completed
        and _is_final(states, active, above)
    ):
        completed.add(above)
        completing = above
        agenda.add(final.path, [RaiseDone(states[above].id, None)])
        above = states[above].parent
    if above != NO_STATE:
        return False
    by = states[completing]
    output = by.output if by.index != ROOT else None
    agenda.add(final.path, [Finish(by.id, output, states[ROOT].output)])
    return True


def _is_final(states: Sequence[State], active: set[int], index: int) -> bool:
    state = states[index]
    if state.kind == "compound":
        return any(states[one].kind == "final" and one in active for one in state.children)
    if state.kind == "parallel":
        return all(_is_final(states, active, one) for one in state.children)
    return state.kind == "final"


def _told(
    before: tuple[str, ...],
    after: tuple[str, ...],
    exited: tuple[str, ...],
    entered: tuple[str, ...],
) -> dict[str, Json]:
    return {
        "from": list(before),
        "to": list(after),
        "exited": list(exited),
        "entered": list(entered),
    }


def _entry(chosen: Iterable[Transition], told: dict[str, Json] | None) -> Entry | None:
    """The STATE_TRANSITION of transitions that answer one event only, by its type."""
    if told is not None:
        for one in chosen:
            if one.descriptor and not one.descriptor.endswith("*"):
                return told_of(one.descriptor, told)
    return None


def told_of(event_type: str, told: dict[str, Json]) -> Entry:
    """A STATE_TRANSITION entry."""
    return Entry("STATE_TRANSITION", {"event": event_type, **told})


def _paths(states: Sequence[State], indexes: Iterable[int]) -> tuple[str, ...]:
    return tuple(states[index].path for index in indexes)
