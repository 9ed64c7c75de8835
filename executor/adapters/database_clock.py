"""The database's time, as far as its answers have told."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """
    Never ahead of the database's clock: a reading is taken for the moment it arrived,
    when the database is already a little further.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # Until the first answer, this machine's clock is all there is.
        self.set(datetime.now(UTC))

    def now(self) -> datetime:
        return self._at + timedelta(seconds=self._monotonic() - self._since)

    def set(self, at: datetime) -> None:
        """It was `at` when the database answered."""
        self._at = at
        self._since = self._monotonic()

    def has_reached(self, at: datetime) -> None:
        """The database says that `at` has come."""
        if at > self.now():
            self.set(at)
