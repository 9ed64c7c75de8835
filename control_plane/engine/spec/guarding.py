"""
Guards in a spec.
"""

import re
from typing import Any

from control_plane.engine.effort import of_guard
from control_plane.engine.guards import (
    And,
    Condition,
    Guard,
    NamedBody,
    NamedGuard,
    Not,
    Or,
    StateIn,
)
from control_plane.engine.spec.calling import check_calls, check_count
from control_plane.engine.spec.findings import Findings, join, quote
from control_plane.engine.spec.outline import Node, unknown_keys, wrong_type
from control_plane.engine.spec.targets import Targets
from control_plane.engine.spec.values import Values
from control_plane.engine.spec.vocabulary import GUARD_BODY, GUARDS, NAMED, builtin

_EXPRESSION = re.compile(r"[=<>!&|()]")
"""What stands in expressions, and hardly ever in a guard's name."""


class Guards:
    """Compiles guards; those of the root's `guards` once, by name."""

    def __init__(
        self, root: Node, nodes: list[Node], targets: Targets, values: Values, findings: Findings
    ) -> None:
        self._root = root
        self._nodes = nodes
        self._targets = targets
        self._values = values
        self._findings = findings
        self._bodies: dict[str, NamedBody] = {}
        self._calls: dict[str, set[str]] = {}
        self._within: str | None = None

    def compile_named(self) -> None:
        """The root's `guards`: `{name: {"when": guard}}`."""
        named = self._root.body.get("guards", {})
        if not isinstance(named, dict):
            wrong_type(self._findings, "/guards", named, "an object of named guards")
            return
        check_count(named, "guard", "/guards", self._findings)
        for name in named:
            self._bodies[name] = NamedBody()
        for name, body in named.items():
            pointer = join("/guards", name)
            self._within = name
            self._calls[name] = set()
            guard: Guard | None = None
            if not isinstance(body, dict) or "when" not in body:
                wrong_type(self._findings, pointer, body, 'a guard under "when"')
            else:
                unknown_keys(self._findings, pointer, body, GUARD_BODY)
                guard = self.compile(body["when"], join(pointer, "when"))
            self._bodies[name].guard = guard if guard is not None else And(())
            self._bodies[name].work = 1 + of_guard(self._bodies[name].guard)
        self._within = None
        check_calls(self._calls, "guard", "/guards", self._findings)

    def compile(self, value: Any, pointer: str) -> Guard | None:
        """A guard as it may stand anywhere; None when it is none, having said so."""
        if isinstance(value, str):
            return self._named(value, None, pointer)
        if not isinstance(value, dict):
            wrong_type(self._findings, pointer, value, "a guard: a name or an object")
            return None
        if "@expr" in value:
            return self._condition(value, pointer)
        kind = value.get("type")
        if not isinstance(kind, str):
            self._findings.error(
                "wrong-type",
                join(pointer, "type"),
                f"{quote(kind)} is not a guard's type or name",
                'write one, or an expression as {"@expr": "…"}',
            )
            return None
        word = builtin(kind)
        if word is None:
            unknown_keys(self._findings, pointer, value, NAMED)
            return self._named(kind, value.get("params"), pointer)
        if word not in GUARDS:
            self._findings.error(
                "unknown-guard",
                join(pointer, "type"),
                f"{quote(kind)} is not a built-in guard",
                self._findings.did_you_mean(kind, [f"@{known}" for known in GUARDS]),
            )
            return None
        unknown_keys(self._findings, pointer, value, GUARDS[word])
        if word == "stateIn":
            return self._state_in(value.get("state"), join(pointer, "state"))
        if word == "not":
            inner = self.compile(value.get("guard"), join(pointer, "guard"))
            return None if inner is None else Not(inner)
        return self._several(word, value.get("guards"), join(pointer, "guards"))

    def _several(self, word: str, value: Any, pointer: str) -> Guard | None:
        if not isinstance(value, list):
            wrong_type(self._findings, pointer, value, "a list of guards")
            return None
        inner = [self.compile(item, join(pointer, at)) for at, item in enumerate(value)]
        guards = tuple(guard for guard in inner if guard is not None)
        return And(guards) if word == "and" else Or(guards)

    def _condition(self, value: dict[str, Any], pointer: str) -> Guard | None:
        """Rule: a guard that is known to give no boolean is refused."""
        computed = self._values.expression(value, pointer)
        if computed is None:
            return None
        kind = computed.expression.result
        if kind not in {None, "bool"}:
            self._findings.error(
                "guard-not-boolean",
                computed.json_pointer,
                f"this guard gives {kind}, never true or false",
                "compare it with something",
            )
            return None
        return Condition(computed)

    def _named(self, name: str, params: Any, pointer: str) -> Guard | None:
        """Rule: a guard's name is one of the root's `guards`."""
        body = self._bodies.get(name)
        if body is None:
            self._findings.error(
                "unknown-guard",
                pointer,
                f"there is no guard {quote(name)} among the root's `guards`",
                self._findings.did_you_mean(name, self._bodies)
                if self._bodies and not _EXPRESSION.search(name)
                else 'name one there, or write an expression as {"@expr": "…"}',
            )
            return None
        if self._within is not None:
            self._calls[self._within].add(name)
        given = None if params is None else self._values.template(params, join(pointer, "params"))
        return NamedGuard(name, given, body)

    def _state_in(self, value: Any, pointer: str) -> Guard | None:
        """Rule: `@stateIn` names states that exist."""
        found: set[int] = set()
        if isinstance(value, str) and value.startswith("#"):
            node = self._targets.by_id(value, pointer)
        elif isinstance(value, str):
            node = self._targets.below(self._root, value, pointer)
        elif isinstance(value, dict):
            return self._state_value(self._root, value, pointer, found)
        else:
            wrong_type(self._findings, pointer, value, "'#id', a path, or a state value")
            return None
        return None if node is None else StateIn(frozenset({node.index}))

    def _state_value(
        self, node: Node, value: dict[str, Any], pointer: str, found: set[int]
    ) -> Guard | None:
        for key, inner in value.items():
            child = self._targets.below(node, key, join(pointer, key))
            if child is None:
                return None
            found.add(child.index)
            if isinstance(inner, str):
                leaf = self._targets.below(child, inner, join(pointer, key))
                if leaf is None:
                    return None
                found.add(leaf.index)
            elif isinstance(inner, dict):
                if self._state_value(child, inner, join(pointer, key), found) is None:
                    return None
            else:
                wrong_type(self._findings, join(pointer, key), inner, "a state value")
                return None
        return StateIn(frozenset(found))
