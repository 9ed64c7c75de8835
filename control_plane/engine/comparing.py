"""
What has changed from one machine to another: in what they do, not in how they are written.

    compare(before, after) -> Comparison

States are held against those they have become (matching.py); what the changes mean for an
instance that runs is told by continuing.py.
"""

from collections.abc import Sequence

from control_plane.engine.changes import Change, Named, Side
from control_plane.engine.continuing import Compatibility, Reason, reasons_of, worst_of
from control_plane.engine.machine import Machine
from control_plane.engine.matching import MAX_COMPARED, Match, Means, match_states
from control_plane.engine.members import changes_of
from control_plane.engine.states import ROOT
from shared.frozen import frozen


@frozen
class Renamed:
    """
    A state that has another path now. `means` says how that is known: its `id`, its
    `parent` (which was renamed), or its `structure`, with a `confidence` below 1 if it
    does not do quite the same any more.
    """

    before: str
    after: str
    means: Means
    confidence: float


@frozen
class Comparison:
    """
    All differences, states by path and in the order of the definitions.

    `compatibility` is IDENTICAL where there is no difference at all. `reasons` say why it
    is not better than it is; there are none for COMPATIBLE.
    """

    compatibility: Compatibility
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[Renamed, ...]
    changes: tuple[Change, ...]
    reasons: tuple[Reason, ...]


def compare(before: Machine, after: Machine, *, max_compared: int = MAX_COMPARED) -> Comparison:
    """
    Hold two machines together. Pure; takes time with the product of their states.

    `max_compared` bounds that time: 25,000 pairs of states are half a second.
    """
    matches = match_states(before, after, max_compared)
    sides = _sides(before, after, matches)
    added = _missing(after, {one.after for one in matches})
    removed = _missing(before, {one.before for one in matches})
    renamed = tuple(
        Renamed(
            before=before.states[one.before].path,
            after=after.states[one.after].path,
            means=one.means,
            confidence=one.confidence,
        )
        for one in matches
        if before.states[one.before].path != after.states[one.after].path
    )
    changes = tuple(change for one in matches for change in changes_of(sides, one))
    reasons = tuple(reasons_of(before, after, matches))
    return Comparison(
        compatibility=worst_of(reasons, differs=bool(added or removed or renamed or changes)),
        added=added,
        removed=removed,
        renamed=renamed,
        changes=changes,
        reasons=reasons,
    )


def _sides(before: Machine, after: Machine, matches: Sequence[Match]) -> tuple[Side, Side]:
    """Both machines, with one name for each state that both have."""
    became = {one.before: after.states[one.after].path for one in matches}
    names = [became.get(one.index, f"- {one.path}") for one in before.states]
    known = set(became.values())
    others = [one.path if one.path in known else f"+ {one.path}" for one in after.states]
    return Side(before, Named(names)), Side(after, Named(others))


def _missing(machine: Machine, found: set[int]) -> tuple[str, ...]:
    return tuple(
        state.path for state in machine.states if state.index not in found and state.index != ROOT
    )
