"""The servers of a data directory: where they run, what they keep, what they leave."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from control_plane.embedded import DataDirectoryInUse, Embedded, EmbeddedError
from control_plane.embedded.socket_directory import LENGTH_LIMIT, digest_of
from tests.embedded.processes import REPOSITORY, eventually, keep, kept, serving, traces_of

FIRST_RUN_WITHIN_S = 20.0


class TestEmbedded:
    async def test_keeps_what_was_committed_from_run_to_run(self, open_dir: Path) -> None:
        """The directory is the database; the servers come and go."""
        async with Embedded(open_dir / "data") as embedded:
            await keep(embedded.database_url, 1)
        async with Embedded(open_dir / "data") as embedded:
            found = await kept(embedded.database_url)

        assert [1] == found

    async def test_leaves_no_process_and_no_socket(self, open_dir: Path) -> None:
        """What was started for the block ends with it."""
        async with Embedded(open_dir / "data") as embedded:
            sockets = Path(embedded.redis_url.removeprefix("unix://")).parent
            assert sockets.is_dir()

        assert not sockets.exists()
        assert [] == traces_of(open_dir / "data")

    @pytest.mark.parametrize(
        "name", ["a name with spaces", "Größe-数据-🗄", 'it\'s "100%" \\ odd, $HOME']
    )
    async def test_runs_in_a_directory_of_any_name(self, open_dir: Path, name: str) -> None:
        """People name their folders in their own language."""
        async with Embedded(open_dir / name) as embedded:
            await keep(embedded.database_url, 1)
            found = await kept(embedded.database_url)

        assert [1] == found

    async def test_runs_in_a_directory_whose_path_no_socket_could_have(
        self, open_dir: Path
    ) -> None:
        """A unix socket's path ends at about a hundred bytes; directories do not."""
        data_dir = open_dir / ("x" * 120) / ("y" * 120)
        async with Embedded(data_dir) as embedded:
            await keep(embedded.database_url, 1)
            found = await kept(embedded.database_url)
            sockets = Path(embedded.redis_url.removeprefix("unix://")).parent

        assert [1] == found
        assert len(str(sockets)) <= LENGTH_LIMIT

    async def test_runs_beside_another_one(self, open_dir: Path) -> None:
        """Two projects on one machine have nothing to do with each other."""
        async with AsyncExitStack() as both:
            first = await both.enter_async_context(Embedded(open_dir / "first"))
            second = await both.enter_async_context(Embedded(open_dir / "second"))
            await keep(first.database_url, 1)
            await keep(second.database_url, 2)
            redis = Redis.from_url(first.redis_url)
            await redis.set("only", "first")
            await redis.aclose()
            redis = Redis.from_url(second.redis_url)
            seen = await redis.get("only")
            await redis.aclose()

            assert [1] == await kept(first.database_url)
            assert [2] == await kept(second.database_url)
            assert seen is None

    async def test_is_refused_a_directory_in_use(self, open_dir: Path) -> None:
        """One directory, one server; the refusal says who has it."""
        async with Embedded(open_dir / "data") as embedded:
            with pytest.raises(DataDirectoryInUse, match=rf"process id {os.getpid()}\b"):
                await Embedded(open_dir / "data").start()

            await keep(embedded.database_url, 1)

    @pytest.mark.parametrize("trap", ["open", "link"])
    async def test_does_not_listen_in_a_directory_of_somebody_else(
        self, open_dir: Path, trap: str
    ) -> None:
        """The name can be foreseen, so somebody may have been there before."""
        (open_dir / "data").mkdir()
        with (
            _trap(open_dir / "data", trap),
            pytest.raises(EmbeddedError, match="not a private directory"),
        ):
            await Embedded(open_dir / "data").start()

        assert (open_dir / "data").is_dir()

    async def test_lets_nobody_else_at_its_sockets(self, open_dir: Path) -> None:
        """Reaching the socket is the password."""
        async with Embedded(open_dir / "data") as embedded:
            sockets = Path(embedded.redis_url.removeprefix("unix://")).parent
            mode = sockets.stat().st_mode

        assert 0 == mode & stat.S_IRWXO

    async def test_repairs_a_first_run_that_was_killed(self, open_dir: Path) -> None:
        """Half a cluster is thrown away and made anew."""
        data_dir = open_dir / "data"
        began = _killed_while_initdb_runs(data_dir)

        assert began
        assert not (data_dir / "postgres-18").exists()
        assert eventually(lambda: not traces_of(data_dir), 3.0)
        async with Embedded(data_dir) as embedded:
            await keep(embedded.database_url, 1)
            assert [] == list(data_dir.glob(".initdb.*"))

    async def test_ignores_a_process_id_that_was_taken_again(self, open_dir: Path) -> None:
        """In a new container the old postmaster's id belongs to somebody else, who lives."""
        data_dir = open_dir / "data"
        with serving(data_dir) as served:
            await keep(served.running.database_url, 1)
            served.kill()
        pid_file = data_dir / "postgres-18" / "postmaster.pid"
        with _somebody_else(pid_file.parent.stat().st_uid) as pid:
            pid_file.write_text(f"{pid}\n{pid_file.parent}\n0\n5432\n/tmp\n\n", "utf-8")
            async with Embedded(data_dir) as embedded:
                found = await kept(embedded.database_url)

        assert [1] == found

    async def test_says_what_initdb_said(self, open_dir: Path) -> None:
        """A full or read-only disk is the user's to repair, so he is told."""
        with pytest.raises(EmbeddedError, match="cannot be used"):
            await Embedded("/proc/foliot").start()


class TestASignal:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    async def test_ends_everything_cleanly_and_soon(
        self, open_dir: Path, number: signal.Signals
    ) -> None:
        """^C is how everybody ends it, and PostgreSQL then has nothing to recover."""
        data_dir = open_dir / "data"
        with serving(data_dir) as served:
            served.process.send_signal(number)

            assert 0 == served.process.wait(5.0)
            assert [] == traces_of(data_dir)
            assert not (data_dir / "dev.json").exists()
        assert "database system is shut down" in (data_dir / "logs/postgres.log").read_text()

    async def test_from_the_terminal_reaches_the_supervisor_only(self, open_dir: Path) -> None:
        """The servers are in sessions of their own, and end in the right order."""
        with serving(open_dir / "data") as served:
            sessions = [os.getsid(process.pid) for process in served.family()[1:]]

            assert os.getsid(served.process.pid) not in sessions


@contextmanager
def _trap(data_dir: Path, kind: str) -> Iterator[None]:
    """Something in the place of the socket directory that is not to be trusted."""
    sockets = Path(f"/tmp/foliot-{os.geteuid()}-{digest_of(data_dir)}")
    if kind == "link":
        sockets.symlink_to(data_dir)
        yield
        sockets.unlink()
    else:
        sockets.mkdir()
        sockets.chmod(0o777)
        yield
        sockets.rmdir()


def _killed_while_initdb_runs(data_dir: Path) -> bool:
    """Start a server, kill it in its first run, and say whether that was in time."""
    script = REPOSITORY / "tests" / "embedded" / "served.py"
    process = subprocess.Popen([sys.executable, script, data_dir, "kernel"])
    began = eventually(lambda: any(data_dir.glob(".initdb.*/base")), FIRST_RUN_WITHIN_S)
    process.kill()
    process.wait()
    return began


@contextmanager
def _somebody_else(uid: int) -> Iterator[int]:
    """A process of the uid that has nothing to do with any of this; its id."""
    sleeper = subprocess.Popen(["/bin/sleep", "1234"], user=uid if os.geteuid() == 0 else None)
    try:
        yield sleeper.pid
    finally:
        sleeper.kill()
        sleeper.wait()
