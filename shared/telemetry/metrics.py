"""
Instruments for the metrics of the table (metric_names.py), and what is read out of them.

An instrument is made when it is first asked for, so a process exposes those of its own plane.
With PROMETHEUS_MULTIPROC_DIR in the environment every process of a machine writes into that
directory, and whichever is asked tells of all of them.
"""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from shared.telemetry.metric_names import PROCESS, Described, Metric

OTHER = "other"
"""The value of a label for all that came after as many as are told by name."""

MAX_QUEUES = 200
"""Queues that are told by name: definitions name them, so there may be any number."""

MAX_MODELS = 100
"""Models of AI tasks that are told by name."""

MAX_TENANTS = 1_000
"""The most that FOLIOT_METRICS_TENANTS may ask for."""

REGISTRY = CollectorRegistry()

_SHARED = "PROMETHEUS_MULTIPROC_DIR"

if os.environ.get(_SHARED):
    # The library wants it to be there, and says so by a traceback.
    Path(os.environ[_SHARED]).mkdir(parents=True, exist_ok=True)

# When a series began is one more series each, which nobody asks for.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types


class Capped:
    """The values of a label that comes from outside: the first so many, and `other`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        if len(self._known) >= self.limit:
            return OTHER
        self._known.add(value)
        return value


class Tenants(Capped):
    """As that, and empty where no tenant is to be told by name."""

    def __call__(self, value: str) -> str:
        return super().__call__(value) if self.limit else ""


TENANTS = Tenants(0)
"""The label of tenants in this process; its limit is a setting, and set at the start."""


class Counts:
    """
    A counter with labels, whose series are looked up once. Values must be from closed sets or
    capped: what was looked up is kept for good.
    """

    def __init__(self, metric: Metric) -> None:
        self._counter = counter(metric)
        self._series: dict[tuple[str, ...], Counter] = {}

    def add(self, *values: str, count: float = 1) -> None:
        series = self._series.get(values)
        if series is None:
            series = self._series[values] = self._counter.labels(*values)
        series.inc(count)


@cache
def counter(metric: Metric) -> Counter:
    """The counter of the table, one for the process."""
    of = _of_kind(metric, "counter")
    return Counter(of.name, of.says, of.labels, registry=REGISTRY)


@cache
def gauge(metric: Metric) -> Gauge:
    """The gauge of the table, one for the process."""
    of = _of_kind(metric, "gauge")
    return Gauge(of.name, of.says, of.labels, registry=REGISTRY, multiprocess_mode=of.as_many)


@cache
def histogram(metric: Metric) -> Histogram:
    """The histogram of the table, one for the process."""
    of = _of_kind(metric, "histogram")
    return Histogram(of.name, of.says, of.labels, registry=REGISTRY, buckets=of.buckets)


def introduce(version: str, plane: str) -> None:
    """Say which release runs here and as what, and what the process itself costs."""
    gauge(Metric.BUILD_INFO).labels(version, plane).set(1)
    _process()


def exposed() -> CollectorRegistry:
    """What to read: this process, or all that share a directory with it."""
    if not is_shared():
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    return registry


def is_shared() -> bool:
    """Whether several processes are read as one."""
    return bool(os.environ.get(_SHARED))


def bury(pids: Iterable[int]) -> None:
    """What these processes had under way is over: their gauges count no more."""
    for pid in pids:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # it has no types


def the_dead() -> list[int]:
    """Processes that have written into the shared directory and are gone."""
    if not is_shared():
        return []
    files = Path(os.environ[_SHARED]).glob("gauge_live*_*.db")
    pids = {int(file.stem.rpartition("_")[2]) for file in files}
    return sorted(pid for pid in pids if not _lives(pid))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _of_kind(metric: Metric, kind: str) -> Described:
    of = metric.value
    if of.kind != kind:
        raise TypeError(f"{of.name} is a {of.kind}, and no {kind}")
    return of


@cache
def _process() -> ProcessCollector:
    assert PROCESS
    return ProcessCollector(registry=REGISTRY)
