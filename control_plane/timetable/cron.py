"""
Cron expressions: which minutes of a calendar one names, on a clock that never jumps.

Reading and searching are cronsim's. What a time zone makes of the minutes is not: that is
decided in fire_times.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from cronsim import CronSim, CronSimError

from shared.errors import InvalidRequest

MAX_CRON = 256
"""Characters of an expression."""

FIELDS = 5
"""Minute, hour, day of month, month, day of week. A field of seconds is not taken."""

LAST_YEAR = 2199
"""No fire time is looked for beyond it."""

NICKNAMES: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_BEGINNING = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall clock's, in no zone
_LETTERS = re.compile(r"[0-9A-Za-z*,/#-]+")


@dataclass(frozen=True, slots=True)
class Cron:
    """
    An expression that can be satisfied. `follows_clock` where its minute or its hour begins
    with `*`: it means every so often then, and not a time of the day.
    """

    text: str
    follows_clock: bool

    def after(self, wall: datetime) -> Iterator[datetime]:
        """The minutes after a time on the wall, in order; both in no zone."""
        return takewhile(lambda found: found.year <= LAST_YEAR, CronSim(self.text, wall))


def parse_cron(text: str, field: str = "cron") -> Cron:
    """
    Raises InvalidRequest for what cannot be read, and for what names no minute in 50 years,
    as `0 0 30 2 *` does: that is found out within some milliseconds.
    """
    asked = text.strip()
    if not asked:
        raise InvalidRequest(f"{field} is required, as '0 9 * * MON-FRI'", field=field)
    if len(text) > MAX_CRON:
        raise InvalidRequest(
            f"{field} has {len(text)} characters; it may have {MAX_CRON}", field=field
        )
    parts = NICKNAMES.get(asked.lower(), asked).split()
    if len(parts) != FIELDS or not all(map(_LETTERS.fullmatch, parts)):
        raise InvalidRequest(
            f"{field} {asked!r} is no cron expression: it has {FIELDS} fields (minute, hour, day"
            " of month, month, day of week), as '0 9 * * MON-FRI', or is one of"
            f" {', '.join(NICKNAMES)}",
            field=field,
        )
    plain = " ".join(parts)
    try:
        first = next(CronSim(plain, _BEGINNING), None)
    except CronSimError as error:
        what = str(error).removeprefix("Bad ")
        raise InvalidRequest(
            f"{field} {asked!r}: the {what} cannot be read, or never comes", field=field
        ) from error
    if first is None:
        raise InvalidRequest(
            f"{field} {asked!r} names no minute within 50 years: no such day comes", field=field
        )
    return Cron(plain, follows_clock=parts[0].startswith("*") or parts[1].startswith("*"))
