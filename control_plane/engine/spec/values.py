"""
Values in a spec: JSON that may hold expressions, delays, and what named ones stand for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias

from control_plane.engine.delays import Delay
from control_plane.engine.durations import parse_duration
from control_plane.engine.expressions import Expression, ExpressionError, compile_expression
from control_plane.engine.limits import (
    MAX_DELAY,
    MAX_EXPRESSION_CHARACTERS,
    MAX_EXPRESSIONS,
    PATTERN_CHARACTERS,
)
from control_plane.engine.spec.findings import EnoughFound, Findings, join, quote
from control_plane.engine.spec.outline import wrong_type
from control_plane.engine.templates import NULL, Array, Computed, Constant, Object, Template

NAMES = frozenset({"context", "event", "params", "task", "instance", "now"})
"""What expressions can see."""

_LANGUAGES = ("cel",)

_Place: TypeAlias = tuple["_Place | None", str | int]
"""A place by the one above it, so that no pointer is written that nobody reads."""


@dataclass(slots=True, eq=False)
class Values:
    """Compiles values, and keeps every expression for the rules that look at all of them."""

    findings: Findings
    delays: Mapping[str, Delay] = field(default_factory=dict)
    expressions: list[Computed] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    """Keys that some `@assign` sets in the context."""

    _compiled: dict[tuple[str, frozenset[str]], Expression] = field(default_factory=dict)
    """What reads alike is compiled once."""

    _characters: int = 0

    def template(self, value: Any, pointer: str, names: frozenset[str] = NAMES) -> Template:
        """A value in which `{"@expr": …}` may stand anywhere."""
        return self._part(value, (None, pointer), names) or Constant(value)

    def _part(self, value: Any, place: _Place, names: frozenset[str]) -> Template | None:
        """The value, None if there is no expression in it."""
        if isinstance(value, dict):
            if "@expr" in value:
                return self.expression(value, _pointer(place), names) or NULL
            members = [
                (key, item, self._part(item, (place, key), names)) for key, item in value.items()
            ]
            if all(part is None for _, _, part in members):
                return None
            return Object(tuple((key, part or Constant(item)) for key, item, part in members))
        if isinstance(value, list):
            items = [(item, self._part(item, (place, at), names)) for at, item in enumerate(value)]
            if all(part is None for _, part in items):
                return None
            return Array(tuple(part or Constant(item) for item, part in items))
        return None

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
        compiled = self._compiled.get((text, names)) or self._compile(text, pointer, names)
        if compiled is None:
            return None
        computed = Computed(compiled, text, pointer)
        self.expressions.append(computed)
        return computed

    def _compile(self, text: str, pointer: str, names: frozenset[str]) -> Expression | None:
        """Rule: an expression is CEL; and there are not more of them than can be compiled soon."""
        self._characters += len(text) + PATTERN_CHARACTERS * text.count("matches")
        if len(self._compiled) >= MAX_EXPRESSIONS or self._characters > MAX_EXPRESSION_CHARACTERS:
            self.findings.error(
                "limit-exceeded",
                pointer,
                f"the spec has more than {MAX_EXPRESSIONS} different expressions, or more than "
                f"{MAX_EXPRESSION_CHARACTERS} characters of them (a `matches` counts as "
                f"{PATTERN_CHARACTERS})",
                "name guards that are used often, or split the process into several definitions",
            )
            raise EnoughFound
        try:
            compiled = compile_expression(text, names)
        except ExpressionError as error:
            self.findings.error(
                "expression-invalid",
                pointer,
                str(error),
                f"an expression is CEL and sees {', '.join(sorted(names))}",
            )
            return None
        self._compiled[text, names] = compiled
        return compiled

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


def _pointer(place: _Place) -> str:
    above, key = place
    return str(key) if above is None else join(_pointer(above), key)
