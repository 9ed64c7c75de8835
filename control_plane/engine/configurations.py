"""
A configuration is a set of active states. Each is made once for a machine and kept, with what
follows from it alone: which transitions answer which event there.
"""

from collections.abc import Sequence
from typing import Any

from control_plane.engine.decision import Considered
from control_plane.engine.failures import MacrostepFailed
from control_plane.engine.operands import operands_of
from control_plane.engine.states import ROOT, State, Transition
from control_plane.engine.tracing import Tracer
from control_plane.engine.turn import Turn
from shared.json import Json


class Selection:
    """
    The candidates for one event in one configuration, as XState asks them: from the
    leaves up, first passing guard wins, and where regions answer, nobody above does.
    """

    __slots__ = ("own", "parts")

    def __init__(self, parts: tuple["Selection", ...], own: tuple[Transition, ...]) -> None:
        self.parts = parts
        self.own = own

    def choose(self, turn: Turn) -> list[Transition]:
        """The enabled transitions. Raises MacrostepFailed when a guard has no answer."""
        if self.parts:
            found = [chosen for part in self.parts for chosen in part.choose(turn)]
            if found:
                return found
        chosen = _first(self.own, turn)
        return [] if chosen is None else [chosen]

    def __bool__(self) -> bool:
        return bool(self.parts or self.own)


class Configuration:
    """
    One legal set of active states.

    `active` are all of them, `ordered` the same in document order, `paths` those of the
    leaves. `selections` holds one entry an event type of the machine's own vocabulary;
    `eventless` the candidates of each leaf, climbing separately.
    """

    __slots__ = ("active", "eventless", "ordered", "paths", "plans", "selections", "states")

    def __init__(self, states: Sequence[State], active: frozenset[int]) -> None:
        self.states = states
        self.active = active
        self.ordered = tuple(sorted(active))
        self.paths = tuple(states[index].path for index in self.ordered if states[index].is_leaf)
        self.selections: dict[str, Selection] = {}
        self.plans: dict[object, Any] = {}
        self.eventless = self._eventless()

    def select(self, event_type: str) -> Selection:
        """The candidates for an event type, worked out afresh."""
        return self._select(self.states[ROOT], event_type)

    def choose_eventless(self, turn: Turn) -> list[Transition]:
        """The enabled eventless transitions, each once."""
        chosen: list[Transition] = []
        for candidates in self.eventless:
            first = _first(candidates, turn)
            if first is not None and first not in chosen:
                chosen.append(first)
        return chosen

    def _select(self, state: State, event_type: str) -> Selection:
        parts = tuple(
            part
            for child in state.children
            if child in self.active and (part := self._select(self.states[child], event_type))
        )
        own = candidates_of(state, event_type)
        if len(parts) == 1:
            # One region answering is the same as a chain: its candidates, then ours.
            return Selection(parts[0].parts, parts[0].own + own) if own else parts[0]
        return Selection(parts, own)

    def _eventless(self) -> tuple[tuple[Transition, ...], ...]:
        climbs = []
        for index in self.ordered:
            if not self.states[index].is_leaf:
                continue
            candidates: tuple[Transition, ...] = ()
            climbing = index
            while climbing >= ROOT:
                candidates += self.states[climbing].always
                climbing = self.states[climbing].parent
            if candidates:
                climbs.append(candidates)
        return tuple(climbs)


def candidates_of(state: State, event_type: str) -> tuple[Transition, ...]:
    """Exact descriptors first, then wildcards, the longest first."""
    wildcards = [
        descriptor
        for descriptor in state.on
        if descriptor != event_type and answers(descriptor, event_type)
    ]
    wildcards.sort(key=len, reverse=True)
    return state.on.get(event_type, ()) + tuple(
        transition for descriptor in wildcards for transition in state.on[descriptor]
    )


def answers(descriptor: str, event_type: str) -> bool:
    """Whether a descriptor matches an event type: `*` all, `a.*` both `a` and `a.b.c`."""
    if descriptor in {event_type, "*"}:
        return True
    if not descriptor.endswith(".*"):
        return False
    prefix = descriptor[:-2]
    return event_type == prefix or event_type.startswith(f"{prefix}.")


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
