"""The `math` functions."""

import math
from collections.abc import Callable
from typing import Final

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.comparing import ordered
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.functions import Function, Implementation
from control_plane.engine.expressions.values import INT_MIN, Value

NUMBERS: Final = frozenset({int, float})


def _extreme(name: str, symbol: str) -> Implementation:
    def run(site: Site, budget: Budget, values: list[Value]) -> Value:
        """Of numbers, or of one list of numbers. Of equal ones the first."""
        if len(values) == 1 and values[0].__class__ is list:
            values = values[0]
            budget.iterate(len(values), site)
            if not values:
                raise site.error(f"{name} of an empty list; ask for its size() first")
        for value in values:
            if value.__class__ not in NUMBERS:
                raise site.no_overload(name, value)
        best = values[0]
        for value in values[1:]:
            if ordered(symbol, value, best, budget, site):
                best = value
        return best

    return run


def _of_double(function: Callable[[float], Value]) -> Implementation:
    def run(_site: Site, _budget: Budget, value: float) -> Value:
        return function(value)

    return run


def _rounding(function: Callable[[float], int]) -> Implementation:
    def run(_site: Site, _budget: Budget, value: float) -> float:
        if not math.isfinite(value):
            return value
        return math.copysign(function(value), value)  # -0.0 stays what it is

    return run


def _half_away(value: float) -> int:
    whole = math.trunc(value)
    return whole + (0 if abs(value - whole) < 0.5 else 1 if value > 0 else -1)


def _abs(site: Site, _budget: Budget, value: float) -> float:
    if value.__class__ is int and value == INT_MIN:
        raise site.overflow("math.abs", value)
    return abs(value)


def _sign(_site: Site, _budget: Budget, value: float) -> float:
    if math.isnan(value):
        return value
    return value.__class__((value > 0) - (value < 0))


def _sqrt(_site: Site, _budget: Budget, value: float) -> float:
    number = float(value)
    return math.sqrt(number) if number >= 0 else math.nan


MATH_FUNCTIONS: Final = (
    Function("math.greatest", {(): _extreme("math.greatest", ">")}, is_variadic=True),
    Function("math.least", {(): _extreme("math.least", "<")}, is_variadic=True),
    Function("math.ceil", {(float,): _rounding(math.ceil)}, "double"),
    Function("math.floor", {(float,): _rounding(math.floor)}, "double"),
    Function("math.round", {(float,): _rounding(_half_away)}, "double"),
    Function("math.trunc", {(float,): _rounding(math.trunc)}, "double"),
    Function("math.abs", {(int,): _abs, (float,): _abs}),
    Function("math.sign", {(int,): _sign, (float,): _sign}),
    Function("math.sqrt", {(int,): _sqrt, (float,): _sqrt}, "double"),
    Function("math.isNaN", {(float,): _of_double(math.isnan)}, "bool"),
    Function("math.isInf", {(float,): _of_double(math.isinf)}, "bool"),
    Function("math.isFinite", {(float,): _of_double(math.isfinite)}, "bool"),
)
