"""What a turn does to tasks: who can claim them, from when, and how they are read back."""

from dataclasses import replace
from datetime import timedelta

from control_plane.ports.instance_store import TaskKey, TaskUpdate, Wanted
from control_plane.ports.records import Instance, Lease, Task
from shared.ids import SessionId, idempotency_key, new_uuid7
from shared.tasks import TaskType
from tests.contract.material import (
    claimed,
    found_task,
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
from tests.contract.worlds import ACME, OTHER, World

HOUR = timedelta(hours=1)


async def held_instance(world: World, session_id: SessionId) -> tuple[Instance, Lease]:
    """An instance whose one task the session has claimed."""
    before = await started(world, tasks=1)
    await claimed(world, session_id)
    return before, await leased(world, before, 1)


class TestANewTask:
    async def test_is_read_back_as_it_was_written(self, world: World) -> None:
        """A retry is decided on what the row says."""
        fresh = instance(await world.now())
        await stored(
            world,
            start(
                fresh,
                new_tasks=[
                    new_task(
                        fresh,
                        3,
                        name="book",
                        type=TaskType.SYSTEM,
                        function="book",
                        queue="slow",
                        priority=-2,
                        max_attempts=7,
                        input='{"a":[1,2.50]}',
                        retry='{"factor":2}',
                        timeout_s=1.5,
                        schedule_to_start_s=60.0,
                        heartbeat_s=0.5,
                        child='{"version":2}',
                        detached=True,
                        limit_key="bank",
                        trace_parent="t1",
                    )
                ],
            ),
        )

        expected = Task(
            tenant_id=fresh.tenant_id,
            instance_id=fresh.instance_id,
            ordinal=3,
            name="book",
            type=TaskType.SYSTEM,
            function="book",
            queue="slow",
            priority=-2,
            status="pending",
            run_at=fresh.updated_at,
            attempt=0,
            max_attempts=7,
            epoch=0,
            lost_epoch=0,
            session_id=None,
            held_since=None,
            idempotency_key=idempotency_key(fresh.instance_id, 3),
            input='{"a":[1,2.50]}',
            output=None,
            error=None,
            retry='{"factor":2}',
            timeout_s=1.5,
            schedule_to_start_s=60.0,
            heartbeat_s=0.5,
            child='{"version":2}',
            detached=True,
            limit_key="bank",
            trace_parent="t1",
            created_at=fresh.updated_at,
            completed_at=None,
        )
        assert expected == await found_task(world, fresh, 3)

    async def test_with_a_time_to_run_is_not_claimable_before_it(self, world: World) -> None:
        """A timer never fires early."""
        fresh = instance(await world.now())
        timer = new_task(fresh, 1, type=TaskType.TIMER, run_at=fresh.updated_at + HOUR)
        await stored(world, start(fresh, new_tasks=[timer]))
        session_id = await open_session(world, ttl_s=86_400)
        early = await claimed(world, session_id)

        await world.move_clock(HOUR)

        assert [] == early
        assert [(fresh.instance_id, 1)] == await claimed(world, session_id)

    async def test_taken_back_in_its_own_turn_is_cancelled_from_the_start(
        self, world: World
    ) -> None:
        """Its row tells that it was wanted once; nobody can claim it."""
        fresh = instance(await world.now())

        await stored(world, start(fresh, new_tasks=[new_task(fresh, 1, is_cancelled=True)]))

        found = await found_task(world, fresh, 1)
        assert ("cancelled", fresh.updated_at) == (found.status, found.completed_at)
        assert [] == await claimed(world, await open_session(world))

    async def test_of_another_tenant_is_not_found(self, world: World) -> None:
        """A task id of theirs is nobody's here."""
        theirs = await started(world, tasks=1, tenant_id=OTHER)
        own = TaskKey(OTHER, theirs.instance_id, 1)
        foreign = TaskKey(ACME, theirs.instance_id, 1)

        read = await world.store.read(Wanted(tasks=[own, foreign]))

        assert [own] == list(read.tasks)


class TestAClaimedTask:
    async def test_is_read_with_its_lease(self, world: World) -> None:
        """A claim does not touch the task's row; the lease is newer than it."""
        session_id = await open_session(world)
        before, _ = await held_instance(world, session_id)

        found = await found_task(world, before, 1)

        assert found.lease is not None
        assert (session_id, 1, 1) == (
            found.lease.session_id,
            found.lease.attempt,
            found.lease.epoch,
        )
        assert ("pending", "running") == (found.status, found.status_now)


class TestATaskThatEnded:
    async def test_has_its_outcome_and_its_last_holder(self, world: World) -> None:
        """Who did it, when, at which attempt, and what came out."""
        session_id = await open_session(world)
        before, lease = await held_instance(world, session_id)
        ended_at = before.updated_at + HOUR
        update = TaskUpdate(
            ordinal=1,
            status="succeeded",
            attempt=lease.attempt,
            epoch=lease.epoch,
            session_id=session_id,
            held_since=lease.claimed_at,
            output='{"receipt":1}',
            completed_at=ended_at,
        )
        was = await found_task(world, before, 1)

        await stored(world, step(before, updated_tasks=[update], fences=[(1, lease.epoch)]))

        expected = replace(
            was,
            status="succeeded",
            attempt=1,
            epoch=1,
            session_id=session_id,
            held_since=lease.claimed_at,
            output='{"receipt":1}',
            completed_at=ended_at,
            lease=None,
        )
        assert expected == await found_task(world, before, 1)

    async def test_keeps_what_an_update_does_not_name(self, world: World) -> None:
        """None leaves a column as it is."""
        before = await started(world, tasks=1)
        named = TaskUpdate(
            ordinal=1,
            status="running",
            attempt=2,
            epoch=5,
            session_id=SessionId(new_uuid7()),
            held_since=before.updated_at,
            output="1",
            error='{"kind":"x"}',
            run_at=before.updated_at + HOUR,
        )
        change = step(before, updated_tasks=[named])
        await stored(world, change)
        was = await found_task(world, before, 1)

        await stored(
            world, step(change.after, updated_tasks=[TaskUpdate(ordinal=1, status="running")])
        )

        assert was == await found_task(world, before, 1)
        assert ("1", 5, named.run_at) == (was.output, was.epoch, was.run_at)


class TestARequeuedTask:
    async def test_is_claimable_again_at_the_next_epoch(self, world: World) -> None:
        """Each hand-out has a number of its own."""
        session_id = await open_session(world)
        before, lease = await held_instance(world, session_id)

        await stored(
            world,
            step(before, fences=[(1, lease.epoch)], requeued=[requeued(1, before.updated_at)]),
        )

        assert [(before.instance_id, 1)] == await claimed(world, session_id)
        again = await leased(world, before, 1)
        assert (2, 2) == (again.attempt, again.epoch)

    async def test_for_later_is_not_claimable_before_its_time(self, world: World) -> None:
        """A back-off that nobody keeps is none."""
        session_id = await open_session(world, ttl_s=86_400)
        before, lease = await held_instance(world, session_id)
        await stored(
            world,
            step(
                before,
                fences=[(1, lease.epoch)],
                requeued=[requeued(1, before.updated_at + HOUR)],
                updated_tasks=[
                    TaskUpdate(ordinal=1, status="pending", run_at=before.updated_at + HOUR)
                ],
            ),
        )
        early = await claimed(world, session_id)

        await world.move_clock(HOUR)

        assert [] == early
        assert [(before.instance_id, 1)] == await claimed(world, session_id)


class TestAClearedTask:
    async def test_is_not_claimable_any_more(self, world: World) -> None:
        """What was cancelled is not begun."""
        before = await started(world, tasks=2)

        await stored(world, step(before, cleared=[1]))

        assert [(before.instance_id, 2)] == await claimed(world, await open_session(world))

    async def test_is_not_claimable_later_either(self, world: World) -> None:
        """A cancelled timer does not fire."""
        fresh = instance(await world.now())
        later = new_task(fresh, 1, run_at=fresh.updated_at + HOUR)
        await stored(world, start(fresh, new_tasks=[later]))

        await stored(world, step(fresh, cleared=[1]))

        await world.move_clock(2 * HOUR)
        assert [] == await claimed(world, await open_session(world))

    async def test_is_held_by_nobody(self, world: World) -> None:
        """Whatever its epoch: the holder's outcome is refused from now on."""
        before, _ = await held_instance(world, await open_session(world))

        await stored(world, step(before, cleared=[1]))

        assert (await found_task(world, before, 1)).lease is None

    async def test_after_a_retry_was_put_off_is_found_all_the_same(self, world: World) -> None:
        """A retry has another run_at than the task was created with."""
        session_id = await open_session(world, ttl_s=86_400)
        before, lease = await held_instance(world, session_id)
        retry_at = before.updated_at + HOUR
        change = step(
            before,
            fences=[(1, lease.epoch)],
            requeued=[requeued(1, retry_at)],
            updated_tasks=[TaskUpdate(ordinal=1, status="pending", run_at=retry_at)],
        )
        await stored(world, change)
        await world.move_clock(HOUR)
        await world.due.release_delayed(100)

        await stored(world, step(change.after, cleared=[1]))

        assert "ready" not in await world.row_counts()


class TestATaskThatIsHandedOut:
    async def test_is_its_sessions_from_the_start(self, world: World) -> None:
        """By attempt 1 and epoch 1, as if it had been claimed; the others can be."""
        session_id = await open_session(world)
        fresh = instance(await world.now())
        tasks = [new_task(fresh, ordinal) for ordinal in (1, 2)]
        await stored(world, start(fresh, new_tasks=tasks, handed={1: session_id}))
        lease = await leased(world, fresh, 1)

        assert (session_id, 1, 1, fresh.updated_at) == (
            lease.session_id,
            lease.attempt,
            lease.epoch,
            lease.claimed_at,
        )
        assert [(fresh.instance_id, 2)] == await claimed(world, await open_session(world))

    async def test_is_pending_by_its_row_as_a_claimed_one_is(self, world: World) -> None:
        """Its lease says that it is running."""
        session_id = await open_session(world)
        fresh = instance(await world.now())
        await stored(world, start(fresh, new_tasks=[new_task(fresh, 1)], handed={1: session_id}))
        task = await found_task(world, fresh, 1)

        assert ("pending", "running", 0) == (task.status, task.status_now, task.epoch)

    async def test_is_not_handed_out_by_a_change_that_is_not_kept(self, world: World) -> None:
        """An instance that was overtaken gives nothing away."""
        session_id = await open_session(world)
        before = await started(world)
        await stored(world, step(before))
        overtaken = step(before, new_tasks=[new_task(before, 1)], handed={1: session_id})
        kept = await world.store.write([overtaken])

        assert (frozenset(), frozenset()) == (kept, await world.claims.held(session_id, 10))
