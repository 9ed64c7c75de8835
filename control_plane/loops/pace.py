"""How a loop waits: until it is woken, told to stop, or its time is up, with jitter."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable

from shared.errors import FoliotError
from shared.failpoints import failpoint
from shared.telemetry.logging import get_logger
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import Counts
from shared.telemetry.names import LogEvent

JITTER = 0.2
"""The share of an interval left to chance, so that replicas do not march in step."""

FIRST_BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 10.0

_log = get_logger(__name__)
_failures = Counts(Metric.LOOP_FAILURES)


async def rest(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    """Return at the first of: stop, wake (which is taken), or about `seconds`."""
    waits = [asyncio.ensure_future(event.wait()) for event in (stop, wake)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    wake.clear()


def has_error(answers: Iterable[object]) -> bool:
    """
    Whether one of the answers is an error. A loop rests then, however much is due.

    What met the error is still due. Asked again at once it would meet it again, and a server
    that is overloaded would be kept so by its own loops.
    """
    return any(isinstance(answer, FoliotError) for answer in answers)


def spread(seconds: float, jitter: float = JITTER) -> float:
    """A little less, by chance."""
    return seconds * (1 - jitter * random.random())  # noqa: S311 - spreads load, guards nothing


async def repeat(
    name: str,
    stop: asyncio.Event,
    work: Callable[[], Awaitable[float]],
    *,
    wake: asyncio.Event | None = None,
    jitter: float = JITTER,
) -> None:
    """
    Do the work again and again until told to stop; it says how many seconds to rest.

    What goes wrong is logged and tried again later: a loop never ends by an error, and
    never spins on one.
    """
    bell = wake or asyncio.Event()
    backoff = FIRST_BACKOFF_S
    while not stop.is_set():
        try:
            await failpoint("loop.before")
            seconds = await work()
            await failpoint("loop.after")
            backoff = FIRST_BACKOFF_S
        except (FoliotError, OSError) as error:
            _log.warning(LogEvent.LOOP_FAILED, loop=name, error=str(error), retry_in_s=backoff)
            _failures.add(name)
            seconds, backoff = backoff, min(backoff * 2, LONGEST_BACKOFF_S)
        except Exception:  # noqa: BLE001 - a bug in one loop must not take the others with it
            _log.exception(LogEvent.LOOP_CRASHED, loop=name, retry_in_s=backoff)
            _failures.add(name)
            seconds, backoff = backoff, min(backoff * 2, LONGEST_BACKOFF_S)
        await rest(stop, bell, spread(seconds, jitter))
