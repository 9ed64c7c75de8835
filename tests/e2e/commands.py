"""`foliot` as a user runs it: as a process, with its children, its output and its end."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from control_plane.embedded.socket_directory import digest_of

REPOSITORY = Path(__file__).parents[2]

WITHIN_S = 40.0
LOOK_EVERY_S = 0.02


class Command:
    """A running `foliot …`, and what it has printed so far."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "control_plane", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "COLUMNS": "160", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._family: dict[int, psutil.Process] = {}

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def until(self, says: str) -> None:
        """Wait until the text has been printed."""
        wait_for(lambda: says in self.output or self.process.poll() is not None)
        assert says in self.output, self.output

    def child(self, words: str) -> psutil.Process:
        """The process below this one whose command line ends in these words."""
        found: list[psutil.Process] = []

        def look() -> bool:
            found[:] = [
                process
                for process in self.family()
                if " ".join(_command_line(process)).endswith(words)
                and "guard.py" not in " ".join(_command_line(process))
            ]
            return bool(found)

        wait_for(look)
        return found[0]

    def family(self) -> list[psutil.Process]:
        """All processes below this one that are or have been."""
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                self._family[process.pid] = process
        return list(self._family.values())

    def survivors(self) -> list[psutil.Process]:
        """Those of its processes that still run."""
        return [process for process in self._family.values() if _runs(process)]

    def interrupt(self) -> int:
        """What Ctrl-C does; the exit status."""
        self.family()
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(WITHIN_S)
        self._reader.join(WITHIN_S)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)
        self.process.stdout.close()


@contextmanager
def running(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Command]:
    """A command that is ended, with all its children, whatever a test made of it."""
    command = Command(*arguments, environment=environment)
    try:
        yield command
    finally:
        command.family()
        if command.process.poll() is None:
            command.process.kill()
            command.wait()
        for process in command.survivors():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        # A supervisor that was killed could not take its directory for sockets along.
        for argument in arguments:
            shutil.rmtree(sockets_of(Path(argument)), ignore_errors=True)


def sockets_of(data_dir: Path) -> Path:
    """Where the servers of a data directory have their sockets."""
    return Path(tempfile.gettempdir(), f"foliot-{os.geteuid()}-{digest_of(data_dir.absolute())}")


def named(processes: list[psutil.Process], name: str) -> list[psutil.Process]:
    """Those of that name that still run, the oldest first."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if name in process.name():
                found.append(process)
    return sorted(found, key=lambda process: process.create_time())


def wait_for(condition: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Return once the condition holds; fail if it does not within the bound."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(LOOK_EVERY_S)  # threads and processes have no event to wait for


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
