"""
The procedures of the standard, as XState runs them: domains, exit sets, entry sets.

They read the tables of a machine and return sets of state numbers. They run once for
each combination of configuration and transitions, so they are written to be read.
Three decisions keep every configuration legal: a transition's domain is fixed before the
exits record history; a transition to a history state conflicts with any other that exits
its source; and a region that is not left is not entered again because a sibling is.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from control_plane.engine.states import NO_STATE, ROOT, State, Transition

Record = Mapping[int, tuple[int, ...]]
"""What each history state remembers."""


def is_descendant(states: Sequence[State], state: int, ancestor: int) -> bool:
    """Whether a state is properly below another; everything is below NO_STATE."""
    if ancestor == NO_STATE:
        return True
    return ancestor < state <= states[ancestor].last


def ancestors(states: Sequence[State], state: int, upto: int = NO_STATE) -> Iterator[int]:
    """The proper ancestors, nearest first, without `upto` and what is above it."""
    if state == upto:
        return
    above = states[state].parent
    while above not in {NO_STATE, upto}:
        yield above
        above = states[above].parent


def default_of_history(states: Sequence[State], history: int) -> tuple[int, ...]:
    """Where a history state without a record leads."""
    if states[history].default:
        return states[history].default
    parent = states[states[history].parent]
    return (parent.index,) if parent.kind == "parallel" else (parent.initial,)


def effective_targets(
    states: Sequence[State], targets: Iterable[int], record: Record
) -> tuple[int, ...]:
    """The targets with history states replaced by what they stand for."""
    found: dict[int, None] = {}
    for target in targets:
        if states[target].kind != "history":
            found[target] = None
        elif target in record:
            found.update(dict.fromkeys(record[target]))
        else:
            default = default_of_history(states, target)
            found.update(dict.fromkeys(effective_targets(states, default, record)))
    return tuple(found)


def domain_of(states: Sequence[State], transition: Transition, record: Record) -> int:
    """The state whose descendants the transition exits; NO_STATE when it exits the root too."""
    source = transition.source
    targets = effective_targets(states, transition.targets, record)
    if not transition.reenter and all(
        target == source or is_descendant(states, target, source) for target in targets
    ):
        return source
    head, *tail = (*targets, source)
    for ancestor in ancestors(states, head):
        if all(is_descendant(states, state, ancestor) for state in tail):
            return ancestor
    return NO_STATE if transition.reenter else ROOT


def exit_sets(
    states: Sequence[State],
    transitions: Iterable[Transition],
    domains: Mapping[int, int],
    active: Sequence[int],
) -> dict[int, frozenset[int]]:
    """What each transition leaves of the active states, which are in document order."""
    nothing: frozenset[int] = frozenset()
    of_domain: dict[int, frozenset[int]] = {}
    found: dict[int, frozenset[int]] = {}
    for one in transitions:
        domain = domains[one.index]
        if one.targets and domain not in of_domain:
            first = bisect_right(active, domain)
            last = len(states) if domain == NO_STATE else states[domain].last
            of_domain[domain] = frozenset(active[first : bisect_right(active, last, first)])
        found[one.index] = of_domain[domain] if one.targets else nothing
    return found


def without_conflicts(
    states: Sequence[State],
    transitions: Sequence[Transition],
    exits: Mapping[int, frozenset[int]],
) -> tuple[Transition, ...]:
    """Of two transitions that exclude each other, the one deeper inside, else the earlier."""
    kept: list[Transition] = []
    left: set[int] = set()
    may_conflict = any(_leads_to_history(states, one) for one in transitions)
    for candidate in transitions:
        # As regions seldom leave each other, most need not be held against all the others.
        if not may_conflict:
            may_conflict = not left.isdisjoint(exits[candidate.index])
            left |= exits[candidate.index]
        if not may_conflict:
            kept.append(candidate)
            continue
        beaten: list[Transition] = []
        for other in kept:
            if not _conflict(states, candidate, other, exits):
                continue
            if not is_descendant(states, candidate.source, other.source):
                break
            beaten.append(other)
        else:
            kept = [other for other in kept if other not in beaten]
            kept.append(candidate)
    return tuple(kept)


def _conflict(
    states: Sequence[State],
    one: Transition,
    other: Transition,
    exits: Mapping[int, frozenset[int]],
) -> bool:
    if not exits[one.index].isdisjoint(exits[other.index]):
        return True
    return (_leads_to_history(states, one) and one.source in exits[other.index]) or (
        _leads_to_history(states, other) and other.source in exits[one.index]
    )


def _leads_to_history(states: Sequence[State], transition: Transition) -> bool:
    return any(states[target].kind == "history" for target in transition.targets)


class EntrySet:
    """
    What a microstep enters, and for which states their `initial` actions run.

    `by_default` are the states entered by default or targeted directly. `staying` are
    the active states that are not left.
    """

    def __init__(
        self, states: Sequence[State], record: Record, staying: frozenset[int] = frozenset()
    ) -> None:
        self._states = states
        self._record = record
        self._staying = staying
        self.entered: set[int] = set()
        self.by_default: set[int] = set()
        self._above: set[int] = set()
        """Everything that has an entered state below it."""
        self._complete: set[int] = set()
        """The parallel states all of whose regions were looked after."""

    def add_transition(self, transition: Transition, domain: int) -> None:
        states = self._states
        source = transition.source
        for target in transition.targets:
            if states[target].kind != "history" and (
                source != target or source != domain or transition.reenter
            ):
                self._add(target)
            self._add_descendants(target)
        for target in effective_targets(states, transition.targets, self._record):
            above = list(ancestors(states, target, domain))
            if domain != NO_STATE and states[domain].kind == "parallel":
                above.append(domain)
            self._add_ancestors(above, domain)

    def add_initial(self) -> None:
        """Enter the machine: the root and all of its initial states, by default."""
        initial = list(self._initial_states(ROOT))
        for state in initial:
            if self._states[state].kind != "history":
                self._add(state)
            self._add_descendants(state)
        for state in effective_targets(self._states, initial, self._record):
            self._add_ancestors(ancestors(self._states, state), NO_STATE)

    def _initial_states(self, state: int) -> Iterator[int]:
        yield state
        compound = self._states[state]
        if compound.kind == "compound":
            yield from self._initial_states(compound.initial)
        elif compound.kind == "parallel":
            for child in compound.children:
                yield from self._initial_states(child)

    def _enter(self, state: int) -> None:
        if state not in self.entered:
            self.entered.add(state)
            self._above.update(ancestors(self._states, state))

    def _add(self, state: int) -> None:
        self._enter(state)
        self.by_default.add(state)

    def _add_descendants(self, state: int) -> None:
        node = self._states[state]
        if node.kind == "history":
            self._add_remembered(node)
        elif node.kind == "compound":
            if self._states[node.initial].kind != "history":
                self._add(node.initial)
            self._add_descendants(node.initial)
            self._add_ancestors(ancestors(self._states, node.initial, state), NO_STATE)
        elif node.kind == "parallel":
            for child in node.children:
                if not self._enters_below(child):
                    self._add(child)
                    self._add_descendants(child)

    def _add_remembered(self, history: State) -> None:
        remembered = self._record.get(history.index)
        if remembered is None:
            remembered = default_of_history(self._states, history.index)
            parent = self._states[history.parent]
            if not history.default and parent.kind == "compound":
                self.by_default.add(parent.index)
        for state in remembered:
            self._enter(state)
            self._add_descendants(state)
        for state in remembered:
            above = ancestors(self._states, state, history.parent)
            self._add_ancestors(above, NO_STATE)

    def _add_ancestors(self, above: Iterable[int], domain: int) -> None:
        for ancestor in above:
            if is_descendant(self._states, ancestor, domain):
                self._enter(ancestor)
            if self._states[ancestor].kind != "parallel" or ancestor in self._complete:
                continue
            self._complete.add(ancestor)
            for child in self._states[ancestor].children:
                # XState adds such a region without its `initial` actions.
                if child not in self._staying and not self._enters_below(child):
                    self._enter(child)
                    self._add_descendants(child)

    def _enters_below(self, region: int) -> bool:
        return region in self._above
