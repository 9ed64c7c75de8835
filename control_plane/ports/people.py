"""
What people may do with a task, and where they look for it.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from control_plane.ports.duties import (
    Nudge,
    Quorum,
    Separation,
    names_in,
    nudges_json,
    nudges_of,
)
from control_plane.ports.records import JsonText, Task
from shared import json
from shared.json import Json

OfferKind: TypeAlias = Literal["user", "role", "assignee", "due"]


class Offer(NamedTuple):
    """
    Under what an open human task is found: a user or a role it is offered to, whoever has taken
    it, or, under no name, that it has a time by which it should be done.
    """

    kind: OfferKind
    name: str


DUE = Offer("due", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    What is said of people and one task, by its definition, or by the control plane of a task that
    it makes itself: `text` is what such a task is created with. `form` is None for no form,
    `quorum` for one that a single person ends.
    """

    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    form: Json = None
    is_skippable: bool = False
    quorum: Quorum | None = None
    not_by: Separation | None = None
    nudges: tuple[Nudge, ...] = ()

    @classmethod
    def of(cls, text: JsonText | None) -> "Terms":
        """As a task keeps them; None says nothing."""
        if text is None:
            return _NONE
        kept = json.load(text)
        if not isinstance(kept, dict):
            raise TypeError("a task's terms are an object")
        return cls(
            users=names_in(kept.get("users")),
            roles=names_in(kept.get("roles")),
            form=kept.get("form"),
            is_skippable=kept.get("skippable") is True,
            quorum=Quorum.of_json(kept.get("quorum")),
            not_by=Separation.of_json(kept.get("notBy")),
            nudges=nudges_of(kept.get("nudges")),
        )

    def also_to(self, users: tuple[str, ...], roles: tuple[str, ...]) -> "Terms":
        """These terms, with others it is offered to."""
        return replace(self, users=(*self.users, *users), roles=(*self.roles, *roles))

    def after(self, now: datetime) -> "Terms":
        """These terms, of a task that is begun anew: what its time has brought is past."""
        return replace(self, nudges=tuple(one for one in self.nudges if one.at > now))

    def text(self) -> JsonText:
        """As a task keeps them: what `of` reads."""
        found: dict[str, Json] = {}
        for word, names in (("users", self.users), ("roles", self.roles)):
            if names:
                found[word] = list[Json](names)
        if self.form is not None:
            found["form"] = self.form
        if self.is_skippable:
            found["skippable"] = True
        if self.quorum is not None:
            found["quorum"] = self.quorum.as_json()
        if self.not_by is not None:
            found["notBy"] = self.not_by.as_json()
        if self.nudges:
            found["nudges"] = nudges_json(self.nudges)
        return json.dump(found)


_NONE = Terms()


def separated_from(terms: JsonText | None) -> tuple[str, ...]:
    """Names of the tasks whose deciders may not decide one with these terms."""
    if terms is None or '"notBy"' not in terms:
        return ()
    not_by = Terms.of(terms).not_by
    return () if not_by is None else not_by.names


def offers_of(
    terms: JsonText | None, assignee: str | None, due_at: datetime | None
) -> frozenset[Offer]:
    """Under what a task is found, while it is open."""
    said = Terms.of(terms)
    found = {Offer("user", one) for one in said.users}
    found |= {Offer("role", one) for one in said.roles}
    if assignee is not None:
        found.add(Offer("assignee", assignee))
    if due_at is not None:
        found.add(DUE)
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """
    Somebody who deals with tasks: as histories name them, as tasks name them, and the roles that
    tasks are offered to. One who `manages` may deal with those of others, and sees them all.
    """

    name: str
    user: str
    roles: frozenset[str] = frozenset()
    manages: bool = False
    sees_all: bool = False

    @property
    def offers(self) -> frozenset[Offer]:
        """Under what the tasks are found that this person sees."""
        found = {Offer("role", one) for one in self.roles}
        return frozenset(found | {Offer("user", self.user), Offer("assignee", self.user)})

    def may_see(self, task: Task) -> bool:
        return self.sees_all or self.is_meant_by(task)

    def is_meant_by(self, task: Task) -> bool:
        """Whether the task is offered to this person, or is theirs already."""
        return not self.offers.isdisjoint(offers_of(task.terms, task.assignee, None))
