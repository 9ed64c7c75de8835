"""
A spec's text as JSON, in the order it was written, and within bounds that the rest may trust.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from control_plane.engine.limits import (
    MAX_KEY_LENGTH,
    MAX_SPEC_BYTES,
    MAX_SPEC_DEPTH,
    MAX_SPEC_VALUES,
)
from control_plane.engine.spec.findings import Findings, join, quote
from shared.json import Json

INT_MIN, INT_MAX = -(2**63), 2**63 - 1

_STRING = re.compile(rb'"(?:[^"\\]+|\\.)*"')
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


class _Twice(dict[str, Any]):
    """An object in whose text a key stands twice."""

    key = ""


def read_spec(
    spec: str | bytes | dict[str, Any], findings: Findings
) -> tuple[dict[str, Json], str]:
    """
    The object that a spec is, and the SHA-256 of its text in hex.

    A dict stands for its compact text, keys in their order. Returns an empty object
    when there is none, having said why.
    """
    try:
        text = orjson.dumps(spec) if isinstance(spec, dict) else spec
        data = text.encode() if isinstance(text, str) else text
    except (orjson.JSONEncodeError, UnicodeEncodeError) as error:
        return _not_json(findings, "", str(error)), ""
    digest = hashlib.sha256(data).hexdigest()
    if len(data) > MAX_SPEC_BYTES:
        findings.error(
            "limit-exceeded",
            "",
            f"the spec has {len(data)} bytes; the limit is {MAX_SPEC_BYTES}",
            "split the process into several definitions, or move data out of the spec",
        )
        return {}, digest
    try:
        value = orjson.loads(data)
        if not _is_within_bounds(value, findings):
            return {}, digest
        if _may_have_been_misread(data, value):
            value = _read_exactly(data, findings)
    except ValueError as error:
        return _not_json(findings, "", str(error)), digest
    if findings.has_errors():
        return {}, digest
    if not isinstance(value, dict):
        return _not_json(findings, "", "the top level must be an object"), digest
    return value, digest


def _may_have_been_misread(data: bytes, value: Json) -> bool:
    """
    Whether the text may say more than the value: of a key that stands twice the fast reader
    keeps one, and of a long integer the nearest double.

    A colon outside of strings is a key; that there are as many as the value has tells.
    """
    rest = _STRING.sub(b"", data)
    return rest.count(b":") != _keys(value) or _LONG_NUMBER.search(rest) is not None


def _read_exactly(data: bytes, findings: Findings) -> Json:
    """The value, by a slower reader that notices what is wrong and where."""
    twice: list[_Twice] = []
    value: Json = json.loads(data, object_pairs_hook=_objects(twice))
    if twice:
        # Told from where it stands; that it is the first of several is as good as any.
        pointer = _pointer(value, lambda one: isinstance(one, _Twice))
        _not_json(findings, pointer, f"the key {quote(twice[0].key)} stands twice in one object")
    elif any(_is_too_large(one) for one in _values(value)):
        _not_json(findings, _pointer(value, _is_too_large), "this integer has more than 64 bits")
    return value


def _not_json(findings: Findings, pointer: str, why: str) -> dict[str, Json]:
    findings.error(
        "not-json",
        pointer,
        f"the spec cannot be read as JSON: {why}",
        "correct the text and send it again",
    )
    return {}


def _is_within_bounds(value: Json, findings: Findings) -> bool:
    """Rule: a spec has so many values, so many levels, and keys of a length to be quoted."""
    depth = count = 0
    level: list[Json] = [value]
    while level:
        depth += 1
        count += len(level)
        if depth > MAX_SPEC_DEPTH:
            findings.error(
                "limit-exceeded",
                "",
                f"the spec is nested deeper than {MAX_SPEC_DEPTH} levels",
                "nest states and values less deeply",
            )
            return False
        if count > MAX_SPEC_VALUES:
            findings.error(
                "limit-exceeded",
                "",
                f"the spec has more than {MAX_SPEC_VALUES} values",
                "split the process into several definitions, or move data out of the spec",
            )
            return False
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                if item and max(map(len, item)) > MAX_KEY_LENGTH:
                    _key_too_long(value, item, findings)
                    return False
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
    return True


def _key_too_long(root: Json, holder: dict[str, Json], findings: Findings) -> None:
    key = next(key for key in holder if len(key) > MAX_KEY_LENGTH)
    findings.error(
        "limit-exceeded",
        _pointer(root, lambda one: one is holder),
        f"the key {quote(key)} has {len(key)} characters; the limit is {MAX_KEY_LENGTH}",
        "shorten it; what is long is better as a value",
    )


def _objects(
    twice: list[_Twice],
) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """What makes objects of their members, and keeps those in which a key stands twice."""

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        marked = _Twice(found)
        count = Counter(key for key, _ in pairs)
        marked.key = next(key for key in found if count[key] > 1)
        twice.append(marked)
        return marked

    return made


def _keys(value: Json) -> int:
    return sum(len(one) for one in _values(value) if isinstance(one, dict))


def _is_too_large(value: Json) -> bool:
    return type(value) is int and not INT_MIN <= value <= INT_MAX


def _values(value: Json) -> Iterator[Json]:
    """Every value inside, level by level."""
    level: list[Json] = [value]
    while level:
        yield from level
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below


def _pointer(root: Json, is_it: Callable[[Json], bool]) -> str:
    """Where the first value stands, in the order of the text, of which it holds; of one it does."""
    pointer, value = "", root
    waiting: list[tuple[str, Json]] = []
    while not is_it(value):
        members: list[tuple[str | int, Json]] = []
        if isinstance(value, dict):
            members = list(value.items())
        elif isinstance(value, list):
            members = list(enumerate(value))
        waiting += [(join(pointer, key), one) for key, one in reversed(members)]
        pointer, value = waiting.pop()
    return pointer
