"""What work costs, on whatever machine the tests run."""

import sys
import time
from collections.abc import Callable
from typing import Final

CPU_S: Final = 0.1
"""What an expression may cost at most, on an idle core of 2026."""

_YARDSTICK_S: Final = 0.009
"""What the yardstick costs there."""

_TRACED: Final = 10
"""How many times slower the engine is while its lines are traced, as for coverage."""

_ATTEMPTS: Final = 5


def is_within_bounds(work: Callable[[], object]) -> bool:
    """
    Whether the work costs no more than CPU_S. The best attempt counts, as the core is
    shared; and what the core does at that time, as told by a yardstick next to it.
    """
    traced = _TRACED if sys.gettrace() else 1
    return any(
        _cpu_s(work) <= CPU_S * traced * max(1, _cpu_s(_yardstick) / _YARDSTICK_S)
        for _ in range(_ATTEMPTS)
    )


def _cpu_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _yardstick() -> int:
    return sum(map(int.bit_length, range(1, 200_000)))
