"""The fields of a timestamp in a time zone, and the length of a duration in a unit."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
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

_OFFSET: Final = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_NAME: Final = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+){0,2}")

_FIELDS: Final[dict[str, Callable[[datetime], int]]] = {
    "getFullYear": lambda moment: moment.year,
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
        try:
            return read(datetime_of(moment).astimezone(_zone(zone, site)))
        except OverflowError:
            raise site.error("in this time zone the year is not one of 1 to 9999") from None

    return run


def _unit(ns: int) -> Implementation:
    def run(_site: Site, _budget: Budget, length: Duration) -> int:
        return _towards_zero(length.ns, ns)

    return run


def _milliseconds(_site: Site, _budget: Budget, length: Duration) -> int:
    rest = abs(length.ns) % SECOND // 1_000_000
    return rest if length.ns >= 0 else -rest


def _zone(name: str, site: Site) -> tzinfo:
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
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise site.error("no such time zone; write a name like Europe/Berlin or an offset like +01:00")


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
