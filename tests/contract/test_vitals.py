"""Vital signs: how far behind the database is with what is due."""

from datetime import timedelta

from control_plane.ports.vitals import Lags
from migrations import HEAD
from tests.contract.material import instance, new_task, open_session, start, stored
from tests.contract.worlds import OTHER, PostgresWorld, World

MINUTE = timedelta(minutes=1)


class TestTheLags:
    async def test_of_an_empty_database_are_none(self, world: World) -> None:
        """Nothing waits, and so nothing is late."""
        found = await world.signs.lags()

        assert Lags(found.now, None, None, None, 0, 0, 0) == found

    async def test_are_those_of_what_waits_longest(self, world: World) -> None:
        """The newest says nothing of how far behind anybody is."""
        fresh = instance(await world.now())
        due = fresh.updated_at + MINUTE
        armed = {"first": due, "second": due + MINUTE}
        tasks = [new_task(fresh, n, run_at=due + n * MINUTE) for n in (1, 2)]
        await stored(world, start(fresh, armed=armed, new_tasks=tasks))
        before = await world.now()
        await world.accept(fresh.key, "a")
        await world.move_clock(5 * MINUTE)
        await world.accept(fresh.key, "b")

        found = await world.signs.lags()

        assert (due, due + MINUTE) == (found.timer_at, found.delayed_at)
        assert found.inbox_at is not None
        assert before <= found.inbox_at <= before + MINUTE
        assert 5 * MINUTE <= found.now - found.inbox_at <= 6 * MINUTE

    async def test_leave_out_the_timers_of_tenants_that_are_suspended(self, world: World) -> None:
        """They wait because somebody wants them to."""
        fresh = instance(await world.now(), tenant_id=OTHER)
        await stored(world, start(fresh, armed={"t": fresh.updated_at + MINUTE}))
        await world.tenants.suspend(OTHER, "not paid")

        assert (await world.signs.lags()).timer_at is None

    async def test_tell_sessions_that_live_from_those_that_fell_silent(self, world: World) -> None:
        """The one is capacity, the other work that is about to be rescued."""
        await open_session(world)
        await world.move_clock(2 * MINUTE)
        await open_session(world)

        found = await world.signs.lags()

        assert (1, 1) == (found.live_sessions, found.silent_sessions)


class TestTheSchema:
    async def test_is_the_newest_once_it_was_migrated(self, world: World) -> None:
        """Readiness holds it to what the code wants."""
        assert HEAD == (await world.signs.schema()).revision


class TestTheStatementOfTheLags:
    async def test_walks_to_the_ends_of_indexes(self, postgres: PostgresWorld) -> None:
        """With a million rows it must cost what it costs with ten."""
        from control_plane.adapters.postgres.queues import WALKS
        from control_plane.adapters.postgres.vitals import LAGS

        async with postgres.owner.transaction():
            await postgres.owner.execute(WALKS)
            rows = await postgres.owner.fetch(f"EXPLAIN {LAGS}", 10)
        plan = "\n".join(row[0] for row in rows)

        for index in ("inbox_untried_idx", "timer_due_idx", "delayed_run_at_idx"):
            assert index in plan
        assert "Sort" not in plan
