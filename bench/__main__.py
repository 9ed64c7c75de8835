"""`python -m bench`: runs the workloads, prints their figures, and fails if one went wrong."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.driver import ClientDied
from bench.figures import Figures
from bench.last_words import LastWords
from bench.meter import Died
from bench.observer import Broken, Stalled
from bench.report import show, write_json
from bench.rounds import run_rounds
from bench.workloads import WORKLOADS, Workload
from control_plane.embedded import EmbeddedError, ended_by_signals

FAILURES = (Broken, Stalled, Died, ClientDied, EmbeddedError)
INTERRUPTED = 130

REDRAWN_A_SECOND = 2
"""Seldom: drawing takes CPU from what is measured."""

console = Console(stderr=True)


def bench(
    only: Annotated[
        list[str] | None, typer.Option(help="A workload, as W2; repeatable. Not set runs all.")
    ] = None,
    scale: Annotated[
        float, typer.Option(min=0.001, max=100, help="Multiplies the number of instances.")
    ] = 1.0,
    rounds: Annotated[
        int, typer.Option(min=1, max=100, help="How often to run the workloads, in turn.")
    ] = 1,
    quiet_wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for a quiet machine, each time.")
    ] = 10.0,
    json: Annotated[Path | None, typer.Option(help="Write every figure here, as JSON.")] = None,
) -> None:
    """Measure a whole foliot: servers, both planes and a client, each a process of its own."""
    sys.exit(asyncio.run(_bench(_chosen(only or []), scale, rounds, quiet_wait, json)))


async def _bench(
    workloads: list[Workload], scale: float, rounds: int, quiet_wait: float, json: Path | None
) -> int:
    figures: list[Figures] = []
    status = INTERRUPTED
    last_words = LastWords()
    columns = (TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn())
    with (
        ended_by_signals(),
        Progress(
            *columns, TimeElapsedColumn(), console=console, refresh_per_second=REDRAWN_A_SECOND
        ) as shown,
    ):
        bar = shown.add_task("starting", total=None)

        def progress(name: str, closed: int, count: int) -> None:
            shown.update(bar, description=name, completed=closed, total=count)

        try:
            async for one in run_rounds(
                workloads,
                scale=scale,
                rounds=rounds,
                quiet_within_s=quiet_wait,
                progress=progress,
                on_line=last_words,
            ):
                figures.append(one)  # noqa: PERF401 - those before a failure are kept
            status = 0
        except FAILURES as failure:
            console.print(str(last_words), markup=False, highlight=False)
            console.print(f"[bold red]failed[/]: {failure}", highlight=False)
            status = 1
    show(figures)
    if json is not None:
        write_json(json, figures)
    return status


def _chosen(names: list[str]) -> list[Workload]:
    by_name = {workload.name.lower(): workload for workload in WORKLOADS}
    unknown = [name for name in names if name.lower() not in by_name]
    if unknown:
        raise typer.BadParameter(
            f"there is no workload {', '.join(unknown)}; there are"
            f" {', '.join(workload.name for workload in WORKLOADS)}",
            param_hint="--only",
        )
    return [by_name[name.lower()] for name in names] or list(WORKLOADS)


if __name__ == "__main__":
    typer.run(bench)
