"""
The instants that a cron expression makes in a time zone.

Where the clock jumps, one of two rules holds:

- A time of the day (`30 2 * * *`) comes once a day. Where the clock is put forward over it, it
  comes at the instant of the jump; where the clock shows it twice, it comes the first time.
- Every so often (`*/15 * * * *`, `0 * * * *`: minute or hour begin with `*`) follows the clock:
  what the clock passes over does not come, and what it shows twice comes twice.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from control_plane.timetable.cron import Cron
from control_plane.timetable.zones import instants_of, jump_over, jump_within, wall_of

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class FireTimes:
    cron: Cron
    zone: ZoneInfo

    def after(self, instant: datetime) -> datetime | None:
        """The first one later than the instant, in UTC; None if there is none in 50 years."""
        if self.cron.follows_clock:
            return self._by_the_clock(instant)
        return self._by_the_day(instant)

    def every_after(self, instant: datetime) -> Iterator[datetime]:
        """All that are later, in order."""
        found = self.after(instant)
        while found is not None:
            yield found
            found = self.after(found)

    def newest(self, after: datetime, until: datetime, most: int) -> list[datetime]:
        """
        The last ones that are later than `after` and not later than `until`, in order.

        What it costs grows with `most`, and not with how many there are: it looks at the last
        `most` minutes, then at twice as many, until there are enough.
        """
        span = _MINUTE * most
        while True:
            begin = max(after, until - span)
            times = takewhile(lambda time: time <= until, self.every_after(begin))
            found = deque(times, maxlen=most)
            if len(found) == most or begin == after:
                return list(found)
            span *= 2

    def _by_the_day(self, instant: datetime) -> datetime | None:
        for wall in self.cron.after(wall_of(instant, self.zone)):
            shown = instants_of(wall, self.zone)
            time = shown[0] if shown else jump_over(wall, self.zone)
            if time > instant:
                return time
        return None

    def _by_the_clock(self, instant: datetime) -> datetime | None:
        found = (
            time
            for wall in self.cron.after(wall_of(instant, self.zone))
            for time in instants_of(wall, self.zone)
            if time > instant
        )
        again = self._in_the_hour_to_come_again(instant)
        return min(filter(None, (next(found, None), again)), default=None)

    def _in_the_hour_to_come_again(self, instant: datetime) -> datetime | None:
        """
        The first one after the clock is put back, where it will be put back over this instant:
        what it then shows was on the wall before.
        """
        wall = wall_of(instant, self.zone).replace(microsecond=0)
        shown = instants_of(wall, self.zone)
        if len(shown) == 1 or shown[-1] <= instant:
            return None
        put_back = jump_within(shown[0], shown[-1], self.zone)
        # A minute before, so that the very minute counts.
        before = wall_of(put_back, self.zone) - _MINUTE
        later = (
            time
            for wall in self.cron.after(before)
            for time in instants_of(wall, self.zone)
            if time >= put_back
        )
        return next(later, None)
