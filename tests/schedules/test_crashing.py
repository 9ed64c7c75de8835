"""
One instance for each time, whatever control plane dies wherever, and however many there are.

A plane that dies is one that raises at a failpoint and is not asked again. Then the other comes.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from control_plane.ports.schedule_store import HELP_AFTER, Overlap
from shared.errors import FoliotError
from shared.failpoints import armed
from tests.schedules.calendar import MAX_ROUNDS, NAME, Calendar

MOMENTS = [
    "schedules.put.before=error,nth=1",
    "schedules.put.after=error,nth=1",
    "store.read.before=error,nth=1",
    "store.write.before=error,nth=1",
    "schedules.put.before=error,nth=2",
    "schedules.put.after=error,nth=2",
]
"""Before and after the decision is kept; before and in the start; before and after it is noted."""


async def dies(calendar: Calendar, moment: str) -> None:
    """A control plane finds what is due, and gets no further than that."""
    with armed(moment) as faults, suppress(FoliotError, ConnectionError):
        await asyncio.wait_for(calendar.fire(0), timeout=30)
    assert any(rule.nth and faults.visits.get(rule.pattern, 0) >= rule.nth for rule in faults.rules)


class TestAControlPlaneThatDies:
    @pytest.mark.parametrize("moment", MOMENTS)
    @pytest.mark.parametrize("overlap", ["skip", "allow", "cancel_other", "buffer_one"])
    async def test_leaves_a_time_to_another_that_starts_one_instance(
        self, crashing: Calendar, moment: str, overlap: Overlap
    ) -> None:
        """Not two, not none; and none is cancelled in its own favour."""
        await crashing.at("2026-01-01T08:59:00Z")
        await crashing.keep("0 9 * * *", overlap=overlap)
        await crashing.at("2026-01-01T09:00:01Z")
        await dies(crashing, moment)

        await crashing.world.move_clock(HELP_AFTER)
        await crashing.fire(1)

        schedule = await crashing.look()
        assert ["2026-01-01T09:00"] == await crashing.running()
        assert (1, 0, 0, None) == (
            schedule.starts,
            schedule.skips,
            schedule.failures,
            schedule.firing,
        )

    async def test_and_comes_to_again_starts_nothing_a_second_time(
        self, crashing: Calendar
    ) -> None:
        """It was paused in the middle of a start, and another has done it, and the next one too."""
        went_on = asyncio.Event()
        stands = asyncio.Event()

        async def stand() -> None:
            if not stands.is_set():
                stands.set()
                await went_on.wait()

        await crashing.at("2026-01-01T08:59:00Z")
        await crashing.keep("0 9 * * *", overlap="cancel_other")
        await crashing.at("2026-01-01T09:00:01Z")
        with armed(hooks={"loop.schedules.decided": stand}):
            paused = asyncio.create_task(crashing.fire(0))
            await asyncio.wait_for(stands.wait(), timeout=30)
            await crashing.at("2026-01-02T09:00:01Z")
            await crashing.fire(1)
            before = await crashing.running()
            went_on.set()
            await asyncio.wait_for(paused, timeout=30)

        assert ["2026-01-02T09:00"] == before == await crashing.running()
        assert ["2026-01-01T09:00", "2026-01-02T09:00"] == await crashing.started()
        assert 2 == (await crashing.look()).starts

    async def test_does_not_make_others_carry_out_what_it_is_at(self, crashing: Calendar) -> None:
        """They wait a little: most that are slow are not dead."""
        await crashing.at("2026-01-01T08:59:00Z")
        await crashing.keep("0 9 * * *")
        await crashing.at("2026-01-01T09:00:01Z")
        await dies(crashing, "schedules.put.after=error,nth=1")

        await crashing.fire(1)
        at_once = await crashing.started()
        await crashing.world.move_clock(HELP_AFTER)
        await crashing.fire(1)

        assert ([], ["2026-01-01T09:00"]) == (at_once, await crashing.started())


class TestControlPlanesAtOnce:
    async def test_start_one_instance_for_each_time_of_each_schedule(
        self, crashing: Calendar
    ) -> None:
        """Four that do nothing but look, over an hour of every minute, with errors in between."""
        await crashing.at("2026-01-01T00:00:30Z")
        names = [f"s{n}" for n in range(5)]
        for name in names:
            await crashing.keep("* * * * *", name=name, overlap="allow")
        await crashing.at("2026-01-01T00:20:30Z")
        rested = 0

        async def looks(plane: int) -> None:
            nonlocal rested
            for _ in range(MAX_ROUNDS):
                with suppress(FoliotError, ConnectionError):
                    if await crashing.planes[plane].fire_due():
                        rested += 1
                        return
                await asyncio.sleep(0)

        with armed("seed=7;schedules.put.*=error,p=0.05;store.write.*=error,p=0.02"):
            await asyncio.gather(*(looks(plane) for plane in (0, 1, 0, 1)))
        for _ in range(3):
            await crashing.world.move_clock(timedelta(seconds=6))
            await crashing.fire()

        assert 4 == rested
        expected = [f"2026-01-01T00:{minute:02}" for minute in range(1, 21)]
        assert [expected] * 5 == [await crashing.started(name) for name in names]
        assert [20] * 5 == [(await crashing.look(name)).starts for name in names]


class TestADecidedStart:
    async def test_of_a_schedule_that_is_deleted_is_nobodys_any_more(
        self, crashing: Calendar
    ) -> None:
        """It goes with its schedule."""
        await crashing.at("2026-01-01T08:59:00Z")
        await crashing.keep("0 9 * * *")
        await crashing.at("2026-01-01T09:00:01Z")
        await dies(crashing, "schedules.put.after=error,nth=1")
        await crashing.world.schedules.delete((await crashing.look()).tenant_id, NAME)

        await crashing.world.move_clock(HELP_AFTER)
        await crashing.fire(1)

        assert [] == await crashing.started()
