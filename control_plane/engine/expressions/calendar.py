"""The fields of a timestamp in a time zone, and the length of a duration in a unit."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from control_plane.engine.expressions.budget import Budget
from control_plane.engine.expressions.errors import Site
from control_plane.engine.expressions.functions import Function, Implementation
from control_plane.engine.expressions.moments import SECOND, datetime_of
from control_plane.engine.expressions.values import Duration, Timestamp

MAX_ZONE_CHARACTERS: Final = 64
"""Length of a time zone's name."""

ZONE_ITERATIONS: Final = 10
"""What looking a time zone up costs."""

UNKNOWN_ZONE_ITERATIONS: Final = 400
"""And on top if there is none of that name, which is not known without asking the disk."""

ZONES_KEPT: Final = 2_048
"""How many time zones are kept for their next use: all that there are."""

_OFFSET: Final = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_NAME: Final = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+){0,2}")

# The calendar repeats itself after 400 years, which are a whole number of weeks.
_CYCLE_YEARS: Final = 400
_CYCLE: Final = timedelta(days=146_097)


def _year(moment: datetime) -> int:
    return moment.year


_FIELDS: Final[dict[str, Callable[[datetime], int]]] = {
    "getFullYear": _year,
    "getMonth": lambda moment: moment.month - 1,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
    "getMilliseconds": lambda moment: moment.microsecond // 1000,
}
"""All from 0, Sunday being the first day of the week; only getDate is from 1."""

_UNITS: Final = {"getHours": 3600 * SECOND, "getMinutes": 60 * SECOND, "getSeconds": SECOND}
"""A duration as a whole in a unit; getMilliseconds is what is left of its last second."""


def _field(read: Callable[[datetime], int]) -> Implementation:
    def run(site: Site, budget: Budget, moment: Timestamp, zone: str = "UTC") -> int:
        if zone == "UTC":
            return read(datetime_of(moment))
        budget.iterate(ZONE_ITERATIONS, site)
        there, utc = _zone(zone, budget, site), datetime_of(moment)
        try:
            return read(utc.astimezone(there))
        except OverflowError:
            # There it is the year 0 or 10000, which datetime does not have.
            years = _CYCLE_YEARS if utc.year == 1 else -_CYCLE_YEARS
            shifted = utc + _CYCLE if utc.year == 1 else utc - _CYCLE
            value = read(shifted.astimezone(there))
            return value - years if read is _year else value

    return run


def _unit(ns: int) -> Implementation:
    def run(_site: Site, _budget: Budget, length: Duration) -> int:
        return _towards_zero(length.ns, ns)

    return run


def _milliseconds(_site: Site, _budget: Budget, length: Duration) -> int:
    rest = abs(length.ns) % SECOND // 1_000_000
    return rest if length.ns >= 0 else -rest


def _zone(name: str, budget: Budget, site: Site) -> tzinfo:
    if name in {"", "Z"}:
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset:
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        if ahead < timedelta(days=1):
            return timezone(-ahead if sign == "-" else ahead)
    elif len(name) <= MAX_ZONE_CHARACTERS and _NAME.fullmatch(name):
        try:
            return _named(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            budget.iterate(UNKNOWN_ZONE_ITERATIONS, site)
    raise site.error("no such time zone; write a name like Europe/Berlin or an offset like +01:00")


@lru_cache(maxsize=ZONES_KEPT)
def _named(name: str) -> ZoneInfo:
    """ZoneInfo itself keeps a few, and reads the others from the disk each time."""
    return ZoneInfo(name)


def _towards_zero(ns: int, unit: int) -> int:
    whole = abs(ns) // unit
    return whole if ns >= 0 else -whole


def _overloads(name: str) -> dict[tuple[type, ...], Implementation]:
    field = _field(_FIELDS[name])
    overloads: dict[tuple[type, ...], Implementation] = {
        (Timestamp,): field,
        (Timestamp, str): field,
    }
    if name in _UNITS:
        overloads[Duration,] = _unit(_UNITS[name])
    if name == "getMilliseconds":
        overloads[Duration,] = _milliseconds
    return overloads


TIME_METHODS: Final = tuple(Function(name, _overloads(name), "int") for name in _FIELDS)
