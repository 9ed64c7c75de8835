"""
What leads where in a machine, guards left aside.

Sets of states are integers with a bit for each state: every question here is asked of whole
sets at once, so that no machine within the limits takes long.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from control_plane.engine.machine import Machine
from control_plane.engine.procedures import default_of_history
from control_plane.engine.spec.circles import bits
from control_plane.engine.spec.findings import MAX_WITNESS
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


def leads_out(transition: Transition, first: int, last: int) -> bool:
    """Whether a transition has a target that is not among the states of these numbers."""
    targets = transition.targets
    return bool(targets) and (min(targets) < first or max(targets) > last)


def told(machine: Machine, transition: Transition) -> str:
    """A transition as a witness shows it: `draft: SUBMIT → review`."""
    targets = ", ".join(machine.states[one].path for one in transition.targets[:3])
    more = ", …" if len(transition.targets) > 3 else ""
    event = transition.descriptor or "always"
    arrow = f" → {targets}{more}" if targets else ""
    return f"{transition.source_path}: {event}{arrow}"


@dataclass(slots=True, eq=False)
class Graph:
    """
    What becomes active with what, and by which transition a state is first come to.

    `entered[index]` is what is active once a state has been entered by default, and
    `onward[index]` what the transitions of a state or of one above it enter. `via` has
    every state that can ever be active, and every history that can be asked: the transition
    that leads there on a shortest way from the start, None where the start itself does.
    """

    machine: Machine
    entered: list[int]
    onward: list[int]
    via: dict[int, Transition | None]

    @classmethod
    def of(cls, machine: Machine) -> "Graph":
        entered = _entered(machine)
        graph = cls(machine, entered, _onward(machine, entered), {})
        graph._explore()
        return graph

    def reached(self) -> list[State]:
        """The states that can ever be active, in document order."""
        return [self.machine.states[one] for one in sorted(self.via)]

    def way_to(self, index: int) -> tuple[str, ...]:
        """The transitions that lead from the start to a state that can be reached."""
        way: list[Transition] = []
        transition = self.via[index]
        while transition is not None:
            way.append(transition)
            transition = self.via[transition.source]
        way.reverse()
        half = MAX_WITNESS // 2 - 1
        if len(way) <= 2 * half:
            return ("start", *(told(self.machine, one) for one in way))
        first, last = way[:half], way[-half:]
        return (
            "start",
            *(told(self.machine, one) for one in first),
            f"… {len(way) - 2 * half} more …",
            *(told(self.machine, one) for one in last),
        )

    def _explore(self) -> None:
        """Breadth first, so that the ways are short ones."""
        states = self.machine.states
        # With a state everything is active that is above it, and the other regions there.
        with_it = [0] * len(states)
        for state in states:
            found = self.entered[state.index] | 1 << state.index
            if state.parent != NO_STATE:
                found |= with_it[state.parent] & ~below(states[state.parent])
                found |= 1 << state.parent
                if states[state.parent].kind == "parallel":
                    for region in states[state.parent].children:
                        if region != state.index:
                            found |= self.entered[region]
            with_it[state.index] = found
        known = 0
        level: list[tuple[int, Transition | None]] = [(ROOT, None)]
        while level:
            following: list[tuple[int, Transition | None]] = []
            for index, transition in level:
                for one in bits(with_it[index] & ~known):
                    known |= 1 << one
                    self.via[one] = transition
                    for onward in transitions_of(states[one]):
                        following += [(target, onward) for target in onward.targets]
            level = following


def below(state: State) -> int:
    """Everything that is properly inside a state."""
    return (1 << state.last + 1) - (1 << state.index + 1)


def _entered(machine: Machine) -> list[int]:
    """What is active once each state has been entered by default; a history is what it means."""
    states = machine.states
    found: list[int | None] = [None] * len(states)

    def of(index: int) -> int:
        known = found[index]
        if known is not None:
            return known
        state = states[index]
        mask = 0 if state.kind == "history" else 1 << index
        inside: tuple[int, ...] = ()
        if state.kind == "compound":
            inside = (state.initial,)
        elif state.kind == "parallel":
            inside = state.children
        elif state.kind == "history":
            inside = default_of_history(states, index)
        for one in inside:
            mask |= of(one)
        found[index] = mask
        return mask

    return [of(state.index) for state in states]


def _onward(machine: Machine, entered: list[int]) -> list[int]:
    """What becomes active by the transitions of each state or of one above it."""
    found: list[int] = []
    for state in machine.states:
        mask = 0 if state.parent == NO_STATE else found[state.parent]
        for transition in transitions_of(state):
            for target in transition.targets:
                mask |= entered[target]
        found.append(mask)
    return found
