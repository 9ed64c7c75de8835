"""Equality of any two values, and the order of those that have one."""

import operator
from collections.abc import Callable
from typing import Final

from control_plane.engine.expressions.budget import MAX_VALUE_DEPTH, Budget
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.values import Duration, Timestamp, Value, stored_key

CHARACTERS_PER_ITERATION: Final = 1024
"""How much of two strings is compared in the time of an iteration."""

ITEMS_PER_ITERATION: Final = 16
"""How many scalars of a list are searched in the time of an iteration."""

ORDERS: Final[dict[str, Callable[[Value, Value], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

ORDERED: Final = frozenset({bool, int, float, str, Timestamp, Duration})
"""The types whose values have an order among themselves."""


def equal(left: Value, right: Value, budget: Budget, site: Site, depth: int = 0) -> bool:
    """
    Values of different types are unequal, except that 1 equals 1.0. No number equals NaN.
    Lists and maps are equal if their elements are; comparing them costs an iteration each.
    """
    kind, other = left.__class__, right.__class__
    if kind is not other:
        if kind is int and other is float:
            return bool(float(left) == right)
        if kind is float and other is int:
            return bool(left == float(right))
        return False
    if kind is list:
        return _equal_lists(left, right, budget, site, depth + 1)
    if kind is dict:
        return _equal_maps(left, right, budget, site, depth + 1)
    if kind is str:
        _charge_characters(left, right, budget, site)
    return bool(left == right)


def ordered(symbol: str, left: Value, right: Value, budget: Budget, site: Site) -> bool:
    """`left < right` and its like. An int is compared to a double as a double."""
    kind, other = left.__class__, right.__class__
    test = ORDERS[symbol]
    if kind is other and kind in ORDERED:
        if kind is str:
            _charge_characters(left, right, budget, site)
        return test(left, right)
    if kind is int and other is float:
        return test(float(left), right)
    if kind is float and other is int:
        return test(left, float(right))
    raise site.no_overload(symbol, left, right)


def contained(value: Value, container: Value, budget: Budget, site: Site) -> bool:
    """`value in container`: an element of a list, or a key of a map."""
    kind = container.__class__
    if kind is dict:
        key = stored_key(value)
        return key is not None and key in container
    if kind is not list:
        raise site.no_overload("in", value, container)
    if value.__class__ in {list, dict}:
        budget.iterate(len(container), site)
        return any(equal(value, item, budget, site) for item in container)
    budget.iterate(len(container) // ITEMS_PER_ITERATION, site)
    if value.__class__ is str:
        budget.iterate(len(value) * len(container) // _SEARCHED_CHARACTERS, site)
    if value not in container:
        return False
    # Python found an equal element, but takes True for 1 and a NaN for itself.
    if value.__class__ is str:
        return True
    budget.iterate(len(container), site)
    return any(equal(value, item, budget, site) for item in container)


_SEARCHED_CHARACTERS: Final = ITEMS_PER_ITERATION * CHARACTERS_PER_ITERATION


def _charge_characters(left: str, right: str, budget: Budget, site: Site) -> None:
    shorter = min(len(left), len(right))
    if shorter > CHARACTERS_PER_ITERATION:
        budget.iterate(shorter // CHARACTERS_PER_ITERATION, site)


def _equal_lists(
    left: list[Value], right: list[Value], budget: Budget, site: Site, depth: int
) -> bool:
    if len(left) != len(right):
        return False
    _enter(depth, site)
    for one, another in zip(left, right, strict=True):
        budget.iterate(1, site)
        if not equal(one, another, budget, site, depth):
            return False
    return True


def _equal_maps(
    left: dict[Value, Value], right: dict[Value, Value], budget: Budget, site: Site, depth: int
) -> bool:
    if len(left) != len(right):
        return False
    _enter(depth, site)
    for key, one in left.items():
        budget.iterate(1, site)
        if key not in right or not equal(one, right[key], budget, site, depth):
            return False
    return True


def _enter(depth: int, site: Site) -> None:
    if depth > MAX_VALUE_DEPTH:
        raise site.limit(f"a value nested deeper than {MAX_VALUE_DEPTH} cannot be compared")
