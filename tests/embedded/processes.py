"""Starts servers in processes of their own, and tells what is left of them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from control_plane.embedded import Running, attached
from control_plane.embedded.socket_directory import digest_of

REPOSITORY = Path(__file__).parents[2]

READY_WITHIN_S = 30.0
# The promise: this long after a kill -9, nothing is left.
ORPHANS_WITHIN_S = 3.0
STOPPED_WITHIN_S = 20.0
LOOK_EVERY_S = 0.02


class Served:
    """One process that serves a data directory."""

    def __init__(self, process: subprocess.Popen[bytes], data_dir: Path, running: Running) -> None:
        self.process = process
        self.data_dir = data_dir
        self.running = running

    def pid_of(self, program: str) -> int:
        """The supervisor's own child of that name: postgres, valkey-server, python…"""
        return next(
            child.pid
            for child in psutil.Process(self.process.pid).children()
            if name_of(child).startswith(program)
        )

    def family(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def kill(self) -> None:
        """Kill the supervisor, and reap it."""
        self.process.kill()
        self.process.wait(STOPPED_WITHIN_S)

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOPPED_WITHIN_S)


@contextmanager
def serving(
    data_dir: Path,
    *,
    prefix: Sequence[str] = (),
    interpreter: str = sys.executable,
    tree: Path = REPOSITORY,
    environment: Mapping[str, str] | None = None,
    told_by: str = "kernel",
) -> Iterator[Served]:
    """Start a server and wait until it announces itself; whatever is left is killed after."""
    script = tree / "tests" / "embedded" / "served.py"
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, when the process is
    process = subprocess.Popen(
        [*prefix, interpreter, str(script), str(data_dir), told_by],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
        cwd="/",
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while (running := attached(data_dir)) is None or running.pid != process.pid:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                output.seek(0)
                pytest.fail(output.read().decode())
            time.sleep(LOOK_EVERY_S)
        yield Served(process, data_dir, running)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        output.close()
        eventually(lambda: not traces_of(data_dir), ORPHANS_WITHIN_S)
        orphans = traces_of(data_dir)
        for orphan in orphans:
            orphan.kill()
        for sockets in Path("/tmp").glob(f"foliot-*-{digest_of(data_dir)}"):
            shutil.rmtree(sockets)
        assert [] == orphans


def name_of(process: psutil.Process) -> str:
    """The program's name; nothing once the process is gone."""
    with suppress(psutil.NoSuchProcess):
        return str(process.name())
    return ""


def traces_of(data_dir: Path) -> list[psutil.Process]:
    """Live processes that have to do with the directory, by their arguments or titles."""
    words = (str(data_dir), digest_of(data_dir))
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(word in " ".join(process.info["cmdline"] or ()) for word in words)
    ]


def survivors(family: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; the dead that nobody has reaped yet do not."""
    alive = []
    for process in family:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
    return alive


def eventually(holds: Callable[[], bool], within_s: float) -> bool:
    """Wait for the condition, and say whether it came true in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


async def keep(database_url: str, number: int) -> None:
    """Commit a number."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
    await connection.execute("INSERT INTO kept VALUES ($1)", number)
    await connection.close()


async def kept(database_url: str) -> list[int]:
    """The numbers that were committed."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT number FROM kept ORDER BY number")
    await connection.close()
    return [row["number"] for row in rows]
