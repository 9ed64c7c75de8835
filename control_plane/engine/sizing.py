"""
How large a context has become: by what was set in it, and as a whole only near the limit.

Writing a context of 16 KiB out to count its bytes takes 20 µs, twice as long as everything
else about an event. So a snapshot carries an upper bound of its context's bytes, a decision
adds to it what it sets, and only a bound beyond the limit is replaced by the exact number.
Whether a context is refused never depends on the bound.
"""

from typing import Final

import orjson

from control_plane.engine.failures import ExpressionUnusable, LimitReached
from control_plane.engine.limits import MAX_CONTEXT_BYTES, MAX_JSON_DEPTH
from control_plane.engine.turn import Turn
from shared.json import Json

_CHARACTER_BYTES: Final = 6
"""No character is longer as JSON: `\\u001f`."""

_MEMBER_BYTES: Final = 28
"""Quotes, colon, comma, and a number, a boolean or null: none takes more than 24."""

_MEASURED: Final = frozenset({str, list, dict})
"""What may be of any length."""


def check_context(turn: Turn) -> None:
    """Refuse a context that is too large, too deep, or no JSON. Free if it did not change."""
    assigned = turn.assigned
    if assigned is None:
        return
    added = 0
    for key, value in assigned.items():
        added += _MEMBER_BYTES + _CHARACTER_BYTES * len(key)
        if value.__class__ in _MEASURED:
            added += _measure(value)
    most_bytes = turn.context_bytes + added
    if most_bytes > MAX_CONTEXT_BYTES or turn.context_bytes == 0:
        most_bytes = len(_written(turn.scope["context"]))
        if most_bytes > MAX_CONTEXT_BYTES:
            raise LimitReached("context bytes", actual=most_bytes, maximum=MAX_CONTEXT_BYTES)
    turn.context_bytes = most_bytes


def bytes_of(value: Json) -> int:
    """What a value takes as JSON. Raises ExpressionUnusable if it is none."""
    return len(_written(value, "a task's input"))


def held_beside(turn: Turn, number: int) -> int:
    """What the groups of the instance hold, all but this one."""
    return sum(group.held for key, group in turn.groups.items() if key != number)


def _measure(value: Json) -> int:
    """An upper bound of its bytes, once it is known not to be too deep."""
    if isinstance(value, str) and value.isascii():
        return len(value) * _CHARACTER_BYTES
    text = _written(value)
    # Fewer brackets than the limit cannot be nested deeper than it; counting them is cheap.
    if text.count(b"{") + text.count(b"[") >= MAX_JSON_DEPTH:
        depth = 1 + depth_of(value)
        if depth > MAX_JSON_DEPTH:
            raise LimitReached("context depth", actual=depth, maximum=MAX_JSON_DEPTH)
    return len(text)


def _written(value: Json, what: str = "the context") -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise ExpressionUnusable(
            "",
            f"{what} holds what JSON cannot, as a number beyond 64 bits or half of a character",
            "",
        ) from error


def depth_of(value: Json) -> int:
    """Levels of arrays and objects with something in them."""
    depth = 0
    level: list[Json] = [value]
    while level:
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        depth += 1
        level = below
    return depth - 1
