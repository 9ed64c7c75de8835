"""
Values in a spec: JSON that may hold expressions, delays, and what named ones stand for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from control_plane.engine.durations import parse_duration
from control_plane.engine.expressions import ExpressionError, compile_expression
from control_plane.engine.invocations import Delay
from control_plane.engine.limits import MAX_DELAY
from control_plane.engine.spec.findings import Findings, join, quote
from control_plane.engine.spec.outline import wrong_type
from control_plane.engine.templates import NULL, Array, Computed, Constant, Object, Template

NAMES = frozenset({"context", "event", "params", "task", "instance", "now"})
"""What expressions can see."""

_LANGUAGES = ("cel",)


@dataclass(slots=True, eq=False)
class Values:
    """Compiles values, and keeps every expression for the rules that look at all of them."""

    findings: Findings
    delays: Mapping[str, Delay] = field(default_factory=dict)
    expressions: list[Computed] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    """Keys that some `@assign` sets in the context."""

    def template(self, value: Any, pointer: str, names: frozenset[str] = NAMES) -> Template:
        """A value in which `{"@expr": …}` may stand anywhere."""
        if isinstance(value, dict):
            if "@expr" in value:
                return self.expression(value, pointer, names) or NULL
            members = [
                (key, self.template(item, join(pointer, key), names)) for key, item in value.items()
            ]
            if all(isinstance(member, Constant) for _, member in members):
                return Constant(value)
            return Object(tuple(members))
        if isinstance(value, list):
            items = [self.template(item, join(pointer, at), names) for at, item in enumerate(value)]
            if all(isinstance(item, Constant) for item in items):
                return Constant(value)
            return Array(tuple(items))
        return Constant(value)

    def expression(
        self, value: dict[str, Any], pointer: str, names: frozenset[str] = NAMES
    ) -> Computed | None:
        """Rule: `{"@expr": …}` holds an expression that compiles, and nothing else."""
        for key in value:
            if key not in {"@expr", "@exprLang"}:
                self.findings.error(
                    "unknown-key",
                    join(pointer, key),
                    f'{quote(key)} cannot stand beside "@expr"',
                    "leave it out, or move it outside",
                )
        language = value.get("@exprLang", "cel")
        if language not in _LANGUAGES:
            self.findings.error(
                "wrong-type",
                join(pointer, "@exprLang"),
                f"{quote(language)} is not a language expressions can be written in",
                'write the expression in CEL and leave "@exprLang" out',
            )
            return None
        text = value["@expr"]
        pointer = join(pointer, "@expr")
        if not isinstance(text, str):
            wrong_type(self.findings, pointer, text, "an expression, as a string")
            return None
        try:
            computed = Computed(compile_expression(text, names), text, pointer)
        except ExpressionError as error:
            self.findings.error(
                "expression-invalid",
                pointer,
                str(error),
                f"an expression is CEL and sees {', '.join(sorted(names))}",
            )
            return None
        self.expressions.append(computed)
        return computed

    def delay(self, value: Any, pointer: str) -> Delay | None:
        """Rule: a delay is milliseconds, an ISO 8601 duration, an expression, or a named one."""
        if isinstance(value, dict) and "@expr" in value:
            computed = self.expression(value, pointer)
            if computed is None:
                return None
            if computed.expression.result in {"bool", "null", "list", "map", "timestamp"}:
                self._bad_delay(value, pointer)
                return None
            return Delay(None, computed, computed.json_pointer)
        if isinstance(value, str) and value in self.delays:
            return self.delays[value]
        length = parse_duration(value) if isinstance(value, int | float | str) else None
        if length is None:
            self._bad_delay(value, pointer)
            return None
        if length.longest() > MAX_DELAY:
            self.findings.error(
                "limit-exceeded",
                pointer,
                f"{quote(value)} is over the limit of {MAX_DELAY.days} days",
                "arm a shorter timer, and arm it again when it fires",
            )
            return None
        return Delay(length, None, pointer)

    def duration(self, value: Any, pointer: str) -> timedelta | None:
        """Rule: a length of time that is known when the spec is created."""
        length = parse_duration(value) if isinstance(value, int | float | str) else None
        if length is None or length.months or length.exact > MAX_DELAY:
            self.findings.error(
                "bad-duration",
                pointer,
                f"{quote(value)} is no duration of a fixed length up to {MAX_DELAY.days} days",
                "write milliseconds, or an ISO 8601 duration such as PT30S or P2D",
            )
            return None
        return length.exact

    def _bad_delay(self, value: Any, pointer: str) -> None:
        near = ""
        if isinstance(value, str) and self.delays:
            near = f"; of the named delays, {self.findings.did_you_mean(value, self.delays)}"
        self.findings.error(
            "bad-delay",
            pointer,
            f"{quote(value)} is not a delay",
            "write milliseconds, an ISO 8601 duration such as PT15M, or the name of one of the "
            f"root's `delays`{near}",
        )
