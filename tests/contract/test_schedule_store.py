"""Schedules: kept as they are given, changed by whoever read them last, found when they wake."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from control_plane.adapters.postgres.schedule_store import DUE
from control_plane.ports.schedule_store import (
    HELP_AFTER,
    MAX_RUNNING,
    Firing,
    Overlap,
    Schedule,
    ScheduleKey,
    ScheduleSpec,
)
from shared.errors import LimitExceeded
from shared.ids import TenantId, new_instance_id
from tests.contract.material import closed, instance, start, stored
from tests.contract.worlds import ACME, OTHER, PostgresWorld, World

MOST = 100
SECOND = timedelta(seconds=1)
MANY = 20_000

SPEC = ScheduleSpec(
    cron="0 9 * * *",
    time_zone="Europe/Berlin",
    definition_key="report",
    input='{"of":"yesterday","total":1.50}',
    labels='{"team":"ops"}',
    overlap="skip",
    catch_up=timedelta(days=1),
    jitter=timedelta(seconds=90),
    description="Every morning",
)


async def schedule(
    world: World, name: str = "morning", tenant_id: TenantId = ACME, **values: Any
) -> Schedule:
    """A new one that has been created, and is due an hour from now unless told otherwise."""
    now = await world.now()
    defaults: dict[str, Any] = {
        "tenant_id": tenant_id,
        "schedule_id": name,
        "incarnation": uuid4(),
        "step": 1,
        "revision": 1,
        "spec": SPEC,
        "created_by": "ada",
        "created_at": now,
        "updated_at": now,
        "next_at": now + timedelta(hours=1),
        "due_at": now + timedelta(hours=1) + SECOND,
    }
    made = Schedule(**defaults | values)
    assert await world.schedules.create(made, most=MOST)
    return made


async def found(world: World, made: Schedule) -> Schedule:
    there = await world.schedules.find(made.tenant_id, made.schedule_id)
    assert there is not None
    return there.schedule


async def names_due(world: World, limit: int = 10) -> list[str]:
    return [one.schedule.schedule_id for one in await world.schedules.due(limit)]


def full(made: Schedule) -> Schedule:
    """Every field of it with a value."""
    at = made.created_at
    return replace(
        made,
        revision=7,
        spec=replace(SPEC, overlap="buffer_one", cron="* * * * *"),
        updated_at=at + SECOND,
        pause_reason="why",
        buffered_at=at + 2 * SECOND,
        firing=Firing(
            nominal=at + 3 * SECOND,
            instance_id=new_instance_id(),
            decided_at=at + 4 * SECOND,
            stops=(new_instance_id(), new_instance_id()),
            triggered_by="ada",
            request_id="r1",
            fingerprint=b"\x00\xff",
        ),
        last_at=at + 5 * SECOND,
        last_instance_id=new_instance_id(),
        last_error='{"reason":"X"}',
        last_missed_at=at + 6 * SECOND,
        starts=2**40,
        skips=2,
        failures=3,
    )


class TestASchedule:
    async def test_is_read_back_as_it_was_created(self, world: World) -> None:
        """By its tenant alone: to others there is none."""
        made = await schedule(world)

        assert made == await found(world, made)
        assert await world.schedules.find(OTHER, "morning") is None
        assert await world.schedules.find(ACME, "evening") is None

    async def test_has_its_id_for_itself_within_its_tenant(self, world: World) -> None:
        """The second is not kept, and the first stays as it was."""
        first = await schedule(world)
        theirs = await schedule(world, tenant_id=OTHER)

        again = replace(first, spec=replace(SPEC, cron="0 0 * * *"), incarnation=uuid4())
        assert not await world.schedules.create(again, most=MOST)
        assert [first, theirs] == [await found(world, first), await found(world, theirs)]

    async def test_of_many_at_once_is_created_once(self, world: World) -> None:
        """Two deployments say the same at the same time."""
        now = await world.now()
        made = [
            Schedule(
                tenant_id=ACME,
                schedule_id="morning",
                incarnation=uuid4(),
                step=1,
                revision=1,
                spec=SPEC,
                created_by="ada",
                created_at=now,
                updated_at=now,
            )
            for _ in range(6)
        ]

        created = await asyncio.gather(*(world.schedules.create(one, most=MOST) for one in made))

        assert 1 == sum(created)

    async def test_beyond_the_most_is_refused(self, world: World) -> None:
        """And not kept; an id that is taken is still told from that, and others' do not count."""
        await schedule(world, "a")
        taken = await schedule(world, "b")
        await schedule(world, "c", tenant_id=OTHER)

        with pytest.raises(LimitExceeded, match="3 is over the limit of 2"):
            await world.schedules.create(replace(taken, schedule_id="d"), most=2)
        assert not await world.schedules.create(taken, most=2)
        assert await world.schedules.find(ACME, "d") is None

    async def test_that_is_deleted_is_gone(self, world: World) -> None:
        """Once, and its namesake in another tenant stays."""
        made = await schedule(world)
        theirs = await schedule(world, tenant_id=OTHER)

        assert [True, False] == [
            await world.schedules.delete(ACME, "morning"),
            await world.schedules.delete(ACME, "morning"),
        ]
        assert await world.schedules.find(ACME, made.schedule_id) is None
        assert theirs == await found(world, theirs)


class TestPutting:
    async def test_keeps_every_field_and_takes_a_step(self, world: World) -> None:
        """Also those that may be absent, to a value and back to none."""
        made = await schedule(world)
        changed = full(made)

        assert {made.key} == await world.schedules.put([changed])
        assert replace(changed, step=2) == await found(world, made)
        assert {made.key} == await world.schedules.put([replace(made, step=2)])
        assert replace(made, step=3) == await found(world, made)

    @pytest.mark.parametrize(
        "overlap", ["skip", "buffer_one", "allow", "cancel_other", "terminate_other"]
    )
    async def test_keeps_every_policy(self, world: World, overlap: Overlap) -> None:
        """Each is a word that the database knows."""
        made = await schedule(world)
        changed = replace(made, spec=replace(SPEC, overlap=overlap))

        assert {made.key} == await world.schedules.put([changed])

    async def test_leaves_out_what_has_changed_since(self, world: World) -> None:
        """And keeps the others: each stands for itself."""
        stale, fresh = await schedule(world, "stale"), await schedule(world, "fresh")
        await world.schedules.put([replace(stale, starts=1)])

        kept = await world.schedules.put([replace(stale, starts=9), replace(fresh, starts=9)])

        assert {ScheduleKey(ACME, "fresh")} == kept
        assert (1, 9) == ((await found(world, stale)).starts, (await found(world, fresh)).starts)

    async def test_leaves_out_another_of_the_same_name(self, world: World) -> None:
        """What was decided about one that is deleted is no business of its successor."""
        first = await schedule(world)
        await world.schedules.delete(ACME, "morning")
        second = await schedule(world)

        assert not await world.schedules.put([replace(first, starts=1)])
        assert second == await found(world, second)

    async def test_by_many_at_once_is_kept_for_one(self, world: World) -> None:
        """However many control planes decide about one time."""
        made = await schedule(world)

        kept = await asyncio.gather(
            *(world.schedules.put([replace(made, starts=n)]) for n in range(1, 9))
        )

        assert 1 == sum(map(len, kept))
        assert 2 == (await found(world, made)).step

    async def test_nothing_keeps_nothing(self, world: World) -> None:
        """A slice in which nothing is to be done."""
        assert frozenset() == await world.schedules.put([])


class TestWhatIsDue:
    async def test_has_woken_by_the_databases_clock(self, world: World) -> None:
        """Not a moment before; earliest first, up to a limit."""
        now = await world.now()
        for name, wait in [("c", 30), ("a", 10), ("b", 20), ("d", 90)]:
            at = now + timedelta(minutes=wait)
            await schedule(world, name, next_at=at, due_at=at)

        before = await names_due(world)
        await world.move_clock(timedelta(minutes=31))

        assert [] == before
        assert ["a", "b", "c"] == await names_due(world)
        assert ["a", "b"] == await names_due(world, limit=2)

    async def test_comes_with_what_runs_and_the_time(self, world: World) -> None:
        """The oldest first; what has ended and what others have started is left out."""
        now = await world.now()
        made = await schedule(world, next_at=now, due_at=now)
        running = [instance(now + n * SECOND, schedule_id="morning") for n in range(2)]
        others = [
            instance(now, schedule_id="evening"),
            instance(now, schedule_id=None),
            instance(now, tenant_id=OTHER, schedule_id="morning"),
            ended := instance(now, schedule_id="morning"),
        ]
        for one in [*reversed(running), *others]:
            await stored(world, start(one))
        await stored(world, closed(ended, "completed"))

        (due,) = await world.schedules.due(10)

        assert (made, tuple(one.instance_id for one in running)) == due[:2]
        assert now <= due.now <= await world.now()

    async def test_tells_of_no_more_running_ones_than_it_may(self, world: World) -> None:
        """A schedule that lets them overlap may have any number."""
        now = await world.now()
        made = await schedule(world)
        for _ in range(MAX_RUNNING + 1):
            await stored(world, start(instance(now, schedule_id=made.schedule_id)))

        there = await world.schedules.find(ACME, made.schedule_id)

        assert there is not None
        assert MAX_RUNNING == len(there.running)

    async def test_is_a_start_that_nobody_carried_out(self, world: World) -> None:
        """Who decided it has some seconds; then it is everybody's."""
        now = await world.now()
        made = await schedule(world)
        firing = Firing(nominal=now, instance_id=new_instance_id(), decided_at=now)
        await world.schedules.put([replace(made, firing=firing)])

        before = await names_due(world)
        await world.move_clock(HELP_AFTER)

        assert ([], ["morning"]) == (before, await names_due(world))

    async def test_is_a_time_that_waited_until_nothing_runs(self, world: World) -> None:
        """Whatever the next time is, and with none at all."""
        now = await world.now()
        running = instance(now, schedule_id="a")
        await stored(world, start(running))
        await schedule(world, "a", buffered_at=now, next_at=None, due_at=None)
        await schedule(world, "b", buffered_at=now)
        await schedule(world, "c")

        assert ["b"] == await names_due(world)

    async def test_is_not_a_schedule_that_rests(self, world: World) -> None:
        """Paused, or without any more times."""
        await schedule(world, "a", next_at=None, due_at=None, paused_at=await world.now())
        await schedule(world, "b", next_at=None, due_at=None)
        await world.move_clock(timedelta(days=365))

        assert [] == await names_due(world)
        assert (await world.schedules.ahead()).next_wake is None


class TestAhead:
    async def test_is_the_earliest_instant_at_which_one_wakes(self, world: World) -> None:
        """Over all tenants: how long a loop may sleep."""
        now = await world.now()
        soon = now + timedelta(minutes=5)
        await schedule(world, "a")
        await schedule(world, "b", tenant_id=OTHER, next_at=now, due_at=soon)

        ahead = await world.schedules.ahead()

        assert soon == ahead.next_wake
        assert now <= ahead.now <= await world.schedules.now()


class TestListing:
    async def test_has_a_tenants_schedules_by_id(self, world: World) -> None:
        """Page by page, none twice and none missed; capitals before small letters."""
        for name in ("b", "a", "B", "a.1", "a-1"):
            await schedule(world, name)
        await schedule(world, "x", tenant_id=OTHER)

        seen: list[str] = []
        while page := await listed(world, after=seen[-1] if seen else None, limit=2):
            seen += page

        assert ["B", "a", "a-1", "a.1", "b"] == seen

    async def test_keeps_to_what_is_asked_for(self, world: World) -> None:
        """One definition's; those that rest, those that do not."""
        now = await world.now()
        await schedule(world, "a", spec=replace(SPEC, definition_key="bill"))
        await schedule(world, "b", paused_at=now, next_at=None, due_at=None)
        await schedule(world, "c")

        assert ["a"] == await listed(world, definition_key="bill")
        assert ["b"] == await listed(world, paused=True)
        assert ["c"] == await listed(world, definition_key="report", paused=False)


async def listed(
    world: World,
    *,
    definition_key: str | None = None,
    paused: bool | None = None,
    after: str | None = None,
    limit: int = 10,
) -> list[str]:
    page: Sequence[Schedule] = await world.schedules.list(
        ACME, definition_key=definition_key, paused=paused, after=after, limit=limit
    )
    return [one.schedule_id for one in page]


class TestLookingForWhatIsDue:
    async def test_costs_the_same_among_many_that_are_not(self, postgres: PostgresWorld) -> None:
        """Every control plane asks every second: it is an index that answers."""
        made = await schedule(postgres)
        await postgres.owner.execute(
            """
            INSERT INTO foliot.schedule
            SELECT (jsonb_populate_record(s, jsonb_build_object('schedule_id', 'n' || n))).*
              FROM foliot.schedule s, generate_series(1, $1) AS n
            """,
            MANY,
        )
        await postgres.owner.execute("ANALYZE foliot.schedule")
        await postgres.owner.execute(
            "UPDATE foliot.schedule SET wakes_at = foliot.now() WHERE schedule_id = $1",
            made.schedule_id,
        )

        plan = await postgres.owner.fetch(
            "EXPLAIN (ANALYZE, FORMAT TEXT, COSTS OFF, TIMING OFF) " + DUE.replace("$1", "200")
        )
        text = "\n".join(line for (line,) in plan)

        assert "schedule_wakes_at_idx" in text
        assert "Seq Scan on schedule" not in text
