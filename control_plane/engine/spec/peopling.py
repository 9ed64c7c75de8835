"""
What a human task says about people: whom it is offered to, until when, and by what form; how many
must agree, who may not decide it, and what its time brings (duties.py).
"""

from dataclasses import dataclass, field
from typing import Any

from control_plane.engine.offering import PeoplePlan
from control_plane.engine.spec.duties import Duties
from control_plane.engine.spec.findings import Findings, join
from control_plane.engine.spec.outline import unknown_keys, wrong_type
from control_plane.engine.spec.values import Values
from control_plane.engine.spec.vocabulary import CANDIDATES
from shared.forms import problem_of

OF_PEOPLE = ("candidates", "dueIn", "form", "quorum", "notBy", "reminders", "escalations")
"""The words that only a human task has."""


@dataclass(slots=True, eq=False)
class People:
    """Reads what a human task says of people; what is wrong is as if it were not there."""

    values: Values
    findings: Findings
    _duties: Duties = field(init=False)

    def __post_init__(self) -> None:
        self._duties = Duties(self.values, self.findings)

    def plan(self, body: dict[str, Any], pointer: str, names: frozenset[str]) -> PeoplePlan | None:
        """None where the task says nothing of people."""
        if body.keys().isdisjoint(OF_PEOPLE):
            return None
        place = join(pointer, "candidates")
        candidates = body.get("candidates", {})
        if not isinstance(candidates, dict) or "@expr" in candidates:
            wrong_type(self.findings, place, candidates, "an object with `users` and `roles`")
            candidates = {}
        unknown_keys(self.findings, place, candidates, CANDIDATES)
        duties = self._duties
        return PeoplePlan(
            users=duties.names(candidates.get("users", []), join(place, "users"), names),
            roles=duties.names(candidates.get("roles", []), join(place, "roles"), names),
            due_in=self.values.delay(body["dueIn"], join(pointer, "dueIn"))
            if "dueIn" in body
            else None,
            form=self._form(body.get("form"), join(pointer, "form")) if "form" in body else None,
            json_pointer=pointer,
            quorum=duties.quorum(body, pointer, names) if "quorum" in body else None,
            not_by=duties.separation(body, pointer, names) if "notBy" in body else None,
            nudges=duties.nudges(body, pointer, names),
        )

    def _form(self, form: Any, pointer: str) -> dict[str, Any] | None:
        """Rule: a form is a JSON Schema that looks at an output in bounded time."""
        if not isinstance(form, dict):
            wrong_type(self.findings, pointer, form, "a JSON Schema: an object")
            return None
        problem = problem_of(form)
        if problem is not None:
            for step in problem.path:
                pointer = join(pointer, step)
            self.findings.error("bad-form", pointer, problem.message, problem.remedy)
            return None
        return form
