"""
What a human task says about people: whom it is offered to, until when, and by what form.
"""

from dataclasses import dataclass
from typing import Any

from control_plane.engine.limits import MAX_CANDIDATE, MAX_CANDIDATES
from control_plane.engine.offering import PeoplePlan, is_candidate
from control_plane.engine.spec.findings import Findings, join
from control_plane.engine.spec.outline import unknown_keys, wrong_type
from control_plane.engine.spec.values import Values
from control_plane.engine.spec.vocabulary import CANDIDATES
from control_plane.engine.templates import Constant, Template
from shared.forms import problem_of

NOBODY = Constant([])
_NAMES = f"a list of at most {MAX_CANDIDATES} names of 1 to {MAX_CANDIDATE} characters"


@dataclass(slots=True, eq=False)
class People:
    """Reads what a human task says of people; what is wrong is as if it were not there."""

    values: Values
    findings: Findings

    def plan(self, body: dict[str, Any], pointer: str, names: frozenset[str]) -> PeoplePlan | None:
        """None where the task says nothing of people."""
        if not {"candidates", "dueIn", "form"} & body.keys():
            return None
        place = join(pointer, "candidates")
        candidates = body.get("candidates", {})
        if not isinstance(candidates, dict) or "@expr" in candidates:
            wrong_type(self.findings, place, candidates, "an object with `users` and `roles`")
            candidates = {}
        unknown_keys(self.findings, place, candidates, CANDIDATES)
        return PeoplePlan(
            users=self._names(candidates, "users", place, names),
            roles=self._names(candidates, "roles", place, names),
            due_in=self.values.delay(body["dueIn"], join(pointer, "dueIn"))
            if "dueIn" in body
            else None,
            form=self._form(body.get("form"), join(pointer, "form")) if "form" in body else None,
            json_pointer=pointer,
        )

    def _names(
        self, candidates: dict[str, Any], word: str, pointer: str, names: frozenset[str]
    ) -> Template:
        """Rule: candidates are names, or expressions for them, one by one or all at once."""
        given, place = candidates.get(word, []), join(pointer, word)
        if not isinstance(given, list):
            if not _is_computed(given):
                wrong_type(self.findings, place, given, _NAMES)
                return NOBODY
            return self.values.template(given, place, names)
        if len(given) > MAX_CANDIDATES:
            wrong_type(self.findings, place, given, _NAMES)
            return NOBODY
        for at, one in enumerate(given):
            if not is_candidate(one) and not _is_computed(one):
                wanted = f"a name of 1 to {MAX_CANDIDATE} characters, or an expression for one"
                wrong_type(self.findings, join(place, at), one, wanted)
        return self.values.template(given, place, names)

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


def _is_computed(value: object) -> bool:
    return isinstance(value, dict) and "@expr" in value
