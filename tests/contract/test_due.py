"""What falls due is found once its instant has come, and never before."""

from collections.abc import Sequence
from datetime import timedelta

from control_plane.adapters.postgres.due import STOP_WITHIN
from control_plane.ports.due import SHORTEST_MEMORY, DueQueue, DueTimer, ExpiredLease
from control_plane.ports.instance_store import (
    REQUEST_SCOPE,
    Change,
    DeferredEvent,
    NewAnswer,
    TaskUpdate,
)
from control_plane.ports.records import Instance
from shared.tasks import TaskType
from tests.contract.material import (
    claimed,
    closed,
    found_task,
    instance,
    new_task,
    open_session,
    start,
    started,
    step,
    stored,
)
from tests.contract.worlds import PostgresWorld, World

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class TestTimers:
    async def test_that_are_due_come_earliest_first_and_stay(self, world: World) -> None:
        """They go with the change that applies them, so that a crash in between loses none."""
        now = await world.now()
        fresh = instance(now)
        armed = {"b": now + 2 * MINUTE, "a": now + MINUTE, "later": now + HOUR}
        await stored(world, start(fresh, armed=armed))

        await world.move_clock(2 * MINUTE)

        expected = [
            DueTimer(fresh.tenant_id, fresh.instance_id, "a", now + MINUTE),
            DueTimer(fresh.tenant_id, fresh.instance_id, "b", now + 2 * MINUTE),
        ]
        assert expected == (await world.due.timers(10)).timers
        assert expected[:1] == (await world.due.timers(1)).timers

    async def test_come_ahead_of_their_instants_to_those_who_ask(self, world: World) -> None:
        """Who knows the next minute's timers need not ask at the instant."""
        now = await world.now()
        fresh = instance(now)
        await stored(world, start(fresh, armed={"soon": now + MINUTE, "later": now + HOUR}))

        found = await world.due.timers(10, within=2 * MINUTE)

        assert ["soon"] == [timer.timer_id for timer in found.timers]
        assert now <= found.now <= await world.now()

    async def test_that_do_not_exist_leave_the_time_to_be_told(self, world: World) -> None:
        """The answer is also how a plane learns the database's clock."""
        before = await world.now()

        found = await world.due.timers(10)

        assert before <= found.now <= await world.now()
        assert [] == found.timers


class TestAhead:
    async def test_is_nothing_where_nothing_will_fall_due(self, world: World) -> None:
        """Whoever asks may sleep as long as they like."""
        before = await world.now()

        ahead = await world.due.ahead()

        assert before <= ahead.now <= await world.now()
        assert ahead.next_due is None

    async def test_is_the_nearest_of_delayed_tasks(self, world: World) -> None:
        """Timers are looked up by themselves."""
        now = await world.now()
        fresh = instance(now)
        tasks = [
            new_task(fresh, 1, run_at=now + 2 * HOUR),
            new_task(fresh, 2, run_at=now + HOUR),
            new_task(fresh, 3),
        ]
        await stored(world, start(fresh, armed={"t": now + MINUTE}, new_tasks=tasks))

        assert now + HOUR == (await world.due.ahead()).next_due


class TestReleasing:
    async def test_makes_due_tasks_claimable_and_says_where(self, world: World) -> None:
        """Whose bell to ring, and how often."""
        now = await world.now()
        fresh = instance(now)
        tasks = [
            new_task(fresh, 1, queue="slow", run_at=now + MINUTE),
            new_task(fresh, 2, queue="fast", run_at=now + MINUTE),
            new_task(fresh, 3, queue="slow", run_at=now + MINUTE),
            new_task(fresh, 4, queue="slow", run_at=now + HOUR),
        ]
        await stored(world, start(fresh, new_tasks=tasks))
        early = await world.due.release_delayed(10)
        await world.move_clock(MINUTE)

        released = await world.due.release_delayed(10)

        assert [] == early
        assert {DueQueue("fast", 1), DueQueue("slow", 2)} == set(released)
        rows = await world.row_counts()
        assert (3, 1) == (rows["ready"], rows["delayed"])
        assert [] == await world.due.release_delayed(10)

    async def test_takes_the_earliest_first_up_to_its_limit(self, world: World) -> None:
        """A flood is worked off in order."""
        now = await world.now()
        fresh = instance(now)
        tasks = [
            new_task(fresh, n, queue=f"q{n}", run_at=now + (9 - n) * MINUTE) for n in range(1, 4)
        ]
        await stored(world, start(fresh, new_tasks=tasks))
        await world.move_clock(HOUR)

        assert [DueQueue("q3", 1)] == await world.due.release_delayed(1)

    async def test_keeps_attempts_and_epochs(self, world: World) -> None:
        """A retry that waited is still a retry."""
        fresh = instance(await world.now())
        timer = new_task(fresh, 1, type=TaskType.TIMER, run_at=fresh.updated_at + MINUTE)
        await stored(world, start(fresh, new_tasks=[timer]))
        await world.move_clock(MINUTE)
        await world.due.release_delayed(10)

        session_id = await open_session(world)
        await claimed(world, session_id)

        lease = (await found_task(world, fresh, 1)).lease
        assert lease is not None
        assert (1, 1) == (lease.attempt, lease.epoch)

    async def test_does_not_wait_for_a_claim_of_the_same_task(
        self, postgres: PostgresWorld
    ) -> None:
        """Whoever has the row moves it."""
        fresh = instance(await postgres.now())
        tasks = [
            new_task(fresh, n, queue=f"q{n}", run_at=fresh.updated_at + MINUTE) for n in (1, 2)
        ]
        await stored(postgres, start(fresh, new_tasks=tasks))
        await postgres.move_clock(MINUTE)
        async with postgres.owner.transaction():
            await postgres.owner.execute("SELECT FROM foliot.delayed WHERE ordinal = 1 FOR UPDATE")

            released = await postgres.due.release_delayed(10)

        assert [DueQueue("q2", 1)] == released


class TestExpiredLeases:
    async def test_are_those_of_sessions_that_expired(self, world: World) -> None:
        """A task whose holder died can be claimed again."""
        lost = await _held(world, ttl_s=60)
        await _held(world, ttl_s=600)
        early = await world.due.expired_leases(10)
        await world.move_clock(MINUTE)

        assert [] == early
        expected = [ExpiredLease(*lost.key, 1, 1)]
        assert expected == await world.due.expired_leases(10)
        assert expected == await world.due.expired_leases(10)

    async def test_are_those_of_sessions_that_are_gone(self, world: World) -> None:
        """Closing a session gives back what it held."""
        session_id = await open_session(world)
        lost = await started(world, tasks=1)
        await claimed(world, session_id)

        await world.claims.close(session_id)

        assert [ExpiredLease(*lost.key, 1, 1)] == await world.due.expired_leases(10)

    async def test_come_oldest_first_up_to_the_limit(self, world: World) -> None:
        """Whoever waited longest is rescued first."""
        first = await _held(world, ttl_s=60)
        await _held(world, ttl_s=60)
        await world.move_clock(MINUTE)

        assert [ExpiredLease(*first.key, 1, 1)] == await world.due.expired_leases(1)

    async def test_of_a_session_extended_after_all_are_none(self, world: World) -> None:
        """Nobody has taken its tasks yet, so it may go on."""
        session_id = await open_session(world, ttl_s=60)
        await started(world, tasks=1)
        await claimed(world, session_id)
        await world.move_clock(2 * MINUTE)
        await world.claims.extend(session_id, "worker", None, MINUTE)

        assert [] == await world.due.expired_leases(10)

    async def test_of_closed_tasks_end_and_are_not_told(self, world: World) -> None:
        """A cancel that raced a claim leaves one; there is nothing to rescue."""
        lost = await _held(world, ttl_s=60)
        await stored(world, _cancelled_beside_its_lease(lost))
        await world.move_clock(MINUTE)

        assert [] == await world.due.expired_leases(10)
        assert "lease" not in await world.row_counts()


class TestTheUntriedInbox:
    async def test_names_each_instance_once_oldest_event_first(self, world: World) -> None:
        """What was put off waits for the instance; what was never tried waits for us."""
        tried, first, second = [await started(world) for _ in range(3)]
        put_off = DeferredEvent(event_id="a", type="PAY", payload="1", deferred_at=2)
        await stored(world, step(tried, deferred=[put_off]))
        await world.accept(first.key, "b")
        await world.accept(second.key, "c")
        await world.accept(first.key, "d")

        expected = [first.key, second.key]
        assert expected == await world.due.untried_inbox(10)
        assert expected[:1] == await world.due.untried_inbox(1)

    async def test_is_looked_at_no_further_than_so_many_rows(self, world: World) -> None:
        """A crowd that waits must not make each look for the first of it dearer."""
        first, second = [await started(world) for _ in range(2)]
        for event_id in ("a", "b"):
            await world.accept(first.key, event_id)
        await world.accept(second.key, "c")

        assert [first.key] == await world.due.untried_inbox(10, look=2)
        assert [first.key, second.key] == await world.due.untried_inbox(10, look=3)


class TestAnswers:
    async def test_are_forgotten_when_they_are_old_and_those_of_events_are_not(
        self, world: World
    ) -> None:
        """A request's repeat comes soon or never; an event's instance may live for years."""
        fresh = instance(await world.now())
        answers = [
            NewAnswer(scope=scope, key=key, fingerprint=b"asked", answer="{}")
            for scope, key in (
                *((REQUEST_SCOPE, key) for key in ("one", "two", "three")),
                (str(fresh.instance_id), "event"),
            )
        ]
        await stored(world, start(fresh, answers=answers))
        await world.move_clock(SHORTEST_MEMORY - MINUTE)
        too_early = await world.due.forget_answers(timedelta(0), 10)
        await world.move_clock(MINUTE)
        still_wanted = await world.due.forget_answers(2 * SHORTEST_MEMORY, 10)

        first = await world.due.forget_answers(timedelta(0), 2)
        left = (await world.row_counts())["idempotency"]
        then = await world.due.forget_answers(timedelta(0), 2)

        assert (0, 0, 2, 1) == (too_early, still_wanted, first, then)
        assert (2, 1) == (left, (await world.row_counts())["idempotency"])


class TestASweep:
    async def test_forgets_sessions_that_expired_an_hour_ago(self, world: World) -> None:
        """A thousand restarts a day must not be remembered for ever."""
        await open_session(world, ttl_s=60)
        await world.move_clock(HOUR)
        await world.due.sweep()
        within_the_hour = await world.sessions()
        await world.move_clock(MINUTE)

        await world.due.sweep()

        assert (1, 0) == (within_the_hour, await world.sessions())

    async def test_keeps_sessions_whose_leases_nobody_has_rescued(self, world: World) -> None:
        """Whose they were is still of interest."""
        await _held(world, ttl_s=60)
        await world.move_clock(2 * HOUR)

        await world.due.sweep()

        assert 1 == await world.sessions()
        assert 1 == (await world.row_counts())["lease"]

    async def test_ends_leases_of_closed_tasks_under_live_sessions(self, world: World) -> None:
        """Not before their executors had the time to stop, and not as long as those live."""
        held = await _held(world, ttl_s=600)
        await _held(world, ttl_s=600)
        await stored(world, _cancelled_beside_its_lease(held))
        await world.due.sweep()
        assert 2 == (await world.row_counts())["lease"]

        await world.move_clock(STOP_WITHIN)
        await world.due.sweep()

        assert 1 == (await world.row_counts())["lease"]

    async def test_makes_the_next_months_partitions(self, postgres: PostgresWorld) -> None:
        """An instance that starts after midnight on the first finds its place."""
        partitions = await _partitions(postgres)
        newest = max(name for name in partitions if name != "history_default")
        await postgres.owner.execute(f"DROP TABLE foliot.{newest}")

        await postgres.due.sweep()

        assert partitions == await _partitions(postgres)
        assert 4 == len(partitions)


async def _held(world: World, ttl_s: float) -> Instance:
    """An instance whose one task a session of its own holds for so long."""
    held = await started(world, tasks=1)
    await claimed(world, await open_session(world, ttl_s=ttl_s))
    return held


def _cancelled_beside_its_lease(held: Instance) -> Change:
    """The cancel that did not see the claim: the task is closed, its lease is not cleared."""
    update = TaskUpdate(ordinal=1, status="cancelled", completed_at=held.updated_at)
    return closed(held, "cancelled", updated_tasks=[update])


async def _partitions(postgres: PostgresWorld) -> Sequence[str]:
    rows = await postgres.owner.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'foliot.history'::regclass ORDER BY 1"
    )
    return [name.removeprefix("foliot.") for (name,) in rows]


class TestASilentAttempt:
    async def test_is_found_when_its_time_is_up(self, world: World) -> None:
        """From its claim on, or from the commit that handed it out; the others never are."""
        fresh = instance(await world.now())
        session_id = await open_session(world, ttl_s=3600)
        tasks = [
            new_task(fresh, 1, heartbeat_s=60.0),
            new_task(fresh, 2, heartbeat_s=90.0),
            new_task(fresh, 3),
        ]
        await stored(world, start(fresh, new_tasks=tasks, handed={2: session_id}))
        await claimed(world, session_id)
        await world.move_clock(0.9 * MINUTE)
        before = await world.due.silent_leases(10)
        await world.move_clock(0.2 * MINUTE)
        then = await world.due.silent_leases(10)
        await world.move_clock(MINUTE)
        after = await world.due.silent_leases(10)

        first, second = (
            ExpiredLease(fresh.tenant_id, fresh.instance_id, ordinal, 1) for ordinal in (1, 2)
        )
        assert ([], [first], [first, second]) == (list(before), list(then), list(after))

    async def test_of_a_task_that_has_ended_is_nobodys_concern(self, world: World) -> None:
        """Its holder has been told to stop, and may take its time."""
        before = instance(await world.now())
        await stored(world, start(before, new_tasks=[new_task(before, 1, heartbeat_s=60.0)]))
        await claimed(world, await open_session(world, ttl_s=3600))
        ended = TaskUpdate(ordinal=1, status="cancelled", completed_at=await world.now())
        await stored(world, step(before, updated_tasks=[ended], withdrawn=[1]))
        await world.move_clock(HOUR)

        assert [] == list(await world.due.silent_leases(10))
