"""
Which state of one machine is which of another: by path, by id, by its parent, or by what
it does. What cannot be told is not guessed: two states that are as much alike as two
others are nobody's rename.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

from control_plane.engine.machine import Machine
from control_plane.engine.shapes import Shapes
from control_plane.engine.states import NO_STATE, ROOT, State
from control_plane.engine.wording import trigger_words

Means: TypeAlias = Literal["path", "id", "parent", "structure"]

ALIKE = 0.6
"""How much alike two states must be to be taken for one, from 0 to 1."""

MARGIN = 0.05
"""By how much they must be more alike than either is like any other."""

MAX_COMPARED = 100_000
"""Pairs of states that are held together, in four seconds; of more, none is told by structure."""

Pair: TypeAlias = tuple[float, int, int]
"""How much alike, the state before, the state after."""

_WEIGHT_OF_KEY = 0.2
_ELSEWHERE = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One state in both machines. `confidence` is 1.0 unless it was told by structure."""

    before: int
    after: int
    means: Means
    confidence: float = 1.0


def match_states(before: Machine, after: Machine, max_compared: int = MAX_COMPARED) -> list[Match]:
    """
    The states that both machines have, in the order of `before`; the roots are one.

    Where more than `max_compared` pairs are left to be held together, none is told by structure.

    Which machine is which makes no difference: the matches of the reverse are these,
    reversed.
    """
    return sorted(_Matching(before, after, max_compared).matches(), key=lambda one: one.before)


class _Matching:
    def __init__(self, before: Machine, after: Machine, max_compared: int) -> None:
        self._machines = before, after
        self._max_compared = max_compared
        self._found: dict[int, Match] = {}
        self._taken: set[int] = set()
        self._children = {(one.parent, one.key): one.index for one in after.states}

    def matches(self) -> list[Match]:
        before, after = self._machines
        self._take(ROOT, ROOT, "path")
        for path, index in before.index_of.items():
            there = after.index_of.get(path)
            if there is not None and index != ROOT:
                self._take(index, there, "path")
        self._by_id()
        self._by_parent()
        pairs = self._alike()
        of_either: dict[tuple[int, int], list[Pair]] = {}
        for pair in pairs:
            of_either.setdefault((0, pair[1]), []).append(pair)
            of_either.setdefault((1, pair[2]), []).append(pair)
        for pair in pairs:
            score, index, there = pair
            rivals = (*of_either[0, index], *of_either[1, there])
            if self._is_free(pair) and not self._is_in_doubt(pair, rivals):
                self._take(index, there, "structure", round(score, 2))
                self._by_parent()
        return [self._by_what(one) for one in self._found.values()]

    def _by_what(self, match: Match) -> Match:
        """A state that only moved with its parent was not itself renamed, however it was found."""
        state, there = (
            machine.states[index]
            for machine, index in zip(self._machines, (match.before, match.after), strict=True)
        )
        parent = self._found.get(state.parent)
        if (
            state.path == there.path
            or state.key != there.key
            or parent is None
            or parent.after != there.parent
        ):
            return match
        return replace(match, means="parent")

    def _take(self, before: int, after: int, means: Means, confidence: float = 1.0) -> None:
        self._found[before] = Match(before=before, after=after, means=means, confidence=confidence)
        self._taken.add(after)

    def _by_id(self) -> None:
        """An author who gives a state an id means it to be known by that."""
        before, after = (
            {one.id: one.index for one in machine.states if one.id != _default_id(machine, one)}
            for machine in self._machines
        )
        for name, index in before.items():
            there = after.get(name)
            if there is not None and index not in self._found and there not in self._taken:
                self._take(index, there, "id")

    def _by_parent(self) -> None:
        """What a renamed state holds has moved with it."""
        for state in self._machines[0].states:
            parent = self._found.get(state.parent)
            if state.index in self._found or parent is None:
                continue
            there = self._children.get((parent.after, state.key))
            if there is not None and there not in self._taken:
                self._take(state.index, there, "parent")

    def _alike(self) -> list[Pair]:
        """Pairs of states that nothing else tells, the most alike first."""
        before, after = self._machines
        left = [one for one in before.states if one.index not in self._found]
        right = [one for one in after.states if one.index not in self._taken]
        if not left or not right or len(left) * len(right) > self._max_compared:
            return []
        features = [_features(machine, self._shared()) for machine in (before, after)]
        pairs = []
        for one in left:
            for other in right:
                if one.kind == other.kind:
                    score = _score(one, other, features[0][one.index], features[1][other.index])
                    if score >= ALIKE:
                        pairs.append((score, one.index, other.index))
        return sorted(pairs, key=lambda pair: (-pair[0], min(pair[1:]), max(pair[1:])))

    def _is_free(self, pair: Pair) -> bool:
        return pair[1] not in self._found and pair[2] not in self._taken

    def _is_in_doubt(self, pair: Pair, rivals: Sequence[Pair]) -> bool:
        """Whether one of the two is as much like a third, or nearly."""
        return any(
            one != pair and one[0] > pair[0] - MARGIN and self._is_free(one) for one in rivals
        )

    def _shared(self) -> frozenset[str]:
        return frozenset(self._machines[0].index_of) & frozenset(self._machines[1].index_of)


def _score(before: State, after: State, some: Counter[object], others: Counter[object]) -> float:
    """How much alike, from 0 to 1; 0 for states that do nothing, whatever they are called."""
    every = (some | others).total()
    common = (some & others).total() / every if every else 0.0
    if common * (1 - _WEIGHT_OF_KEY) + _WEIGHT_OF_KEY < ALIKE:
        return 0.0
    keys = sorted([before.key, after.key])
    named = SequenceMatcher(None, keys[0][:100], keys[1][:100]).ratio()
    return round((1 - _WEIGHT_OF_KEY) * common + _WEIGHT_OF_KEY * named, 6)


def _features(machine: Machine, shared: frozenset[str]) -> list[Counter[object]]:
    """What each state does, and what leads to it, in terms that both machines have."""

    def name_of(index: int) -> str:
        path = machine.states[index].path
        return path if path in shared else _ELSEWHERE

    shapes = Shapes(name_of)
    found: list[Counter[object]] = [Counter() for _ in machine.states]
    for state in machine.states:
        own = found[state.index]
        own.update(("entry", shapes.of(one)) for one in state.entry)
        own.update(("exit", shapes.of(one)) for one in state.exit)
        own.update(("task", one.plan.name, one.plan.kind) for one in state.invokes)
        own.update(("tag", one) for one in state.tags)
        own.update(("child", machine.states[one].key) for one in state.children)
    for transition in machine.transitions:
        source = machine.states[transition.source]
        trigger = trigger_words(machine, transition)
        targets = tuple(map(name_of, transition.targets))
        found[source.index][("leads", trigger, targets)] += 1
        if transition.guard is not None:
            found[source.index][("asks", trigger, shapes.of(transition.guard))] += 1
        for target in transition.targets:
            if target != source.index:
                found[target][("comes", trigger, name_of(source.index))] += 1
    for state in machine.states:
        if state.kind == "compound":
            found[state.initial][("begins", name_of(state.index))] += 1
    return found


def _default_id(machine: Machine, state: State) -> str:
    return machine.id if state.parent == NO_STATE else f"{machine.id}.{state.path}"
