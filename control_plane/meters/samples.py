"""
What is looked at when somebody asks, and not counted as it happens: depths, ages, lags, what is
under way; and whether this control plane is ready for calls.

However many scrapes there are, and however many probes, the database is asked once in a while.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from control_plane.ports.queues import QueueStore, Stats
from control_plane.ports.vitals import Lags, VitalSigns
from control_plane.use_cases.get_queue_stats import get_queue_stats
from shared.errors import FoliotError
from shared.telemetry.endpoint import Finding
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import MAX_QUEUES, Capped, gauge

SAMPLE_EVERY_S = 10.0
"""How often the database is asked for depths and lags at most."""

CHECK_EVERY_S = 1.0
"""How often it is asked whether it is there at most."""

ANSWER_WITHIN_S = 3.0
"""How long it may take; whoever probes waits a little longer."""

_UNKNOWN = float("nan")
"""What a gauge says of which nothing is known: no alert compares with it."""


class Pool(Protocol):
    """A pool of connections, as the driver counts them."""

    def get_size(self) -> int: ...
    def get_idle_size(self) -> int: ...
    def get_max_size(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """What this process knows without asking anybody."""

    calls: Callable[[], int]
    waiting: Callable[[], int]
    feed_lag_s: Callable[[], float]
    is_draining: Callable[[], bool]


class ControlPlaneVitals:
    """See shared/telemetry/endpoint.py for who asks."""

    def __init__(
        self,
        signs: VitalSigns,
        queues: QueueStore,
        under_way: UnderWay,
        *,
        pools: Mapping[str, Pool],
        revision: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signs = signs
        self._queues = queues
        self._under_way = under_way
        self._pools = pools
        self._revision = revision
        self._monotonic = monotonic
        self._sampling = asyncio.Lock()
        self._checking = asyncio.Lock()
        self._sample_at = 0.0
        self._check_at = 0.0
        self._checked: Sequence[Finding] = ()
        self._depths = Depths()

    async def sample(self) -> None:
        gauge(Metric.RPC_IN_FLIGHT).set(self._under_way.calls())
        gauge(Metric.REQUESTS_WAITING).set(self._under_way.waiting())
        gauge(Metric.FEED_LAG).set(self._under_way.feed_lag_s())
        for name, pool in self._pools.items():
            idle = pool.get_idle_size()
            gauge(Metric.DATABASE_CONNECTIONS).labels(name, "idle").set(idle)
            gauge(Metric.DATABASE_CONNECTIONS).labels(name, "busy").set(pool.get_size() - idle)
            gauge(Metric.DATABASE_CONNECTIONS_MAX).labels(name).set(pool.get_max_size())
        async with self._sampling:
            if self._monotonic() >= self._sample_at:
                await self._ask()
                self._sample_at = self._monotonic() + SAMPLE_EVERY_S

    async def findings(self) -> Sequence[Finding]:
        async with self._checking:
            if self._monotonic() >= self._check_at:
                self._checked = await self._check()
                self._check_at = self._monotonic() + CHECK_EVERY_S
        is_draining = self._under_way.is_draining()
        goes = "this control plane is about to end, and takes no new calls" if is_draining else ""
        return (*self._checked, Finding("drain", goes))

    async def _ask(self) -> None:
        up = gauge(Metric.DATABASE_UP).labels("control plane")
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                lags = await self._signs.lags()
                stats = await get_queue_stats(self._queues, None, "")
        except (FoliotError, TimeoutError):
            up.set(0)
            self._depths.forget()
            _tell_lags(None)
            return
        up.set(1)
        _tell_lags(lags)
        self._depths.tell(stats.stats, [one.queue for one in stats.paused])

    async def _check(self) -> Sequence[Finding]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                found, floor = await self._signs.schema()
        except (FoliotError, TimeoutError):
            remedy = "PostgreSQL does not answer; check the server, and the network to it"
            return (Finding("database", remedy),)
        remedy = ""
        # A newer schema is one that this release may run on until it is told otherwise.
        if floor is not None and floor > self._revision:
            remedy = (
                f"the database serves releases of revision {floor} or newer, this one is of"
                f" {self._revision}; start a newer release"
            )
        elif found < self._revision:
            remedy = (
                f"the database is at revision {found}, this release needs {self._revision}; run"
                " `foliot migrate`"
            )
        return Finding("database"), Finding("schema", remedy)


class Depths:
    """
    What waits, queue by queue. A queue that was told of once is told of from there on: one that
    has nothing any more is at 0, and does not stay as it was.
    """

    def __init__(self, max_queues: int = MAX_QUEUES) -> None:
        self._name = Capped(max_queues)
        self._known: set[tuple[str, str]] = set()
        self._paused: set[str] = set()

    def tell(self, stats: Stats, paused: Sequence[str]) -> None:
        found = {lane: [0.0, 0.0, 0.0, 0.0] for lane in self._known}
        for lane in stats.lanes:
            sums = found.setdefault((self._name(lane.queue), lane.type.value), [0.0] * 4)
            sums[0] += lane.ready.count
            sums[1] += lane.delayed.count
            sums[2] += lane.leased.count
            sums[3] = max(sums[3], _age_s(lane.oldest_at, stats.now))
        self._known = set(found)
        for names, values in found.items():
            self._set(names, values)
        now_paused = {self._name(queue) for queue in paused}
        self._paused |= now_paused
        for queue in self._paused:
            gauge(Metric.QUEUES_PAUSED).labels(queue).set(queue in now_paused)

    def forget(self) -> None:
        """Nothing is known."""
        for names in self._known:
            self._set(names, [_UNKNOWN] * 4)

    def _set(self, names: tuple[str, str], values: Sequence[float]) -> None:
        told = (Metric.QUEUE_READY, Metric.QUEUE_DELAYED, Metric.QUEUE_LEASED, Metric.QUEUE_OLDEST)
        for metric, value in zip(told, values, strict=True):
            gauge(metric).labels(*names).set(value)


def _tell_lags(lags: Lags | None) -> None:
    gauge(Metric.INBOX_LAG).set(_UNKNOWN if lags is None else _age_s(lags.inbox_at, lags.now))
    gauge(Metric.TIMER_LAG).set(_UNKNOWN if lags is None else _age_s(lags.timer_at, lags.now))
    gauge(Metric.DELAYED_LAG).set(_UNKNOWN if lags is None else _age_s(lags.delayed_at, lags.now))
    gauge(Metric.OUTBOX).set(_UNKNOWN if lags is None else lags.outbox)
    sessions = gauge(Metric.SESSIONS)
    sessions.labels("live").set(_UNKNOWN if lags is None else lags.live_sessions)
    sessions.labels("silent").set(_UNKNOWN if lags is None else lags.silent_sessions)


def _age_s(since: datetime | None, now: datetime) -> float:
    """None if nothing waits, and what is ahead is on time: both are 0."""
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
