"""`size`, and the functions that convert from one type to another."""

import math
import re
from typing import Final

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.functions import ANY, Function
from control_plane.engine.expressions.moments import (
    MAX_TEXT,
    SECOND,
    format_duration,
    format_timestamp,
    parse_duration,
    parse_timestamp,
    timestamp_of,
)
from control_plane.engine.expressions.values import (
    INT_MAX,
    INT_MIN,
    Duration,
    Timestamp,
    Value,
)

MAX_NUMBER_CHARACTERS: Final = 400
"""Length of a text that is read as a number; the longest exact double has some 330."""

DIGITS_PER_ITERATION: Final = 64
"""How many digits of a double are read in the time of an iteration."""

PARSE_ITERATIONS: Final = 8
"""What it costs to read a timestamp or a duration."""

PARSED_PER_ITERATION: Final = 2
"""And how many of its characters are read in the time of another iteration."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DOUBLE: Final = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|inf|infinity)|nan",
    re.IGNORECASE,
)
_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False),
}


def _same(_site: Site, _budget: Budget, value: Value) -> Value:
    return value


def _size(_site: Site, _budget: Budget, value: str | list[Value] | dict[Value, Value]) -> int:
    return len(value)


def _int_of_double(site: Site, _budget: Budget, value: float) -> int:
    """Towards zero."""
    # 2^63 is a double and no int64, and the ends of the range are not told from their
    # neighbours by a double, so that both are refused.
    if not -(2.0**63) < value < 2.0**63:
        raise site.error("the double is no 64-bit integer; keep it a double")
    return int(value)


def _int_of_string(site: Site, _budget: Budget, text: str) -> int:
    if len(text) <= MAX_NUMBER_CHARACTERS and _INTEGER.fullmatch(text):
        value = int(text)
        if INT_MIN <= value <= INT_MAX:
            return value
    raise site.error("the string is no 64-bit integer; ask with matches() first")


def _int_of_timestamp(_site: Site, _budget: Budget, moment: Timestamp) -> int:
    """Seconds since 1970, the second below."""
    return moment.ns // SECOND


def _double_of_int(_site: Site, _budget: Budget, value: int) -> float:
    return float(value)


def _double_of_string(site: Site, budget: Budget, text: str) -> float:
    budget.iterate(min(len(text), MAX_NUMBER_CHARACTERS) // DIGITS_PER_ITERATION, site)
    if len(text) <= MAX_NUMBER_CHARACTERS and _DOUBLE.fullmatch(text):
        return float(text)
    raise site.error("the string is no number; ask with matches() first")


def _bool_of_string(site: Site, _budget: Budget, text: str) -> bool:
    if text in _BOOLS:
        return _BOOLS[text]
    raise site.error("the string is no bool; write true or false")


def _string_of_bool(_site: Site, _budget: Budget, value: bool) -> str:
    return "true" if value else "false"


def _string_of_int(site: Site, _budget: Budget, value: int) -> str:
    if not INT_MIN <= value <= INT_MAX:
        raise site.error("the scope holds an int beyond 64 bits; hand it over as a string")
    return str(value)


def _string_of_double(_site: Site, _budget: Budget, value: float) -> str:
    """The shortest digits that read back as the same number; of a whole number no `.0`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)


def _string_of_timestamp(_site: Site, _budget: Budget, moment: Timestamp) -> str:
    return format_timestamp(moment)


def _string_of_duration(_site: Site, _budget: Budget, length: Duration) -> str:
    return format_duration(length)


def _timestamp_of_string(site: Site, budget: Budget, text: str) -> Timestamp:
    _charge_parse(text, budget, site)
    moment = parse_timestamp(text)
    if moment is None:
        raise site.error("the string is no timestamp; write it like 2030-01-31T12:00:00Z")
    return moment


def _timestamp_of_int(site: Site, _budget: Budget, seconds: int) -> Timestamp:
    moment = timestamp_of(seconds * SECOND)
    if moment is None:
        raise site.error("the int is no timestamp: it is seconds since 1970, in years 1 to 9999")
    return moment


def _duration_of_string(site: Site, budget: Budget, text: str) -> Duration:
    _charge_parse(text, budget, site)
    length = parse_duration(text)
    if length is None:
        raise site.error("the string is no duration of up to 292 years; write 1h30m or PT1H30M")
    return length


def _charge_parse(text: str, budget: Budget, site: Site) -> None:
    length = min(len(text), MAX_TEXT)
    budget.iterate(PARSE_ITERATIONS + length // PARSED_PER_ITERATION, site)


SIZE: Final = Function("size", {(str,): _size, (list,): _size, (dict,): _size}, "int")

CONVERSIONS: Final = (
    Function("dyn", {(kind,): _same for kind in ANY}),
    Function("bool", {(bool,): _same, (str,): _bool_of_string}, "bool"),
    Function(
        "int",
        {
            (int,): _same,
            (float,): _int_of_double,
            (str,): _int_of_string,
            (Timestamp,): _int_of_timestamp,
        },
        "int",
    ),
    Function(
        "double", {(float,): _same, (int,): _double_of_int, (str,): _double_of_string}, "double"
    ),
    Function(
        "string",
        {
            (str,): _same,
            (bool,): _string_of_bool,
            (int,): _string_of_int,
            (float,): _string_of_double,
            (Timestamp,): _string_of_timestamp,
            (Duration,): _string_of_duration,
        },
        "string",
    ),
    Function(
        "timestamp",
        {(Timestamp,): _same, (str,): _timestamp_of_string, (int,): _timestamp_of_int},
        "timestamp",
    ),
    Function("duration", {(Duration,): _same, (str,): _duration_of_string}, "duration"),
)
