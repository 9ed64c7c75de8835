"""A process whose idea of the time is wrong: every place where the product asks its own clock."""

import time
from datetime import datetime, timedelta, tzinfo

from executor.adapters import database_clock
from shared import clock


def set_clock_wrong(by_s: float) -> None:
    """From now on this process is early or late; what it measures with is not."""
    if not by_s:
        return
    by = timedelta(seconds=by_s)
    ticks = time.time_ns

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # no own type
            return datetime.now(tz) + by

    for module in (database_clock, clock):
        assert vars(module)["datetime"] is datetime
        vars(module)["datetime"] = Wrong
    # Ids begin with the time.
    time.time_ns = lambda: ticks() + int(by_s * 1e9)
