"""What a workload is given to work with, and how it says which part of it is measured."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.driver import Driver
from bench.meter import Cost, Meter
from bench.observer import Observer


@dataclass(slots=True, kw_only=True)
class Stage:
    """One run of one workload: its definition's key, who drives it, and who looks."""

    key: str
    size: int
    driver: Driver
    observer: Observer
    meter: Meter
    progress: Callable[[int, int], None]
    """Told how many of how many are over."""

    cost: Cost | None = field(default=None, init=False)

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[None]:
        """What happens inside is what the workload costs."""
        before = await self.meter.read()
        yield
        self.cost = await self.meter.since(before)

    async def until_closed(self, count: int, *, every_s: float) -> list[tuple[float, int]]:
        """Wait until `count` instances of the workload are over, and tell how far it is."""
        return await self.observer.until_closed(
            self.key, count, every_s=every_s, progress=lambda closed: self.progress(closed, count)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a workload did, as it saw it."""

    operations: int
    """In the workload's own unit: instances, steps, tasks, events, timers or starts."""

    instances: int
    tasks: int
    seconds: float
    """From the first call to the last instance's end, without pauses of the workload's own."""

    latencies_s: Mapping[str, Sequence[float]]
