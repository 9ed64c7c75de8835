"""What is done to the topology while callers are at work, one thing after the other."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.campaigns.topology.processes import Program
from tests.campaigns.topology.scene import CONTROL_PLANES, Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """One process that was replaced by another."""

    name: str
    code: int
    drained_s: float
    started_s: float


@dataclass(slots=True)
class Roller:
    """`begin` is told the name of each phase when it begins."""

    scene: Scene
    begin: Callable[[str], None]
    steady_s: float

    async def steady(self, name: str) -> None:
        """Nothing is done to anything."""
        self.begin(name)
        await asyncio.sleep(self.steady_s)

    async def roll(self, number: int) -> list[Restarted]:
        """Each process once, the next when the one before works again."""
        done = []
        self.begin(f"roll {number}: control planes")
        for program in self.scene.control_planes.values():
            done.append(await _restart(program))
            await self.scene.balancer.until_healthy(CONTROL_PLANES)
        self.begin(f"roll {number}: executors")
        return done + [await _restart(program) for program in self.scene.executors.values()]

    async def kill_a_control_plane(self) -> None:
        """Without a word, and it comes back a little later."""
        self.begin("kill -9 of a control plane")
        victim = self.scene.control_planes["control-plane-1"]
        await victim.kill()
        await asyncio.sleep(2)
        await victim.start()
        await self.scene.balancer.until_healthy(CONTROL_PLANES)

    async def replace_the_balancer(self) -> None:
        """As Envoy does it for a new configuration of everything: a hot restart."""
        self.begin("reload of the balancer")
        await self.scene.balancer.start()
        await self.scene.balancer.until_replaced()
        await self.scene.balancer.until_healthy(CONTROL_PLANES)


async def _restart(program: Program) -> Restarted:
    began = time.monotonic()
    code = await program.end()
    ended = time.monotonic()
    await program.start()
    return Restarted(
        name=program.name,
        code=code,
        drained_s=ended - began,
        started_s=time.monotonic() - ended,
    )
