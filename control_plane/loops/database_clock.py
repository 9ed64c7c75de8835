"""What time it is for the database, told between two answers of it. Never ahead of it."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.clock import Clock

SAMPLES = 8
"""Answers that count: the quickest of them tells best, and one that is wrong is soon forgotten."""


class DatabaseClock:
    """
    Each answer said what time it was when it was made, and came a little later. So the time
    since it came is less than the time since then, and what is told here is at most the truth,
    whatever this machine's clock says. Unless the database's is set back: see `forget`.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[datetime, float]] = deque(maxlen=SAMPLES)
        self._latest: tuple[datetime, float] | None = None

    @property
    def is_known(self) -> bool:
        return bool(self._samples)

    def observe(self, now: datetime, came: float) -> None:
        """The database said `now` in an answer that came at that instant of a monotonic clock."""
        self._latest = (now, came)
        self._samples.append(self._latest)

    def forget(self) -> None:
        """What was observed is not to be trusted: the database says it is earlier."""
        self._samples.clear()

    def roughly_at(self, monotonic: float) -> datetime | None:
        """The same by its last answer, forgotten or not; None before the first."""
        if self._latest is None:
            return None
        now, came = self._latest
        return now + timedelta(seconds=monotonic - came)

    def at(self, monotonic: float) -> datetime:
        """What the database says at that instant, or a little less. Something must be observed."""
        return max(now + timedelta(seconds=monotonic - came) for now, came in self._samples)


class DatabaseTime:
    """
    The same as a port: what a control plane judges credentials by that it or an executor has
    made, so that all agree, however wrong their own clocks are.
    """

    def __init__(
        self, clock: DatabaseClock, until_known: Clock, monotonic: Callable[[], float]
    ) -> None:
        """`monotonic` is what the clock's answers came by; `until_known` tells before the first."""
        self._clock = clock
        self._until_known = until_known
        self._monotonic = monotonic

    def now(self) -> datetime:
        return self._clock.roughly_at(self._monotonic()) or self._until_known.now()
