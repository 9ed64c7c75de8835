"""Those whom a limit held back hear of it as soon as there is room again."""

from datetime import timedelta

from control_plane.adapters.memory.doorbell import MemoryDoorbell
from control_plane.loops.bells import Bells
from control_plane.loops.limits import LOOK_AGAIN_S, Limits
from control_plane.ports.limit_store import Rate, TaskLimit
from tests.contract.material import claimed, open_session, started
from tests.contract.worlds import ACME, OTHER, MemoryWorld

POLL_S = 60.0
RING = "workflow-task-runner.default"


class Listening:
    """The loop at rest, and what it rang."""

    def __init__(self, world: MemoryWorld) -> None:
        self._doorbell = MemoryDoorbell()
        self._bells = Bells(self._doorbell)
        self.loop = Limits(world.limits, self._bells, POLL_S)

    async def rung(self) -> list[str]:
        """The queues that were rung since it was asked last."""
        await self._bells._ring()
        queues = [queue for queue, _ in self._doorbell.rings]
        self._doorbell.rings.clear()
        return queues


async def held_back(world: MemoryWorld, limit: TaskLimit) -> None:
    """Let the limit let one of two tasks begin."""
    await world.limits.put(ACME, limit, at_most=9)
    await started(world, tasks=2)
    await claimed(world, await open_session(world, ttl_s=3600))


class TestATenantWithLimits:
    async def test_is_known_since_the_last_look(self) -> None:
        """Its tasks are left to the claim, which counts; those of others need not be."""
        world = MemoryWorld()
        listening = Listening(world)
        await world.limits.put(ACME, TaskLimit(max_running=9), at_most=9)
        before = listening.loop.has_any(ACME)
        await listening.loop._look()

        assert (False, True, False) == (
            before,
            listening.loop.has_any(ACME),
            listening.loop.has_any(OTHER),
        )


class TestAnAttemptThatEnded:
    async def test_rings_where_the_limit_held_a_task_back(self) -> None:
        """Its place is taken within milliseconds, and not at the next poll."""
        world = MemoryWorld()
        await held_back(world, TaskLimit(max_running=1))
        listening = Listening(world)
        await listening.loop._look()
        await listening.rung()

        listening.loop.ended(ACME)

        assert [RING] == await listening.rung()

    async def test_rings_for_nobody_else(self) -> None:
        """A tenant without a limit has nothing that waits for room."""
        world = MemoryWorld()
        await held_back(world, TaskLimit(max_running=1))
        listening = Listening(world)
        await listening.loop._look()
        await listening.rung()

        listening.loop.ended(OTHER)

        assert [] == await listening.rung()

    async def test_rings_later_if_nobody_knew_yet_that_a_task_was_held_back(self) -> None:
        """The attempt may have been over before anybody looked: then it is the look that rings."""
        world = MemoryWorld()
        listening = Listening(world)
        await held_back(world, TaskLimit(max_running=1))
        listening.loop.ended(ACME)
        at_once = await listening.rung()

        await listening.loop._look()

        assert ([], [RING]) == (at_once, await listening.rung())


class TestATokenThatIsWaitedFor:
    async def test_rings_when_it_has_come(self) -> None:
        """And until then the loop looks often."""
        world = MemoryWorld()
        await held_back(world, TaskLimit(rate=Rate(per_second=0.1, burst=1)))
        listening = Listening(world)
        await listening.loop._learn()
        await listening.rung()
        rests_s = await listening.loop._look()
        too_early = await listening.rung()
        await world.move_clock(timedelta(seconds=10))

        await listening.loop._look()

        assert LOOK_AGAIN_S == rests_s
        assert [] == too_early
        assert [RING] == await listening.rung()

    async def test_keeps_nobody_busy_where_there_is_none(self) -> None:
        """Without limits it is one look a poll."""
        assert POLL_S == await Listening(MemoryWorld()).loop._look()
