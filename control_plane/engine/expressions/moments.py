"""Timestamps and durations as text: RFC 3339, CEL's `1h30m`, ISO 8601's `PT1H30M`."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from control_plane.engine.expressions.values import INT_MAX, INT_MIN, Duration, Timestamp

SECOND: Final = 1_000_000_000
"""In nanoseconds."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST: Final = -62_135_596_800 * SECOND
"""The year 1."""
LAST: Final = 253_402_300_800 * SECOND - 1
"""The end of the year 9999."""

MAX_TEXT: Final = 64
"""Characters of a timestamp or duration that are looked at."""

_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_CEL_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)", re.ASCII)
_ISO: Final = re.compile(
    r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?", re.ASCII
)
_UNITS: Final = {
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter
    "ns": 1,
}
_ISO_UNITS: Final = (7 * 86_400 * SECOND, 86_400 * SECOND, 3600 * SECOND, 60 * SECOND, SECOND)


def timestamp_of(ns: int) -> Timestamp | None:
    """None outside the years 1 to 9999."""
    return Timestamp(ns) if FIRST <= ns <= LAST else None


def duration_of(ns: int) -> Duration | None:
    """None outside of 64 bits."""
    return Duration(ns) if INT_MIN <= ns <= INT_MAX else None


@lru_cache(maxsize=64)
def timestamp_of_datetime(moment: datetime) -> Timestamp:
    """Of an aware datetime. Kept, as a macro asks for the same moment again and again."""
    return Timestamp((moment - EPOCH) // timedelta(microseconds=1) * 1000)


def datetime_of(moment: Timestamp) -> datetime:
    """In UTC, to the microsecond below."""
    return EPOCH + timedelta(microseconds=moment.ns // 1000)


def parse_timestamp(text: str) -> Timestamp | None:
    """None if it is no RFC 3339 timestamp of the years 1 to 9999."""
    match = _RFC3339.fullmatch(text) if len(text) <= MAX_TEXT else None
    if match is None:
        return None
    *fields, fraction, zone = match.groups()
    try:
        moment = datetime(*(int(field) for field in fields), tzinfo=UTC)  # type: ignore[misc,arg-type]  # six ints
    except ValueError:
        return None
    ns = (moment - EPOCH) // timedelta(seconds=1) * SECOND + int((fraction or "0").ljust(9, "0"))
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            return None
        ns -= (hours * 60 + minutes) * 60 * SECOND * (-1 if zone[0] == "-" else 1)
    return timestamp_of(ns)


def format_timestamp(moment: Timestamp) -> str:
    """RFC 3339 in UTC, with three, six or nine digits of a second, or none."""
    seconds, ns = divmod(moment.ns, SECOND)
    text = (EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{text}{_fraction(ns)}Z"


def parse_duration(text: str) -> Duration | None:
    """None if it is neither `1h30m` nor `PT1H30M`, or is out of range."""
    if len(text) > MAX_TEXT:
        return None
    sign = -1 if text[:1] == "-" else 1
    body = text[1:] if text[:1] in {"-", "+"} else text
    ns = _iso(body) if body[:1] == "P" else _cel(body)
    return None if ns is None else duration_of(sign * ns)


def format_duration(length: Duration) -> str:
    """CEL's form: seconds, and three, six or nine digits of one, or none."""
    seconds, ns = divmod(abs(length.ns), SECOND)
    return f"{'-' if length.ns < 0 else ''}{seconds}{_fraction(ns)}s"


def format_iso_duration(length: Duration) -> str:
    """The form in which a duration leaves the language: `PT90S`."""
    seconds, ns = divmod(abs(length.ns), SECOND)
    return f"{'-' if length.ns < 0 else ''}PT{seconds}{_fraction(ns)}S"


def _cel(body: str) -> int | None:
    if body == "0":
        return 0
    total, position = 0, 0
    while match := _CEL_PART.match(body, position):
        total += _amount(match[1], _UNITS[match[2]])
        position = match.end()
    return total if body and position == len(body) else None


def _iso(body: str) -> int | None:
    match = _ISO.fullmatch(body)
    if match is None or not any(match.groups()):
        return None
    parts = zip(match.groups(), _ISO_UNITS, strict=True)
    return sum(_amount(part, unit) for part, unit in parts if part)


def _amount(number: str, unit: int) -> int:
    """A decimal number of units in nanoseconds, the one below."""
    whole, _, fraction = number.partition(".")
    return int(whole or 0) * unit + int(fraction or 0) * unit // int("1" + "0" * len(fraction))


def _fraction(ns: int) -> str:
    """Three, six or nine digits, as protobuf's JSON has them; none for a whole second."""
    if ns == 0:
        return ""
    text = f".{ns:09}"
    return text[:4] if ns % 1_000_000 == 0 else text[:7] if ns % 1_000 == 0 else text
