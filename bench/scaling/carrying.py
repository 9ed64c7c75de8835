"""From what was measured to what is planned: products and quotients, each with what it assumes."""

from dataclasses import dataclass
from typing import Any

CEILING = 35_000
"""Steps a second: the lower end of what one node wrote of a step's rows (decision 0009)."""

USED = 0.6
"""The part of a node's processor that is planned for; the rest is for checkpoints and vacuum."""

DAY_S = 86_400
GIB, TIB = 2**30, 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A database of so many cores, kept as busy as is planned for."""

    cores: int
    steps_per_s: float
    wal_mib_per_s: float
    gib_per_day: float
    bound: str


def node(cores: int, figures: dict[str, Any]) -> Node:
    """Linear in the cores, up to the ceiling: beyond it nothing was measured."""
    steps = figures["steps"]
    by_cpu = cores * USED / (steps["cpu_us"]["postgres"] / 1e6)
    rate = min(by_cpu, CEILING)
    return Node(
        cores=cores,
        steps_per_s=rate,
        wal_mib_per_s=rate * steps["wal_bytes"] / 2**20,
        gib_per_day=rate * steps["bytes"] * DAY_S / GIB,
        bound="its processor" if by_cpu < CEILING else "the ceiling",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """Instances of ten steps, started evenly over a time."""

    instances: int
    months: int
    tib: float
    rows: float
    rows_of_a_month: float
    tib_of_a_month: float
    steps_per_s: float


def many(instances: int, months: int, figures: dict[str, Any]) -> Many:
    """What they take while all of them are kept; a month of history is a partition."""
    steps = figures["steps"]
    rows = sum(steps["rows_of_an_instance"].values())
    whole = instances * steps["bytes_of_an_instance"] / TIB
    seconds = months * 30 * DAY_S
    return Many(
        instances=instances,
        months=months,
        tib=whole,
        rows=instances * rows,
        rows_of_a_month=instances * steps["rows_of_an_instance"]["history"] / months,
        tib_of_a_month=whole / months,
        steps_per_s=instances * steps["steps"] / steps["instances"] / seconds,
    )
