"""
How much is let in at once, and nothing any more once the server drains.
"""

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.errors import LimitExceeded, Overloaded, Unavailable

MAX_CALLS = 4_000
"""Unary calls under way; an orchestrator's queue is longer, so that events are not what waits."""

MAX_STREAMS = 2_000
MAX_WATCHES_PER_CALLER = 10

RETRY_IN = timedelta(seconds=1)


class Admission:
    """
    Counts what is under way. `leaving` is set once this server is to end, `draining` when it lets
    nothing in any more; both once and for all. `idle` is set while nothing is under way.
    """

    def __init__(self, *, max_calls: int = MAX_CALLS, max_streams: int = MAX_STREAMS) -> None:
        self.leaving = asyncio.Event()
        self.draining = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self.calls = 0
        self.streams = 0
        self._max_calls = max_calls
        self._max_streams = max_streams
        self._watches: Counter[Hashable] = Counter()

    def begin_call(self) -> None:
        """Raises Unavailable when draining, Overloaded when there is too much; else end it."""
        self._check_draining()
        if self.calls >= self._max_calls:
            raise Overloaded(
                f"{self.calls} calls are under way, as many as this server takes; send it again"
                " later",
                retry_in=RETRY_IN,
            )
        self.calls += 1
        self.idle.clear()

    def end_call(self) -> None:
        self.calls -= 1
        self._note_idle()

    def begin_stream(self) -> None:
        self._check_draining()
        if self.streams >= self._max_streams:
            raise Overloaded(
                f"{self.streams} streams are open, as many as this server takes; try another",
                retry_in=RETRY_IN,
            )
        self.streams += 1
        self.idle.clear()

    def end_stream(self) -> None:
        self.streams -= 1
        self._note_idle()

    @contextmanager
    def watch(self, caller: Hashable) -> Iterator[None]:
        """
        One of the few streams that a caller may watch by at once. A name alone is no caller:
        two tenants may each have an alice.
        """
        if self._watches[caller] >= MAX_WATCHES_PER_CALLER:
            raise LimitExceeded(
                "streams of one caller",
                actual=MAX_WATCHES_PER_CALLER + 1,
                maximum=MAX_WATCHES_PER_CALLER,
            )
        self._watches[caller] += 1
        try:
            yield
        finally:
            self._watches[caller] -= 1
            if not self._watches[caller]:
                del self._watches[caller]

    def _note_idle(self) -> None:
        if self.calls == 0 and self.streams == 0:
            self.idle.set()

    def _check_draining(self) -> None:
        if self.draining.is_set():
            raise draining_now()


def draining_now() -> Unavailable:
    return Unavailable(
        "this server is going away and did not do what was asked; send it again, to another,"
        " after a random delay"
    )
