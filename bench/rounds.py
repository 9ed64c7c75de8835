"""Brings up a whole foliot in a directory of its own, and runs the workloads on it in turn."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bench.driver import Driver, client_process
from bench.figures import Figures
from bench.meter import Meter, wait_until_quiet
from bench.observer import Observer, observing
from bench.specs import CHAIN_LENGTH, chain
from bench.stage import Stage
from bench.workloads import LOOK_CLOSELY_S, STARTS_IN_FLIGHT, Workload
from control_plane.cli.development import Development, development
from control_plane.embedded import LineReader

PREFIX = "foliot-bench-"

WARM_UP = 64
"""Chains before anything is measured: imports, connections, prepared statements."""

# How far the workload of that name is: so many of so many instances are over.
Progress = Callable[[str, int, int], None]


async def run_rounds(
    workloads: Sequence[Workload],
    *,
    scale: float,
    rounds: int,
    quiet_within_s: float,
    progress: Progress,
    on_line: LineReader,
) -> AsyncIterator[Figures]:
    """
    The figures of each workload as it ends. Each waits so long for a quiet machine.

    Raises Broken, Stalled, Died or ClientDied for the first one that fails; nothing is left
    running, and no file.
    """
    async with whole_foliot(on_line) as serving:
        running = serving.running
        async with (
            observing(running.database_url, running.tenant_id) as observer,
            client_process(running.address, running.api_key) as driver,
        ):
            await observer.check_durability()
            meter = Meter(group_pids(serving, driver), observer)
            await warm_up(driver, observer, progress)
            for number in range(1, rounds + 1):
                for workload in workloads:
                    await asyncio.to_thread(wait_until_quiet, quiet_within_s)
                    yield await _run(workload, number, scale, driver, observer, meter, progress)


async def _run(
    workload: Workload,
    number: int,
    scale: float,
    driver: Driver,
    observer: Observer,
    meter: Meter,
    progress: Progress,
) -> Figures:
    stage = Stage(
        key=f"{workload.name}.{number}",
        size=max(1, round(workload.size * scale)),
        driver=driver,
        observer=observer,
        meter=meter,
        progress=lambda closed, count: progress(workload.name, closed, count),
    )
    await driver.define(stage.key, workload.spec)
    outcome = await workload.run(stage)
    left = await observer.check(stage.key, instances=outcome.instances, tasks=outcome.tasks)
    assert stage.cost is not None, f"{workload.name} did not say what of it is measured"
    return Figures.of(workload, number, outcome, stage.cost, left)


async def warm_up(driver: Driver, observer: Observer, progress: Progress) -> None:
    """Chains that nobody measures."""
    await driver.define("warm-up", chain(CHAIN_LENGTH))
    await driver.start("warm-up", count=WARM_UP, in_flight=STARTS_IN_FLIGHT)
    await observer.until_closed(
        "warm-up",
        WARM_UP,
        every_s=LOOK_CLOSELY_S,
        progress=lambda closed: progress("warm-up", closed, WARM_UP),
    )


@asynccontextmanager
async def whole_foliot(on_line: LineReader) -> AsyncIterator[Development]:
    """Everything that `foliot dev` starts, in a directory of its own that is removed afterwards."""
    with _data_directory() as data_dir:
        # Not the default address, so that nobody else's server is taken for this one.
        async with development(data_dir, listen=_free_address(), on_line=on_line) as serving:
            yield serving


@contextmanager
def _data_directory() -> Iterator[Path]:
    data_dir = Path(tempfile.mkdtemp(prefix=PREFIX))
    # As root, the servers' account has to get through.
    data_dir.chmod(0o711)
    try:
        yield data_dir
    finally:
        shutil.rmtree(data_dir)


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def group_pids(serving: Development, driver: Driver) -> dict[str, int]:
    """The process that each group begins with."""
    pids = {"client": driver.pid}
    for name in ("control-plane", "executor", "postgres", "valkey"):
        pid = serving.supervisor.pid_of(name)
        assert pid is not None, f"{name} is not running; its log says why"
        pids[name] = pid
    return pids
