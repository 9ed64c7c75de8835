"""
How large a context has become: by what was set in it, and as a whole only near the limit.

Writing a context of 16 KiB out to count its bytes takes 20 µs, twice as long as everything
else about an event. So a snapshot carries an upper bound of its context's bytes, a decision
adds to it what it sets, and only a bound beyond the limit is replaced by the exact number.
Whether a context is refused never depends on the bound.
"""

from collections.abc import Mapping

import orjson

from control_plane.engine.failures import ExpressionUnusable, LimitReached
from control_plane.engine.limits import MAX_CONTEXT_BYTES, MAX_JSON_DEPTH
from control_plane.engine.snapshot import MeasuredContext
from control_plane.engine.turn import Turn
from shared.json import Json

_SCALAR_BYTES = 24
"""No number, boolean or null is longer as JSON."""

_CHARACTER_BYTES = 6
"""No character is longer as JSON: `\\u001f`."""

_PUNCTUATION_BYTES = 4
"""Two quotes, a colon and a comma."""


def check_context(turn: Turn) -> None:
    """Refuse a context that is too large, too deep, or no JSON. Free if it did not change."""
    assigned = turn.assigned
    if assigned is None:
        return
    context = turn.scope["context"]
    added = _most_bytes(assigned)
    before = turn.before.measured
    if before is not None and before.context is turn.before.context:
        most_bytes = before.most_bytes + added
    else:
        most_bytes = MAX_CONTEXT_BYTES + 1
    if most_bytes > MAX_CONTEXT_BYTES:
        most_bytes = len(_written(context))
        if most_bytes > MAX_CONTEXT_BYTES:
            raise LimitReached("context bytes", actual=most_bytes, maximum=MAX_CONTEXT_BYTES)
    turn.measured = MeasuredContext(context, most_bytes)


def _most_bytes(members: Mapping[str, Json]) -> int:
    """An upper bound of what these members add, refusing those that are too deep."""
    most = 0
    for key, value in members.items():
        most += len(key) * _CHARACTER_BYTES + _PUNCTUATION_BYTES
        kind = value.__class__
        if kind is str and value.isascii():  # type: ignore[union-attr]  # a str
            most += len(value) * _CHARACTER_BYTES  # type: ignore[arg-type]  # a str
        elif kind is dict or kind is list or kind is str:
            text = _written(value)
            most += len(text)
            # Fewer brackets than the limit cannot be nested deeper than it; counting is cheap.
            if text.count(b"{") + text.count(b"[") >= MAX_JSON_DEPTH:
                depth = 1 + _depth(value)
                if depth > MAX_JSON_DEPTH:
                    raise LimitReached("context depth", actual=depth, maximum=MAX_JSON_DEPTH)
        else:
            most += _SCALAR_BYTES
    return most


def _written(value: Json) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise ExpressionUnusable(
            "", f"the context cannot be written as JSON: {error}", ""
        ) from error


def _depth(value: Json) -> int:
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
