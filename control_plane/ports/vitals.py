"""How far behind the database is with what is due, and whose schema it has."""

from datetime import datetime
from typing import NamedTuple, Protocol

MAX_COUNTED = 10_000
"""Counting ends there: it costs no more with a million rows than with so many."""


class Lags(NamedTuple):
    """
    The database's now, and the oldest of what waits since then: None where nothing does. `timer_at`
    and `delayed_at` may be ahead of now, and are on time then.
    """

    now: datetime
    inbox_at: datetime | None
    timer_at: datetime | None
    delayed_at: datetime | None
    outbox: int
    live_sessions: int
    silent_sessions: int


class Schema(NamedTuple):
    """`floor` is the oldest release's revision that may run on it; None where it does not say."""

    revision: str
    floor: str | None


class VitalSigns(Protocol):
    async def lags(self) -> Lags:
        """From indexes, so that it costs the same whatever waits. Raises StoreUnavailable."""

    async def schema(self) -> Schema:
        """The schema's revision, and whom it still serves. Raises StoreUnavailable."""
