"""`python -m bench.engine`: measures the engine, and others beside it in the same rounds."""

import json as json_text
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.engine.contender import Contender, Figures, Missing
from bench.engine.foliot import Foliot, estimated_bytes, guard_us
from bench.engine.python_statemachine import PythonStatemachine
from bench.engine.shapes import Shape, shapes
from bench.engine.xstate import XState

Results = dict[str, dict[str, Figures]]
"""By shape and engine: the best of all rounds."""

GUARDED_KIB = (1, 64, 256)

WIDTH = 100

console = Console(width=WIDTH)


def bench_engine(
    rounds: Annotated[
        int, typer.Option(min=1, max=100, help="How often to measure everything, in turn.")
    ] = 3,
    alone: Annotated[bool, typer.Option("--alone", help="Measure foliot's engine only.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write every figure here, as JSON.")] = None,
) -> None:
    """Measure decisions, storage, compilation and memory; print the best of all rounds."""
    contenders = _ready([Foliot] if alone else [Foliot, XState, PythonStatemachine])
    try:
        results = _measured(contenders, rounds)
    finally:
        for contender in contenders:
            contender.close()
    guards = {kib: min(guard_us(kib * 1024) for _ in range(rounds)) for kib in GUARDED_KIB}
    console.print(_table(results))
    console.print(
        "A guard of foliot over a context of "
        + ", ".join(f"{kib} KiB: {us:.2f} µs" for kib, us in guards.items())
        + f". Load average {os.getloadavg()[0]:.2f}."
    )
    if json is not None:
        figures = {
            shape: {engine: asdict(found) for engine, found in engines.items()}
            for shape, engines in results.items()
        }
        json.write_text(json_text.dumps({"figures": figures, "guard_us": guards}, indent=2) + "\n")


def _ready(kinds: list[Callable[[], Contender]]) -> list[Contender]:
    found: list[Contender] = []
    for kind in kinds:
        try:
            found.append(kind())
        except Missing as reason:
            console.print(f"skipped: {reason}")
    return found


def _measured(contenders: list[Contender], rounds: int) -> Results:
    results: Results = {}
    for _ in range(rounds):
        for shape in shapes():
            engines = results.setdefault(shape.name, {})
            for contender in contenders:
                figures = contender.measure(shape)
                known = engines.get(contender.name)
                engines[contender.name] = figures if known is None else known.best(figures)
    return results


def _table(results: Results) -> Table:
    table = Table(title="An event with a guard, an assign and an entry assign; best of all rounds")
    for heading in ("machine", "engine"):
        table.add_column(heading, no_wrap=True)
    for heading in ("event µs", "stored µs", "compile ms", "KiB", "counted"):
        table.add_column(heading, justify="right")
    for shape in shapes():
        for place, (engine, figures) in enumerate(results[shape.name].items()):
            table.add_row(shape.name if place == 0 else "", engine, *_cells(shape, engine, figures))
        table.add_section()
    return table


def _cells(shape: Shape, engine: str, figures: Figures) -> tuple[str, ...]:
    counted = estimated_bytes(shape.spec) if engine == Foliot.name else None
    return (
        f"{figures.event_us:.1f}",
        "–" if figures.stored_us is None else f"{figures.stored_us:.1f}",
        f"{figures.compile_ms:.2f}",
        f"{figures.memory_bytes / 1024:.0f}",
        "" if counted is None else f"{counted / 1024:.0f}",
    )


if __name__ == "__main__":
    typer.run(bench_engine)
