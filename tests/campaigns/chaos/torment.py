"""
What goes wrong during a run, at random, from a seed: processes die and stand still, servers
crash, the network breaks, the clock jumps.
"""

import asyncio
import os
import random
import signal
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.campaigns.chaos.plane import ARMED
from tests.campaigns.chaos.planes import Plane
from tests.campaigns.chaos.stage import QUEUES, Stage
from tests.campaigns.chaos.workload import LEASE_S

# How often each happens, on average, a second.
RATES = {
    "kill": 1.6,
    "pause": 1.0,
    "postgres": 0.1,
    "valkey": 0.15,
    "flush": 0.15,
    "garbage": 0.2,
    "false alarm": 0.2,
    "cut": 0.25,
    "reset": 0.3,
    "swallow": 0.25,
    "slow": 0.25,
    "clock": 0.1,
}
PAUSES_S = (0.2, 2.5 * LEASE_S)
BROKEN_S = (0.2, 2.5)
JUMPS_S = (-2.0, 5.0)
FOR_EVER_S = 86_400.0
USURPED_SHARE = 0.2
GARBAGE = (b"", b"{", b"\xff" * 64, b'{"task_name":"other"}', b"x" * 100_000)


@dataclass(slots=True)
class Torment:
    """`done` counts what was done, by kind; kills include those of failpoints."""

    stage: Stage
    dice: random.Random
    rate: float = 1.0
    done: Counter[str] = field(default_factory=Counter)
    _healing: set[asyncio.Task[None]] = field(default_factory=set)
    _killed: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Until cancelled."""
        self.stage.planes.on_death = self._noted
        kinds, weights = list(RATES), list(RATES.values())
        deeds: dict[str, Callable[[], Awaitable[None]]] = {
            kind: getattr(self, f"_{kind.replace(' ', '_')}") for kind in kinds
        }
        while True:
            # With a rate of 0 nothing ever happens.
            rate = sum(weights) * self.rate
            await asyncio.sleep(self.dice.expovariate(rate) if rate else FOR_EVER_S)
            kind = self.dice.choices(kinds, weights)[0]
            await deeds[kind]()

    async def relent(self) -> None:
        """All is well again: nothing is broken, paused or armed."""
        for task in list(self._healing):
            task.cancel()
        await asyncio.gather(*self._healing, return_exceptions=True)
        for link in self.stage.links.values():
            link.heal()
        with suppress(TypeError, ProcessLookupError):
            os.kill(self.stage.supervisor.pid_of("valkey") or 0, signal.SIGCONT)
        (self.stage.directory / ARMED).write_text("")
        self.stage.planes.calm_down()
        self.stage.faults.write("relented")

    def _noted(self, plane: Plane, status: int) -> None:
        by = "us" if plane.name in self._killed else "itself"
        self._killed.discard(plane.name)
        self.done["kill" if status == -signal.SIGKILL else "exit"] += 1
        self.stage.faults.write("died", plane=plane.name, status=status, by=by)

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            undo()

        task = asyncio.ensure_future(wait())
        self._healing.add(task)
        task.add_done_callback(self._healing.discard)

    # --- deeds -------------------------------------------------------------------------------

    async def _kill(self) -> None:
        living = self.stage.planes.living()
        if living and self.stage.planes.kill(plane := self.dice.choice(living)):
            self._killed.add(plane.name)

    async def _pause(self) -> None:
        living = [plane for plane in self.stage.planes.living() if not plane.is_paused]
        if not living:
            return
        plane = self.dice.choice(living)
        if self.stage.planes.pause(plane):
            seconds = self.dice.uniform(*PAUSES_S)
            self.done["pause"] += 1
            self.stage.faults.write("paused", plane=plane.name, seconds=seconds)
            self._later(seconds, lambda: self.stage.planes.wake(plane))

    async def _postgres(self) -> None:
        self.done["postgres"] += 1
        self.stage.faults.write("postgres")
        await self.stage.restart_postgres()

    async def _valkey(self) -> None:
        pid = self.stage.supervisor.pid_of("valkey")
        if pid is None:
            return
        self.done["valkey"] += 1
        kind = self.dice.choice((signal.SIGKILL, signal.SIGSTOP))
        self.stage.faults.write("valkey", signal=kind.name)
        with suppress(ProcessLookupError):
            os.kill(pid, kind)
        if kind is signal.SIGSTOP:

            def wake() -> None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

            self._later(self.dice.uniform(*BROKEN_S), wake)

    async def _flush(self) -> None:
        self.done["flush"] += 1
        await self._on_valkey(lambda redis: redis.flushall())

    async def _garbage(self) -> None:
        self.done["garbage"] += 1

        async def litter(redis: "Redis") -> None:
            for key in self.stage.bells():
                with suppress(RedisError):
                    if self.dice.random() < USURPED_SHARE:
                        # Not even a list any more, until somebody flushes it all.
                        await redis.set(key, b"mine")
                    else:
                        await redis.lpush(key, *self.dice.sample(GARBAGE, 3))

        await self._on_valkey(litter)

    async def _false_alarm(self) -> None:
        """Rings that are old, or somebody else's, or come again and again."""
        self.done["false alarm"] += 1

        for _ in range(self.dice.randrange(1, 20)):
            await self.stage.doorbell.ring_many(
                {queue: self.dice.choice(([], [uuid.uuid4().hex] * 3)) for queue in QUEUES}
            )

    async def _on_valkey(self, what: Callable[["Redis"], Awaitable[object]]) -> None:
        redis = Redis.from_url(self.stage.redis_url, socket_timeout=0.3, socket_connect_timeout=0.3)
        with suppress(RedisError, OSError, TimeoutError):
            await what(redis)
        with suppress(RedisError, OSError, TimeoutError):
            await redis.aclose()

    async def _cut(self) -> None:
        link = self.dice.choice(list(self.stage.links.values()))
        self._note_link("cut", link.name)
        link.cut()
        self._later(self.dice.uniform(*BROKEN_S), link.heal)

    async def _reset(self) -> None:
        link = self.dice.choice(list(self.stage.links.values()))
        self._note_link("reset", link.name)
        link.reset()

    async def _swallow(self) -> None:
        link = self.dice.choice(list(self.stage.links.values()))
        up, down = self.dice.choice(((True, True), (True, False), (False, True)))
        self._note_link("swallow", link.name)
        link.swallow(up=up, down=down)

        def end() -> None:
            if self.dice.random() < 0.5:
                link.reset()
            link.heal()

        self._later(self.dice.uniform(*BROKEN_S), end)

    async def _slow(self) -> None:
        link = self.dice.choice(list(self.stage.links.values()))
        self._note_link("slow", link.name)
        link.slow(self.dice.uniform(0.01, 0.3))
        self._later(self.dice.uniform(*BROKEN_S), link.heal)

    async def _clock(self) -> None:
        by = self.dice.uniform(*JUMPS_S)
        try:
            owner = await asyncpg.connect(self.stage.owner_url, timeout=1)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return
        try:
            await owner.execute(
                "UPDATE foliot.clock SET moved_by = moved_by + make_interval(secs => $1)", by
            )
            self.done["clock"] += 1
            self.stage.faults.write("clock", seconds=by)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pass
        finally:
            owner.terminate()

    def _note_link(self, what: str, name: str) -> None:
        self.done[what] += 1
        self.stage.faults.write(what, link=name)
