"""Several processes run as one: started in order, kept alive, ended in the reverse order."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from control_plane.embedded import Child, ChildFailed, RestartLimit, Supervisor
from control_plane.embedded import output_log as output_log_module
from tests.embedded.processes import eventually, survivors

WITHIN_S = 10.0
QUICKLY = RestartLimit(restarts=2, within_s=60.0, first_delay_s=0.01, longest_delay_s=0.02)

# Writes its name and the signal to a file when it is asked to end, and ends.
POLITE = """
import signal, sys, time
def end(number, _):
    open(sys.argv[2], "a").write(sys.argv[1] + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True: time.sleep(1)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True: time.sleep(1)
"""


def running(
    name: str,
    code: str,
    *arguments: str,
    logs: Path,
    grace_s: float = 5.0,
    ready_within_s: float = 5.0,
) -> Child:
    """A Python program that is ready when it has printed so."""

    async def is_ready() -> bool:
        return "ready" in await asyncio.to_thread((logs / f"{name}.log").read_text)

    return Child(
        name=name,
        command=[sys.executable, "-c", code, *arguments],
        is_ready=is_ready,
        grace_s=grace_s,
        ready_within_s=ready_within_s,
    )


class TestASupervisor:
    async def test_ends_its_children_in_the_reverse_order(self, tmp_path: Path) -> None:
        """Whoever came later leans on those before."""
        ended = tmp_path / "ended"
        async with Supervisor(tmp_path) as supervisor:
            for name in ("first", "second", "third"):
                await supervisor.start(running(name, POLITE, name, str(ended), logs=tmp_path))

        assert "third second first " == ended.read_text()

    async def test_kills_what_does_not_end_in_its_grace(self, tmp_path: Path) -> None:
        """Nobody waits for ever."""
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(running("stubborn", STUBBORN, logs=tmp_path, grace_s=0.2))
            child = psutil.Process(_pid(supervisor, "stubborn"))

        assert not child.is_running()

    async def test_restarts_a_child_that_died(self, tmp_path: Path) -> None:
        """It has a new process id, and the same log."""
        async with Supervisor(tmp_path, limit=QUICKLY) as supervisor:
            await supervisor.start(running("child", POLITE, "", "", logs=tmp_path))
            killed = _pid(supervisor, "child")
            psutil.Process(killed).kill()
            restarted = await _eventually(lambda: supervisor.pid_of("child") not in {None, killed})
            log = tmp_path / "child.log"
            ready_twice = await _eventually(lambda: log.read_text() == "ready\nready\n")

        assert restarted
        assert ready_twice

    async def test_stops_everything_when_one_dies_too_often(self, tmp_path: Path) -> None:
        """The error says which, how often, and what to read; the others are ended first."""
        ended = tmp_path / "ended"
        failing = "import time; print('ready', flush=True); time.sleep(0.3); print('alas'); exit(3)"
        async with Supervisor(tmp_path, limit=QUICKLY) as supervisor:
            await supervisor.start(running("sound", POLITE, "sound", str(ended), logs=tmp_path))
            await supervisor.start(running("failing", failing, logs=tmp_path))
            with pytest.raises(ChildFailed) as failed:
                await asyncio.wait_for(supervisor.wait(), WITHIN_S)

            assert "sound " == ended.read_text()
            assert supervisor.pid_of("sound") is None
        message = str(failed.value)
        assert message.startswith("failing died 3 times in 60 s (the last time with exit status 3)")
        assert f"Read {tmp_path / 'failing.log'}" in message
        assert message.endswith("alas")

    async def test_is_told_at_once_of_a_child_that_cannot_start(self, tmp_path: Path) -> None:
        """A wrong setting is not cured by restarts, so the first start gets none."""
        async with Supervisor(tmp_path) as supervisor:
            with pytest.raises(ChildFailed, match="broken ended with exit status 4 before") as told:
                await supervisor.start(
                    running("broken", "print('no such port'); exit(4)", logs=tmp_path)
                )

            assert supervisor.pid_of("broken") is None
        assert str(told.value).endswith("no such port")

    async def test_does_not_wait_for_ever_for_a_child_to_be_ready(self, tmp_path: Path) -> None:
        """It is ended, and the error names the time it had."""
        async with Supervisor(tmp_path) as supervisor:
            with pytest.raises(ChildFailed, match=r"slow was not ready within 0\.3 s"):
                await supervisor.start(
                    running(
                        "slow", "import time; time.sleep(99)", logs=tmp_path, ready_within_s=0.3
                    )
                )

        assert [] == _below_here()

    async def test_ends_what_its_children_started(self, tmp_path: Path) -> None:
        """A child's own children are in its session, and go with it."""
        parent = (
            "import subprocess; child = subprocess.Popen(['/bin/sleep', '1234']);"
            "print('ready', flush=True); child.wait()"
        )
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start(running("parent", parent, logs=tmp_path))
            below = psutil.Process(_pid(supervisor, "parent")).children(recursive=True)

            assert "sleep" in [process.name() for process in below]
        assert await _eventually(lambda: not survivors(below))


class TestTheOutputOfAChild:
    async def test_is_told_line_by_line(self, tmp_path: Path) -> None:
        """Both streams, in order, whole lines only, and the last one without its end too."""
        lines: list[tuple[str, str]] = []
        code = (
            "import sys; print('one', flush=True); print('two', file=sys.stderr, flush=True);"
            "print('drei: \\u00fc\\nready', flush=True); sys.stdout.write('rest');"
            "sys.stdout.flush(); import time; time.sleep(99)"
        )
        async with Supervisor(tmp_path, on_line=lambda *told: lines.append(told)) as supervisor:
            await supervisor.start(running("child", code, logs=tmp_path))

        told = ["one", "two", "drei: ü", "ready", "rest"]
        assert [("child", line) for line in told] == lines
        assert told == (tmp_path / "child.log").read_text("utf-8").splitlines()

    async def test_is_bounded_by_line_and_by_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A child that prints without end fills two files, and neither disk nor memory."""
        monkeypatch.setattr(output_log_module, "LOG_BYTES", 100_000)
        code = "print('x' * 300_000); print('ready', flush=True); import time; time.sleep(99)"
        lengths: list[int] = []
        async with Supervisor(
            tmp_path, on_line=lambda _, line: lengths.append(len(line))
        ) as supervisor:
            await supervisor.start(running("child", code, logs=tmp_path))

        longest = output_log_module.LINE_BYTES + output_log_module.READ_BYTES
        assert 300_000 + len("ready") == sum(lengths)
        assert max(lengths) <= longest
        assert ["child.log", "child.log.1"] == sorted(path.name for path in _files(tmp_path))
        assert all(path.stat().st_size <= 100_000 + longest + 1 for path in _files(tmp_path))


class TestARestartLimit:
    def test_doubles_the_delay_up_to_the_longest(self) -> None:
        """A child that dies at once does not keep the machine busy."""
        limit = RestartLimit(first_delay_s=0.1, longest_delay_s=1.0)

        assert [0.1, 0.2, 0.4, 0.8, 1.0, 1.0] == [limit.delay_s(deaths) for deaths in range(1, 7)]


def _pid(supervisor: Supervisor, name: str) -> int:
    pid = supervisor.pid_of(name)
    assert pid is not None
    return pid


def _below_here() -> Sequence[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "time.sleep(99)" in " ".join(child.cmdline())
    ]


def _files(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def _eventually(holds: Callable[[], bool]) -> bool:
    return await asyncio.to_thread(eventually, holds, WITHIN_S)
