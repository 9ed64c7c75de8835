"""
What a task says of how many must agree on it, who may not decide it, and what its time brings.

These stand in the terms of a task, beside whom it is offered to, whoever wrote them: a definition,
or the control plane for a task that it makes itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from control_plane.engine.instants import read_instant, write_instant
from shared.json import Json

STARTER = ""
"""Whoever started an instance has decided the task of this name, which no task has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """So many of those who vote must approve; `of` is how many vote at most."""

    approvals: int
    of: int

    def is_reached(self, approvals: int) -> bool:
        return approvals >= self.approvals

    def is_out_of_reach(self, rejections: int) -> bool:
        """Whether those who are left cannot be enough any more."""
        return rejections > self.of - self.approvals

    def as_json(self) -> dict[str, Json]:
        return {"approvals": self.approvals, "of": self.of}

    @classmethod
    def of_json(cls, kept: Json) -> "Quorum | None":
        if not isinstance(kept, dict):
            return None
        return cls(approvals=int(str(kept["approvals"])), of=int(str(kept["of"])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """
    Who may not decide a task: those who decided tasks of these names in its instance before,
    whoever started the instance, and these users.
    """

    tasks: tuple[str, ...] = ()
    starter: bool = False
    users: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tasks whose deciders it is about."""
        return (*self.tasks, STARTER) if self.starter else self.tasks

    def as_json(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        if self.tasks:
            found["tasks"] = list[Json](self.tasks)
        if self.starter:
            found["starter"] = True
        if self.users:
            found["users"] = list[Json](self.users)
        return found

    @classmethod
    def of_json(cls, kept: Json) -> "Separation | None":
        if not isinstance(kept, dict):
            return None
        return cls(
            tasks=names_in(kept.get("tasks")),
            starter=kept.get("starter") is True,
            users=names_in(kept.get("users")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """
    What happens to an open task at an instant, if nobody has ended it by then: people are
    reminded of it, or it is escalated. `event` is what its instance is told, if anything.
    """

    at: datetime
    is_reminder: bool = False
    only_unclaimed: bool = False
    """Nothing happens if somebody has the task then."""
    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    """Whom it is offered to from then on, beside those it was."""
    assign_to: str | None = None
    priority: int | None = None
    event: str | None = None
    fails: bool = False
    """It ends, by an error of the kind `task.expired`."""

    def as_json(self) -> dict[str, Json]:
        found: dict[str, Json] = {"at": write_instant(self.at)}
        flags = {"reminder": self.is_reminder, "unclaimed": self.only_unclaimed, "fail": self.fails}
        found |= {word: True for word, is_set in flags.items() if is_set}
        for word, names in (("users", self.users), ("roles", self.roles)):
            if names:
                found[word] = list[Json](names)
        for word, value in (("assignTo", self.assign_to), ("event", self.event)):
            if value is not None:
                found[word] = value
        if self.priority is not None:
            found["priority"] = self.priority
        return found

    @classmethod
    def of_json(cls, kept: Json) -> "Nudge":
        if not isinstance(kept, dict):
            raise TypeError("what a task's time brings is an object")
        at = read_instant(str(kept["at"]))
        if at is None:
            raise TypeError("what a task's time brings has an instant")
        return cls(
            at=at,
            is_reminder=kept.get("reminder") is True,
            only_unclaimed=kept.get("unclaimed") is True,
            users=names_in(kept.get("users")),
            roles=names_in(kept.get("roles")),
            assign_to=_text(kept, "assignTo"),
            priority=int(str(kept["priority"])) if "priority" in kept else None,
            event=_text(kept, "event"),
            fails=kept.get("fail") is True,
        )


def nudges_of(kept: Json) -> tuple[Nudge, ...]:
    """In the order of their instants, as they are kept."""
    return tuple(map(Nudge.of_json, kept)) if isinstance(kept, list) else ()


def nudges_json(nudges: Sequence[Nudge]) -> list[Json]:
    return [one.as_json() for one in sorted(nudges, key=lambda one: one.at)]


def names_in(value: Json) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _text(kept: Mapping[str, Json], word: str) -> str | None:
    value = kept.get(word)
    return None if value is None else str(value)
