"""
Instants that are written as a place in the calendar: the next one a cron expression names, the
next time of a day, a date with a time of day; each on the clock of a time zone.

Where the clock is put forward over what is written, it is the instant of the jump; where it shows
it twice, the first.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import TypeGuard
from zoneinfo import ZoneInfo

from control_plane.timetable.cron import Cron, parse_cron
from control_plane.timetable.fire_times import FireTimes
from control_plane.timetable.zones import instants_of, jump_over, zone_named
from shared.errors import InvalidRequest

WORDS = ("cron", "date", "time", "zone")
"""What a moment is written with: `cron`, or `date` or `time` or both; and the `zone` of each."""

MAX_KNOWN = 1_000
"""Cron expressions that a process keeps as they were read."""


def is_moment(given: object) -> TypeGuard[Mapping[str, object]]:
    """Whether it is meant to be one; `moment_after` says whether it is one."""
    return isinstance(given, dict) and not given.keys().isdisjoint(("cron", "date", "time"))


def moment_after(given: Mapping[str, object], now: datetime) -> datetime:
    """
    The instant, in UTC. Later than `now` where it comes again; a date may be past.

    Raises InvalidRequest for what is no moment, or does not come again.
    """
    unknown = next((word for word in given if word not in WORDS), None)
    if unknown is not None:
        raise InvalidRequest(
            f"{unknown!r} does not say when; write {', '.join(WORDS)}", field=unknown
        )
    zone = zone_named(_text(given, "zone") or "UTC", "zone")
    if "cron" in given:
        if "date" in given or "time" in given:
            raise InvalidRequest("write `cron`, or `date` and `time`, not both", field="cron")
        return _next(_cron(_text(given, "cron")), zone, now)
    of_day = _of_day(given)
    if "date" in given:
        return _shown(datetime.combine(_date(_text(given, "date")), of_day), zone)
    today = now.astimezone(zone).date()
    for day in (today, *_tomorrow(today)):
        found = _shown(datetime.combine(day, of_day), zone)
        if found > now:
            return found
    raise _past("time")


def _next(cron: Cron, zone: ZoneInfo, now: datetime) -> datetime:
    found = FireTimes(cron, zone).after(now)
    if found is None:
        raise _past("cron")
    return found


def _shown(wall: datetime, zone: ZoneInfo) -> datetime:
    try:
        shown = instants_of(wall, zone)
        return shown[0] if shown else jump_over(wall, zone)
    except (OverflowError, ValueError) as error:
        raise InvalidRequest("there is no such date in that zone", field="date") from error


def _tomorrow(today: date) -> tuple[date, ...]:
    """The two days that follow, of which one has a later time: a zone may leave a day out."""
    last = date.max.toordinal()
    return tuple(
        date.fromordinal(one)
        for one in (today.toordinal() + 1, today.toordinal() + 2)
        if one <= last
    )


def _of_day(given: Mapping[str, object]) -> time:
    text = _text(given, "time") if "time" in given else "00:00"
    try:
        found = time.fromisoformat(text)
    except ValueError:
        found = None
    # Not what else ISO 8601 has for it: nobody should wonder what it says.
    if found is None or len(text) not in {5, 8} or found.tzinfo is not None:
        raise InvalidRequest(f"time {text[:40]!r} is none; write it as 09:00", field="time")
    return found


def _date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or len(text) != len("2030-01-31"):
        raise InvalidRequest(f"date {text[:40]!r} is none; write it as 2030-01-31", field="date")
    return found


def _text(given: Mapping[str, object], word: str) -> str:
    value = given.get(word, "")
    if not isinstance(value, str):
        raise InvalidRequest(f"{word} is no text", field=word)
    return value


def _past(field: str) -> InvalidRequest:
    return InvalidRequest(f"{field} names no later instant", field=field)


_cron = lru_cache(maxsize=MAX_KNOWN)(parse_cron)
