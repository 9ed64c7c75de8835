"""`python -m bench.claim`: measures claims on backlogs of every size and shape."""

import asyncio
import json as json_text
import os
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from bench.claim.backlog import Backlog, add, empty, limit, limit_key, settle
from bench.claim.claimer import EVERY_TYPE, Claimer
from control_plane.embedded import Embedded
from migrations import upgrade

BATCH = 50
CLAIMS = 60
WARM = 10
FLOOD = 300_000

Make = Callable[[asyncpg.Connection], Awaitable[None]]

console = Console(width=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A backlog, and who claims from it how much at once."""

    name: str
    make: Make
    types: tuple[str, ...] = EVERY_TYPE
    batch: int = BATCH
    claims: int = CLAIMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one scene; `cpu_ms` is what the server's process used for a claim."""

    scene: str
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    pages: int
    tasks: int
    tasks_per_s: float


def bench_claim(
    quick: Annotated[bool, typer.Option("--quick", help="Without the millions.")] = False,
    only: Annotated[str, typer.Option(help="Only backlogs whose name has this in it.")] = "",
    json: Annotated[Path | None, typer.Option(help="Write every figure here, as JSON.")] = None,
) -> None:
    """Claim 50 tasks at a time, over and over, from backlogs that differ in one thing."""
    chosen = {one.name: one for one in scenes(quick=quick) if only in one.name}
    with tempfile.TemporaryDirectory(prefix="foliot-bench-") as directory:
        # As root, the servers' account has to get through.
        Path(directory).chmod(0o711)
        figures = asyncio.run(_bench(Path(directory), list(chosen.values())))
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("backlog")
    for column in ("p50 ms", "p95 ms", "CPU ms", "pages", "tasks", "tasks/s"):
        table.add_column(column, justify="right")
    for one in figures:
        table.add_row(
            one.scene,
            f"{one.p50_ms:.2f}",
            f"{one.p95_ms:.2f}",
            f"{one.cpu_ms:.2f}",
            str(one.pages),
            str(one.tasks),
            f"{one.tasks_per_s:,.0f}",
        )
    console.print(table)
    console.print(f"A claim asks for {BATCH}. Load average {os.getloadavg()[0]:.2f}.")
    if json is not None:
        json.write_text(json_text.dumps([asdict(one) for one in figures], indent=2) + "\n")


async def _bench(directory: Path, chosen: list[Scene]) -> list[Figures]:
    async with Embedded(directory) as servers:
        await upgrade(servers.database_url)
        connection = await asyncpg.connect(servers.database_url)
        try:
            return [await _measured(connection, scene) for scene in chosen]
        finally:
            await connection.close()


async def _measured(connection: asyncpg.Connection, scene: Scene) -> Figures:
    console.print(f"[dim]{scene.name}[/dim]")
    await empty(connection)
    await scene.make(connection)
    await settle(connection)
    claimer = await Claimer.join(connection, types=scene.types)
    for _ in range(min(WARM, scene.claims - 1)):
        await claimer.claim(scene.batch)
    pages = await claimer.pages(scene.batch)
    claimer.seconds.clear()
    before, cpu_s = claimer.claimed, claimer.cpu_s()
    for _ in range(scene.claims):
        await claimer.claim(scene.batch)
    used_s = 0.0 if cpu_s is None else (claimer.cpu_s() or 0.0) - cpu_s
    took = sorted(claimer.seconds)
    return Figures(
        scene=scene.name,
        p50_ms=statistics.median(took) * 1e3,
        p95_ms=took[int(len(took) * 0.95)] * 1e3,
        cpu_ms=used_s / scene.claims * 1e3,
        pages=pages,
        tasks=claimer.claimed - before,
        tasks_per_s=(claimer.claimed - before) / sum(took),
    )


def scenes(*, quick: bool) -> list[Scene]:
    """What is measured: one thing grows at a time, and what should cost nothing is in the way."""
    million = 100_000 if quick else 1_000_000
    crowd = 1_000 if quick else 100_000
    return [
        *(
            Scene(name=f"{rows:,} rows of 10 tenants", make=_of(Backlog(tasks=rows, tenants=10)))
            for rows in (10_000, 100_000, million)
        ),
        *(
            Scene(
                name=f"100,000 rows of {tenants:,} tenants",
                make=_of(Backlog(tasks=100_000, tenants=tenants)),
            )
            for tenants in (10, 1_000, crowd)
        ),
        Scene(
            name=f"{million:,} rows of {crowd:,} tenants",
            make=_of(Backlog(tasks=million, tenants=crowd)),
        ),
        Scene(
            name=f"{FLOOD:,} rows of one tenant, and 50 of 50 others",
            make=_of(
                Backlog(tasks=FLOOD, prefix="a"), Backlog(tasks=50_000, tenants=50, prefix="b")
            ),
        ),
        Scene(
            name=f"5,000 rows behind {FLOOD:,} of other types",
            make=_of(Backlog(tasks=FLOOD, type="HTTP"), Backlog(tasks=5_000, type="AI")),
            types=("AI",),
        ),
        Scene(
            name=f"5,000 rows beside those of {crowd:,} tenants in another queue",
            make=_of(
                Backlog(tasks=crowd, tenants=crowd, queue="other"),
                Backlog(tasks=5_000, tenants=10),
            ),
        ),
        Scene(
            name=f"5,000 rows behind {FLOOD:,} that a key's limit holds back",
            make=_behind_a_key,
        ),
        Scene(name="5,000 rows beside 1,000 tenants at their limits", make=_beside_full_tenants),
        Scene(name="5,000 rows of 10 tenants with limits", make=_with_limits),
        Scene(name="nothing ready", make=_of(), claims=CLAIMS * 5),
    ]


def _of(*backlogs: Backlog) -> Make:
    async def make(connection: asyncpg.Connection) -> None:
        for backlog in backlogs:
            await add(connection, backlog)

    return make


async def _behind_a_key(connection: asyncpg.Connection) -> None:
    await limit_key(connection, "t000000", "bank")
    await add(connection, Backlog(tasks=FLOOD, limit_key="bank"))
    await add(connection, Backlog(tasks=5_000))


async def _beside_full_tenants(connection: asyncpg.Connection) -> None:
    await limit(connection, 1_000, "a")
    await add(connection, Backlog(tasks=10_000, tenants=1_000, prefix="a"))
    await add(connection, Backlog(tasks=5_000, tenants=10, prefix="b"))


async def _with_limits(connection: asyncpg.Connection) -> None:
    await limit(connection, 10)
    await connection.execute("UPDATE foliot.task_limit SET max_running = 100000")
    await add(connection, Backlog(tasks=5_000, tenants=10))


if __name__ == "__main__":
    typer.run(bench_claim)
