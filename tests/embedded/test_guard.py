"""The launcher that ties a program's life to its supervisor's."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from control_plane.embedded import guard
from control_plane.embedded.account import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, Account
from control_plane.embedded.launch import guarded
from tests.embedded.conftest import needs_root
from tests.embedded.processes import eventually

ENDED_WITHIN_S = 5.0
QUIT = signal.SIGQUIT
PYTHON = sys.executable


@contextmanager
def watching(
    program: list[str], *, start_new_session: bool = False
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The program below a guard that watches a pipe, and the pipe's writing end."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        guarded(program, death_signal=QUIT, watch=reading),
        pass_fds=[reading],
        stdout=subprocess.PIPE,
        start_new_session=start_new_session,
    )
    os.close(reading)
    try:
        yield process, writing
    finally:
        process.kill()
        process.communicate()
        os.close(writing)


class TestAGuardedProgram:
    def test_is_the_guard_process_itself(self) -> None:
        """On Linux nothing stays between: the process id is the program's."""
        told = subprocess.run(
            guarded([PYTHON, "-c", "import os; print(os.getppid())"], death_signal=QUIT),
            capture_output=True,
            check=True,
        )

        assert os.getpid() == int(told.stdout)

    def test_ends_with_its_own_status(self) -> None:
        """Whoever waits for it learns how it ended."""
        ended = subprocess.run(guarded(["/bin/sh", "-c", "exit 7"], death_signal=QUIT), check=False)

        assert 7 == ended.returncode

    def test_is_not_run_for_a_supervisor_that_is_gone(self) -> None:
        """It died before the kernel was asked; the signal would never come."""
        command = guarded(["/bin/echo", "run"], death_signal=QUIT)
        command[command.index(str(os.getpid()))] = "1"
        ended = subprocess.run(command, capture_output=True, check=False)

        assert guard.CANNOT_RUN == ended.returncode
        assert b"the supervisor 1 is gone" in ended.stderr
        assert b"" == ended.stdout

    def test_that_does_not_exist_is_named(self) -> None:
        """The log of the child is where one looks first."""
        ended = subprocess.run(
            guarded(["/no/such/program"], death_signal=QUIT), capture_output=True, check=False
        )

        assert guard.CANNOT_RUN == ended.returncode
        assert b"cannot run /no/such/program" in ended.stderr

    def test_is_not_deaf_to_a_broken_pipe(self) -> None:
        """Python ignores SIGPIPE, and a program would inherit that."""
        told = subprocess.run(
            guarded(["/bin/grep", "SigIgn", "/proc/self/status"], death_signal=QUIT),
            capture_output=True,
            check=True,
        )
        ignored = int(told.stdout.split()[1], 16)

        assert 0 == ignored & (1 << signal.SIGPIPE - 1)


class TestAProgramBesideItsGuard:
    def test_ends_when_the_pipe_does(self) -> None:
        """The supervisor has the only other end: it is gone."""
        with watching(["/bin/sleep", "1234"]) as (process, writing):
            (below,) = _children_of(process)
            os.dup2(os.open(os.devnull, os.O_WRONLY), writing)

            assert 128 + QUIT == process.wait(ENDED_WITHIN_S)
            assert not Path(f"/proc/{below}").exists()

    def test_takes_along_what_it_started(self) -> None:
        """Its own children know nothing of the pipe, but are in its process group."""
        code = (
            "import subprocess; child = subprocess.Popen(['/bin/sleep', '1234']);"
            "print(child.pid, flush=True); child.wait()"
        )
        with watching([PYTHON, "-c", code], start_new_session=True) as (process, writing):
            assert process.stdout is not None
            below = Path("/proc", process.stdout.readline().decode().strip())
            os.dup2(os.open(os.devnull, os.O_WRONLY), writing)

            assert eventually(lambda: not below.exists(), ENDED_WITHIN_S)

    def test_does_not_outlive_its_guard(self) -> None:
        """On Linux the kernel ends it, as it would end the program of a supervisor."""
        with watching(["/bin/sleep", "1234"]) as (process, _):
            (below,) = _children_of(process)
            assert eventually(lambda: _is_sleep(below), ENDED_WITHIN_S)
            process.kill()

            assert eventually(lambda: not _is_sleep(below), ENDED_WITHIN_S)

    def test_that_disobeys_is_killed(self) -> None:
        """The signal is a request; the end is not."""
        stubborn = "import signal, time; signal.signal(3, signal.SIG_IGN); print(flush=True)"
        with watching([PYTHON, "-c", f"{stubborn}; time.sleep(1234)"]) as (process, writing):
            assert process.stdout is not None
            process.stdout.readline()
            began = time.monotonic()
            os.dup2(os.open(os.devnull, os.O_WRONLY), writing)

            assert 128 + signal.SIGKILL == process.wait(ENDED_WITHIN_S)
            assert time.monotonic() - began >= guard.DEATH_GRACE_S

    def test_gets_the_signals_that_the_guard_gets(self) -> None:
        """The supervisor knows the guard's process id only."""
        with watching(["/bin/sleep", "1234"]) as (process, _):
            _children_of(process)
            process.terminate()

            assert 128 + signal.SIGTERM == process.wait(ENDED_WITHIN_S)

    def test_ends_with_its_own_status(self) -> None:
        """The guard speaks for the program."""
        with watching(["/bin/sh", "-c", "exit 7"]) as (process, _):
            assert 7 == process.wait(ENDED_WITHIN_S)


@needs_root
class TestAProgramOfAnotherAccount:
    @pytest.mark.parametrize("kept", [(), (CAP_DAC_READ_SEARCH,), (CAP_DAC_OVERRIDE,)])
    def test_keeps_the_named_capabilities_and_no_other(self, kept: tuple[int, ...]) -> None:
        """Whoever takes the server over gets no more than it needs."""
        account = Account(uid=65534, gid=65534, capabilities=kept)
        told = subprocess.run(
            guarded(["/bin/cat", "/proc/self/status"], death_signal=QUIT, account=account),
            capture_output=True,
            text=True,
            check=True,
        )
        status = dict(line.split(":\t", 1) for line in told.stdout.splitlines() if ":\t" in line)
        bits = sum(1 << number for number in kept)

        assert "65534\t65534\t65534\t65534" == status["Uid"] == status["Gid"]
        assert "" == status["Groups"].strip()
        assert [bits] * 4 == [
            int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")
        ]

    def test_still_ends_with_its_supervisor(self) -> None:
        """Changing the uid makes the kernel forget the signal, so it is asked for after."""
        account = Account(uid=65534, gid=65534, capabilities=(CAP_DAC_OVERRIDE,))
        command = guarded(["/bin/sleep", "1234"], death_signal=QUIT, account=account)
        # A supervisor of its own, to be killed: it puts its process id where ours is.
        code = (
            "import os, subprocess, sys; command = sys.argv[1:];"
            f"command[command.index('{os.getpid()}')] = str(os.getpid());"
            "print(subprocess.Popen(command).pid, flush=True); os.read(0, 1)"
        )
        supervisor = subprocess.Popen(
            [PYTHON, "-c", code, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert supervisor.stdout is not None
        below = int(supervisor.stdout.readline())
        comm = Path(f"/proc/{below}/comm")
        assert eventually(lambda: comm.read_text() == "sleep\n", ENDED_WITHIN_S)
        supervisor.kill()
        supervisor.communicate()

        assert eventually(lambda: not comm.exists(), ENDED_WITHIN_S)


def _children_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The program below the guard, once it is there."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    assert eventually(lambda: bool(children.read_text().split()), ENDED_WITHIN_S)
    return [int(pid) for pid in children.read_text().split()]


def _is_sleep(pid: int) -> bool:
    """Is it the program, alive? It is not yet while its guard has only forked."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[1:3] in (
        ["(sleep)", "S"],
        ["(sleep)", "R"],
    )
