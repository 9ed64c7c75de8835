"""
Rules about where a machine can get to, and from where it cannot get on.
"""

from collections.abc import Iterator
from math import prod

from control_plane.engine.diagnostics import Diagnostic
from control_plane.engine.limits import MAX_CONFIGURATION_PRODUCT
from control_plane.engine.machine import Machine
from control_plane.engine.procedures import is_descendant
from control_plane.engine.spec.rules.graph import climb, leaves_of, reachable, transitions_of
from control_plane.engine.states import ROOT, State


def unreachable_state(machine: Machine) -> Iterator[Diagnostic]:
    """A state that nothing leads to. Of several inside each other, the outermost is named."""
    found = reachable(machine)
    for state in machine.states:
        if state.index in found or (state.index != ROOT and state.parent not in found):
            continue
        yield Diagnostic(
            severity="warning",
            rule="unreachable-state",
            json_pointer=state.json_pointer,
            message=f"nothing leads to state {state.path!r}",
            remedy="give some transition this target, or leave the state out",
            witness=(state.path,),
        )


def dead_end(machine: Machine) -> Iterator[Diagnostic]:
    """A leaf that is not final, and that nothing leads out of."""
    for index in sorted(reachable(machine)):
        state = machine.states[index]
        if state.kind != "atomic" or _moves_on(machine, state) or _is_moved(machine, state):
            continue
        yield Diagnostic(
            severity="warning",
            rule="dead-end",
            json_pointer=state.json_pointer,
            message=f"state {state.path!r} is not final, and nothing leads out of it",
            remedy="add a transition, or make it final",
            witness=(state.path,),
        )


def final_out_of_reach(machine: Machine) -> Iterator[Diagnostic]:
    """A state from which no final state of the machine can be reached, where there is one."""
    root = machine.states[ROOT]
    finals = {index for index in root.children if machine.states[index].kind == "final"}
    if not finals:
        return
    found = reachable(machine)
    leaves = [machine.states[index] for index in sorted(found) if machine.states[index].is_leaf]
    ahead: dict[int, set[int]] = {}
    for leaf in leaves:
        ahead[leaf.index] = set()
        for state in climb(machine, leaf.index):
            for transition in transitions_of(state):
                ahead[leaf.index] |= leaves_of(machine, transition.targets)
    # Regions move on each other's behalf, so inside of a parallel state only its own
    # transitions tell anything; a leaf there is taken to reach what a sibling region does.
    good = set(finals)
    grows = True
    while grows:
        better = {one for one, targets in ahead.items() if one not in good and targets & good}
        better |= {
            leaf.index
            for leaf in leaves
            if leaf.index not in good and _shares_parallel(machine, leaf, good | better)
        }
        grows = bool(better)
        good |= better
    for leaf in leaves:
        if leaf.index not in good and leaf.kind == "atomic" and _moves_on(machine, leaf):
            yield Diagnostic(
                severity="warning",
                rule="final-out-of-reach",
                json_pointer=leaf.json_pointer,
                message=f"no final state can be reached from state {leaf.path!r}",
                remedy="add a way out, or leave it if instances are meant to stay there",
                witness=(leaf.path,),
            )


def history_of_active(machine: Machine) -> Iterator[Diagnostic]:
    """A transition to the history of a state that is active, whose record is of an earlier stay."""
    for transition in machine.transitions:
        for target in transition.targets:
            state = machine.states[target]
            if state.kind != "history":
                continue
            if state.parent == transition.source or is_descendant(
                machine.states, transition.source, state.parent
            ):
                yield Diagnostic(
                    severity="warning",
                    rule="history-of-active",
                    json_pointer=transition.json_pointer,
                    message=(
                        f"state {transition.source_path!r} goes to the history of "
                        f"{machine.states[state.parent].path!r}, which is active then"
                    ),
                    remedy="name the state it should go to",
                    witness=(transition.source_path, state.path),
                )


def too_many_combinations(machine: Machine) -> Iterator[Diagnostic]:
    """Parallel regions that can be in more combinations than the engine keeps plans for."""
    counts: dict[int, int] = {}
    for state in reversed(machine.states):
        below = [counts[child] for child in state.children]
        count = prod(below) if state.kind == "parallel" else max(1, sum(below))
        counts[state.index] = count
        if state.kind == "parallel" and count > MAX_CONFIGURATION_PRODUCT:
            yield Diagnostic(
                severity="warning",
                rule="too-many-combinations",
                json_pointer=state.json_pointer,
                message=(
                    f"the regions of {state.path!r} can be in {count} combinations; plans are "
                    f"kept for far fewer than {MAX_CONFIGURATION_PRODUCT}"
                ),
                remedy="make some regions instances of other definitions",
                witness=(state.path,),
            )


def _moves_on(machine: Machine, leaf: State) -> bool:
    return any(
        state.invokes or state.after or any(transitions_of(state))
        for state in climb(machine, leaf.index)
    )


def _is_moved(machine: Machine, leaf: State) -> bool:
    """Whether a transition of another region takes the leaf along when it leaves."""
    parallels = [state for state in climb(machine, leaf.parent) if state.kind == "parallel"]
    return any(
        is_descendant(machine.states, transition.source, state.index)
        and any(
            not is_descendant(machine.states, target, state.index) for target in transition.targets
        )
        for state in parallels
        for transition in machine.transitions
    )


def _shares_parallel(machine: Machine, leaf: State, good: set[int]) -> bool:
    for state in climb(machine, leaf.index):
        if state.kind == "parallel":
            return any(is_descendant(machine.states, one, state.index) for one in good)
    return False
