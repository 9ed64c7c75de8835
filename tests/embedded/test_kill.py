"""After kill -9 of anything, nothing runs on that should not, and nothing committed is lost."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.embedded.processes import (
    LOOK_EVERY_S,
    ORPHANS_WITHIN_S,
    Served,
    eventually,
    keep,
    kept,
    name_of,
    serving,
    survivors,
    traces_of,
)

RECOVERED_WITHIN_S = 15.0


class TestAKilledSupervisor:
    @pytest.mark.parametrize("told_by", ["kernel", "pipe"])
    async def test_leaves_nothing_running_and_nothing_lost(
        self, open_dir: Path, told_by: str
    ) -> None:
        """The next start finds a free directory, and recovers by itself."""
        data_dir = open_dir / "data"
        with serving(data_dir, told_by=told_by) as served:
            await keep(served.running.database_url, 1)
            family = served.family()
            assert {"postgres", "valkey-server", "sleep"} <= {name_of(member) for member in family}
            served.kill()

            assert eventually(lambda: not survivors(family), ORPHANS_WITHIN_S), survivors(family)
            assert [] == traces_of(data_dir)
        with serving(data_dir, told_by=told_by) as served:
            assert [1] == await kept(served.running.database_url)

    async def test_may_be_succeeded_at_once(self, open_dir: Path) -> None:
        """A successor waits for the dying servers instead of stumbling over them."""
        data_dir = open_dir / "data"
        with serving(data_dir) as first:
            await keep(first.running.database_url, 1)
            first.process.kill()
            with serving(data_dir) as second:
                assert [1] == await kept(second.running.database_url)

    async def test_takes_a_computing_backend_along(self, open_dir: Path) -> None:
        """A backend that is busy looks up for nobody; the postmaster has to end it."""
        data_dir = open_dir / "data"
        with serving(data_dir) as served:
            async with _computing(served) as backend:
                served.kill()

                assert eventually(lambda: not survivors([backend]), ORPHANS_WITHIN_S)


class TestAKilledPostmaster:
    async def test_is_restarted_with_what_was_committed(self, open_dir: Path) -> None:
        """The others go on meanwhile: the same Valkey, the same executor."""
        with serving(open_dir / "data") as served:
            await keep(served.running.database_url, 1)
            valkey = served.pid_of("valkey-server")
            killed = served.pid_of("postgres")
            os.kill(killed, signal.SIGKILL)

            assert [1] == await _recovered(served)
            assert killed != served.pid_of("postgres")
            assert valkey == served.pid_of("valkey-server")

    async def test_is_restarted_though_a_backend_computes_on(self, open_dir: Path) -> None:
        """PostgreSQL does not start while an old backend holds its memory: it is ended."""
        with serving(open_dir / "data") as served:
            await keep(served.running.database_url, 1)
            async with _computing(served) as backend:
                os.kill(served.pid_of("postgres"), signal.SIGKILL)

                assert eventually(lambda: not survivors([backend]), ORPHANS_WITHIN_S)
                assert [1] == await _recovered(served)


class TestAKilledChild:
    @pytest.mark.parametrize("told_by", ["kernel", "pipe"])
    @pytest.mark.parametrize("program", ["postgres", "valkey-server", "python"])
    async def test_is_replaced_and_leaves_nothing_of_its_own(
        self, open_dir: Path, program: str, told_by: str
    ) -> None:
        """Whatever it had started goes with it, and a new one takes its place."""
        with serving(open_dir / "data", told_by=told_by) as served:
            before = {process.pid for process in served.family()}
            killed = psutil.Process(_pid_of(served, program, told_by))
            family = [killed, *killed.children(recursive=True)]
            killed.kill()

            assert eventually(lambda: not survivors(family), ORPHANS_WITHIN_S)
            assert eventually(
                lambda: any(
                    name_of(process).startswith(program) and process.pid not in before
                    for process in served.family()
                ),
                RECOVERED_WITHIN_S,
            )

    async def test_may_be_a_single_backend(self, open_dir: Path) -> None:
        """PostgreSQL then restarts itself; the supervisor has nothing to do."""
        with serving(open_dir / "data") as served:
            await keep(served.running.database_url, 1)
            postmaster = served.pid_of("postgres")
            async with _computing(served) as backend:
                backend.kill()

                assert [1] == await _recovered(served)
                assert postmaster == served.pid_of("postgres")


def _pid_of(served: Served, program: str, told_by: str) -> int:
    if told_by == "kernel":
        return served.pid_of(program)

    # The program is below a guard that watches the pipe; the guard is what gets killed.
    def guards() -> list[int]:
        return [
            child.pid
            for child in psutil.Process(served.process.pid).children()
            if any(name_of(below).startswith(program) for below in child.children())
        ]

    assert eventually(lambda: bool(guards()), RECOVERED_WITHIN_S)
    return guards()[0]


@contextlib.asynccontextmanager
async def _computing(served: Served) -> AsyncIterator[psutil.Process]:
    """A backend that is busy for as long as anybody lets it."""
    connection = await asyncpg.connect(served.running.database_url)
    backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    busy = asyncio.create_task(connection.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
    started = backend.cpu_times().user
    assert await asyncio.to_thread(
        eventually, lambda: backend.cpu_times().user > started + 0.05, RECOVERED_WITHIN_S
    )
    try:
        yield backend
    finally:
        busy.cancel()
        await asyncio.wait([busy])
        connection.terminate()


async def _recovered(served: Served) -> list[int]:
    """What was kept, as soon as the server answers again."""
    async with asyncio.timeout(RECOVERED_WITHIN_S):
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return await kept(served.running.database_url)
            await asyncio.sleep(LOOK_EVERY_S)
