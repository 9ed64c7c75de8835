"""
The words of a filter by which people look for human tasks: assignee, candidate and due.
"""

from datetime import datetime
from typing import TypedDict, cast

from control_plane.api.filters import Field, Terms
from control_plane.ports.people import DUE, Offer, OfferKind, Person
from shared.errors import InvalidRequest

PEOPLE = {
    "assignee": Field(kind="text"),
    "candidate": Field(kind="text"),
    "due": Field(kind="time"),
}
_KINDS = ("user", "role")


class LookedFor(TypedDict):
    """As a TaskFilter has it."""

    found_as: tuple[frozenset[Offer], ...]
    is_unclaimed: bool
    due_from: datetime | None
    due_before: datetime | None


def looked_for(terms: Terms, person: Person) -> LookedFor:
    """What the filter asks for of what the person may see. Raises InvalidRequest."""
    assignee, candidate = terms.text("assignee"), terms.text("candidate")
    due_from, due_before = terms.time("due", ">="), terms.time("due", "<")
    asked = []
    if assignee:
        asked.append(frozenset({Offer("assignee", assignee)}))
    if candidate is not None:
        asked.append(frozenset({_candidate(candidate)}))
    if not asked and (due_from or due_before):
        asked.append(frozenset({DUE}))
    if not person.sees_all:
        asked.append(person.offers)
    if assignee == "" and not asked:
        raise InvalidRequest(
            'assignee = "" finds what nobody has taken of what another term finds: name a candidate'
            " or a due beside it",
            field="filter",
            reason="FILTER_INVALID",
        )
    return LookedFor(
        found_as=tuple(asked),
        is_unclaimed=assignee == "",
        due_from=due_from,
        due_before=due_before,
    )


def _candidate(text: str) -> Offer:
    kind, _, name = text.partition(":")
    if kind not in _KINDS or not name:
        raise InvalidRequest(
            f'candidate {text!r} is none; write "user:" or "role:" and a name',
            field="filter",
            reason="FILTER_INVALID",
        )
    return Offer(cast(OfferKind, kind), name)
