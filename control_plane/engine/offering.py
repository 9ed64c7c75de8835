"""
Whom a human task is offered to, and until when: worked out when it is created.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from control_plane.engine.agreeing import QuorumPlan, SeparationPlan, names_now
from control_plane.engine.delays import Delay, due_after
from control_plane.engine.limits import MAX_CANDIDATES
from control_plane.engine.nudging import NudgePlan, nudges_at
from control_plane.engine.templates import Template
from control_plane.engine.turn import Turn
from shared.json import Json

Offer = dict[str, Json]
"""
What was worked out of a plan: `users`, `roles`, the length `in` which it is due, its `quorum`, who
it is `notBy`, and the effects of its `nudges`.
"""

_NOT_KEPT = ("in", "nudges")
"""What a task does not keep as it was worked out: it becomes instants."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PeoplePlan:
    """What a human task says of people; `form` is the JSON Schema of its output."""

    users: Template
    roles: Template
    due_in: Delay | None
    form: dict[str, Any] | None
    json_pointer: str
    quorum: QuorumPlan | None = None
    not_by: SeparationPlan | None = None
    nudges: tuple[NudgePlan, ...] = ()

    @property
    def templates(self) -> tuple[Template, ...]:
        """What has to be worked out for an offer."""
        lengths = () if self.due_in is None or not self.due_in.computed else (self.due_in.computed,)
        parts = [one for one in (self.quorum, self.not_by, *self.nudges) if one is not None]
        return (self.users, self.roles, *lengths, *(t for part in parts for t in part.templates))

    def offer(self, turn: Turn) -> Offer:
        """Raises ExpressionUnusable where candidates are no names, or too many."""
        found: Offer = {}
        left = MAX_CANDIDATES
        for word, template in (("users", self.users), ("roles", self.roles)):
            names = names_now(turn, template, f"{self.json_pointer}/candidates/{word}", left)
            left -= len(names)
            if names:
                found[word] = names
        if self.due_in is not None and self.due_in.computed is not None:
            found["in"] = self.due_in.computed.evaluate(turn)
        if self.quorum is not None:
            found["quorum"] = self.quorum.worked_out(turn)
        if self.not_by is not None:
            found["notBy"] = self.not_by.worked_out(turn)
        if self.nudges:
            found["nudges"] = [one.worked_out(turn) for one in self.nudges]
        return found

    def terms(self, offer: Offer | None, now: datetime) -> dict[str, Json]:
        """What is kept with the task, of what was offered and of the form."""
        found = {word: said for word, said in (offer or {}).items() if word not in _NOT_KEPT}
        if self.form is not None:
            found["form"] = self.form
        if self.nudges:
            effects = (offer or {}).get("nudges")
            nudges = nudges_at(self.nudges, effects, now, self.due(offer, now))
            if nudges:
                found["nudges"] = nudges
        return found

    def due(self, offer: Offer | None, now: datetime) -> datetime | None:
        """When it should be done. Raises ExpressionUnusable where that is no length of time."""
        if self.due_in is None:
            return None
        if self.due_in.length is not None:
            return self.due_in.length.after(now)
        return due_after((offer or {}).get("in"), now, self.due_in.json_pointer)
