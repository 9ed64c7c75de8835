"""
A scenario's file, as a scenario; or what is wrong with it, and in which line.
"""

import json
from collections.abc import Callable
from typing import TypeAlias

from control_plane.engine import Machine, check_spec
from control_plane.simulation.forms import meant
from control_plane.simulation.result import ERROR_KEYS
from control_plane.simulation.scenario import Expectation, Scenario
from control_plane.simulation.script_reading import SCRIPT_KEYS, ScriptForm
from shared.documents import Document
from shared.documents.document import below
from shared.json import Json

Load: TypeAlias = Callable[[str], Document]
"""Reads the definition that a scenario names; a relative name is relative to its file."""

STATUSES = ("running", "waiting", "completed", "failed", "cancelled")
DISPOSITIONS = ("APPLIED", "IGNORED", "DEFERRED")
REASONS = (
    "EVENT_NOT_ACCEPTED",
    "EXPRESSION_FAILED",
    "LIMIT_EXCEEDED",
    "INSTANCE_CLOSED",
    "INSTANCE_NOT_FOUND",
    "IDEMPOTENCY_MISMATCH",
    "TASK_NOT_OPEN",
)
TASK_KEYS = ("name", "number", "type", "attempt", "input")
AT_THE_END = (
    "status", "state", "context", "output", "error", "tasks", "accepts", "refuses", "emitted",
)  # fmt: skip
AFTER_A_STEP = (*AT_THE_END, "rejected", "disposition")
SCENARIO_KEYS = ("$schema", "about", "definition", *SCRIPT_KEYS, "expect")
STEP_KEYS = ("about", "expect")


def read_scenario(document: Document, load: Load, definition: Document | None = None) -> Scenario:
    """
    The scenario of a document. `definition` is the one to use instead of the
    scenario's own.

    Raises DocumentInvalid with the place for what it cannot mean, and for a definition that
    has errors.
    """
    return _ScenarioForm(document).scenario(load, definition)


class _ScenarioForm(ScriptForm):
    def scenario(self, load: Load, definition: Document | None) -> Scenario:
        if isinstance(self.document.value, dict) and "states" in self.document.value:
            raise self.invalid(
                "/states", "this is a definition; a scenario names one under `definition`"
            )
        body = self.object("", self.document.value, SCENARIO_KEYS)
        spec, machine = self._definition(body, load, definition)
        script = self.script(body, machine, STEP_KEYS)
        expectations: list[list[Expectation]] = [[]]
        pointers = [""]
        for pointer, value in self.items("/steps", body.get("steps", [])):
            step = self.object(pointer, value)
            if "about" in step:
                self.text(below(pointer, "about"), step["about"])
            if step.keys() - {"about", "expect"}:
                expectations.append([])
                pointers.append(pointer)
            if "expect" in step:
                at = below(pointer, "expect")
                expectations[-1].append(self._expectation(at, step["expect"], machine))
        at_the_end = None
        if "expect" in body:
            at_the_end = self._expectation("/expect", body["expect"], machine, at_the_end=True)
        return Scenario(
            document=self.document,
            about=self.text("/about", body.get("about", "")),
            spec=spec,
            machine=machine,
            script=script,
            expectations=tuple(tuple(found) for found in expectations),
            pointers=tuple(pointers),
            at_the_end=at_the_end,
        )

    def _definition(
        self, body: dict[str, Json], load: Load, definition: Document | None
    ) -> tuple[str, Machine]:
        given = None if definition is not None else body.get("definition")
        is_inline = isinstance(given, dict)
        if isinstance(given, dict):
            # Written out again, as the order of its keys is part of its meaning.
            spec = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
            source, prefix = self.document, "/definition"
        else:
            if given is not None:
                definition = load(self.text("/definition", given))
            if definition is None:
                raise self.invalid(
                    "", "name the `definition`: the path of its file, or the definition itself"
                )
            spec, source, prefix = definition.text, definition, ""
        machine, diagnostics = check_spec(spec)
        if machine is None:
            errors = [one for one in diagnostics if one.severity == "error"]
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            where = "" if is_inline else "the definition has errors: "
            raise source.invalid(
                prefix + errors[0].json_pointer,
                f"{where}{errors[0].message}; {errors[0].remedy}{more}",
            )
        return spec, machine

    def _expectation(
        self, pointer: str, value: Json, machine: Machine, *, at_the_end: bool = False
    ) -> Expectation:
        body = self.object(pointer, value, AT_THE_END if at_the_end else AFTER_A_STEP)
        if not body:
            raise self.invalid(pointer, "expect something, or leave `expect` out")
        wanted = {
            key: self._wanted(key, below(pointer, key), one, machine) for key, one in body.items()
        }
        return Expectation(json_pointer=pointer, wanted=wanted)

    def _wanted(self, key: str, pointer: str, value: Json, machine: Machine) -> Json:
        match key:
            case "status":
                return self.one_of(pointer, value, STATUSES)
            case "state":
                return self._state(pointer, value, machine)
            case "context":
                return self.object(pointer, value)
            case "error":
                if isinstance(value, str):
                    return {"kind": value}
                return self.object(pointer, value, ERROR_KEYS)
            case "tasks":
                return [
                    self._task_wanted(at, one, machine) for at, one in self.items(pointer, value)
                ]
            case "accepts" | "refuses":
                return [self.text(at, one) for at, one in self.items(pointer, value)]
            case "emitted":
                return [
                    {"type": one} if isinstance(one, str) else self.object(at, one)
                    for at, one in self.items(pointer, value)
                ]
            case "rejected":
                return value if isinstance(value, bool) else self.one_of(pointer, value, REASONS)
            case "disposition":
                return self.one_of(pointer, value, DISPOSITIONS)
        return value

    def _task_wanted(self, pointer: str, value: Json, machine: Machine) -> Json:
        body: Json = value
        if isinstance(value, str):
            body = {"name": value}
        task = self.object(pointer, body, TASK_KEYS)
        if "name" in task:
            at = pointer if isinstance(value, str) else below(pointer, "name")
            self._check_name(at, self.text(at, task["name"]), _names(machine))
        return task

    def _state(self, pointer: str, value: Json, machine: Machine, above: str = "") -> Json:
        """A state value with every dotted text written out; each state it names exists."""
        if isinstance(value, str):
            if not value:
                raise self.invalid(pointer, "name a state")
            first, _, rest = value.partition(".")
            self._check_state(pointer, above, first, machine)
            if not rest:
                return first
            return {first: self._state(pointer, rest, machine, f"{above}{first}.")}
        body = self.object(pointer, value)
        for key in body:
            self._check_state(below(pointer, key), above, key, machine)
        return {
            key: self._state(below(pointer, key), one, machine, f"{above}{key}.")
            for key, one in body.items()
        }

    def _check_state(self, pointer: str, above: str, key: str, machine: Machine) -> None:
        if f"{above}{key}" not in machine.index_of:
            siblings = [
                path.removeprefix(above)
                for path in machine.index_of
                if path and path.startswith(above) and "." not in path.removeprefix(above)
            ]
            raise self.invalid(
                pointer, f"the definition has no state {above}{key}; {meant(key, siblings)}"
            )


def _names(machine: Machine) -> set[str]:
    return {plan.name for plan in machine.task_plans}
