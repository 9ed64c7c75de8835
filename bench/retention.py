"""
`python -m bench.retention`: what removing old instances takes, and what it costs those who work.

Chains of ten tasks are carried out, once alone and once while another process removes as many
that are past their retention, at the pace of a control plane. Then the same number is removed
without a rest and beside nothing.
"""

import asyncio
import json as json_text
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.console import Console

from bench.driver import Driver, client_process
from bench.last_words import LastWords
from bench.meter import Cost, Meter
from bench.observer import Observer, observing
from bench.rounds import group_pids, warm_up, whole_foliot
from bench.specs import CHAIN_LENGTH, chain
from bench.stage import Stage
from bench.workloads import chains
from control_plane.bootstrap import removing
from control_plane.loops.retention import SHARE, Retention
from control_plane.use_cases.remove_past import Gone

KEEP = """
INSERT INTO foliot.retention (tenant_id, definition_key, keep, archives, updated_at)
VALUES ($1, $2, interval '0', false, foliot.now())
"""
ROWS_EACH = """
SELECT ((SELECT count(*) FROM foliot.task) + (SELECT count(*) FROM foliot.history)
        + (SELECT count(*) FROM foliot.idempotency))::float / i.count + 1
  FROM (SELECT count(*) FROM foliot.instance) AS i
"""
"""All instances are chains of one length."""

console = Console(width=100)


@dataclass(slots=True, kw_only=True)
class Removal:
    """What was removed, in slices, and how long that took, rests included."""

    instances: int = 0
    seconds: float = 0.0
    slices: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What carries chains out, and measures what they take."""

    size: int
    driver: Driver
    observer: Observer
    meter: Meter

    async def chains(self, key: str) -> Cost:
        stage = Stage(
            key=key,
            size=self.size,
            driver=self.driver,
            observer=self.observer,
            meter=self.meter,
            progress=_untold,
        )
        await self.driver.define(key, chain(CHAIN_LENGTH))
        await chains(stage)
        assert stage.cost is not None
        return stage.cost


def bench_retention(
    size: Annotated[int, typer.Option(min=20, help="Chains a run.")] = 1_000,
    json: Annotated[Path | None, typer.Option(help="Write every figure here, as JSON.")] = None,
) -> None:
    """Carry out chains beside removals, and without."""
    told = asyncio.run(_bench(size, LastWords()))
    for what, figures in told.items():
        console.print(f"{what}: " + ", ".join(f"{name} {figures[name]:g}" for name in figures))
    if json is not None:
        json.write_text(json_text.dumps(told, indent=2))


async def _bench(size: int, words: LastWords) -> dict[str, Mapping[str, float]]:
    async with whole_foliot(words) as serving:
        running = serving.running
        owner = await asyncpg.connect(running.database_url)
        try:
            async with (
                observing(running.database_url, running.tenant_id) as observer,
                client_process(running.address, running.api_key) as driver,
                # As a control plane does it, which rests nine times as long as it removes.
                removing(running.database_url, None, share=SHARE) as paced,
                removing(running.database_url, None) as at_once,
            ):
                meter = Meter(group_pids(serving, driver), observer)
                await warm_up(driver, observer, _untold)
                run = Run(size=size, driver=driver, observer=observer, meter=meter)
                told = {"alone": _per_step(size, await run.chains("alone"))}
                rows = await owner.fetchval(ROWS_EACH)
                await owner.execute(KEEP, running.tenant_id, "alone")
                beside, removed = await _beside(run, paced)
                told["beside removals"], told["paced"] = (
                    _per_step(size, beside),
                    _rates(removed, rows),
                )
                await owner.execute(KEEP, running.tenant_id, "beside")
                told["at once"] = _rates(await _remove(at_once, asyncio.Event()), rows)
        finally:
            await owner.close()
    return told


async def _beside(run: Run, retention: Retention) -> tuple[Cost, Removal]:
    stop = asyncio.Event()
    removing_now = asyncio.create_task(_remove(retention, stop))
    cost = await run.chains("beside")
    stop.set()
    return cost, await removing_now


async def _remove(retention: Retention, stop: asyncio.Event) -> Removal:
    """All that is past its retention, or as much as there is time for."""
    removal = Removal()
    began = time.monotonic()

    def note(gone: Gone) -> None:
        removal.instances += gone.removed
        removal.slices += 1

    await retention.remove_all(stop, note)
    removal.seconds = time.monotonic() - began
    return removal


def _per_step(size: int, cost: Cost) -> Mapping[str, float]:
    steps = size * CHAIN_LENGTH
    cpu_us = {f"{name} µs": round(s / steps * 1e6) for name, s in cost.cpu_s.items()}
    return {
        "steps a second": round(steps / cost.seconds),
        "CPU µs a step": round(cost.all_cpu_s / steps * 1e6),
        **cpu_us,
    }


def _rates(removal: Removal, rows_each: float) -> Mapping[str, float]:
    return {
        "instances": removal.instances,
        "instances a second": round(removal.instances / removal.seconds, 1),
        "rows a second": round(removal.instances * rows_each / removal.seconds),
        "slices": removal.slices,
    }


def _untold(*_: object) -> None:
    """Nobody watches."""


def main() -> None:
    """The command."""
    typer.run(bench_retention)


if __name__ == "__main__":
    main()
