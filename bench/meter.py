"""
What a workload costs: CPU by process group, write-ahead log, memory, and the noise around it.

A group is a process and everything it started, the dead included: a parent's clock takes
over its children's time when they end. The observer's own connection is taken out again.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from bench.observer import Observer

CORES = os.cpu_count() or 1
GROUPS = ("control-plane", "executor", "postgres", "valkey", "client")
PLANES = ("control-plane", "executor")

QUIET = 0.25
"""The busy share of all cores under which a machine counts as quiet."""

QUIET_LOOK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Of one plane's process, in bytes: private to it, and with its share of what is shared."""

    private: int
    proportional: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Between two readings."""

    seconds: float
    cpu_s: Mapping[str, float]
    others_share: float
    """The part of all cores that processes other than the measured ones used."""

    load: tuple[float, float]
    """The load average of the last minute, before and after."""

    wal_bytes: int
    memory: Mapping[str, Memory]

    @property
    def all_cpu_s(self) -> float:
        return sum(self.cpu_s.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Of all clocks at one instant."""

    at: float
    cpu_s: Mapping[str, float]
    busy_s: float
    load: float
    wal_bytes: int


class Died(Exception):
    """A measured process is gone, so that there is nothing to compare with."""


class Meter:
    """Reads the clocks of the groups, given the process each began with."""

    def __init__(self, pids: Mapping[str, int], observer: Observer) -> None:
        self._pids = pids
        self._observer = observer

    async def read(self) -> Reading:
        """All clocks, now. Raises Died if a group's first process is gone."""
        wal_bytes = await self._observer.wal_bytes()
        cpu_s = {name: _cpu_s(_group(name, pid)) for name, pid in self._pids.items()}
        cpu_s["postgres"] -= _own_cpu_s(psutil.Process(self._observer.backend))
        return Reading(
            at=time.monotonic(),
            cpu_s=cpu_s,
            busy_s=_busy_s(),
            load=os.getloadavg()[0],
            wal_bytes=wal_bytes,
        )

    async def since(self, before: Reading) -> Cost:
        """What happened since that reading, and the memory the planes hold now."""
        after = await self.read()
        seconds = after.at - before.at
        cpu_s = {name: after.cpu_s[name] - before.cpu_s[name] for name in self._pids}
        others_s = after.busy_s - before.busy_s - sum(cpu_s.values())
        return Cost(
            seconds=seconds,
            cpu_s=cpu_s,
            others_share=max(0.0, others_s / (seconds * CORES)),
            load=(before.load, after.load),
            wal_bytes=after.wal_bytes - before.wal_bytes,
            memory={name: _memory(_group(name, self._pids[name])) for name in PLANES},
        )


def wait_until_quiet(within_s: float) -> None:
    """Return once the machine was mostly idle for a moment, or has not been for so long."""
    end = time.monotonic() + within_s
    while time.monotonic() < end and psutil.cpu_percent(QUIET_LOOK_S) > 100 * QUIET:
        pass


def _group(name: str, pid: int) -> Sequence[psutil.Process]:
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        raise Died(f"{name} (process {pid}) ended during the bench; see its log") from None


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            # Its parent has its time by now, at the latest by the next reading.
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _own_cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    total: float = times.user + times.system
    return total


def _busy_s() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # A guest's time is counted as user's as well.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    total: float = sum(times) - idle - guests
    return total


def _memory(processes: Sequence[psutil.Process]) -> Memory:
    """Of the largest process of the group: where a small one minds a plane, it is not counted."""
    infos = [process.memory_full_info() for process in processes]
    largest = max(infos, key=lambda info: info.uss)
    return Memory(private=largest.uss, proportional=getattr(largest, "pss", largest.uss))
