"""
Where the engine differs from XState by decision, each as a change to XState itself.

A difference counts as explained only when XState with some of these changes, and nothing
else changed, agrees in every step: configuration, context, order of actions, everything.
So an explanation cannot cover more than what it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True)
class Change:
    """A place in XState's source, and what stands there once the decision is in it."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One of our decisions: why, and what it would change in XState."""

    name: str
    reason: str
    changes: tuple[Change, ...]


DOCUMENT_ORDER = Decision(
    "document-order",
    "regions go in the order in which they are written; in XState, in the order in which they "
    "were last entered, and in another one after a restore",
    (
        Change(
            old="""
    _nodes: config._nodes,
    value: getStateValue(machine.root, config._nodes),
""",
            new="""
    _nodes: (config._nodes = [...config._nodes].sort((a, b) => a.order - b.order)),
    value: getStateValue(machine.root, config._nodes),
""",
        ),
    ),
)

DOMAIN_FIRST = Decision(
    "domain-first",
    "what a transition leaves is settled before its exits record histories; XState works it out "
    "again afterwards, and may enter what it has not left",
    (
        Change(
            old="""
    let nextState = currentSnapshot;

    // Exit states
""",
            new="""
    let nextState = currentSnapshot;
    filteredTransitions.domains = filteredTransitions.map(
      t => getTransitionDomain(t, historyValue));

    // Exit states
""",
        ),
        Change(
            old="""
  for (const t of transitions) {
    const domain = getTransitionDomain(t, historyValue);
    for (const s of t.target || []) {
""",
            new="""
  for (const [at, t] of transitions.entries()) {
    const domain = transitions.domains[at];
    for (const s of t.target || []) {
""",
        ),
    ),
)

HISTORY_CONFLICTS = Decision(
    "history-conflicts",
    "a transition to a history state excludes any that leaves its source; XState takes both, and "
    "may be in two children of one state afterwards",
    (
        Change(
            old="""
      if (hasIntersection(computeExitSet([t1], stateNodeSet, historyValue), \
computeExitSet([t2], stateNodeSet, historyValue))) {
""",
            new="""
      const e1 = computeExitSet([t1], stateNodeSet, historyValue);
      const e2 = computeExitSet([t2], stateNodeSet, historyValue);
      const remembers = t => (t.target || []).some(isHistoryNode);
      if (hasIntersection(e1, e2) || remembers(t1) && e2.includes(t1.source) ||
          remembers(t2) && e1.includes(t2.source)) {
""",
        ),
    ),
)

REGIONS_STAY = Decision(
    "regions-stay",
    "a region that is not left is not entered again because a history leads to one beside it; "
    "XState enters it by default, and may be in two children of it afterwards",
    (
        Change(
            old="""
  computeEntrySet(filteredTransitions, historyValue, statesForDefaultEntry, statesToEnter);
""",
            new="""
  statesToEnter.staying = new Set(mutStateNodeSet);
  computeEntrySet(filteredTransitions, historyValue, statesForDefaultEntry, statesToEnter);
""",
        ),
        Change(
            old="""
        if (![...statesToEnter].some(s => isDescendant(s, child))) {
          statesToEnter.add(child);
""",
            new="""
        if (!statesToEnter.staying.has(child) &&
            ![...statesToEnter].some(s => isDescendant(s, child))) {
          statesToEnter.add(child);
""",
        ),
    ),
)

START_IS_EMPTY = Decision(
    "start-is-empty",
    "while the machine is being entered, `@stateIn` finds no state but the root, however it names "
    "them; XState finds the initial states by their value and does not find them by their id",
    (
        Change(
            old="""
  return snapshot.matches(stateValue);
""",
            new="""
  return snapshot._nodes.length > 1 && snapshot.matches(stateValue);
""",
        ),
    ),
)

DECISIONS = (DOCUMENT_ORDER, DOMAIN_FIRST, HISTORY_CONFLICTS, REGIONS_STAY, START_IS_EMPTY)

Variant = tuple[Decision, ...]
"""XState with these decisions applied; () is XState as it is published."""

PUBLISHED: Variant = ()


def variants() -> Iterator[Variant]:
    """Every combination of decisions, those of few first."""
    for size in range(len(DECISIONS) + 1):
        yield from combinations(DECISIONS, size)


def name_of(variant: Variant) -> str:
    return " + ".join(decision.name for decision in variant) or "none"


def apply(variant: Variant, source: str) -> str:
    """
    XState's source with the decisions in it.

    Raises ValueError when a place is not found exactly once: another version of XState.
    """
    for decision in variant:
        for change in decision.changes:
            count = source.count(change.old)
            if count != 1:
                raise ValueError(
                    f"decision {decision.name}: its place in XState was found {count} times; "
                    "compare its changes with the pinned version's source"
                )
            source = source.replace(change.old, change.new)
    return source
