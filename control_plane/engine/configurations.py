"""
A configuration is a set of active states. Each is made once for a machine and kept, with what
follows from it alone: which transitions answer which event there.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

from control_plane.engine.decision import Considered
from control_plane.engine.effort import of_candidates
from control_plane.engine.failures import MacrostepFailed
from control_plane.engine.limits import MAX_NAME_LENGTH
from control_plane.engine.operands import operands_of
from control_plane.engine.states import NO_STATE, ROOT, State, Transition
from control_plane.engine.tracing import Tracer
from control_plane.engine.turn import Turn
from shared.json import Json


class Selection:
    """
    The candidates for one event in one configuration, as XState asks them: from the
    leaves up, first passing guard wins, and where regions answer, nobody above does.
    """

    __slots__ = ("own", "parts", "work")

    def __init__(self, parts: tuple["Selection", ...], own: tuple[Transition, ...]) -> None:
        self.parts = parts
        self.own = own
        self.work: int = of_candidates(own) + sum(part.work for part in parts)
        """What asking all of them takes."""

    def choose(self, turn: Turn) -> list[Transition]:
        """The enabled transitions. Raises MacrostepFailed when a guard has no answer."""
        if self.parts:
            found = [chosen for part in self.parts for chosen in part.choose(turn)]
            if found:
                return found
        if turn.tracer is not None:
            chosen = _first_traced(self.own, turn, turn.tracer)
            return [] if chosen is None else [chosen]
        # Not by _first: this is asked for every event, and that would be one more call.
        for transition in self.own:
            if transition.guard is None or transition.guard.holds(turn):
                return [transition]
        return []

    def __bool__(self) -> bool:
        return bool(self.parts or self.own)


NOBODY: Final = Selection((), ())
"""No state answers."""


class Configuration:
    """
    One legal set of active states.

    `active` are all of them, `ordered` the same in document order, `paths` those of the
    leaves. `selections` holds one entry an event type of the machine's own vocabulary;
    `eventless` the candidates of each leaf, climbing separately.
    """

    __slots__ = (
        "active",
        "eventless",
        "eventless_work",
        "ordered",
        "paths",
        "plans",
        "selections",
        "states",
    )

    def __init__(self, states: Sequence[State], active: frozenset[int]) -> None:
        self.states = states
        self.active = active
        self.ordered = tuple(sorted(active))
        self.paths = tuple(states[index].path for index in self.ordered if states[index].is_leaf)
        self.selections: dict[str, Selection] = {}
        self.plans: dict[object, Any] = {}
        self.eventless, self.eventless_work = self._eventless()

    def select(self, descriptors: Sequence[str], answering: Iterable[int]) -> Selection:
        """The candidates for an event, by its descriptors and the states that have one of them."""
        involved: set[int] = set()
        for index in self.active.intersection(answering):
            climbing = index
            while climbing >= ROOT and climbing not in involved:
                involved.add(climbing)
                climbing = self.states[climbing].parent
        if not involved:
            return NOBODY
        return self._select(self.states[ROOT], descriptors, involved)

    def choose_eventless(self, turn: Turn) -> list[Transition]:
        """The enabled eventless transitions, each once."""
        chosen: list[Transition] = []
        for candidates in self.eventless:
            first = _first(candidates, turn)
            if first is not None and first not in chosen:
                chosen.append(first)
        return chosen

    def _select(
        self, state: State, descriptors: Sequence[str], involved: Container[int]
    ) -> Selection:
        parts = tuple(
            part
            for child in state.children
            if child in involved
            and (part := self._select(self.states[child], descriptors, involved))
        )
        own = candidates_of(state, descriptors)
        if len(parts) == 1:
            # One region answering is the same as a chain: its candidates, then ours.
            return Selection(parts[0].parts, parts[0].own + own) if own else parts[0]
        return Selection(parts, own)

    def _eventless(self) -> tuple[tuple[tuple[Transition, ...], ...], int]:
        """The candidates of each leaf that has some, and what asking all of them takes."""
        climbs: dict[int, tuple[tuple[Transition, ...], int]] = {NO_STATE: ((), 0)}
        for index in self.ordered:
            above, work = climbs[self.states[index].parent]
            own = self.states[index].always
            climbs[index] = (own + above, of_candidates(own) + work) if own else (above, work)
        leaves = [climbs[index] for index in self.ordered if self.states[index].is_leaf]
        return tuple(found for found, _ in leaves if found), sum(work for _, work in leaves)


def descriptors_for(event_type: str) -> tuple[str, ...]:
    """
    Every descriptor that answers an event type, in the order they are asked: itself, then
    wildcards, the longest first. `a.*` answers both `a` and `a.b.c`, and `*` all.
    """
    found = [event_type, f"{event_type}.*"]
    # No descriptor is longer than a name, however long the event's type is.
    at = event_type.rfind(".", 0, MAX_NAME_LENGTH)
    while at >= 0:
        found.append(f"{event_type[:at]}.*")
        at = event_type.rfind(".", 0, at)
    found.append("*")
    # Somebody may send an event of the type `a.*`.
    return tuple(dict.fromkeys(found))


def candidates_of(state: State, descriptors: Iterable[str]) -> tuple[Transition, ...]:
    """The transitions of a state for an event, by the descriptors that answer it."""
    found: tuple[Transition, ...] = ()
    for descriptor in descriptors:
        found += state.on.get(descriptor, ())
    return found


def _first(candidates: tuple[Transition, ...], turn: Turn) -> Transition | None:
    if turn.tracer is not None:
        return _first_traced(candidates, turn, turn.tracer)
    for transition in candidates:
        if transition.guard is None or transition.guard.holds(turn):
            return transition
    return None


def _first_traced(
    candidates: tuple[Transition, ...], turn: Turn, tracer: Tracer
) -> Transition | None:
    for transition in candidates:
        guard = transition.guard
        operands: dict[str, Json] = {}
        holds: bool | None = None
        error: MacrostepFailed | None = None
        if guard is not None:
            if not tracer.is_full:
                operands = operands_of(guard, turn)
            try:
                holds = guard.holds(turn)
            except MacrostepFailed as failure:
                error = failure
        tracer.consider(
            Considered(
                json_pointer=transition.json_pointer,
                source=transition.source_path,
                guard=holds,
                operands=operands,
                error=None if error is None else str(error),
            )
        )
        if error is not None:
            kind = str(turn.scope["event"]["type"])
            tracer.step(kind, eventless=not transition.descriptor, chosen=())
            raise error
        if guard is None or holds:
            return transition
    return None
