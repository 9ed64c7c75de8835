"""Plain processes, as an operator runs them: started, told to end, killed, and what they said."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

READY_WITHIN_S = 180.0
"""Far above what a start takes, also on a machine whose cores are shared with much else."""
ENDS_WITHIN_S = 60.0
LOOK_EVERY_S = 0.02


class NotReady(Exception):
    """It ended, or took too long."""


@dataclass(slots=True)
class Program:
    """
    A place for a process. `ready` is what a line of its output has once it works.

    The output of all that ran here is in `output`.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    output: Path
    ready: str
    process: Process | None = None
    _read: int = field(default=0)

    async def start(self) -> None:
        """Start it, and wait until it works. Raises NotReady."""
        with self.output.open("ab") as output:
            self._read = output.tell()
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **self.environment},
            )
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                # Its output is a file, which tells nobody that it has grown.
                while self.ready not in self.said():
                    if self.process.returncode is not None:
                        raise NotReady(f"{self.name} ended at once: {self.said()[-2000:]}")
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise NotReady(f"{self.name} does not work: {self.said()[-2000:]}") from None

    def said(self) -> str:
        """What the process of the moment has written."""
        with self.output.open("rb") as output:
            output.seek(self._read)
            return output.read().decode(errors="replace")

    async def end(self) -> int:
        """Tell it to end, as systemd and Kubernetes do; its exit code."""
        return await self._stop(signal.SIGTERM)

    async def kill(self) -> int:
        """It gets to do nothing more."""
        return await self._stop(signal.SIGKILL)

    async def _stop(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(ENDS_WITHIN_S):
            return await self.process.wait()

    async def clear_away(self) -> None:
        """Whatever is left of it, at the very end."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def module(*words: str) -> Sequence[str]:
    """The command that runs a module of this interpreter's."""
    return (sys.executable, "-m", *words)
