"""What an expression computed, as JSON."""

import math

from control_plane.engine.expressions.budget import MAX_VALUE_DEPTH, Budget
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.moments import format_iso_duration, format_timestamp
from control_plane.engine.expressions.values import (
    INT_MAX,
    INT_MIN,
    Duration,
    Json,
    Timestamp,
    Value,
    kind_of,
)


def to_json(value: Value, budget: Budget, site: Site, depth: int = 0) -> Json:
    """
    A timestamp becomes RFC 3339 text (`2030-01-31T12:00:00Z`), a duration ISO 8601 text
    (`PT90S`); lists and maps are copied, so that the result shares nothing with the scope.

    Raises ExpressionError for what JSON cannot hold: infinity, NaN, an integer beyond 64
    bits, a map with keys that are no strings, or more than a macrostep may hand back.
    """
    kind = value.__class__
    if kind is bool or value is None:
        return value  # type: ignore[no-any-return]  # a bool or None, by the line above
    if kind is str:
        budget.hand_back(len(value), site)
        return value  # type: ignore[no-any-return]  # a str
    if kind is int:
        if not INT_MIN <= value <= INT_MAX:
            raise site.error("the result is an int beyond 64 bits; hand it over as a string")
        return value  # type: ignore[no-any-return]  # an int
    if kind is float:
        if not math.isfinite(value):
            raise site.error("the result is a double that JSON cannot hold, infinity or NaN")
        return value  # type: ignore[no-any-return]  # a float
    if kind is list or kind is dict:
        if depth == MAX_VALUE_DEPTH:
            raise site.limit(f"the result is nested deeper than {MAX_VALUE_DEPTH}; flatten it")
        if kind is list:
            budget.hand_back(len(value), site)
            return [to_json(item, budget, site, depth + 1) for item in value]
        budget.hand_back(_size(value, site), site)
        return {key: to_json(item, budget, site, depth + 1) for key, item in value.items()}
    if kind is Timestamp:
        return format_timestamp(value)
    if kind is Duration:
        return format_iso_duration(value)
    raise site.error(
        "the scope holds something that is not JSON; hand over JSON, and now as datetime"
    )


def _size(value: dict[Value, Value], site: Site) -> int:
    """Members, and the characters of their keys."""
    size = len(value)
    for key in value:
        if key.__class__ is not str:
            raise site.error(
                f"keys of a result are strings, found {kind_of(key)}; convert with string()"
            )
        size += len(key)
    return size
