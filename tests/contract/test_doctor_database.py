"""What the doctor looks at in a database as a whole, and finds."""

from datetime import timedelta

import pytest

from control_plane.adapters.memory.doctor import MemoryDoctor
from control_plane.adapters.postgres.doctor import PostgresDoctor
from control_plane.ports.doctor import DATABASE_CHECKS
from shared.clock import SystemClock
from shared.tasks import TaskType
from tests.contract.material import instance, new_task, open_session, start, started, stored
from tests.contract.worlds import MemoryWorld, PostgresWorld

PATIENCE = timedelta(minutes=2)


async def found(world: PostgresWorld, check: str, *, ahead: timedelta = timedelta(0)) -> list[str]:
    doctor = PostgresDoctor(world.pool, world.across)
    return list(await doctor.look(check, SystemClock().now() + ahead, PATIENCE))


class TestADatabaseThatIsWell:
    @pytest.mark.parametrize("check", sorted(DATABASE_CHECKS.keys() - {"durability"}))
    async def test_has_no_findings(self, postgres: PostgresWorld, check: str) -> None:
        """Every check can be run, and says nothing (tests run without fsync)."""
        assert [] == await found(postgres, check)

    @pytest.mark.parametrize("check", DATABASE_CHECKS)
    async def test_has_none_in_memory_either(self, check: str) -> None:
        """There is nothing that could be wrong."""
        doctor = MemoryDoctor(MemoryWorld().database)

        assert not await doctor.look(check, SystemClock().now(), PATIENCE)


class TestDurability:
    async def test_is_held_against_the_settings(self, postgres: PostgresWorld) -> None:
        """What the server says of itself, word by word."""
        fsync = await postgres.owner.fetchval("SELECT current_setting('fsync')")
        pages = await postgres.owner.fetchval("SELECT current_setting('full_page_writes')")

        told = await found(postgres, "durability")

        assert (fsync == "off") == any("fsync is off" in one for one in told)
        assert (pages == "off") == any("full_page_writes is off" in one for one in told)


class TestClocks:
    async def test_that_are_apart_are_a_finding(self, postgres: PostgresWorld) -> None:
        """Keys expire by the server's, leases by the database's."""
        (told,) = await found(postgres, "clock", ahead=timedelta(minutes=1))

        assert "seconds apart" in told

    async def test_that_are_moved_are_one(self, postgres: PostgresWorld) -> None:
        """Tests do that."""
        await postgres.move_clock(timedelta(days=1))

        assert ["the database's clock is moved by 1 day"] == await found(postgres, "clock")


class TestPartitions:
    async def test_that_are_missing_are_a_finding(self, postgres: PostgresWorld) -> None:
        """Rows of that month would go to the default one."""
        (name,) = await postgres.owner.fetchrow(
            """SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', '"history_y"YYYY"m"MM')"""
        )
        await postgres.owner.execute(f"DROP TABLE foliot.{name}")

        (told,) = await found(postgres, "partitions")

        assert told.endswith("has no partition")


class TestTasksThatNobodyTakes:
    async def test_are_a_finding_after_a_while(self, postgres: PostgresWorld) -> None:
        """With the queue, and that no executor is alive."""
        await started(postgres, tasks=1)
        at_once = await found(postgres, "executors")
        await postgres.move_clock(timedelta(minutes=3))

        (told,) = await found(postgres, "executors")

        assert [] == at_once
        assert "HTTP tasks of queue 'default'" in told
        assert "no executor is alive" in told

    async def test_are_none_while_somebody_could(self, postgres: PostgresWorld) -> None:
        """A backlog is what the age of the oldest is for."""
        await started(postgres, tasks=1)
        await postgres.move_clock(timedelta(minutes=3))
        await open_session(postgres)

        assert [] == await found(postgres, "executors")

    async def test_are_one_where_their_queue_is_paused(self, postgres: PostgresWorld) -> None:
        """A pause that everybody forgot, executors or not."""
        await started(postgres, tasks=1)
        await postgres.move_clock(timedelta(minutes=3))
        await open_session(postgres)
        await postgres.queues.pause("default", "why", "key:ops", at_most=1)

        (told,) = await found(postgres, "executors")

        assert "the queue is paused" in told

    async def test_are_none_that_people_have(self, postgres: PostgresWorld) -> None:
        """They take as long as they take."""
        fresh = instance(await postgres.now())
        await stored(postgres, start(fresh, new_tasks=[new_task(fresh, 1, type=TaskType.HUMAN)]))
        await postgres.move_clock(timedelta(days=3))

        assert [] == await found(postgres, "executors")
