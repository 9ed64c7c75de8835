"""
What an open human task's time brings: people are reminded of it, and it is escalated.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from control_plane.engine.agreeing import is_candidate, names_now
from control_plane.engine.failures import ExpressionUnusable
from control_plane.engine.instants import write_instant
from control_plane.engine.limits import MAX_CANDIDATES
from control_plane.engine.templates import Template
from control_plane.engine.turn import Turn
from shared.json import Json

Since: TypeAlias = Literal["created", "due"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NudgePlan:
    """
    One reminder or escalation: `after` its task was created or is due, and before that if it is
    negative. What it does is in `fixed`, but for the names that are worked out.
    """

    since: Since
    after: timedelta
    fixed: dict[str, Json]
    users: Template | None
    roles: Template | None
    assign_to: Template | None
    json_pointer: str

    @property
    def templates(self) -> tuple[Template, ...]:
        return tuple(one for one in (self.users, self.roles, self.assign_to) if one is not None)

    def worked_out(self, turn: Turn) -> dict[str, Json]:
        """What it does. Raises ExpressionUnusable where a name is none."""
        found = dict(self.fixed)
        for word, template in (("users", self.users), ("roles", self.roles)):
            if template is not None:
                pointer = f"{self.json_pointer}/addCandidates/{word}"
                names = names_now(turn, template, pointer, MAX_CANDIDATES)
                if names:
                    found[word] = names
        if self.assign_to is not None:
            name = self.assign_to.evaluate(turn)
            if not is_candidate(name):
                pointer = f"{self.json_pointer}/assignTo"
                raise ExpressionUnusable(pointer, "it must be assigned to the name of a user", "")
            found["assignTo"] = name
        return found

    def at(self, created: datetime, due: datetime | None) -> datetime | None:
        """When; None where that would be before the task was created, or after all time."""
        since = created
        if self.since == "due":
            assert due is not None  # without a due time the spec is refused: rule no-due-time
            since = due
        try:
            found = since + self.after
        except OverflowError:
            return None
        return None if found < created else found


def nudges_at(
    plans: tuple[NudgePlan, ...], worked_out: Json, created: datetime, due: datetime | None
) -> list[Json]:
    """What a task's time brings, in order, each with its instant."""
    effects = worked_out if isinstance(worked_out, list) else []
    found: list[tuple[datetime, dict[str, Json]]] = []
    for plan, effect in zip(plans, effects, strict=True):
        at = plan.at(created, due)
        if at is not None and isinstance(effect, dict):
            found.append((at, {"at": write_instant(at), **effect}))
    return [nudge for _, nudge in sorted(found, key=lambda one: one[0])]
