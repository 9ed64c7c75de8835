"""`+ - * / %`: on numbers, and what of it there is on strings, lists and times."""

import math
from collections.abc import Callable
from typing import Final

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.moments import duration_of, timestamp_of
from control_plane.engine.expressions.values import (
    INT_MAX,
    INT_MIN,
    Duration,
    Timestamp,
    Value,
    kind_of,
)

Operation = Callable[[Value, Value, Budget, Site], Value]


def add(left: Value, right: Value, budget: Budget, site: Site) -> Value:
    kind, other = left.__class__, right.__class__
    if kind is int and other is int:
        return _int("+", left, right, left + right, site)
    if kind is other and kind in {str, list}:
        budget.build(len(left) + len(right), site)
        return left + right
    if kind in _NUMBERS and other in _NUMBERS:
        return float(left) + float(right)
    if kind in _TIMES and other in _TIMES and not kind is other is Timestamp:
        of = timestamp_of if Timestamp in {kind, other} else duration_of
        return _time("+", left, right, of(left.ns + right.ns), site)
    raise site.no_overload("+", left, right)


def subtract(left: Value, right: Value, _budget: Budget, site: Site) -> Value:
    kind, other = left.__class__, right.__class__
    if kind is int and other is int:
        return _int("-", left, right, left - right, site)
    if kind in _NUMBERS and other in _NUMBERS:
        return float(left) - float(right)
    if kind in _TIMES and other is Duration:
        of = timestamp_of if kind is Timestamp else duration_of
        return _time("-", left, right, of(left.ns - right.ns), site)
    if kind is Timestamp and other is Timestamp:
        return _time("-", left, right, duration_of(left.ns - right.ns), site)
    raise site.no_overload("-", left, right)


def multiply(left: Value, right: Value, _budget: Budget, site: Site) -> Value:
    kind, other = left.__class__, right.__class__
    if kind is int and other is int:
        return _int("*", left, right, left * right, site)
    if kind in _NUMBERS and other in _NUMBERS:
        return float(left) * float(right)
    raise site.no_overload("*", left, right)


def divide(left: Value, right: Value, _budget: Budget, site: Site) -> Value:
    """Of integers, towards zero; of doubles as IEEE 754 has it, so that 1.0 / 0.0 is infinite."""
    kind, other = left.__class__, right.__class__
    if kind is int and other is int:
        if right == 0:
            raise site.error("division of an int by zero; ask whether it is 0 first")
        quotient = abs(left) // abs(right)
        return _int("/", left, right, quotient if (left < 0) == (right < 0) else -quotient, site)
    if kind in _NUMBERS and other in _NUMBERS:
        dividend, divisor = float(left), float(right)
        if divisor != 0:
            return dividend / divisor
        if dividend == 0 or math.isnan(dividend):
            return math.nan
        return math.copysign(math.inf, dividend) * math.copysign(1, divisor)
    raise site.no_overload("/", left, right)


def remainder(left: Value, right: Value, _budget: Budget, site: Site) -> Value:
    """Of integers only, with the sign of the dividend."""
    if left.__class__ is int and right.__class__ is int:
        if right == 0:
            raise site.error("remainder of an int by zero; ask whether it is 0 first")
        if left == INT_MIN and right == -1:
            raise site.overflow("%", left, right)  # as CEL does, whose quotient would overflow
        rest = abs(left) % abs(right)
        return rest if left >= 0 else -rest
    raise site.no_overload("%", left, right)


def negate(value: Value, site: Site) -> Value:
    if value.__class__ is int:
        if value == INT_MIN:
            raise site.overflow("-", value)
        return -value
    if value.__class__ is float:
        return -value
    raise site.no_overload("-", value)


OPERATIONS: Final[dict[str, Operation]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
}

_NUMBERS: Final = frozenset({int, float})
_TIMES: Final = frozenset({Timestamp, Duration})


def _int(operator: str, left: int, right: int, result: int, site: Site) -> int:
    if INT_MIN <= result <= INT_MAX:
        return result
    raise site.overflow(operator, left, right)


def _time(
    operator: str, left: Value, right: Value, result: Timestamp | Duration | None, site: Site
) -> Timestamp | Duration:
    if result is None:
        raise site.error(
            f"{operator} of ({kind_of(left)}, {kind_of(right)}) is out of range: "
            "timestamps are of the years 1 to 9999, durations of 292 years"
        )
    return result
