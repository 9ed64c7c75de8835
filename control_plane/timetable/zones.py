"""
Time zones by their IANA names, and where their clocks jump.

Rules are those of the system's time zone database, and of the package tzdata where there is
none. Which names there are is the package's to say: a system has more, as `localtime`.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from shared.errors import InvalidRequest

_SECOND = timedelta(seconds=1)


def zone_named(name: str, field: str = "time_zone") -> ZoneInfo:
    """The zone. Raises InvalidRequest for a name that is none of IANA's; an empty one is UTC."""
    if not name:
        return ZoneInfo("UTC")
    if name not in _names():
        raise InvalidRequest(
            f"{field} {name!r} is no IANA time zone; take one as 'Europe/Berlin', or 'UTC'",
            field=field,
        )
    return ZoneInfo(name)


def wall_of(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows, in no zone."""
    return instant.astimezone(zone).replace(tzinfo=None)


def instants_of(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """
    When the clock on the wall shows this: once, twice where it is put back over it, and never
    where it is put forward over it. Earliest first, in UTC.
    """
    both = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(one for one in both if wall_of(one, zone) == wall.replace(fold=0))


def jump_over(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clock is put forward over this time."""
    after, before = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return jump_within(before, after, zone)


def jump_within(earlier: datetime, later: datetime, zone: ZoneInfo) -> datetime:
    """
    The first instant that has the offset of `later`: whole seconds all, and one jump between.
    """
    offset = later.astimezone(zone).utcoffset()
    while later - earlier > _SECOND:
        middle = (earlier + (later - earlier) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            later = middle
        else:
            earlier = middle
    return later


@cache
def _names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())
