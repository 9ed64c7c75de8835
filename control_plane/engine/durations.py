"""
How long from now: milliseconds, or an ISO 8601 duration such as PT15M, P2D or P1M.

Days and weeks are 24 and 168 hours of elapsed time; months and years move the calendar
date in UTC and stop at the end of a shorter month.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_ISO = re.compile(
    r"P(?=[0-9T])"
    r"(?:(?P<years>[0-9]{1,4})Y)?(?:(?P<months>[0-9]{1,4})M)?(?:(?P<weeks>[0-9]{1,6})W)?"
    r"(?:(?P<days>[0-9]{1,7})D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]{1,8})H)?(?:(?P<minutes>[0-9]{1,9})M)?"
    r"(?:(?P<seconds>[0-9]{1,10}(?:\.[0-9]{1,6})?)S)?)?",
    re.ASCII,
)
_MAX_MILLISECONDS = 10**13


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time; the months of it have no fixed length."""

    months: int
    exact: timedelta

    def after(self, instant: datetime) -> datetime:
        """
        The instant this much later, in UTC.

        Raises OverflowError past the last year a date can have.
        """
        start = instant.astimezone(UTC)
        if not self.months:
            return start + self.exact
        years, month = divmod(start.month - 1 + self.months, 12)
        year = start.year + years
        if year > 9999:
            raise OverflowError(f"{self.months} months after {instant.isoformat()} has no date")
        day = min(start.day, calendar.monthrange(year, month + 1)[1])
        return start.replace(year=year, month=month + 1, day=day) + self.exact

    def longest(self) -> timedelta:
        """An upper bound of it as elapsed time."""
        return self.exact + timedelta(days=31 * self.months)


def write_duration(length: Duration | timedelta) -> str:
    """A length in ISO 8601, in the largest units that are sure: 90 minutes are PT1H30M."""
    months, exact = (length.months, length.exact) if isinstance(length, Duration) else (0, length)
    minutes, seconds = divmod(exact.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{exact.microseconds:06d}".rstrip("0") if exact.microseconds else ""
    date = _units((months // 12, "Y"), (months % 12, "M"), (exact.days, "D"))
    time = _units((hours, "H"), (minutes, "M"))
    if seconds or fraction:
        time += f"{seconds}{fraction}S"
    if not date and not time:
        return "PT0S"
    return f"P{date}T{time}" if time else f"P{date}"


def _units(*counted: tuple[int, str]) -> str:
    return "".join(f"{count}{unit}" for count, unit in counted if count)


def parse_duration(value: object) -> Duration | None:
    """The duration that a spec's value means, None when it means none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not 0 <= value <= _MAX_MILLISECONDS:  # also refuses NaN
            return None
        return Duration(0, timedelta(milliseconds=value))
    if isinstance(value, timedelta):
        return Duration(0, value) if value >= timedelta() else None
    if not isinstance(value, str):
        return None
    if value.isascii() and value.isdigit() and len(value) <= len(str(_MAX_MILLISECONDS)):
        return parse_duration(int(value))
    found = _ISO.fullmatch(value)
    if found is None:
        return None
    part = {name: text or "0" for name, text in found.groupdict().items()}
    return Duration(
        12 * int(part["years"]) + int(part["months"]),
        timedelta(
            weeks=int(part["weeks"]),
            days=int(part["days"]),
            hours=int(part["hours"]),
            minutes=int(part["minutes"]),
            seconds=float(part["seconds"]),
        ),
    )
