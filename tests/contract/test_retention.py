"""What is past its retention is found and removed; what is not, or is still needed, stays."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from control_plane.adapters.postgres.doctor import PostgresDoctor
from control_plane.ports.instance_store import (
    NewAnswer,
    OutboxMessage,
    TakenBusinessKey,
    TaskUpdate,
)
from control_plane.ports.records import Instance
from control_plane.ports.retention import PastInstance, Whole
from shared.ids import InstanceId
from tests.contract.material import (
    closed,
    entry,
    instance,
    new_task,
    start,
    stored,
)
from tests.contract.worlds import ACME, OTHER, PostgresWorld, World

DAY = timedelta(days=1)
BEFORE_ALL = InstanceId(UUID(int=0))


async def ended(world: World, *, tasks: bool = True, **values: Any) -> Instance:
    """An instance that has ended just now, with one of everything that belongs to it."""
    now = await world.now()
    fresh = instance(now, **values)
    key = values.get("business_key")
    answer = NewAnswer(scope=str(fresh.instance_id), key="e", fingerprint=b"", answer="{}")
    await stored(
        world,
        start(
            fresh,
            entries=[entry(1, now)],
            new_tasks=[new_task(fresh, 1)] if tasks else [],
            business_key=TakenBusinessKey(business_key=key, previous=None) if key else None,
            answers=[answer],
        ),
    )
    update = TaskUpdate(ordinal=1, status="succeeded", completed_at=now)
    over = closed(
        fresh, "completed", updated_tasks=[update] if tasks else [], cleared=[1] if tasks else []
    )
    await stored(world, over)
    return over.after


async def past(world: World, limit: int = 100) -> Sequence[PastInstance]:
    return (await world.retention.past(ACME, BEFORE_ALL, limit)).instances


async def wholes(world: World, *instances: Instance) -> Sequence[Whole]:
    return await world.retention.whole([one.key for one in instances])


class TestSettings:
    async def test_are_kept_by_definition_and_replaced(self, world: World) -> None:
        """Each definition has one at most, and the rest of the tenant one."""
        await world.retention.put(ACME, "order", DAY, archives=True)
        await world.retention.put(ACME, "", None, archives=True)
        await world.retention.put(ACME, "order", 2 * DAY, archives=False)
        await world.retention.put(OTHER, "order", DAY, archives=True)

        found = await world.retention.of_tenant(ACME)

        assert [("", None, True), ("order", 2 * DAY, False)] == [
            (one.definition_key, one.keep, one.archives) for one in found
        ]
        assert [ACME, OTHER] == list(await world.retention.tenants())

    async def test_can_be_taken_back(self, world: World) -> None:
        """Once; and no other's."""
        await world.retention.put(ACME, "", DAY, archives=True)

        assert not await world.retention.remove(OTHER, "")
        assert await world.retention.remove(ACME, "")
        assert not await world.retention.remove(ACME, "")
        assert [] == list(await world.retention.tenants())


class TestTheTurn:
    async def test_is_one_holders_until_it_ends(self, world: World) -> None:
        """Two that archive at once would do everything twice."""
        one, other = uuid4(), uuid4()

        assert await world.retention.take_turn(one, DAY)
        assert await world.retention.take_turn(one, DAY)
        assert not await world.retention.take_turn(other, DAY)
        await world.move_clock(DAY)
        assert await world.retention.take_turn(other, timedelta(0))
        assert await world.retention.take_turn(one, DAY)


class TestWhatIsPast:
    async def test_has_ended_so_long_ago(self, world: World) -> None:
        """Counted from the end, and not before it has passed."""
        over = await ended(world)
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY - timedelta(minutes=1))
        before = await past(world)
        await world.move_clock(timedelta(minutes=1))

        assert [] == before
        assert [PastInstance(over.key, True, over.seq)] == await past(world)

    async def test_is_nothing_by_default(self, world: World) -> None:
        """Nobody loses what they did not give up."""
        await ended(world)
        await world.move_clock(1_000 * DAY)

        assert [] == await past(world)

    async def test_is_judged_by_the_definitions_own_retention_first(self, world: World) -> None:
        """Longer, shorter or for ever."""
        order = await ended(world)
        await ended(world, definition_key="payroll")
        other = await ended(world, definition_key="other")
        await world.retention.put(ACME, "", 2 * DAY, archives=True)
        await world.retention.put(ACME, "order", DAY, archives=False)
        await world.retention.put(ACME, "payroll", None, archives=True)

        await world.move_clock(DAY)
        first = await past(world)
        await world.move_clock(DAY)

        assert [PastInstance(order.key, False, order.seq)] == first
        # Of instances that ended at one instant, either may come first.
        assert sorted([order.key, other.key]) == sorted(one.key for one in await past(world))

    async def test_is_found_page_by_page(self, world: World) -> None:
        """However much there is."""
        over = [await ended(world) for _ in range(3)]
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(2 * DAY)

        first = await world.retention.past(ACME, BEFORE_ALL, 2)
        second = await world.retention.past(ACME, first.until, 2)

        keys = sorted(one.key for one in over)
        assert (keys[:2], False) == ([one.key for one in first.instances], first.is_last)
        assert (keys[2:], True) == ([one.key for one in second.instances], second.is_last)

    async def test_is_no_other_tenants(self, world: World) -> None:
        """A retention is one tenant's."""
        await ended(world, tenant_id=OTHER)
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(2 * DAY)

        assert [] == await past(world)

    async def test_is_nothing_that_lives(self, world: World) -> None:
        """However old."""
        now = await world.now()
        await stored(world, start(instance(now)))
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(1_000 * DAY)

        assert [] == await past(world)

    async def test_is_nothing_with_a_task_that_may_still_be_carried_out(self, world: World) -> None:
        """A detached task outlives its instance."""
        fresh = instance(await world.now())
        await stored(world, start(fresh, new_tasks=[new_task(fresh, 1, detached=True)]))
        await stored(world, closed(fresh, "completed"))
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(2 * DAY)

        assert [] == await past(world)


class TestAWholeInstance:
    async def test_has_its_tasks_and_its_history(self, world: World) -> None:
        """Of each what there is, and of no other."""
        first, second = await ended(world), await ended(world, tasks=False)

        found = await wholes(world, second, first)

        assert sorted([first.key, second.key]) == [one.instance.key for one in found]
        assert {first.key: [1], second.key: []} == {
            one.instance.key: [task.ordinal for task in one.tasks] for one in found
        }
        assert [[1, 2], [1, 2]] == [[e.seq for e in one.entries] for one in found]


class TestRemoving:
    async def test_leaves_nothing_of_what_is_past(self, world: World) -> None:
        """Not in any table."""
        over = await ended(world, business_key="o-1")
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY)

        removed = await world.retention.remove_instances(await wholes(world, over))

        assert 1 == removed
        assert {} == await world.row_counts()
        assert await world.reader.get_instance(*over.key) is None

    async def test_leaves_alone_what_belongs_to_others(self, world: World) -> None:
        """A business key that a newer instance has is that one's."""
        over, stays = await ended(world, business_key="o-1"), await ended(world, tasks=False)
        holder = await ended(world, definition_key="other", business_key="o-1")
        await world.retention.put(ACME, "order", DAY, archives=True)
        await world.move_clock(DAY)
        before = await wholes(world, stays, holder)
        await world.retention.put(ACME, "order", DAY, archives=True)

        await world.retention.remove_instances(await wholes(world, over))

        assert before == await wholes(world, stays, holder)
        assert 1 == (await world.row_counts())["business_key"]

    async def test_looks_once_more_at_what_was_read(self, world: World) -> None:
        """It may have changed since it was archived, or its retention may have."""
        changed, kept = await ended(world, tasks=False), await ended(world, tasks=False)
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY)
        read_of_changed, read_of_kept = await wholes(world, changed), await wholes(world, kept)
        await stored(world, closed(changed, "completed"))
        of_changed = await world.retention.remove_instances(read_of_changed)
        await world.retention.put(ACME, "", 2 * DAY, archives=True)
        of_kept = await world.retention.remove_instances(read_of_kept)

        assert (0, 0) == (of_changed, of_kept)

    async def test_leaves_what_has_something_to_say_or_to_hear(self, world: World) -> None:
        """A parent waits to be told; an accepted event is to be turned away first."""
        saying, hearing = await ended(world, tasks=False), await ended(world, tasks=False)
        message = OutboxMessage(kind="TELL_PARENT", payload="{}")
        await stored(world, closed(saying, "completed", outbox=[message]))
        await world.accept(hearing.key, "e")
        await world.retention.put(ACME, "", DAY, archives=True)
        await world.move_clock(DAY)

        assert 0 == await world.retention.remove_instances(
            await wholes(world, *[one.instance for one in await wholes(world, saying, hearing)])
        )

    async def test_does_not_wait_for_who_writes_an_instance(self, postgres: PostgresWorld) -> None:
        """A retry of a failed one, perhaps: it stays."""
        over, other = await ended(postgres), await ended(postgres)
        await postgres.retention.put(ACME, "", DAY, archives=True)
        await postgres.move_clock(DAY)
        read = await wholes(postgres, over, other)
        async with postgres.owner.transaction():
            await postgres.owner.execute(
                "SELECT FROM foliot.instance WHERE instance_id = $1 FOR UPDATE", over.instance_id
            )
            async with asyncio.timeout(5):
                removed = await postgres.retention.remove_instances(read)

        assert 1 == removed
        assert await postgres.reader.get_instance(*over.key) is not None

    async def test_is_nothing_a_control_plane_could_do_to_history_without(
        self, postgres: PostgresWorld
    ) -> None:
        """The function asks the retention; the role alone may not."""
        over = await ended(postgres)
        read = await wholes(postgres, over)

        assert 0 == await postgres.retention.remove_instances(read)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await postgres.across.execute("DELETE FROM foliot.history")

    async def test_leaves_nothing_for_the_doctor_to_find(self, postgres: PostgresWorld) -> None:
        """A database without its past is a whole database."""
        over = await ended(postgres, business_key="o-1")
        await postgres.retention.put(ACME, "", DAY, archives=True)
        await postgres.move_clock(DAY)
        await postgres.retention.remove_instances(await wholes(postgres, over))

        doctor = PostgresDoctor(postgres.pool, postgres.across)
        slice_ = await doctor.next_slice(ACME, BEFORE_ALL)

        assert [] == (await doctor.examine(slice_, timedelta(0))).findings


LONG_AGO = datetime(2020, 3, 15, tzinfo=UTC)


def id_of(instant: datetime, number: int) -> InstanceId:
    return InstanceId(UUID(int=(int(instant.timestamp() * 1000) << 80) | (7 << 76) | number))


async def partitions(postgres: PostgresWorld) -> set[str]:
    rows = await postgres.owner.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'foliot.history'::regclass"
    )
    return {name.removeprefix("foliot.") for (name,) in rows}


async def a_month_long_ago(postgres: PostgresWorld) -> str:
    """A partition of it, as a database has that was there then."""
    lower, upper = (
        UUID(int=int(datetime(2020, month, 1, tzinfo=UTC).timestamp() * 1000) << 80)
        for month in (3, 4)
    )
    await postgres.owner.execute(
        "CREATE TABLE foliot.history_y2020m03 PARTITION OF foliot.history"
        f" FOR VALUES FROM ('{lower}') TO ('{upper}')"
    )
    return "history_y2020m03"


class TestAMonthOfHistory:
    async def test_is_dropped_once_nobody_is_left_in_it(self, postgres: PostgresWorld) -> None:
        """Its rows go with it, and not one by one."""
        month = await a_month_long_ago(postgres)
        first = await ended(postgres, instance_id=id_of(LONG_AGO, 1))
        second = await ended(postgres, instance_id=id_of(LONG_AGO, 2))
        await postgres.retention.put(ACME, "", DAY, archives=True)
        await postgres.move_clock(DAY)
        marked = await postgres.retention.retire_partitions()
        await postgres.retention.remove_instances(await wholes(postgres, first))
        still_there = await postgres.owner.fetchval(f"SELECT count(*) FROM foliot.{month}")
        too_early = await postgres.retention.retire_partitions()
        doctor = PostgresDoctor(postgres.pool, postgres.across)
        slice_ = await doctor.next_slice(ACME, BEFORE_ALL)
        findings = (await doctor.examine(slice_, timedelta(0))).findings
        await postgres.retention.remove_instances(await wholes(postgres, second))

        dropped = await postgres.retention.retire_partitions()

        assert (0, 0, 1) == (marked, too_early, dropped)
        assert 4 == still_there
        assert [] == [one for one in findings if one.instance_id == first.instance_id]
        assert month not in await partitions(postgres)
        assert 0 == await postgres.owner.fetchval("SELECT count(*) FROM foliot.retiring")

    @pytest.mark.parametrize("is_live", [True, False])
    async def test_stays_while_somebody_in_it_is_to_be_kept(
        self, postgres: PostgresWorld, is_live: bool
    ) -> None:
        """One that lives, or one of a tenant that keeps everything; the others go row by row."""
        month = await a_month_long_ago(postgres)
        goes = await ended(postgres, instance_id=id_of(LONG_AGO, 1))
        if is_live:
            stays = instance(await postgres.now(), instance_id=id_of(LONG_AGO, 2))
            await stored(postgres, start(stays, entries=[entry(1, LONG_AGO)]))
        else:
            await ended(postgres, instance_id=id_of(LONG_AGO, 2), tenant_id=OTHER)
        await postgres.retention.put(ACME, "", DAY, archives=True)
        await postgres.move_clock(DAY)

        await postgres.retention.retire_partitions()
        await postgres.retention.remove_instances(await wholes(postgres, goes))
        await postgres.retention.retire_partitions()

        assert month in await partitions(postgres)
        kept = await postgres.owner.fetchval(f"SELECT count(*) FROM foliot.{month}")
        assert (1 if is_live else 2) == kept

    async def test_is_not_waited_for_while_somebody_reads_it(self, postgres: PostgresWorld) -> None:
        """All writing would queue up behind; the next call tries again."""
        month = await a_month_long_ago(postgres)
        async with postgres.owner.transaction():
            await postgres.owner.execute("SELECT count(*) FROM foliot.history")
            async with asyncio.timeout(5):
                dropped = await postgres.retention.retire_partitions()

        assert 0 == dropped
        assert month in await partitions(postgres)
        assert 1 == await postgres.retention.retire_partitions()

    async def test_that_goes_on_is_left_alone(self, postgres: PostgresWorld) -> None:
        """Also when it is empty."""
        before = await partitions(postgres)

        await postgres.retention.retire_partitions()

        assert before == await partitions(postgres)
