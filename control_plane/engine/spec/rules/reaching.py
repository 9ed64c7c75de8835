"""
Rules about where a machine can get to, and from where it cannot get on.
"""

from collections.abc import Iterator
from math import prod

from control_plane.engine.limits import MAX_CONFIGURATION_PRODUCT
from control_plane.engine.machine import Machine
from control_plane.engine.naming import state_words
from control_plane.engine.procedures import is_descendant
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.graph import (
    Graph,
    below,
    climb,
    leads_out,
    told,
    transitions_of,
)
from control_plane.engine.states import ROOT, State


def unreachable_state(graph: Graph) -> Iterator[Found]:
    """
    A state that nothing leads to. Of several inside each other, the outermost is named.

    The witness is the transitions that would lead there, from states that cannot be reached.
    """
    machine = graph.machine
    leading: dict[int, list[str]] = {}
    for transition in machine.transitions:
        for target in transition.targets:
            leading.setdefault(target, []).append(told(machine, transition))
    for state in machine.states:
        if state.index in graph.via or (state.index != ROOT and state.parent not in graph.via):
            continue
        yield Found(
            "unreachable-state",
            state.json_pointer,
            f"nothing leads to {state_words(state.path)}",
            "give some transition this target, or leave the state out",
            tuple(leading.get(state.index, ())) or (state.path,),
        )


def dead_end(graph: Graph) -> Iterator[Found]:
    """A leaf that is not final, and that nothing leads out of; tasks alone lead nowhere."""
    machine = graph.machine
    moved = _moved(machine)
    for state in graph.reached():
        if state.kind != "atomic" or moved & 1 << state.index:
            continue
        above = list(climb(machine, state.index))
        if any(one.after or any(transitions_of(one)) for one in above):
            continue
        if any(one.invokes for one in above):
            yield Found(
                "wait-without-exit",
                state.json_pointer,
                f"{state_words(state.path)} waits for its tasks, and nothing leads out of it then",
                "add `onDone`, or another transition",
                graph.way_to(state.index),
            )
        else:
            yield Found(
                "dead-end",
                state.json_pointer,
                f"{state_words(state.path)} is not final, and nothing leads out of it",
                "add a transition, or make it final",
                graph.way_to(state.index),
            )


def final_out_of_reach(graph: Graph) -> Iterator[Found]:
    """A state from which no final state of the machine can be reached, where there is one."""
    machine = graph.machine
    good = sum(
        1 << index
        for index in machine.states[ROOT].children
        if machine.states[index].kind == "final"
    )
    if not good:
        return
    waiting = [
        (leaf, graph.onward[leaf.index], _around(machine, leaf))
        for leaf in graph.reached()
        if leaf.is_leaf and not good >> leaf.index & 1
    ]
    # Regions move on each other's behalf, so inside of a parallel state only its own
    # transitions tell anything; a leaf there is taken to reach what a sibling region does.
    grows = True
    while grows:
        before = good
        left = []
        for leaf, onward, around in reversed(waiting):
            if (onward | around) & good:
                good |= 1 << leaf.index
            else:
                left.append((leaf, onward, around))
        # Back and forth, so that a chain in either order takes two rounds and not hundreds.
        waiting = left
        grows = good != before
    for leaf, _, _ in sorted(waiting, key=lambda one: one[0].index):
        if leaf.kind == "atomic" and any(
            one.after or any(transitions_of(one)) for one in climb(machine, leaf.index)
        ):
            yield Found(
                "final-out-of-reach",
                leaf.json_pointer,
                f"no final state can be reached from {state_words(leaf.path)}",
                "add a way out, or leave it if instances are meant to stay there",
                graph.way_to(leaf.index),
            )


def history_of_active(graph: Graph) -> Iterator[Found]:
    """A transition to the history of a state that is active, whose record is of an earlier stay."""
    machine = graph.machine
    for transition in machine.transitions:
        for target in transition.targets:
            state = machine.states[target]
            if state.kind != "history":
                continue
            if state.parent == transition.source or is_descendant(
                machine.states, transition.source, state.parent
            ):
                yield Found(
                    "history-of-active",
                    transition.json_pointer,
                    f"state {transition.source_path!r} goes to the history of "
                    f"{machine.states[state.parent].path!r}, which is active then",
                    "name the state it should go to",
                    (transition.source_path, state.path),
                )


def too_many_combinations(graph: Graph) -> Iterator[Found]:
    """Parallel regions that can be in more combinations than the engine keeps plans for."""
    machine = graph.machine
    counts: dict[int, int] = {}
    for state in reversed(machine.states):
        inside = [counts[child] for child in state.children]
        count = prod(inside) if state.kind == "parallel" else max(1, sum(inside))
        if state.kind == "parallel" and count > MAX_CONFIGURATION_PRODUCT:
            yield Found(
                "too-many-combinations",
                state.json_pointer,
                f"the regions of {state_words(state.path)} can be in more than "
                f"{MAX_CONFIGURATION_PRODUCT} combinations; plans are not kept for that many",
                "make some regions instances of other definitions",
                (state.path,),
            )
        # From here on only that there are too many matters, and not by how much.
        counts[state.index] = min(count, MAX_CONFIGURATION_PRODUCT + 1)


def parallel_never_done(graph: Graph) -> Iterator[Found]:
    """A parallel root some of whose regions can be done, and some not."""
    machine = graph.machine
    root = machine.states[ROOT]
    if root.kind != "parallel":
        return
    endless = [one for one in root.children if not can_be_done(machine, machine.states[one])]
    if 0 < len(endless) < len(root.children):
        yield Found(
            "parallel-never-done",
            root.json_pointer,
            f"the instance is never completed: region {machine.states[endless[0]].path!r} has no "
            "final state, while others have",
            "give every region a final state, or none",
            tuple(machine.states[one].path for one in endless),
        )


def can_be_done(machine: Machine, state: State) -> bool:
    """Whether a state has the final states that it takes to be done."""
    if state.kind == "compound":
        return any(machine.states[one].kind == "final" for one in state.children)
    if state.kind == "parallel":
        return all(can_be_done(machine, machine.states[one]) for one in state.children)
    return state.kind == "final"


def _around(machine: Machine, leaf: State) -> int:
    """Everything inside of the innermost parallel state around a leaf."""
    parallel = next((one for one in climb(machine, leaf.index) if one.kind == "parallel"), None)
    return 0 if parallel is None else below(parallel)


def _moved(machine: Machine) -> int:
    """What is inside of parallel states that some transition inside of them leaves."""
    found = 0
    for transition in machine.transitions:
        for state in climb(machine, machine.states[transition.source].parent):
            if state.kind == "parallel" and leads_out(transition, state.index + 1, state.last):
                found |= below(state)
    return found
