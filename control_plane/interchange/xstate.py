"""
XState's JSON config, in and out.

In is hardly a translation: a definition *is* such a config, so a config that only uses what a
definition has is taken as it is, and everything else is what the validator says about it.

Out, what JSON cannot say in XState becomes a name: there, guards, actions and delays are
functions that the program brings along under names, so a guard that is an expression here is
written as an object whose `type` is that expression. The tree of states, and where each
transition leads, stay what they are.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from control_plane.engine.compiling import check_spec, compile_spec
from control_plane.engine.durations import parse_duration
from control_plane.engine.spec.findings import Findings, join
from control_plane.engine.spec.reading import read_spec
from control_plane.interchange.mapped import (
    DocumentUnreadable,
    Exported,
    Imported,
    LeftOut,
    Refused,
)

_ROOT_ONLY_HERE: Final = {
    "$schema": "it is the schema of definitions",
    "unhandled": "XState ignores events that nobody answers",
    "onCancel": "XState knows no compensation",
    "guardrails": "XState knows no AI tasks",
    "guards": "XState finds guards by name in what setup() is given",
    "actions": "XState finds actions by name in what setup() is given",
    "delays": "XState finds delays by name in what setup() is given",
}
_INVOKE_THERE: Final = frozenset({"id", "src", "input", "onDone", "onError", "meta"})
_TO_PROVIDE: Final = "XState has functions for it: provide one under this name"
_IMPLEMENTED: Final = "XState has a function for it: provide it in the program"


def read_xstate(text: str) -> Imported:
    """
    The definition that a config of XState v5 is, unchanged.

    `refused` is what the validator refuses, nothing is taken out: a config is one piece. Raises
    DocumentUnreadable for a text that is no JSON object.
    """
    findings = Findings()
    spec, _ = read_spec(text, findings)
    if findings.has_errors():
        (first, *_) = findings.in_order()
        raise DocumentUnreadable(f"{first.message}; {first.remedy}")
    _, diagnostics = check_spec(text)
    refused = tuple(
        Refused(what=one.rule, place=one.json_pointer, why=one.message, remedy=one.remedy)
        for one in diagnostics
        if one.severity == "error"
    )
    return Imported(spec=dict(spec), refused=refused)


def write_xstate(spec: dict[str, Any]) -> Exported:
    """
    The JSON config of XState v5 for a definition. Raises SpecInvalid if it is none.

    `left_out` has a line for each place at which the program has to bring something along.
    """
    compile_spec(spec)
    writer = _Writer()
    config = writer.state(spec, "")
    text = json.dumps(config, indent=2, ensure_ascii=False)
    return Exported(text=f"{text}\n", left_out=tuple(writer.left_out))


class _Writer:
    def __init__(self) -> None:
        self.left_out: list[LeftOut] = []

    def state(self, body: dict[str, Any], pointer: str) -> dict[str, Any]:
        """A state and everything in it, its words in their order."""
        found: dict[str, Any] = {}
        for word, value in body.items():
            place = join(pointer, word)
            match word:
                case "states":
                    found[word] = {
                        key: self.state(child, join(place, key)) for key, child in value.items()
                    }
                case "on":
                    found[word] = {
                        kind: self._transitions(one, join(place, kind))
                        for kind, one in value.items()
                    }
                case "after":
                    found[word] = self._after(value, place)
                case "always" | "onDone":
                    found[word] = self._transitions(value, place)
                case "entry" | "exit":
                    found[word] = self._actions(value, place)
                case "invoke":
                    found[word] = self._each(value, place, self._invoke)
                case "initial" if isinstance(value, dict):
                    found[word] = self._transition(value, place)
                case "context" | "output":
                    if self._is_plain(value, place):
                        found[word] = value
                case _ if not pointer and word in _ROOT_ONLY_HERE:
                    self._leave(place, _ROOT_ONLY_HERE[word])
                case _:
                    found[word] = value
        return found

    def _after(self, value: dict[str, Any], pointer: str) -> dict[str, Any]:
        """Delays that are of one length are one delay in XState."""
        found: dict[str, Any] = {}
        for delay, one in value.items():
            place = join(pointer, delay)
            key, written = self._delay_key(delay, place), self._transitions(one, place)
            if key in found:
                found[key] = [*_as_list(found[key]), *_as_list(written)]
            else:
                found[key] = written
        return found

    def _each(self, value: Any, pointer: str, write: Callable[[Any, str], Any]) -> Any:
        if isinstance(value, list):
            return [write(one, join(pointer, at)) for at, one in enumerate(value)]
        return write(value, pointer)

    def _transitions(self, value: Any, pointer: str) -> Any:
        return self._each(value, pointer, self._transition)

    def _transition(self, value: Any, pointer: str) -> Any:
        if not isinstance(value, dict):
            return value
        found = dict(value)
        if "guard" in value:
            found["guard"] = self._guard(value["guard"], join(pointer, "guard"))
        if "actions" in value:
            found["actions"] = self._actions(value["actions"], join(pointer, "actions"))
        return found

    def _guard(self, guard: Any, pointer: str) -> Any:
        """A guard by name stays; one that is data becomes a name that says what it asks."""
        if isinstance(guard, dict) and "@expr" in guard:
            self._leave(pointer, _TO_PROVIDE)
            return {"type": guard["@expr"]}
        if isinstance(guard, dict) and guard["type"].startswith("@"):
            self._leave(pointer, _TO_PROVIDE)
            params = {key: value for key, value in guard.items() if key != "type"}
            return {"type": guard["type"], "params": params}
        return guard

    def _actions(self, value: Any, pointer: str) -> Any:
        return self._each(value, pointer, self._action)

    def _action(self, action: Any, pointer: str) -> Any:
        """An action by name stays; what a built-in one is given becomes its parameters."""
        if not isinstance(action, dict) or not action["type"].startswith("@"):
            if isinstance(action, dict) and action["type"] in {"createTask", "compensate"}:
                self._leave(pointer, _TO_PROVIDE)
            return action
        self._leave(pointer, _TO_PROVIDE)
        params = {key: value for key, value in action.items() if key != "type"}
        return {"type": action["type"], "params": params}

    def _invoke(self, invoke: dict[str, Any], pointer: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for word, value in invoke.items():
            place = join(pointer, word)
            if word not in _INVOKE_THERE:
                self._leave(place, "XState has no word for it: the actor itself has to do it")
            elif word in {"onDone", "onError"}:
                found[word] = self._transitions(value, place)
            elif word != "input" or self._is_plain(value, place):
                found[word] = value
        self._leave(join(pointer, "src"), "XState runs an actor of this name: provide it")
        return found

    def _delay_key(self, delay: str, pointer: str) -> str:
        """Milliseconds, as XState counts; what has no fixed length stays a name."""
        length = parse_duration(delay)
        if length is None or length.months:
            self._leave(pointer, _TO_PROVIDE)
            return delay
        return f"{round(length.exact.total_seconds() * 1000, 3):.15g}"

    def _is_plain(self, value: Any, pointer: str) -> bool:
        """Whether a value holds no expression; XState takes JSON as it stands, or a function."""
        if not _has_expression(value):
            return True
        self._leave(pointer, _IMPLEMENTED)
        return False

    def _leave(self, pointer: str, why: str) -> None:
        self.left_out.append(LeftOut(json_pointer=pointer, why=why))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _has_expression(value: Any) -> bool:
    if isinstance(value, dict):
        return "@expr" in value or any(map(_has_expression, value.values()))
    return isinstance(value, list) and any(map(_has_expression, value))
