"""
What time it is, as a port: a plane never asks the operating system behind its back.

Deadlines, leases and timers are not measured with a plane's clock at all but with the
database's (`foliot.now()`), so that planes with wrong clocks agree. So are keys and callback
tokens; certificates and issuers' tokens are judged by the plane's own clock.
"""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, with its time zone."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)
