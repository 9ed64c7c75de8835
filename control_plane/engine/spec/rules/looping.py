"""
Rules about machines that would run without end.
"""

from collections.abc import Iterable, Iterator

from control_plane.engine.actions import Action, Assign, Raise
from control_plane.engine.configurations import candidates_of, descriptors_for
from control_plane.engine.naming import state_words
from control_plane.engine.spec.circles import bits, circles
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.graph import Graph, climb
from control_plane.engine.states import ROOT, State, Transition
from control_plane.engine.templates import Constant


def eventless_cycle(graph: Graph) -> Iterator[Found]:
    """Unguarded eventless transitions that lead back to where they began."""
    machine = graph.machine
    for circle in _certain_circles(graph):
        first = machine.states[circle[0]]
        if len(circle) == 1 and not _changes(first, first.always[0]):
            continue  # a microstep that changes nothing is not repeated
        paths = tuple(machine.states[one].path for one in circle)
        yield Found(
            "eventless-cycle",
            first.always[0].json_pointer,
            f"eventless transitions run in a circle: {_around(paths)}",
            "guard one of them, or let an event decide",
            paths,
        )


def guarded_eventless_cycle(graph: Graph) -> Iterator[Found]:
    """Eventless transitions that may lead back, if their guards let them."""
    machine = graph.machine
    certain = set(_certain_circles(graph))
    asking = sum(1 << state.index for state in machine.states if state.always)
    following = []
    for state in machine.states:
        ahead = 0
        for transition in state.always:
            for target in transition.targets:
                ahead |= graph.entered[target]
        following.append(ahead & asking & ~(1 << state.index))
    for circle in circles(following):
        if circle in certain:
            continue
        first = machine.states[circle[0]]
        paths = tuple(machine.states[one].path for one in circle)
        yield Found(
            "guarded-eventless-cycle",
            first.always[0].json_pointer,
            f"eventless transitions may run in a circle: {_around(paths)}",
            "make sure that one of the guards becomes false on the way",
            paths,
        )


def raise_cycle(graph: Graph) -> Iterator[Found]:
    """
    A state that answers an event by raising one that leads to the same event again.

    Only transitions without a guard that stay in their state are looked at: of those it is
    certain that they answer what they raise.
    """
    for state in graph.machine.states:
        staying = [
            several[0]
            for several in state.on.values()
            if several
            and several[0].guard is None
            and all(target == state.index for target in several[0].targets)
        ]
        raised = [_raised(transition.actions) for transition in staying]
        if not any(raised):
            continue
        number = {transition.index: at for at, transition in enumerate(staying)}
        answered: dict[str, int] = {}
        for kinds in raised:
            for kind in kinds:
                if kind not in answered:
                    first = next(iter(candidates_of(state, descriptors_for(kind))), None)
                    at = None if first is None else number.get(first.index)
                    answered[kind] = 0 if at is None else 1 << at
        following = []
        for kinds in raised:
            ahead = 0
            for kind in kinds:
                ahead |= answered[kind]
            following.append(ahead)
        for circle in circles(following):
            events = tuple(staying[one].descriptor for one in circle)
            yield Found(
                "raise-cycle",
                staying[circle[0]].json_pointer,
                f"{state_words(state.path)} answers {events[0]!r} by raising events that lead to "
                f"it again: {_around(events)}",
                "raise another event, or guard one of the transitions",
                events,
            )


def _certain_circles(graph: Graph) -> list[tuple[int, ...]]:
    following = []
    for state in graph.machine.states:
        ahead = _certainly_next(graph, state)
        following.append(0 if ahead is None else 1 << ahead.index)
    return circles(following)


def _certainly_next(graph: Graph, state: State) -> State | None:
    """The state whose unguarded eventless transition follows on this state's own."""
    machine = graph.machine
    if not state.always or state.always[0].guard is not None or len(state.always[0].targets) != 1:
        return None
    entered = bits(graph.entered[state.always[0].targets[0]])
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


def _raised(actions: Iterable[Action]) -> list[str]:
    """The types of the events that actions raise at once, as far as they are written out."""
    return [
        str(action.event.value["type"])
        for action in actions
        if isinstance(action, Raise)
        and action.delay is None
        and isinstance(action.event, Constant)
        and isinstance(action.event.value, dict)
    ]


def _around(names: tuple[str, ...]) -> str:
    """A circle in words; of a long one the beginning."""
    shown = [*names[:6], "…"] if len(names) > 6 else list(names)
    return " → ".join(one[:60] for one in (*shown, names[0]))
