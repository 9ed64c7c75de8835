"""Taking time on a machine that others use as well: the best of many short runs."""

import gc
import time
import tracemalloc
from collections.abc import Callable

BATCH_S = 0.005
"""Long enough for the clock, short enough to fall between two disturbances."""

BATCHES = 40


def best_us(work: Callable[[], object]) -> float:
    """Microseconds a call, of the batch that was disturbed least. Garbage is collected as ever."""
    count = 1
    while _timed_s(work, count) < BATCH_S:
        count *= 2
    return min(_timed_s(work, count) for _ in range(BATCHES)) / count * 1e6


def taken_bytes(make: Callable[[], object]) -> int:
    """What Python allocated for what `make` returns. Slow: allocations are traced."""
    make()  # what is made once for all
    gc.collect()
    tracemalloc.start()
    try:
        made = make()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
        del made
        return taken
    finally:
        tracemalloc.stop()


def _timed_s(work: Callable[[], object], count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        work()
    return time.perf_counter() - started
