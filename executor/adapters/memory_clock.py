"""A clock that goes when it is told to."""

from datetime import datetime, timedelta


class MemoryClock:
    """It stands at `at` until it is moved; never back."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> None:
        """So much time has passed."""
        self._at += max(by, timedelta())

    def has_reached(self, at: datetime) -> None:
        """`at` has come, if it had not before."""
        self._at = max(self._at, at)
