"""
The planes of a run: forked by the nursery, forked again when they die, paused and killed.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.failpoints import VARIABLE
from tests.campaigns.chaos.plane import REARM, WRONG_BY_S

AGAIN_AFTER_S = (0.05, 0.4)
"""How long a plane stays dead: what restarts processes is quick, and not at once."""

ENDS_WITHIN_S = 10.0
WRONG_SHARE = 0.3
WRONG_BY_AT_MOST_S = 7_200.0

# What a plane does by itself, now and then: p is by visit of the point.
FAILPOINTS = (
    "store.write.after=kill,p=0.002",
    "store.write.before=kill,p=0.002",
    "store.write=execute-then-error,p=0.01",
    "store.*=error,p=0.003",
    "store.read.*=delay:0.02,p=0.05",
    "turn.decided=delay:0.05,p=0.05",
    "turn.committed=kill,p=0.002",
    "turn.answered=kill,p=0.002",
    "due.*=error,p=0.05",
    "due.delayed=execute-then-error,p=0.1",
    "outbox.*=error,p=0.02",
    "loop.*=error,p=0.01",
    "doorbell.*=error,p=0.05",
    "stream.report.after=error,p=0.01",
    "stream.report.after=kill,p=0.003",
    "stream.send.before=delay:0.05,p=0.05",
    "stream.receive.after=error,p=0.003",
    "executor.claim=execute-then-error,p=0.05",
    "executor.claim.after=kill,p=0.01",
    "executor.extend.*=error,p=0.05",
    "executor.extend.after=delay:0.7,p=0.1",
    "executor.send.*=error,p=0.01",
    "executor.send.after=kill,p=0.005",
    "executor.receive.after=error,p=0.01",
    "attempt.begin=kill,p=0.002",
    "attempt.end=kill,p=0.002",
    "outbox.keep.after=kill,p=0.002",
    "outbox.forget.before=kill,p=0.002",
    "attempt.begin=delay:0.01,p=0.01",
    "claims.*=error,p=0.03",
    "claims.claim=execute-then-error,p=0.1",
    "inbox.*=error,p=0.1",
    "inbox.starts.after=kill,p=0.02",
    "stream.assign.before=kill,p=0.003",
    "stream.hello.after=error,p=0.1",
    "executor.hello.after=error,p=0.1",
    "executor.assign.before=kill,p=0.003",
    "executor.clear.*=error,p=0.1",
    "executor.claim.before=delay:0.5,p=0.05",
    "executor.release.*=error,p=0.2",
    "bells.ring.before=delay:0.1,p=0.05",
)
RULES = 6
"""Of these, one process has so many; those of the other plane's points come to nothing."""


@dataclass(slots=True)
class Plane:
    """One place for a process. `pid` is None while there is none."""

    name: str
    kind: str
    environment: Mapping[str, str]
    output: Path
    pid: int | None = None
    is_paused: bool = False
    is_wanted: bool = True
    deaths: int = 0


@dataclass(slots=True)
class Planes:
    """All of them, and the process that forks them."""

    nursery: Process
    dice: random.Random
    has_failpoints: bool
    all: dict[str, Plane] = field(default_factory=dict)
    armed_next: str = ""
    """What the next one that is forked has armed; that one only."""
    on_death: Callable[[Plane, int], None] = lambda *_: None
    _forked: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    _forking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _restarts: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, plane: Plane) -> None:
        self.all[plane.name] = plane
        await self._fork(plane)

    def living(self) -> list[Plane]:
        return [plane for plane in self.all.values() if plane.pid is not None]

    def kill(self, plane: Plane) -> bool:
        """Whether there was something to kill."""
        return self.signal(plane.pid, signal.SIGKILL)

    def pause(self, plane: Plane) -> bool:
        plane.is_paused = self.signal(plane.pid, signal.SIGSTOP)
        return plane.is_paused

    def wake(self, plane: Plane) -> None:
        plane.is_paused = False
        self.signal(plane.pid, signal.SIGCONT)

    def tell_to_end(self, plane: Plane) -> None:
        """It ends in its own way, and is started again."""
        self.signal(plane.pid, signal.SIGTERM)

    def calm_down(self) -> None:
        """
        From now on no plane fails by itself; `ARMED` says that nothing is armed. They are not
        replaced: what one of them waits for in vain would be forgotten with it.
        """
        self.has_failpoints = False
        for plane in self.living():
            self.signal(plane.pid, REARM)
            self.wake(plane)

    async def listen(self) -> None:
        """Hear from the nursery, and have those forked again that died, until cancelled."""
        assert self.nursery.stdout is not None
        async for line in self.nursery.stdout:
            told = json.loads(line)
            if "forked" in told:
                self._forked.put_nowait(told["forked"])
            else:
                self._died(told["ended"], told["status"])

    def _died(self, pid: int, status: int) -> None:
        for plane in self.all.values():
            if plane.pid == pid:
                plane.pid, plane.is_paused = None, False
                plane.deaths += 1
                self.on_death(plane, status)
                if plane.is_wanted:
                    task = asyncio.ensure_future(self._fork_again(plane))
                    self._restarts.add(task)
                    task.add_done_callback(self._restarts.discard)

    async def _fork_again(self, plane: Plane) -> None:
        await asyncio.sleep(self.dice.uniform(*AGAIN_AFTER_S))
        if plane.is_wanted:
            await self._fork(plane)

    async def _fork(self, plane: Plane) -> None:
        assert self.nursery.stdin is not None
        environment = dict(plane.environment)
        environment[VARIABLE] = ""
        if self.dice.random() < WRONG_SHARE:
            environment[WRONG_BY_S] = str(
                self.dice.uniform(-WRONG_BY_AT_MOST_S, WRONG_BY_AT_MOST_S)
            )
        if self.armed_next:
            environment[VARIABLE], self.armed_next = self.armed_next, ""
        elif self.has_failpoints and self.dice.random() < 0.7:
            rules = self.dice.sample(FAILPOINTS, RULES)
            environment[VARIABLE] = ";".join([*rules, f"seed={self.dice.randrange(10**6)}"])
        order = {"fork": plane.kind, "environment": environment, "output": str(plane.output)}
        async with self._forking:
            self.nursery.stdin.write(json.dumps(order).encode() + b"\n")
            await self.nursery.stdin.drain()
            plane.pid = await self._forked.get()

    def signal(self, pid: int | None, number: signal.Signals) -> bool:
        """Whether there was somebody to hear it."""
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True


@asynccontextmanager
async def nursing(dice: random.Random, *, has_failpoints: bool) -> AsyncIterator[Planes]:
    """A nursery, and all that it forked, gone with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.campaigns.chaos.nursery"),
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    planes = Planes(process, dice, has_failpoints)
    listening = asyncio.ensure_future(planes.listen())
    try:
        yield planes
    finally:
        for plane in planes.all.values():
            plane.is_wanted = False
            planes.kill(plane)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)
        if process.returncode is None:
            process.kill()
            await process.wait()
