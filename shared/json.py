"""
JSON as foliot stores and sends it: canonical text, 64-bit integers, no NaN.

Canonical means UTF-8, keys sorted, no white space, so that equal values have equal
bytes and equal hashes. Objects keep their own order only in a definition's spec,
whose text is stored as it came.
"""

import hashlib
from typing import TypeAlias

import orjson

from shared.errors import InvalidJson, LimitExceeded

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"

MAX_DEPTH = 32
MAX_PAYLOAD_BYTES = 256 * 1024


def dump(value: Json) -> str:
    """Canonical text of a value. Raises InvalidJson for what JSON cannot hold."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (orjson.JSONEncodeError, UnicodeDecodeError) as error:
        raise InvalidJson(
            "this value cannot be written as JSON: it holds a number beyond 64 bits, half of a"
            " character or something that is no JSON"
        ) from error


def load(text: str | bytes) -> Json:
    """The value of a text we wrote ourselves; use `parse` for what a caller sent."""
    value: Json = orjson.loads(text)
    return value


def parse(
    text: str | bytes,
    field: str,
    *,
    max_bytes: int = MAX_PAYLOAD_BYTES,
    max_depth: int = MAX_DEPTH,
) -> Json:
    """
    The value of a caller's text, within limits. An empty text is null.

    `field` is the request field it came in, for the error. Raises InvalidJson when
    the text is not JSON and LimitExceeded when it is too long or too deep.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise LimitExceeded(f"{field} bytes", actual=size, maximum=max_bytes, field=field)
    if size == 0:
        return None
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(
            f"{field} is not JSON from line {error.lineno}, column {error.colno} on; write it with"
            " a JSON library",
            field=field,
            metadata={"position": str(error.pos)},
        ) from error
    if not _is_within(value, max_depth):
        raise LimitExceeded(f"{field} depth", actual=max_depth + 1, maximum=max_depth, field=field)
    return value


def digest(text: str | bytes) -> bytes:
    """SHA-256 of the stored bytes."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).digest()


def _is_within(value: Json, depth: int) -> bool:
    """Whether no path through the value is longer than depth; iterative, so bounded by memory."""
    level: list[Json] = [value]
    for _ in range(depth + 1):
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return True
        level = below
    return False
