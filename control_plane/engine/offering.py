"""
Whom a human task is offered to, and until when: worked out when it is created.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from control_plane.engine.delays import Delay, due_after
from control_plane.engine.failures import ExpressionUnusable
from control_plane.engine.limits import MAX_CANDIDATE, MAX_CANDIDATES
from control_plane.engine.templates import Template
from control_plane.engine.turn import Turn
from shared.json import Json

Offer = dict[str, Json]
"""What was worked out of a plan: `users`, `roles`, and the length `in` which it is due."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PeoplePlan:
    """What a human task says of people; `form` is the JSON Schema of its output."""

    users: Template
    roles: Template
    due_in: Delay | None
    form: dict[str, Any] | None
    json_pointer: str

    @property
    def templates(self) -> tuple[Template, ...]:
        """What has to be worked out for an offer."""
        lengths = () if self.due_in is None or not self.due_in.computed else (self.due_in.computed,)
        return (self.users, self.roles, *lengths)

    def offer(self, turn: Turn) -> Offer:
        """Raises ExpressionUnusable where candidates are no names, or too many."""
        found: Offer = {}
        left = MAX_CANDIDATES
        for word, template in (("users", self.users), ("roles", self.roles)):
            names = template.evaluate(turn)
            if (
                not isinstance(names, list)
                or len(names) > left
                or not all(map(is_candidate, names))
            ):
                raise ExpressionUnusable(
                    f"{self.json_pointer}/candidates/{word}",
                    f"candidates must be a list of names of 1 to {MAX_CANDIDATE} characters, and"
                    f" {MAX_CANDIDATES} of them at most",
                    "",
                )
            left -= len(names)
            if names:
                found[word] = list(dict.fromkeys(names))
        if self.due_in is not None and self.due_in.computed is not None:
            found["in"] = self.due_in.computed.evaluate(turn)
        return found

    def terms(self, offer: Offer | None) -> dict[str, Json]:
        """What is kept with the task, of what was offered and of the form."""
        found = {word: names for word, names in (offer or {}).items() if word != "in"}
        if self.form is not None:
            found["form"] = self.form
        return found

    def due(self, offer: Offer | None, now: datetime) -> datetime | None:
        """When it should be done. Raises ExpressionUnusable where that is no length of time."""
        if self.due_in is None:
            return None
        if self.due_in.length is not None:
            return self.due_in.length.after(now)
        return due_after((offer or {}).get("in"), now, self.due_in.json_pointer)


def is_candidate(name: object) -> bool:
    """Whether it can be the name of a user or a role."""
    return isinstance(name, str) and 0 < len(name) <= MAX_CANDIDATE and "\0" not in name
