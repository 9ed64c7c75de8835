"""What work costs, on whatever machine the tests run."""

import gc
import sys
import time
from collections.abc import Callable
from typing import Final

CPU_S: Final = 0.1
"""What an expression may cost at most, on an idle core of 2026."""

_YARDSTICK_S: Final = 0.007
"""What the yardstick costs there."""

_TRACED: Final = 10
"""How many times slower the engine is while its lines are traced, as for coverage."""

_ATTEMPTS: Final = 10

_FRAMES: Final = 12
"""How much deeper each attempt is made than the one before."""


def is_within_bounds(
    work: Callable[[], object], *, prepare: Callable[[], object] = lambda: None
) -> bool:
    """
    Whether the work costs no more than CPU_S. The best attempt counts, as the core is
    shared; and what the core does at that time, as told by a yardstick next to it.
    What has to be done before each attempt is not counted.
    """
    traced = _TRACED if sys.gettrace() else 1
    for attempt in range(_ATTEMPTS):
        prepare()
        taken = _deeper(_FRAMES * attempt, work)
        if taken <= CPU_S * traced * max(1, _cpu_s(_yardstick) / _YARDSTICK_S):
            return True
    return False


def _deeper(frames: int, work: Callable[[], object]) -> float:
    """
    What the work costs when it is called from so much deeper. CPython 3.11 maps memory for
    each call that happens to begin a new piece of its stack: five times the cost, by chance.
    """
    return _deeper(frames - 1, work) if frames else _cpu_s(work)


def _cpu_s(work: Callable[[], object]) -> float:
    # What the tests hold in memory is not to be searched for garbage at the work's expense.
    gc.freeze()
    started = time.process_time()
    work()
    taken = time.process_time() - started
    gc.unfreeze()
    return taken


def _yardstick() -> object:
    """Calls and small values, which is what the engine's work consists of."""
    return [[number, {"a": str(number)}] for number in range(20_000)]
