"""What holds for every limit of a tenant's: the bounds of its numbers."""

from math import ceil, isfinite

from control_plane.engine.limits import MAX_NAME_LENGTH
from control_plane.ports.limit_store import Rate
from control_plane.use_cases import fields
from shared.errors import InvalidRequest

MAX_LIMITS = 100
"""Limits of a tenant: each one on a key is one more place for its claims to look at."""

MAX_RUNNING = 1_000_000
MIN_PER_SECOND = 0.0001
MAX_PER_SECOND = 100_000.0
MAX_BURST = 1_000_000


def check_key(key: str) -> None:
    fields.text(key, "limit_key", longest=MAX_NAME_LENGTH)


def check_max_running(max_running: int) -> None:
    if not 0 <= max_running <= MAX_RUNNING:
        raise InvalidRequest(
            f"max_running must be from 0 to {MAX_RUNNING:,}, not {max_running}", field="max_running"
        )


def rate_of(per_second: float, burst: int) -> Rate:
    """Burst 0 is not set: what a second brings. Raises InvalidRequest if one is out of bounds."""
    if not (isfinite(per_second) and MIN_PER_SECOND <= per_second <= MAX_PER_SECOND):
        raise InvalidRequest(
            f"tasks_per_second must be from {MIN_PER_SECOND} to {MAX_PER_SECOND:,.0f},"
            f" not {per_second}",
            field="rate.tasks_per_second",
        )
    if not 0 <= burst <= MAX_BURST:
        raise InvalidRequest(
            f"burst must be from 1 to {MAX_BURST:,}, not {burst}", field="rate.burst"
        )
    return Rate(per_second=per_second, burst=burst or ceil(per_second))
