"""
Keeps one child alive: starts it, waits until it is ready, restarts it when it dies, and
ends it.
"""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable

from control_plane.embedded.child import Child, RestartLimit
from control_plane.embedded.errors import ChildFailed, EmbeddedError
from control_plane.embedded.launch import KERNEL_TELLS, guarded
from control_plane.embedded.output_log import OutputLog

# Between two looks at whether a child is ready.
PROBE_EVERY_S = 0.02
# A probe that takes longer is given up and asked anew.
PROBE_WITHIN_S = 5.0
# How long a process may take to go away after SIGKILL.
KILLED_WITHIN_S = 5.0


class Keeper:
    """One child, from `start` to `stop`. `give_up` is told, once, if it dies too often."""

    def __init__(
        self,
        child: Child,
        log: OutputLog,
        limit: RestartLimit,
        give_up: Callable[[ChildFailed], None],
    ) -> None:
        self.child = child
        self._log = log
        self._limit = limit
        self._give_up = give_up
        self._process: Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        # Its writing end is ours alone: it ends when we do.
        self._watch = None if KERNEL_TELLS and child.minds_its_own else os.pipe()

    @property
    def pid(self) -> int | None:
        """The process that runs now, if one does."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    async def start(self) -> None:
        """Start it and wait until it is ready. It is not restarted before it once was."""
        try:
            await self._run()
        except BaseException:
            await self.stop()
            raise
        self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.child.name}")

    async def stop(self) -> None:
        """End it, politely for as long as its grace lasts. Twice is once."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
            self._keeping = None
        await self._end()
        self._log.close()
        if self._watch is not None:
            for end in self._watch:
                os.close(end)
            self._watch = None

    async def _keep(self) -> None:
        deaths: deque[float] = deque()
        while True:
            ended = await self._ended()
            deaths.append(time.monotonic())
            while deaths[0] < deaths[-1] - self._limit.within_s:
                deaths.popleft()
            if len(deaths) > self._limit.restarts:
                self._give_up(
                    self._failure(
                        f"died {len(deaths)} times in {self._limit.within_s:g} s "
                        f"(the last time with {ended}) and is not restarted again"
                    )
                )
                return
            await asyncio.sleep(self._limit.delay_s(len(deaths)))
            # Whatever keeps it from becoming ready counts as one more death.
            with contextlib.suppress(EmbeddedError, OSError):
                await self._run()

    async def _run(self) -> None:
        child = self.child
        if child.prepare is not None:
            await child.prepare()
        self._process = await asyncio.create_subprocess_exec(
            *guarded(
                child.command,
                death_signal=child.death_signal,
                account=child.account,
                watch=None if self._watch is None else self._watch[0],
            ),
            stdin=DEVNULL,
            stdout=self._log.writing,
            stderr=self._log.writing,
            env=child.environment,
            cwd=child.directory,
            pass_fds=() if self._watch is None else (self._watch[0],),
            # A session of its own: the terminal's ^C is for the supervisor, who asks for
            # the end in the right order.
            start_new_session=True,
        )
        await self._until_ready(self._process)

    async def _until_ready(self, process: Process) -> None:
        deadline = time.monotonic() + self.child.ready_within_s
        while time.monotonic() < deadline:
            if process.returncode is not None:
                raise self._failure(f"ended with {_told(process)} before it was ready")
            # Refused connections and slow answers are what not being ready looks like.
            with contextlib.suppress(OSError, TimeoutError):
                if await asyncio.wait_for(self.child.is_ready(), PROBE_WITHIN_S):
                    return
            await asyncio.sleep(PROBE_EVERY_S)
        await self._end()
        raise self._failure(f"was not ready within {self.child.ready_within_s:g} s")

    async def _ended(self) -> str:
        """Wait for the process to die, and take along what it leaves in its session."""
        process = self._process
        if process is None:
            return "no process"
        await process.wait()
        _signal_group(process, signal.SIGKILL)
        return _told(process)

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        steps = ((self.child.stop_signal, self.child.grace_s), (signal.SIGKILL, KILLED_WITHIN_S))
        for number, patience_s in steps:
            if process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), patience_s)
        _signal_group(process, signal.SIGKILL)
        self._process = None

    def _failure(self, what: str) -> ChildFailed:
        return ChildFailed(
            f"{self.child.name} {what}. Read {self._log.path}; it ends with:\n{self._log.tail()}"
        )


def _signal_group(process: Process, number: signal.Signals) -> None:
    # EPERM is macOS's word for a group that has only zombies left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _told(process: Process) -> str:
    code = process.returncode
    if code is None:
        return "no status"
    # A guard that stays beside its program exits as a shell would for it.
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"signal {signal.Signals(number).name}"
    return f"exit status {code}"
