"""How a plane's process is set up: the fastest event loop there is, and a patient collector."""

import asyncio
import gc
from collections.abc import Callable

# Everything a turn or an attempt makes is freed by its reference count; what the collector
# looks for is rare. At Python's own thresholds it took a fifth of a busy control plane's CPU.
GC_THRESHOLDS = (50_000, 20, 100)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop's where it is installed, None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def spare_the_collector() -> None:
    """Call once everything is imported: what lives as long as the process is never looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
