"""A client as a process, and what it has said so far."""

import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

WITHIN_S = 60.0
LOOK_EVERY_S = 0.02
TOLD_LINES = 25


class Failed(Exception):
    """Something that a client must do was not done; the message has all that was said."""


class Program:
    """Started at once, in a process group of its own."""

    def __init__(
        self, command: Sequence[str], where: Path, environment: Mapping[str, str], *, shows: str
    ) -> None:
        self._shows = shows
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.process = subprocess.Popen(
            command,
            cwd=where,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in (
                (self.process.stdout or (), self.lines),
                (self.process.stderr or (), self.errors),
            )
        ]
        for reader in self._readers:
            reader.start()

    def until(self, says: str, why: str) -> re.Match[str]:
        """Wait for a line that matches; `why` says what it would have shown."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            found[:] = [match for line in [*self.lines] if (match := re.search(says, line))]
            return bool(found)

        self.until_that(look, f"no line {says!r}: {why}")
        return found[0]

    def until_that(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Wait for a condition. Raises Failed when the program has ended without it."""
        until = time.monotonic() + WITHIN_S
        while not condition():
            has_ended = self.process.poll() is not None
            if has_ended:
                self._join()
            if condition():
                return
            if has_ended or time.monotonic() > until:
                raise Failed(self.told(otherwise))
            time.sleep(LOOK_EVERY_S)

    def ends(self, *statuses: int) -> None:
        """Wait for its end. Raises Failed if there is none, or another status."""
        try:
            status = self.process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            raise Failed(self.told(f"it has not ended within {WITHIN_S:g} s")) from None
        self._join()
        if status not in statuses:
            wanted = " or ".join(map(str, statuses))
            raise Failed(self.told(f"it ended with status {status} and not {wanted}"))

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it, and whatever it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(WITHIN_S)
        self._join()

    def told(self, problem: str) -> str:
        """A problem, with what was run and what it has said."""
        said = [
            f"  {name} | {line}"
            for name, lines in (("out", self.lines), ("err", self.errors))
            for line in lines[-TOLD_LINES:]
        ]
        return "\n".join((problem, f"  $ {self._shows}", *(said or ["  it has said nothing"])))

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(WITHIN_S)

    def _read(self, stream: Iterable[str], lines: list[str]) -> None:
        lines.extend(line.rstrip("\n") for line in stream)


def shown(folder: Path, command: Sequence[str], arguments: Sequence[str]) -> str:
    """How a person would run it."""
    return f"cd {shlex.quote(str(folder))} && {shlex.join([*command, *arguments])}"
