"""Delayed tasks become claimable at their instants, and somebody is rung for."""

from datetime import timedelta

from control_plane.adapters.memory.doorbell import MemoryDoorbell
from control_plane.loops.bells import Bells
from control_plane.loops.delayed import Delayed
from tests.contract.material import instance, new_task, start, stored
from tests.contract.worlds import MemoryWorld

POLL_S = 60.0
MINUTE = timedelta(minutes=1)


class TestDelayedTasks:
    async def test_are_released_and_rung_for_before_the_loop_rests(self) -> None:
        """More may be due by now."""
        world = MemoryWorld()
        fresh = instance(await world.now())
        tasks = [new_task(fresh, n, run_at=fresh.updated_at + MINUTE) for n in (1, 2)]
        await stored(world, start(fresh, new_tasks=tasks))
        await world.move_clock(MINUTE)
        doorbell = MemoryDoorbell()
        bells = Bells(doorbell)

        rests_s = await Delayed(world.due, bells, POLL_S)._release_due()
        await bells._ring()

        assert 0 == rests_s
        assert 2 == (await world.row_counts())["ready"]
        assert ["workflow-task-runner.default"] == [queue for queue, _ in doorbell.rings]

    async def test_that_come_next_end_the_rest(self) -> None:
        """A retry in half a second is not half a minute late."""
        world = MemoryWorld()
        fresh = instance(await world.now())
        task = new_task(fresh, 1, run_at=fresh.updated_at + timedelta(seconds=5))
        await stored(world, start(fresh, new_tasks=[task]))

        assert 4 < await Delayed(world.due, Bells(MemoryDoorbell()), POLL_S)._release_due() <= 5

    async def test_that_a_commit_delays_for_less_end_it_sooner(self) -> None:
        """And others are told that it is sooner; later ones are of no interest."""
        world = MemoryWorld()
        fresh = instance(await world.now())
        task = new_task(fresh, 1, run_at=fresh.updated_at + MINUTE)
        await stored(world, start(fresh, new_tasks=[task]))
        delayed = Delayed(world.due, Bells(MemoryDoorbell()), POLL_S)
        await delayed._release_due()

        assert not delayed.expect(fresh.updated_at + 2 * MINUTE)
        assert delayed.expect(fresh.updated_at + timedelta(seconds=1))
