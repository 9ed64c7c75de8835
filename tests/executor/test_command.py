"""`foliot-executor` as a process: its exit codes, its signals, its first and last words."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.json import load
from tests.docs.shell import free_address
from tests.executor.eventually import eventually
from tests.executor.listening import ListeningControlPlane, listening
from tests.executor.work import make_ready
from tests.servers import Servers
from tests.telemetry.test_endpoint import got

WITHIN_S = 20

STUCK = """
import pathlib, time
from executor.functions import Functions
functions = Functions()

@functions.register("stuck")
def stuck(value, context):
    pathlib.Path(__file__).with_name("began").touch()
    time.sleep(3600)

@functions.register("double")
def double(value, context):
    return 2 * value
"""


@asynccontextmanager
async def command(
    directory: Path, **settings: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[dict[str, object]]]]:
    """The command, running, and what it logs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "executor",
        stderr=asyncio.subprocess.PIPE,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("FOLIOT_")},
            "PYTHONPATH": str(directory),
            **{f"FOLIOT_{name.upper()}": value for name, value in settings.items()},
        },
    )
    logged: list[dict[str, object]] = []

    async def read() -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            try:
                logged.append(json.loads(line))
            except ValueError:
                logged.append({"event": line.decode().strip()})

    reading = asyncio.ensure_future(read())
    try:
        yield process, logged
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def exit_code(process: asyncio.subprocess.Process) -> int:
    """What it ended with."""
    async with asyncio.timeout(WITHIN_S):
        return await process.wait()


def said(logged: list[dict[str, object]], event: str) -> bool:
    """Whether the event is in the log."""
    return any(line["event"] == event for line in logged)


class TestTheCommand:
    async def test_works_until_it_is_told_to_end(
        self, migrated: str, servers: Servers, tmp_path: Path
    ) -> None:
        """With functions of one's own, ready when it says so, clean when it ends."""
        (tmp_path / "mine.py").write_text(STUCK)
        await make_ready(migrated, function="double", input=21)
        metrics = free_address()
        async with (
            listening(ListeningControlPlane(), tmp_path) as far,
            command(
                tmp_path,
                database_url=migrated,
                redis_url=servers.redis_url,
                control_plane=far.address,
                functions='["mine:functions"]',
                executor_name="mine",
                metrics_listen=metrics,
            ) as (process, logged),
        ):
            await eventually(lambda: far.outcomes)
            ready, _ = await asyncio.to_thread(got, metrics, "/readyz")
            _, told = await asyncio.to_thread(got, metrics, "/metrics")
            process.send_signal(signal.SIGTERM)
            code = await exit_code(process)

        assert 200 == ready
        assert 'foliot_attempts_total{state="succeeded",type="SYSTEM"} 1.0' in told
        assert (0, 42) == (code, load(far.outcomes[0].succeeded.output.json))
        assert said(logged, "executor.ready")
        assert said(logged, "executor.stopped")
        assert "mine" == far.hellos[0].executor_name

    async def test_ends_although_a_thread_does_not(
        self, migrated: str, servers: Servers, tmp_path: Path
    ) -> None:
        """A function that blocks for ever must not keep a deploy waiting."""
        (tmp_path / "mine.py").write_text(STUCK)
        await make_ready(migrated, function="stuck")
        async with (
            listening(ListeningControlPlane(), tmp_path) as far,
            command(
                tmp_path,
                database_url=migrated,
                redis_url=servers.redis_url,
                control_plane=far.address,
                functions='["mine:functions"]',
                drain_s="0.1",
            ) as (process, _),
        ):
            await eventually((tmp_path / "began").exists)
            process.send_signal(signal.SIGINT)
            code = await exit_code(process)

        assert 0 == code

    async def test_waits_for_its_database_and_can_be_told_not_to(self, tmp_path: Path) -> None:
        """In a new environment everything starts at once."""
        async with command(tmp_path, database_url="postgresql://nobody@/none?host=/nowhere") as (
            process,
            logged,
        ):
            await eventually(lambda: said(logged, "database.unavailable"))
            process.send_signal(signal.SIGTERM)
            code = await exit_code(process)

        assert 0 == code

    @pytest.mark.parametrize(
        ("settings", "remedy"),
        [
            ({}, "FOLIOT_DATABASE_URL"),
            ({"database_url": "postgresql:///x", "queues": "[]"}, "FOLIOT_QUEUES"),
            ({"database_url": "postgresql:///x", "functions": '["no.such:thing"]'}, "PYTHONPATH"),
            ({"database_url": "postgresql:///x", "concurrency": "0"}, "concurrency"),
            ({"secrets": '{"acme": swordfish}'}, "FOLIOT_SECRETS is not the JSON"),
            ({"secrets": '{"acme": "swordfish"}'}, "secrets.acme"),
        ],
    )
    async def test_says_what_is_wrong_with_its_configuration(
        self, tmp_path: Path, settings: dict[str, str], remedy: str
    ) -> None:
        """And does not try again: nothing would change."""
        async with command(tmp_path, **settings) as (process, logged):
            code = await exit_code(process)

        written = " ".join(str(line["event"]) for line in logged)

        assert 2 == code
        assert remedy in written
        assert "swordfish" not in written
