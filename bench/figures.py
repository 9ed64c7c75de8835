"""One workload's figures: what the table shows and what JSON keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.meter import CORES, Cost
from bench.observer import Left
from bench.stage import Outcome
from bench.workloads import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """In milliseconds."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, times_s: Sequence[float]) -> "Latency":
        """Of at least one time. A percentile is one of the times, the next one above it."""
        ordered = sorted(times_s)
        return cls(
            p50=1e3 * ordered[int(len(ordered) * 0.5)],
            p99=1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
            worst=1e3 * ordered[-1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one run of one workload."""

    workload: str
    unit: str
    round: int
    instances: int
    operations: int
    seconds: float
    rate: float
    """Operations a second, as seen."""

    capacity: float | None
    """Cores / CPU seconds an operation; None where the machine was meant to be idle."""

    latencies: Mapping[str, Latency]
    cpu_us: Mapping[str, float]
    """CPU microseconds an operation, by process group."""

    cpu_s: Mapping[str, float]
    wal_bytes_per_step: float
    """Where there is no task, an operation is the step."""

    memory_mb: Mapping[str, Mapping[str, float]]
    load: tuple[float, float]
    others_share: float
    repeated_attempts: int
    cores: int

    @classmethod
    def of(
        cls, workload: Workload, number: int, outcome: Outcome, cost: Cost, left: Left
    ) -> "Figures":
        """Put together what the workload, the meter and the observer saw."""
        cpu_s = cost.all_cpu_s
        return cls(
            workload=workload.name,
            unit=workload.unit,
            round=number,
            instances=outcome.instances,
            operations=outcome.operations,
            seconds=outcome.seconds,
            rate=outcome.operations / outcome.seconds,
            capacity=CORES * outcome.operations / cpu_s if workload.saturates and cpu_s else None,
            latencies={name: Latency.of(times) for name, times in outcome.latencies_s.items()},
            cpu_us={name: 1e6 * spent / outcome.operations for name, spent in cost.cpu_s.items()},
            cpu_s=cost.cpu_s,
            wal_bytes_per_step=cost.wal_bytes / (outcome.tasks or outcome.operations),
            memory_mb={
                name: {"private": held.private / 1e6, "proportional": held.proportional / 1e6}
                for name, held in cost.memory.items()
            },
            load=cost.load,
            others_share=cost.others_share,
            repeated_attempts=left.repeated,
            cores=CORES,
        )

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)
