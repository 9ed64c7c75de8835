"""`foliot dev`: everything in one terminal, and a banner that says what to try next."""

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from control_plane.cli.development import development
from control_plane.embedded import Running, attached, ended_by_signals

console = Console()

_COLOURS = {"postgres": "blue", "valkey": "red", "control-plane": "green", "executor": "magenta"}


def run_dev(data_dir: Path, *, listen: str, functions: Sequence[str], verbose: bool) -> None:
    running = attached(data_dir)
    if running is not None:
        show(running, "already runs here; this is how to reach it")
        return
    asyncio.run(_serve(data_dir, listen=listen, functions=functions, verbose=verbose))


async def _serve(data_dir: Path, *, listen: str, functions: Sequence[str], verbose: bool) -> None:
    status = console.status("Starting PostgreSQL, Valkey, control plane and executor …")
    with ended_by_signals(), status:
        async with development(
            data_dir, listen=listen, functions=functions, on_line=print_line if verbose else None
        ) as serving:
            status.stop()
            show(serving.running, "is serving; Ctrl-C stops everything")
            try:
                await serving.supervisor.wait()
            finally:
                console.print("Stopping …")


def show(running: Running, says: str) -> None:
    """Where it is, who you are there, and what to try."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("address", Text(running.address, style="bold"))
    facts.add_row("tenant", running.tenant_id)
    facts.add_row("key", Text(running.api_key))
    facts.add_row("data", running.data_dir)
    facts.add_row("logs", f"{running.data_dir}/logs")
    title = f"[bold]foliot[/] {says}"
    console.print(
        Panel(facts, title=title, title_align="left", border_style="cyan", padding=(1, 2))
    )
    header = f"authorization: Bearer {running.api_key}"
    tries = (
        f"foliot demo --data-dir {shlex.quote(running.data_dir)}",
        f"foliot whoami --data-dir {shlex.quote(running.data_dir)}",
        f"grpcurl -plaintext -H '{header}' {running.address} list",
    )
    console.print("Try, in another terminal:", style="dim")
    for command in tries:
        # Not in the box, and not broken over lines: it is there to be copied.
        console.print(Text(f"  {command}"), soft_wrap=True)


def print_line(name: str, line: str) -> None:
    """A child's line, with its name before it."""
    label = Text(f"{name:>13} ", style=_COLOURS.get(name, "white"))
    console.print(label + Text.from_ansi(line))
