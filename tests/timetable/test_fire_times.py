"""
The instants of a schedule in a time zone, where clocks jump, held to a reckoning minute by minute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.timetable import FireTimes, parse_cron, zone_named
from shared.errors import InvalidRequest

MINUTE = timedelta(minutes=1)
ALL_DAY = frozenset(range(24))
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",  # jumps at midnight
    "Africa/Cairo",  # likewise, and not every year
    "Africa/Casablanca",  # puts the clock back for Ramadan
    "Australia/Lord_Howe",  # jumps by half an hour
    "Antarctica/Troll",  # by two hours
    "Pacific/Apia",  # left out a whole day in 2011
    "Asia/Kathmandu",  # never
    "UTC",
)


def times(cron: str, zone: str, begin: str, count: int) -> list[str]:
    """Fire times as the clock of the zone shows them, with its offset."""
    fire_times = FireTimes(parse_cron(cron), zone_named(zone))
    found = islice(fire_times.every_after(datetime.fromisoformat(begin)), count)
    return [one.astimezone(ZoneInfo(zone)).isoformat(" ", "minutes") for one in found]


class TestATimeOfTheDay:
    def test_that_the_clock_is_put_forward_over_comes_at_the_jump(self) -> None:
        """Once, and not left out: a night's report is wanted that night too."""
        assert [
            "2026-03-28 02:30+01:00",
            "2026-03-29 03:00+02:00",
            "2026-03-30 02:30+02:00",
        ] == times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3)

    def test_that_the_clock_shows_twice_comes_the_first_time(self) -> None:
        """Once: nobody is to be billed twice for a night in October."""
        assert [
            "2026-10-24 02:30+02:00",
            "2026-10-25 02:30+02:00",
            "2026-10-26 02:30+01:00",
        ] == times("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3)

    def test_of_which_several_fall_into_one_jump_comes_once(self) -> None:
        """All of them are the instant after it, as is three o'clock itself."""
        assert ["2026-03-29 01:00+01:00", "2026-03-29 03:00+02:00", "2026-03-29 04:00+02:00"] == (
            times("0,30 1,2,3,4 * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", 6)[::2][:1]
            + times("0,15,30 2,3 29 3 *", "Europe/Berlin", "2026-03-28T23:30:00Z", 1)
            + times("0 4 29 3 *", "Europe/Berlin", "2026-03-28T23:30:00Z", 1)
        )

    def test_on_a_day_that_is_left_out_comes_when_the_next_begins(self) -> None:
        """Samoa had no 30 December 2011."""
        assert [
            "2011-12-29 08:00-10:00",
            "2011-12-31 00:00+14:00",
            "2011-12-31 08:00+14:00",
        ] == times("0 8 * * *", "Pacific/Apia", "2011-12-29T10:00:00Z", 3)


class TestEverySoOften:
    def test_passes_over_what_the_clock_passes_over(self) -> None:
        """Every half hour stays every half hour."""
        assert [
            "2026-03-29 01:30+01:00",
            "2026-03-29 03:00+02:00",
            "2026-03-29 03:30+02:00",
        ] == times("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3)

    def test_comes_twice_when_the_clock_shows_it_twice(self) -> None:
        """An hour without a heartbeat would be an alarm."""
        assert [
            "2026-10-25 02:00+02:00",
            "2026-10-25 02:30+02:00",
            "2026-10-25 02:00+01:00",
            "2026-10-25 02:30+01:00",
            "2026-10-25 03:00+01:00",
        ] == times("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:59:00Z", 5)

    def test_misses_nothing_after_a_jump_of_half_an_hour(self) -> None:
        """Where hours no longer begin at the hours of UTC."""
        assert [
            "2026-10-04 05:00+11:00",
            "2026-10-04 05:15+11:00",
        ] == times("*/15 5 * * *", "Australia/Lord_Howe", "2026-10-03T10:00:00Z", 2)


class TestTheNewest:
    def test_are_the_last_of_those_there_are(self) -> None:
        """Half a year of minutes: what is asked for is found without looking at all of them."""
        every_minute = FireTimes(parse_cron("* * * * *"), zone_named("Europe/Berlin"))
        until = datetime(2026, 7, 1, 12, 0, 30, tzinfo=UTC)

        found = every_minute.newest(until - timedelta(days=180), until, 3)

        assert [until.replace(second=0) - n * MINUTE for n in (2, 1, 0)] == found

    def test_are_all_where_there_are_fewer(self) -> None:
        """Later than the beginning, and not later than the end."""
        daily = FireTimes(parse_cron("0 0 * * *"), zone_named("UTC"))
        begin = datetime(2026, 1, 1, tzinfo=UTC)

        found = daily.newest(begin, begin + timedelta(days=2), 100)

        assert [begin + timedelta(days=1), begin + timedelta(days=2)] == found


class TestAZone:
    @pytest.mark.parametrize("name", ["Mars/Olympus", "localtime", "../../etc/passwd", "cet", "\0"])
    def test_that_is_none_of_ianas_is_refused(self, name: str) -> None:
        """What this server's own clock shows is nobody's time zone, and no name is a path."""
        with pytest.raises(InvalidRequest, match="no IANA time zone"):
            zone_named(name)

    def test_that_is_not_named_is_utc(self) -> None:
        """The one that has no surprises."""
        assert "UTC" == zone_named("").key


@dataclass(frozen=True, kw_only=True)
class Plain:
    """An expression as sets, for a reckoning of its own."""

    minutes: frozenset[int]
    hours: frozenset[int]
    follows_clock: bool
    text: str

    def names(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours


@st.composite
def plain(draw: st.DrawFn) -> Plain:
    """Every so often, or times of the day, mostly of the night."""
    step = draw(st.sampled_from([1, 7, 15, 20, 30]))
    hours = draw(st.frozensets(st.sampled_from([*range(6), 22, 23]), min_size=1, max_size=4))
    minutes = draw(st.frozensets(st.integers(0, 59), min_size=1, max_size=4))
    shown = ",".join(map(str, sorted(hours)))
    every = frozenset(range(0, 60, step))
    some = ",".join(map(str, sorted(minutes)))
    text, minutes_of, hours_of = draw(
        st.sampled_from(
            [
                (f"*/{step} * * * *", every, ALL_DAY),
                (f"*/{step} {shown} * * *", every, hours),
                (f"{some} * * * *", minutes, ALL_DAY),
                (f"{some} {shown} * * *", minutes, hours),
            ]
        )
    )
    return Plain(minutes=minutes_of, hours=hours_of, follows_clock="*" in text[:-6], text=text)


@cache
def jumps(name: str) -> list[datetime]:
    """The hours of some years in which the clock of a zone is put forward or back."""
    zone, found = ZoneInfo(name), []
    hour = datetime(2008, 1, 1, tzinfo=UTC)
    while hour.year < 2030:
        step = timedelta(days=1)
        if hour.astimezone(zone).utcoffset() != (hour + step).astimezone(zone).utcoffset():
            found.append(hour)
        hour += step
    return found or [datetime(2026, 1, 1, tzinfo=UTC)]


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a moment a day or less before or after a jump of its clock."""
    name = draw(st.sampled_from(ZONES))
    near = draw(st.sampled_from(jumps(name)))
    return name, near + timedelta(seconds=draw(st.integers(-6 * 3_600, 30 * 3_600)))


def reckoned(cron: Plain, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """By the rules of docs/schedules.md, minute by minute and without a calendar's help."""
    # Longer than any clock is put back by.
    margin = timedelta(hours=4)
    minute = after.replace(second=0, microsecond=0) - margin
    shown: dict[datetime, list[datetime]] = {}
    found: set[datetime] = set()
    previous = wall_of(minute - MINUTE, zone)
    while minute <= until:
        wall = wall_of(minute, zone)
        shown.setdefault(wall, []).append(minute)
        if cron.names(wall) and (cron.follows_clock or len(shown[wall]) == 1):
            found.add(minute)
        passed_over = list(between(previous, wall))
        if not cron.follows_clock and any(cron.names(one) for one in passed_over):
            found.add(minute)
        previous, minute = wall, minute + MINUTE
    return sorted(one for one in found if after < one <= until)


def wall_of(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def between(previous: datetime, wall: datetime) -> Iterator[datetime]:
    """What was on no clock, as it was put forward from one to the other."""
    one = previous + MINUTE
    while one < wall:
        yield one
        one += MINUTE


class TestAnyExpressionInAnyZone:
    @settings(deadline=None)
    @given(cron=plain(), moment=moments())
    def test_comes_when_a_reckoning_minute_by_minute_says(
        self, cron: Plain, moment: tuple[str, datetime]
    ) -> None:
        """None early, none late, none twice, none missed, over hours in which a clock jumps."""
        name, after = moment
        zone = ZoneInfo(name)
        until = after + timedelta(hours=10)
        fire_times = FireTimes(parse_cron(cron.text), zone)

        found = []
        for one in fire_times.every_after(after):
            if one > until:
                break
            found.append(one)

        assert reckoned(cron, zone, after, until) == found
