"""
Rules about who answers an event, and who never gets to.
"""

from collections.abc import Iterator

from control_plane.engine.guards import Condition, Guard, NamedGuard
from control_plane.engine.machine import Machine
from control_plane.engine.naming import state_words
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.graph import Graph, climb, leads_out
from control_plane.engine.states import NO_STATE, ROOT, State


def shadowed_transition(graph: Graph) -> Iterator[Found]:
    """A candidate behind one that has no guard, or the same."""
    for state in graph.machine.states:
        for several in (*state.on.values(), state.always):
            first: dict[object, str] = {}
            for transition in several:
                same = _sameness(transition.guard)
                taken = first.get(None) or (first.get(same) if same is not None else None)
                if taken is not None:
                    reason = "no guard" if first.get(None) else "the same guard"
                    yield Found(
                        "shadowed-transition",
                        transition.json_pointer,
                        f"this transition of {state_words(state.path)} is never taken: the one at "
                        f"{taken} comes first and has {reason}",
                        "put it first, or guard the other",
                        (taken, transition.json_pointer),
                    )
                elif transition.guard is None or same is not None:
                    first.setdefault(same, transition.json_pointer)


def regions_disagree(graph: Graph) -> Iterator[Found]:
    """Two regions that answer one event by leaving their parallel state's other regions too."""
    states = graph.machine.states
    leaving: dict[tuple[int, str], dict[int, str]] = {}
    for transition in graph.machine.transitions:
        region = transition.source
        for state in climb(graph.machine, states[region].parent if region != ROOT else NO_STATE):
            inside = states[region]
            if state.kind == "parallel" and leads_out(transition, region, inside.last):
                pointers = leaving.setdefault((state.index, transition.descriptor), {})
                pointers.setdefault(region, transition.json_pointer)
            region = state.index
    for (index, descriptor), pointers in leaving.items():
        if len(pointers) > 1:
            event = repr(descriptor) if descriptor else "an eventless transition"
            yield Found(
                "regions-disagree",
                states[index].json_pointer,
                f"{len(pointers)} regions of {state_words(states[index].path)} answer {event} by "
                "leaving their region; the first in the document wins",
                "let the parallel state itself answer the event",
                tuple(pointers.values()),
            )


def child_hides_parent(graph: Graph) -> Iterator[Found]:
    """A state that answers an event always, so that a state above it never does meanwhile."""
    machine = graph.machine
    for state in machine.states[1:]:
        for descriptor, several in state.on.items():
            if descriptor == "*" or all(one.guard is not None for one in several):
                continue
            if all(one.is_forbidden for one in several):
                continue  # which is what forbidding is for
            above = next(
                (one for one in climb(machine, state.parent) if descriptor in one.on), None
            )
            if above is not None:
                yield Found(
                    "child-hides-parent",
                    several[0].json_pointer,
                    f"while {state_words(state.path)} is active, {state_words(above.path)} never "
                    f"answers {descriptor!r}",
                    "leave it if that is meant; otherwise guard it, or name another event",
                    (state.path, above.path),
                )


def wildcard_swallows(graph: Graph) -> Iterator[Found]:
    """A `*` that answers what the engine itself sends to a state above, or in another region."""
    machine = graph.machine
    hearing = 0
    for state in machine.states:
        if any(descriptor.startswith("xstate.") for descriptor in state.on):
            hearing |= 1 << state.index
    for state in machine.states[1:]:
        if "*" not in state.on or all(one.is_forbidden for one in state.on["*"]):
            continue
        other = _beside(machine, state, hearing)
        if other is not None:
            yield Found(
                "wildcard-swallows",
                state.on["*"][0].json_pointer,
                f"the '*' of {state_words(state.path)} also answers what "
                f"{state_words(other.path)} waits for: its timers, its tasks' "
                "outcomes, its being done",
                "name the events, or use a prefix such as 'order.*'",
                (state.path, other.path),
            )


def _beside(machine: Machine, state: State, hearing: int) -> State | None:
    """The nearest of some states that is above a state, or in a region that goes on beside it."""
    inside = state
    for above in climb(machine, state.parent):
        if hearing >> above.index & 1:
            return above
        if above.kind == "parallel":
            others = hearing & _span(above) & ~_span(inside)
            if others:
                return machine.states[(others & -others).bit_length() - 1]
        inside = above
    return None


def _span(state: State) -> int:
    """A state and all that is inside of it, as a set of bits."""
    return (1 << state.last + 1) - (1 << state.index)


def _sameness(guard: Guard | None) -> object:
    """
    What two guards have in common that are bound to give the same answer, None of others.

    Also None of no guard at all, which answers for every other.
    """
    if isinstance(guard, Condition):
        return guard.computed.text
    if isinstance(guard, NamedGuard) and guard.params is None:
        return (guard.name,)
    return None
