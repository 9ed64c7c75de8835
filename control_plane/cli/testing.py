"""`foliot test`: scenarios run, on the engine or on servers of their own."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from control_plane.cli.failing import FAILED
from control_plane.cli.junit import Ran, write_junit
from control_plane.cli.scenario_files import find_scenarios, read_scenario_file
from control_plane.cli.telling import tell_mismatch
from control_plane.simulation import Scenario, run_scenario
from shared.documents import DocumentInvalid
from shared.errors import InvalidRequest


def run_test(paths: Sequence[Path], *, on_servers: bool, junit: Path | None) -> None:
    """Print what came of each and a summary; exit with 1 if one failed or could not be read."""
    console = Console(highlight=False)
    files = find_scenarios(paths)
    began = time.perf_counter()
    ran: list[Ran] = []
    if on_servers:
        asyncio.run(_all_on_servers(files, ran, console))
    else:
        for one in _on_the_engine(files):
            ran.append(one)
            _show(one, console)
    _summarise(ran, time.perf_counter() - began, console)
    if junit is not None:
        write_junit(junit, ran)
    if any(one.has_failed for one in ran):
        sys.exit(FAILED)


def _on_the_engine(files: Sequence[Path]) -> Iterator[Ran]:
    for file in files:
        began = time.perf_counter()
        scenario = _read(file)
        if isinstance(scenario, Ran):
            yield scenario
            continue
        result = run_scenario(scenario)
        yield Ran(file=file, seconds=time.perf_counter() - began, result=result)


async def _all_on_servers(files: Sequence[Path], ran: list[Ran], console: Console) -> None:
    async for one in _on_servers(files, console):
        ran.append(one)
        _show(one, console)


async def _on_servers(files: Sequence[Path], console: Console) -> AsyncIterator[Ran]:
    # They take a while to import, and only this needs them.
    from control_plane.cli.on_servers import player

    with console.status("Starting PostgreSQL, Valkey and a control plane …") as status:
        async with player() as servers:
            status.stop()
            for file in files:
                began = time.perf_counter()
                scenario = _read(file)
                if isinstance(scenario, Ran):
                    yield scenario
                    continue
                result = await servers.run(scenario)
                yield Ran(file=file, seconds=time.perf_counter() - began, result=result)


def _read(file: Path) -> Scenario | Ran:
    try:
        scenario = read_scenario_file(file)
        if not scenario.expects:
            raise scenario.document.invalid(
                "", "this scenario expects nothing; give it an `expect`, after a step or at the end"
            )
    except (DocumentInvalid, InvalidRequest) as error:
        return Ran(file=file, seconds=0.0, unreadable=error.message)
    return scenario


def _show(ran: Ran, console: Console) -> None:
    """A line, and below it what went wrong."""
    mark, style = ("✗", "bold red") if ran.has_failed else ("✓", "green")
    if ran.is_skipped:
        mark, style = "–", "yellow"
    line = Text(f"{mark} {ran.file}", style)
    if ran.result is not None and ran.result.scenario.about:
        line.append(f"  {ran.result.scenario.about}", "dim")
    console.print(line, soft_wrap=True)
    if ran.result is None:
        console.print(Text(f"  {ran.unreadable}", "red"), soft_wrap=True)
        return
    if ran.result.skipped is not None:
        console.print(Text(f"  skipped: {ran.result.skipped}", "yellow"), soft_wrap=True)
    for mismatch in ran.result.mismatches:
        tell_mismatch(mismatch, ran.result.scenario.name, console)


def _summarise(ran: Sequence[Ran], seconds: float, console: Console) -> None:
    failed = sum(one.has_failed for one in ran)
    skipped = sum(one.is_skipped for one in ran)
    counts = [f"{len(ran) - failed - skipped} passed"]
    if failed:
        counts.append(f"{failed} failed")
    if skipped:
        counts.append(f"{skipped} skipped")
    style = "bold red" if failed else "bold green"
    console.print(Text(f"{', '.join(counts)} in {seconds:.2f} s", style))
