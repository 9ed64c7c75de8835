"""
Rules about machines that would run without end.
"""

from collections.abc import Iterator

from control_plane.engine.actions import Assign, Raise
from control_plane.engine.diagnostics import Diagnostic
from control_plane.engine.machine import Machine
from control_plane.engine.spec.calling import cycles
from control_plane.engine.spec.rules.graph import climb, entered_with
from control_plane.engine.states import ROOT, State, Transition
from control_plane.engine.templates import Constant


def eventless_cycle(machine: Machine) -> Iterator[Diagnostic]:
    """Unguarded eventless transitions that lead back to where they began."""
    following = {
        state.path: {target.path}
        for state in machine.states
        if (target := _certainly_next(machine, state)) is not None
    }
    for cycle in cycles({path: ahead & following.keys() for path, ahead in following.items()}):
        first = machine.states[machine.index_of[cycle[0]]]
        if len(cycle) == 1 and not _changes(first, first.always[0]):
            continue  # a microstep that changes nothing is not repeated
        yield Diagnostic(
            severity="error",
            rule="eventless-cycle",
            json_pointer=first.always[0].json_pointer,
            message=f"eventless transitions run in a circle: {' → '.join((*cycle, cycle[0]))}",
            remedy="guard one of them, or let an event decide",
            witness=cycle,
        )


def guarded_eventless_cycle(machine: Machine) -> Iterator[Diagnostic]:
    """Eventless transitions that may lead back, if their guards let them."""
    certain = {one.witness for one in eventless_cycle(machine)}
    following: dict[str, set[str]] = {}
    for state in machine.states:
        ahead = following.setdefault(state.path, set())
        for transition in state.always:
            for target in transition.targets:
                entered = entered_with(machine, target)
                ahead.update(
                    machine.states[one].path for one in entered if machine.states[one].always
                )
        ahead.discard(state.path)
    for cycle in cycles(following):
        if cycle in certain:
            continue
        first = machine.states[machine.index_of[cycle[0]]]
        yield Diagnostic(
            severity="warning",
            rule="guarded-eventless-cycle",
            json_pointer=first.always[0].json_pointer if first.always else first.json_pointer,
            message=f"eventless transitions may run in a circle: {' → '.join((*cycle, cycle[0]))}",
            remedy="make sure that one of the guards becomes false on the way",
            witness=cycle,
        )


def raise_cycle(machine: Machine) -> Iterator[Diagnostic]:
    """A state that answers an event by raising the same event, and goes on answering it."""
    for transition in machine.transitions:
        if any(target != transition.source for target in transition.targets):
            continue
        if transition.descriptor in set(_raises(transition)):
            yield Diagnostic(
                severity="warning",
                rule="raise-cycle",
                json_pointer=transition.json_pointer,
                message=(
                    f"state {transition.source_path!r} answers {transition.descriptor!r} by "
                    "raising it again"
                ),
                remedy="raise another event, or guard the transition",
                witness=(transition.source_path,),
            )


def _certainly_next(machine: Machine, state: State) -> State | None:
    """The state whose unguarded eventless transition follows on this state's own."""
    if not state.always or state.always[0].guard is not None or len(state.always[0].targets) != 1:
        return None
    entered = entered_with(machine, state.always[0].targets[0])
    leaves = [index for index in entered if machine.states[index].is_leaf]
    if len(leaves) != 1 or _ends_the_machine(machine.states[leaves[0]]):
        return None
    asked = next((one for one in climb(machine, leaves[0]) if one.always), None)
    return asked if asked is not None and asked.always[0].guard is None else None


def _ends_the_machine(leaf: State) -> bool:
    return leaf.kind == "final" and leaf.parent == ROOT


def _changes(state: State, transition: Transition) -> bool:
    actions = (*state.exit, *transition.actions, *state.entry)
    return bool(state.invokes) or any(isinstance(action, Assign) for action in actions)


def _raises(transition: Transition) -> Iterator[str]:
    for action in transition.actions:
        if isinstance(action, Raise) and action.delay is None and transition.guard is None:
            event = action.event
            if isinstance(event, Constant) and isinstance(event.value, dict):
                yield str(event.value["type"])
