"""Claiming: fair, of what was asked for only, to a session that lives, one holder at a time."""

import asyncio
from datetime import timedelta

import pytest

from control_plane.ports.claims import Beat, HeldTask, SessionExpired
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.records import Instance, Lease
from shared.ids import SessionId, TenantId, new_uuid7
from shared.tasks import DEFAULT_QUEUE, ClaimedTask, TaskType
from tests.contract.material import (
    EVERY_TYPE,
    claimed,
    instance,
    leased,
    new_task,
    open_session,
    requeued,
    start,
    started,
    step,
    stored,
)
from tests.contract.worlds import ACME, OTHER, PostgresWorld, World

MINUTE = timedelta(minutes=1)


class TestAClaim:
    async def test_carries_all_that_an_attempt_needs(self, world: World) -> None:
        """The executor asks nobody else before it begins."""
        fresh = instance(await world.now())
        task = new_task(
            fresh,
            1,
            type=TaskType.SYSTEM,
            function="book",
            input='{"a":[1,2.5]}',
            timeout_s=1.5,
            trace_parent="t1",
        )
        await stored(world, start(fresh, new_tasks=[task]))

        (found,) = await world.claims.claim(
            await open_session(world),
            queues=[DEFAULT_QUEUE],
            types=EVERY_TYPE,
            max_tasks=1,
            after=None,
        )

        expected = ClaimedTask(
            tenant_id=ACME,
            instance_id=fresh.instance_id,
            ordinal=1,
            epoch=1,
            attempt=1,
            max_attempts=3,
            definition_key="order",
            name="charge",
            type=TaskType.SYSTEM,
            function="book",
            queue=DEFAULT_QUEUE,
            input={"a": [1, 2.5]},
            idempotency_key=task.idempotency_key,
            run_at=task.run_at,
            timeout=timedelta(seconds=1.5),
            trace_parent="t1",
        )
        assert expected == found

    async def test_takes_no_task_twice(self, world: World) -> None:
        """While a lease lasts its task is nobody else's."""
        before = await started(world, tasks=1)
        first = await claimed(world, await open_session(world))

        second = await claimed(world, await open_session(world))

        assert [(before.instance_id, 1)] == first
        assert [] == second

    async def test_by_many_at_once_hands_each_task_out_once(self, world: World) -> None:
        """Eight executors, one queue: every task has one holder, none is left behind."""
        for _ in range(10):
            await started(world, tasks=8)
        sessions = [await open_session(world) for _ in range(8)]

        taken = await asyncio.gather(*(_everything(world, session) for session in sessions))

        tasks = [task for of_one in taken for task in of_one]
        assert 80 == len(tasks) == len(set(tasks))
        assert 80 == (await world.row_counts())["lease"]

    async def test_hands_the_same_task_out_at_a_higher_epoch_each_time(self, world: World) -> None:
        """What an earlier holder says can be told from what the present one says."""
        before = await started(world, tasks=1)
        session_id = await open_session(world)
        epochs = []
        for _ in range(3):
            await claimed(world, session_id)
            lease = await leased(world, before, 1)
            epochs.append(lease.epoch)
            change = step(
                before,
                fences=[(1, lease.epoch)],
                requeued=[requeued(1, before.updated_at, attempt=lease.attempt, epoch=lease.epoch)],
            )
            await stored(world, change)
            before = change.after

        assert [1, 2, 3] == epochs

    async def test_gives_no_more_than_was_asked_for(self, world: World) -> None:
        """Credit is what the executor has room for."""
        await started(world, tasks=5)
        session_id = await open_session(world)

        assert 2 == len(await claimed(world, session_id, max_tasks=2))
        assert 3 == len(await claimed(world, session_id, max_tasks=100))

    async def test_gives_only_queues_and_types_that_were_asked_for(self, world: World) -> None:
        """A worker is given nothing it has no handler for."""
        fresh = instance(await world.now())
        await stored(
            world,
            start(
                fresh,
                new_tasks=[
                    new_task(fresh, 1, queue="slow", type=TaskType.HTTP),
                    new_task(fresh, 2, queue="slow", type=TaskType.AI),
                    new_task(fresh, 3, queue="fast", type=TaskType.EMAIL),
                    new_task(fresh, 4, queue="other", type=TaskType.HTTP),
                ],
            ),
        )

        found = await world.claims.claim(
            await open_session(world),
            queues=["slow", "fast"],
            types=[TaskType.HTTP, TaskType.EMAIL],
            max_tasks=10,
            after=None,
        )

        assert {1, 3} == {task.ordinal for task in found}

    async def test_lets_nothing_wait_for_ever_for_what_is_more_urgent(self, world: World) -> None:
        """A point of priority is worth ten minutes: who has waited longer than that goes first."""
        fresh = instance(await world.now())
        at = fresh.updated_at
        tasks = [
            new_task(fresh, 1, priority=3, run_at=at),
            new_task(fresh, 2, priority=0, run_at=at - 29 * MINUTE),
            new_task(fresh, 3, priority=0, run_at=at - 31 * MINUTE),
        ]
        await stored(world, start(fresh, new_tasks=tasks))
        session_id = await open_session(world)

        order = [(await claimed(world, session_id, max_tasks=1))[0][1] for _ in tasks]

        assert [3, 1, 2] == order

    async def test_prefers_the_urgent_then_the_old(self, world: World) -> None:
        """The larger the priority the sooner; among equals whoever waits longest."""
        fresh = instance(await world.now())
        at = fresh.updated_at
        tasks = [
            new_task(fresh, 1, priority=-5, run_at=at - 9 * MINUTE),
            new_task(fresh, 2, priority=0, run_at=at - MINUTE),
            new_task(fresh, 3, priority=0, run_at=at - 2 * MINUTE),
            new_task(fresh, 4, priority=1, run_at=at),
        ]
        await stored(world, start(fresh, new_tasks=tasks))
        session_id = await open_session(world)

        order = [(await claimed(world, session_id, max_tasks=1))[0][1] for _ in tasks]

        assert [4, 3, 2, 1] == order

    async def test_makes_due_tasks_ready_first(self, world: World) -> None:
        """Nobody has to be awake for a timer to be claimed in time."""
        fresh = instance(await world.now())
        later = new_task(fresh, 1, run_at=fresh.updated_at + MINUTE)
        await stored(world, start(fresh, new_tasks=[later]))
        session_id = await open_session(world, ttl_s=600)

        await world.move_clock(MINUTE)

        assert [(fresh.instance_id, 1)] == await claimed(world, session_id)


class TestFairness:
    async def test_gives_each_tenant_its_share(self, world: World) -> None:
        """A tenant with a million tasks does not keep another's one task waiting."""
        flooding = await started(world, tasks=50)
        modest = await started(world, tasks=2, tenant_id=OTHER)

        found = await claimed(world, await open_session(world), max_tasks=4)

        assert 2 == sum(instance_id == modest.instance_id for instance_id, _ in found)
        assert 2 == sum(instance_id == flooding.instance_id for instance_id, _ in found)

    async def test_goes_on_after_the_tenant_that_was_served_last(self, world: World) -> None:
        """With credit for one, each tenant has its turn."""
        for name in ("a", "b", "c"):
            await started(world, tasks=3, tenant_id=TenantId(name))
        session_id = await open_session(world)
        after: TenantId | None = None
        turns = []
        for _ in range(6):
            (task,) = await world.claims.claim(
                session_id, queues=[DEFAULT_QUEUE], types=EVERY_TYPE, max_tasks=1, after=after
            )
            after = task.tenant_id
            turns.append(after)

        assert ["a", "b", "c", "a", "b", "c"] == turns

    async def test_skips_a_tenant_with_nothing_for_the_caller(self, world: World) -> None:
        """What waits in another queue takes nobody's share."""
        fresh = instance(await world.now())
        await stored(world, start(fresh, new_tasks=[new_task(fresh, 1, queue="slow")]))
        theirs = await started(world, tasks=4, tenant_id=OTHER)

        found = await claimed(world, await open_session(world), max_tasks=4)

        assert 4 == len(found)
        assert {theirs.instance_id} == {instance_id for instance_id, _ in found}


class TestASession:
    async def test_of_one_tenant_is_given_that_tenants_tasks_only(self, world: World) -> None:
        """An executor that a tenant runs itself sees no one else's work."""
        await started(world, tasks=2)
        theirs = await started(world, tasks=2, tenant_id=OTHER)

        found = await claimed(world, await open_session(world, tenant=OTHER))

        assert {(theirs.instance_id, 1), (theirs.instance_id, 2)} == set(found)

    async def test_lives_until_what_it_was_told(self, world: World) -> None:
        """By the database's clock, so that a worker's wrong clock costs nothing."""
        before = await world.now()

        until = await world.claims.extend(SessionId(new_uuid7()), "w", None, MINUTE)

        assert before + MINUTE <= until <= await world.now() + MINUTE

    async def test_that_is_extended_lives_on(self, world: World) -> None:
        """A heartbeat is all it takes."""
        session_id = await open_session(world, ttl_s=60)
        await world.move_clock(MINUTE / 2)
        await world.claims.extend(session_id, "worker", None, MINUTE)
        await world.move_clock(MINUTE / 2)

        assert [] == await claimed(world, session_id)

    async def test_is_not_shortened_by_extending_it(self, world: World) -> None:
        """Two of its heartbeats may arrive in the wrong order."""
        session_id = SessionId(new_uuid7())
        until = await world.claims.extend(session_id, "w", None, 10 * MINUTE)

        assert until == await world.claims.extend(session_id, "w", None, MINUTE)

    async def test_that_expired_is_refused(self, world: World) -> None:
        """What it held is others' now; it must not take more as if nothing had been."""
        await started(world, tasks=1)
        session_id = await open_session(world, ttl_s=60)
        await world.move_clock(MINUTE)

        with pytest.raises(SessionExpired) as refusal:
            await claimed(world, session_id)

        assert "LEASE_LOST" == refusal.value.reason
        assert {"instance", "history", "task", "ready"} == set(await world.row_counts())

    async def test_that_was_never_opened_is_refused(self, world: World) -> None:
        """Nobody would notice its end."""
        with pytest.raises(SessionExpired):
            await claimed(world, SessionId(new_uuid7()))

    async def test_that_was_closed_is_refused(self, world: World) -> None:
        """An orderly end is an end."""
        session_id = await open_session(world)
        await world.claims.close(session_id)

        with pytest.raises(SessionExpired):
            await claimed(world, session_id)

    async def test_holds_what_it_was_given_and_not_what_others_were(self, world: World) -> None:
        """What it is told to go on with after a reconnect."""
        mine = await started(world, tasks=2)
        session_id = await open_session(world)
        await claimed(world, session_id)
        await started(world, tasks=1)
        await claimed(world, await open_session(world))

        held = await world.claims.held(session_id, 10)

        expected = {HeldTask(mine.instance_id, 1, 1), HeldTask(mine.instance_id, 2, 1)}
        assert expected == held
        assert 1 == len(await world.claims.held(session_id, 1))


class TestABeat:
    async def test_begins_the_time_of_silence_anew(self, world: World) -> None:
        """By the database's clock."""
        now = await world.now()
        mine, _ = await beating(world)
        await world.move_clock(timedelta(seconds=50))
        await world.claims.beat([Beat(ACME, mine, None)])
        lease = await leased(world, instance(now, instance_id=mine.instance_id), 1)

        assert lease.silent_at is not None
        assert now + timedelta(seconds=110) <= lease.silent_at
        assert lease.silent_at <= await world.now() + timedelta(seconds=60)

    async def test_says_what_the_attempt_is_at(self, world: World) -> None:
        """And one that says nothing leaves what was said before."""
        mine, _ = await beating(world)
        await world.claims.beat([Beat(ACME, mine, '{"page":3}')])
        await world.claims.beat([Beat(ACME, mine, None)])
        task = await world.reader.get_task(ACME, mine.instance_id, 1)

        assert task is not None
        assert task.lease is not None
        assert '{"page":3}' == task.lease.progress

    async def test_by_an_epoch_that_is_past_is_not_heard(self, world: World) -> None:
        """A zombie says nothing about the attempt of another."""
        mine, before = await beating(world)
        await world.move_clock(timedelta(seconds=50))
        await world.claims.beat([Beat(ACME, mine._replace(epoch=2), '"late"')])
        task = await world.reader.get_task(ACME, mine.instance_id, 1)

        assert task is not None
        assert before == task.lease

    async def test_of_a_task_that_sets_no_time_says_what_it_is_at(self, world: World) -> None:
        """Progress is worth showing without a deadline."""
        fresh = await started(world, tasks=1)
        await claimed(world, await open_session(world))
        await world.claims.beat([Beat(ACME, HeldTask(fresh.instance_id, 1, 1), "7")])
        task = await world.reader.get_task(ACME, fresh.instance_id, 1)

        assert task is not None
        assert task.lease is not None
        assert (None, "7") == (task.lease.silent_at, task.lease.progress)


async def beating(world: World) -> tuple[HeldTask, Lease]:
    """A claimed task that must not be silent for a minute, and its lease."""
    fresh = instance(await world.now())
    await stored(world, start(fresh, new_tasks=[new_task(fresh, 1, heartbeat_s=60.0)]))
    await claimed(world, await open_session(world, ttl_s=3600))
    return HeldTask(fresh.instance_id, 1, 1), await leased(world, fresh, 1)


class TestWhoHasWhichTasks:
    async def test_is_told_by_session(self, world: World) -> None:
        """What is ready is nobody's; what is held is its session's, by its epoch."""
        mine = await started(world, tasks=2)
        first, second = await open_session(world), await open_session(world)
        await claimed(world, first, max_tasks=1)
        await claimed(world, second, max_tasks=1)
        await started(world, tasks=1)
        keys = [TaskKey(ACME, mine.instance_id, ordinal) for ordinal in (1, 2, 3)]
        holders = await world.claims.holders(keys)

        assert {
            first: [HeldTask(mine.instance_id, 1, 1)],
            second: [HeldTask(mine.instance_id, 2, 1)],
        } == dict(holders)


class TestEightClaimersOnRealConnections:
    async def test_share_a_backlog_without_a_double_or_a_loss(
        self, postgres: PostgresWorld
    ) -> None:
        """Each asks for a few at a time, all at once, until nothing is left."""
        instances: list[Instance] = [await started(postgres, tasks=20) for _ in range(10)]
        sessions = [await open_session(postgres) for _ in range(8)]

        taken = await asyncio.gather(
            *(_everything(postgres, session, at_once=3) for session in sessions)
        )

        tasks = [task for of_one in taken for task in of_one]
        expected = {(one.instance_id, n) for one in instances for n in range(1, 21)}
        assert 200 == len(tasks)
        assert expected == set(tasks)


async def _everything(world: World, session_id: SessionId, at_once: int = 7) -> list[object]:
    """All that a session gets by asking again until it gets nothing."""
    taken: list[object] = []
    while batch := await claimed(world, session_id, max_tasks=at_once):
        taken += batch
    return taken
