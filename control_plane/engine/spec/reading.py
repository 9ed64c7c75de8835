"""
A spec's text as JSON, in the order it was written.
"""

import hashlib
import json
import math
from typing import Any, NoReturn

import orjson

from control_plane.engine.limits import MAX_SPEC_BYTES, MAX_SPEC_DEPTH
from control_plane.engine.spec.findings import Findings, quote
from shared.json import Json

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class _Refused(Exception):
    """The text is JSON to Python, but not to us."""


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
        return _not_json(findings, str(error)), ""
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
        # Strict, and without recursion in Python, so that what follows can trust the text.
        if _depth(orjson.loads(data)) > MAX_SPEC_DEPTH:
            findings.error(
                "limit-exceeded",
                "",
                f"the spec is nested deeper than {MAX_SPEC_DEPTH} levels",
                "nest states and values less deeply",
            )
            return {}, digest
        value = json.loads(
            data,
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_int=_integer,
            parse_float=_float,
        )
    except (ValueError, _Refused) as error:
        return _not_json(findings, str(error)), digest
    if not isinstance(value, dict):
        return _not_json(findings, "the top level must be an object"), digest
    return value, digest


def _not_json(findings: Findings, why: str) -> dict[str, Json]:
    findings.error(
        "not-json",
        "",
        f"the spec cannot be read as JSON: {why}",
        "correct the text and send it again",
    )
    return {}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Refused(f"the key {quote(twice)} stands twice in one object")
    return found


def _no_number(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON number")


def _integer(text: str) -> int:
    value = int(text) if len(text) <= len(str(INT_MIN)) else INT_MIN - 1
    if not INT_MIN <= value <= INT_MAX:
        raise _Refused(f"{quote(text)} does not fit into 64 bits")
    return value


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"{quote(text)} does not fit into a double")
    return value


def _depth(value: Json) -> int:
    depth = 0
    level: list[Json] = [value]
    while level:
        depth += 1
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
    return depth
