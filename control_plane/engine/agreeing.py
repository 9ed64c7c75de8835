"""
How many must agree on a human task, and who may not decide it: worked out when it is created.
"""

from dataclasses import dataclass

from control_plane.engine.failures import ExpressionUnusable
from control_plane.engine.limits import MAX_CANDIDATE, MAX_CANDIDATES, MAX_VOTERS
from control_plane.engine.templates import Constant, Template
from control_plane.engine.turn import Turn
from shared.json import Json


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QuorumPlan:
    """So many `approvals`, `of` so many votes at most."""

    approvals: Template
    of: Template
    json_pointer: str

    @property
    def templates(self) -> tuple[Template, ...]:
        return self.approvals, self.of

    def worked_out(self, turn: Turn) -> dict[str, Json]:
        """Raises ExpressionUnusable where it is no number of voters, or could not be reached."""
        approvals = _voters(turn, self.approvals, f"{self.json_pointer}/approvals")
        of = _voters(turn, self.of, f"{self.json_pointer}/of")
        if approvals > of:
            message = f"{approvals} of {of} cannot approve; `approvals` must not be more than `of`"
            raise ExpressionUnusable(self.json_pointer, message, "")
        return {"approvals": approvals, "of": of}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SeparationPlan:
    """Not by who decided these `tasks` before, not by who started it, not by these `users`."""

    tasks: tuple[str, ...]
    starter: bool
    users: Template
    json_pointer: str

    @property
    def templates(self) -> tuple[Template, ...]:
        return (self.users,)

    def worked_out(self, turn: Turn) -> dict[str, Json]:
        found: dict[str, Json] = {}
        if self.tasks:
            found["tasks"] = list[Json](self.tasks)
        if self.starter:
            found["starter"] = True
        users = names_now(turn, self.users, f"{self.json_pointer}/users", MAX_CANDIDATES)
        if users:
            found["users"] = users
        return found


def names_now(turn: Turn, template: Template, json_pointer: str, most: int) -> list[Json]:
    """Names of users or roles, each once. Raises ExpressionUnusable for what is none."""
    names = template.evaluate(turn)
    if not isinstance(names, list) or len(names) > most or not all(map(is_candidate, names)):
        raise ExpressionUnusable(
            json_pointer,
            f"candidates must be a list of names of 1 to {MAX_CANDIDATE} characters, and"
            f" {MAX_CANDIDATES} of them at most",
            "",
        )
    return list(dict.fromkeys(names))


def is_candidate(name: object) -> bool:
    """Whether it can be the name of a user or a role."""
    return isinstance(name, str) and 0 < len(name) <= MAX_CANDIDATE and "\0" not in name


def is_voters(value: object) -> bool:
    """Whether so many people can vote on a task."""
    return type(value) is int and 1 <= value <= MAX_VOTERS


def _voters(turn: Turn, template: Template, json_pointer: str) -> int:
    value = template.value if isinstance(template, Constant) else template.evaluate(turn)
    if not is_voters(value):
        message = f"a number of voters is from 1 to {MAX_VOTERS}"
        raise ExpressionUnusable(json_pointer, message, "")
    assert isinstance(value, int)
    return value
