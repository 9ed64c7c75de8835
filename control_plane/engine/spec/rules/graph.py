"""
What leads where in a machine, guards left aside.
"""

from collections.abc import Iterator

from control_plane.engine.machine import Machine
from control_plane.engine.procedures import default_of_history
from control_plane.engine.states import NO_STATE, ROOT, State, Transition


def transitions_of(state: State) -> Iterator[Transition]:
    """A state's own transitions, those that do nothing left out."""
    for several in (*state.on.values(), state.always):
        for transition in several:
            if not transition.is_forbidden:
                yield transition


def climb(machine: Machine, index: int) -> Iterator[State]:
    """A state and all that are above it, innermost first."""
    while index != NO_STATE:
        yield machine.states[index]
        index = machine.states[index].parent


def entered_with(machine: Machine, index: int) -> set[int]:
    """What becomes active when a state is entered: everything below it by default."""
    found: set[int] = set()
    waiting = [index]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        state = machine.states[one]
        if state.kind == "history":
            waiting += default_of_history(machine.states, one)
            continue
        found.add(one)
        if state.kind == "compound":
            waiting.append(state.initial)
        elif state.kind == "parallel":
            waiting += state.children
    return found


def reachable(machine: Machine) -> set[int]:
    """The states that can ever be active, and the history states that can be asked."""
    found: set[int] = set()
    waiting = [ROOT]
    while waiting:
        index = waiting.pop()
        if index in found:
            continue
        found.add(index)
        state = machine.states[index]
        if state.kind == "history":
            waiting += default_of_history(machine.states, index)
        waiting += entered_with(machine, index)
        for above in climb(machine, state.parent) if index != ROOT else ():
            waiting.append(above.index)
            if above.kind == "parallel":
                waiting += above.children
        for transition in transitions_of(state):
            waiting += transition.targets
    return found


def leaves_of(machine: Machine, targets: tuple[int, ...]) -> set[int]:
    """The leaves that entering some states leads to."""
    entered = set().union(*(entered_with(machine, target) for target in targets))
    return {index for index in entered if machine.states[index].is_leaf}
