"""Changes to the language, each of which makes it do what the CEL project's runtime does."""

import math
import re
from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final
from unittest import mock

from control_plane.engine.expressions import calendar, compiler, conversions, operators, vocabulary
from control_plane.engine.expressions.arithmetic import OPERATIONS
from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.code import Code
from control_plane.engine.expressions.comparing import contained
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.functions import Function, Implementation
from control_plane.engine.expressions.moments import SECOND, parse_duration, parse_timestamp
from control_plane.engine.expressions.numeric import _sqrt
from control_plane.engine.expressions.syntax import Unary
from control_plane.engine.expressions.values import (
    INT_MAX,
    INT_MIN,
    Duration,
    Timestamp,
    Value,
    stored_key,
)

SPACES: Final = " \t\n\v\f\r"
LONGEST: Final = 315_576_000_000 * SECOND
"""CEL's longest duration, of 10,000 years."""


def mixed(stack: ExitStack) -> None:
    def strict(symbol: str, operation: Any) -> Any:
        def run(left: Value, right: Value, budget: Budget, site: Site) -> Value:
            if {left.__class__, right.__class__} == {int, float}:
                raise site.no_overload(symbol, left, right)
            return operation(left, right, budget, site)

        return run

    changed = {symbol: strict(symbol, operation) for symbol, operation in OPERATIONS.items()}
    stack.enter_context(mock.patch.dict(OPERATIONS, changed))


def text_of_double(stack: ExitStack) -> None:
    def string(_site: Site, _budget: Budget, value: float) -> str:
        number = Decimal(repr(value))
        if math.isnan(value):
            return "nan" if math.copysign(1, value) > 0 else "-nan"
        if math.isinf(value):
            return repr(value)
        sign, digits, _ = number.normalize().as_tuple()
        exponent = number.adjusted() if number else 0
        if -4 <= exponent < 6:
            return repr(value).removesuffix(".0")
        first, rest = str(digits[0]), "".join(map(str, digits[1:]))
        return f"{'-' * sign}{first}{'.' * bool(rest)}{rest}e{exponent:+03}"

    def negative(operation: Any) -> Any:
        """The processor's NaN has a sign, which only its text shows."""

        def run(*arguments: Any) -> Value:
            value = operation(*arguments)
            return -math.nan if value is math.nan else value  # noqa: PLW0177  # no comparison

        return run

    _overload(stack, vocabulary.FUNCTIONS, "string", {(float,): string})
    roots: dict[tuple[type, ...], Implementation] = dict.fromkeys(
        [(int,), (float,)], negative(_sqrt)
    )
    _overload(stack, vocabulary.FUNCTIONS, "math.sqrt", roots)
    stack.enter_context(mock.patch.dict(OPERATIONS, {"/": negative(OPERATIONS["/"])}))


def bool_to_int(stack: ExitStack) -> None:
    _overload(
        stack, vocabulary.FUNCTIONS, "int", {(bool,): lambda _site, _budget, value: int(value)}
    )


def lenient_texts(stack: ExitStack) -> None:
    def double(site: Site, budget: Budget, text: str) -> float:
        text = text.strip(SPACES)
        if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
            return float(int(text, 16))
        return conversions._double_of_string(site, budget, text)

    def integer(site: Site, budget: Budget, text: str) -> int:
        return conversions._int_of_string(site, budget, text.strip(SPACES))

    def timestamp(text: str) -> Timestamp | None:
        text = re.sub(r"-(?=\d(?!\d))", "-0", text.strip(SPACES))
        leap = text.endswith(":60Z")
        found = parse_timestamp(text.replace(":60Z", ":59Z") if leap else text)
        return Timestamp(found.ns + SECOND) if found and leap else found

    _overload(stack, vocabulary.FUNCTIONS, "double", {(str,): double})
    _overload(stack, vocabulary.FUNCTIONS, "int", {(str,): integer})
    stack.enter_context(mock.patch.object(conversions, "parse_timestamp", timestamp))


def durations(stack: ExitStack) -> None:
    def duration(text: str) -> Duration | None:
        if "P" in text or "µ" in text:
            return None
        with mock.patch(
            "control_plane.engine.expressions.moments.duration_of",
            lambda ns: Duration(ns) if abs(ns) <= LONGEST else None,
        ):
            return parse_duration(text)

    def clamped(value: Value) -> Value:
        return Duration(max(min(value.ns, INT_MAX), INT_MIN)) if is_long(value) else value

    def is_long(value: Value) -> bool:
        return isinstance(value, Duration) and not INT_MIN <= value.ns <= INT_MAX

    def add(left: Value, right: Value, budget: Budget, site: Site) -> Value:
        if isinstance(left, Duration) and isinstance(right, Duration):
            left, right = clamped(left), clamped(right)
        return plain["+"](left, right, budget, site)

    def subtract(left: Value, right: Value, budget: Budget, site: Site) -> Value:
        if isinstance(left, Timestamp) and is_long(right) and right.ns < 0:
            raise site.overflow("-", left, right)
        return plain["-"](clamped(left), clamped(right), budget, site)

    plain = dict(OPERATIONS)
    stack.enter_context(mock.patch.dict(OPERATIONS, {"+": add, "-": subtract}))
    stack.enter_context(mock.patch.object(conversions, "parse_duration", duration))


def end_of_string(stack: ExitStack) -> None:
    plain = vocabulary.METHODS["substring"].overloads[str, int, int]

    def substring(site: Site, budget: Budget, text: str, start: int, end: int) -> Value:
        if end >= len(text) and start < len(text):
            raise site.error("as the runtime has it")
        return plain(site, budget, text, start, end)

    _overload(stack, vocabulary.METHODS, "substring", {(str, int, int): substring})


def empty_texts(stack: ExitStack) -> None:
    def split(overload: tuple[type, ...]) -> Implementation:
        plain = vocabulary.METHODS["split"].overloads[overload]

        def run(site: Site, budget: Budget, text: str, separator: str, limit: int = -1) -> Value:
            if text == separator == "" and limit != 0:
                return [""]
            return plain(site, budget, text, separator, limit)

        return run

    overloads: dict[tuple[type, ...], Implementation] = {
        types: split(types) for types in ((str, str), (str, str, int))
    }
    _overload(stack, vocabulary.METHODS, "split", overloads)


def zones(stack: ExitStack) -> None:
    zone = calendar._zone

    def lenient(name: str, budget: Budget, site: Site) -> Any:
        if name == "Z":
            raise site.error("as the runtime has it")
        return zone(f"0{name}" if re.fullmatch(r"\d:\d\d", name) else name, budget, site)

    stack.enter_context(mock.patch.object(calendar, "_zone", lenient))


def keys_that_are_none(stack: ExitStack) -> None:
    def strict(value: Value, container: Value, budget: Budget, site: Site) -> bool:
        if (
            container.__class__ is dict
            and value.__class__ is not float
            and stored_key(value) is None
        ):
            raise site.no_overload("in", value, container)
        return contained(value, container, budget, site)

    stack.enter_context(mock.patch.object(operators, "contained", strict))


def pairs(stack: ExitStack) -> None:
    unary = compiler.Compiler._unary

    def collapsed(self: compiler.Compiler, node: Unary, depth: int) -> Code:
        inner = node.operand
        if (
            isinstance(inner, Unary)
            and inner.operator == node.operator
            and inner.position == node.position + 1
        ):
            return self.code(inner.operand, depth)
        return unary(self, node, depth)

    stack.enter_context(mock.patch.object(compiler.Compiler, "_unary", collapsed))


def late_patterns(stack: ExitStack) -> None:
    stack.enter_context(mock.patch.object(compiler, "MATCHES", None))


def _overload(
    stack: ExitStack,
    table: dict[str, Function],
    name: str,
    overloads: Mapping[tuple[type, ...], Implementation],
) -> None:
    function = table[name]
    changed = Function(name, {**function.overloads, **overloads}, function.kind)
    stack.enter_context(mock.patch.dict(table, {name: changed}))
