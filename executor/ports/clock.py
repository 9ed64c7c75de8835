"""
What time it is for an executor: the database's time, as far as it is known here.

Never ahead of the database's clock, so that whoever waits for an instant by it never acts
early. Not behind the due time of any task that was handed out.
"""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, with its time zone."""
