"""The figures as a table: the median of the rounds, and the spread of the rates."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rich.console import Console, Group
from rich.table import Table

from bench.figures import Figures
from bench.meter import CORES, GROUPS, PLANES

WIDTH = 140
"""Of the tables where there is no terminal to tell."""


def tables(figures: Sequence[Figures]) -> Group:
    """What was seen, and what it cost."""
    names = list(dict.fromkeys(one.workload for one in figures))
    by_name = {name: [one for one in figures if one.workload == name] for name in names}
    return Group(_seen(by_name), _spent(by_name))


def write_json(path: Path, figures: Sequence[Figures]) -> None:
    """Every run of every workload, medians left to the reader."""
    path.write_text(json.dumps([one.as_json() for one in figures], indent=2) + "\n")


def show(figures: Sequence[Figures]) -> None:
    """Print the tables on stdout, if there is anything to print."""
    if not figures:
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(tables(figures))


def _seen(by_name: dict[str, list[Figures]]) -> Table:
    table = Table(title=f"Seen, and capacity of {CORES} cores", title_justify="left")
    for heading in ("workload", "n", "per second", "capacity", "p50 / p99 ms", "load", "others"):
        table.add_column(
            heading, justify="left" if heading == "workload" else "right", no_wrap=True
        )
    for name, runs in by_name.items():
        one = runs[-1]
        table.add_row(
            name,
            f"{one.operations:,} {one.unit}",
            _spread([run.rate for run in runs]),
            _spread([run.capacity for run in runs if run.capacity is not None]),
            "\n".join(
                f"{what}: {median(run.latencies[what].p50 for run in runs):,.2f}"
                f" / {median(run.latencies[what].p99 for run in runs):,.2f}"
                for what in one.latencies
            ),
            f"{min(run.load[0] for run in runs):.1f}–{max(run.load[1] for run in runs):.1f}",
            f"{median(run.others_share for run in runs):.0%}",
        )
    return table


def _spent(by_name: dict[str, list[Figures]]) -> Table:
    table = Table(title="Spent on each operation", title_justify="left")
    table.add_column("workload", no_wrap=True)
    for heading in ("CPU µs", *GROUPS, "WAL B/step"):
        table.add_column(heading, justify="right", no_wrap=True)
    for plane in PLANES:
        table.add_column(f"{plane}\nprivate / PSS MB", justify="right", no_wrap=True)
    for name, runs in by_name.items():
        table.add_row(
            name,
            f"{median(sum(run.cpu_us.values()) for run in runs):,.0f}",
            *(f"{median(run.cpu_us[group] for run in runs):,.0f}" for group in GROUPS),
            f"{median(run.wal_bytes_per_step for run in runs):,.0f}",
            *(
                f"{max(run.memory_mb[plane]['private'] for run in runs):,.0f} /"
                f" {max(run.memory_mb[plane]['proportional'] for run in runs):,.0f}"
                for plane in PLANES
            ),
        )
    return table


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    middle = f"{median(values):,.0f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.0f}–{max(values):,.0f})"
