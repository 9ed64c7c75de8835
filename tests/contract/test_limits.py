"""Limits: never more than they say, exactly, and nothing of what they hold back in the way."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from control_plane.ports.limit_store import LimitInForce, Rate, TaskLimit
from control_plane.ports.records import Instance
from shared.ids import SessionId, TenantId
from shared.tasks import DEFAULT_QUEUE
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

SECOND = timedelta(seconds=1)
MANY = 100


async def limited(world: World, key: str = "", tenant_id: TenantId = ACME, **numbers: int) -> None:
    """Set a limit on tasks that run at once."""
    assert await world.limits.put(
        tenant_id, TaskLimit(key=key, max_running=numbers["max_running"]), at_most=MANY
    )


async def rated(
    world: World, per_second: float, burst: int, key: str = "", tenant_id: TenantId = ACME
) -> None:
    """Set a limit on tasks that begin in a time."""
    limit = TaskLimit(key=key, rate=Rate(per_second=per_second, burst=burst))
    assert await world.limits.put(tenant_id, limit, at_most=MANY)


async def keyed(world: World, *keys: str | None, tenant_id: TenantId = ACME) -> Instance:
    """A stored instance with a ready task for each key, in that order."""
    fresh = instance(await world.now(), tenant_id=tenant_id)
    tasks = [
        new_task(fresh, n, limit_key=key, run_at=fresh.updated_at - (len(keys) - n) * SECOND)
        for n, key in enumerate(keys, start=1)
    ]
    await stored(world, start(fresh, new_tasks=tasks))
    return fresh


async def ended(world: World, before: Instance, *ordinals: int) -> Instance:
    """The instance after the attempts of these tasks have come home."""
    fences = [(n, (await leased(world, before, n)).epoch) for n in ordinals]
    change = step(before, fences=fences)
    await stored(world, change)
    return change.after


async def ordinals(world: World, session_id: SessionId, max_tasks: int = MANY) -> list[int]:
    return sorted(n for _, n in await claimed(world, session_id, max_tasks=max_tasks))


class TestALimitOnWhatRuns:
    async def test_lets_no_more_run_than_it_says(self, world: World) -> None:
        """However much is asked for, by whomever."""
        await limited(world, max_running=3)
        await started(world, tasks=10)

        assert 3 == len(await claimed(world, await open_session(world)))
        assert 0 == len(await claimed(world, await open_session(world)))

    async def test_gives_a_place_back_when_an_attempt_ends(self, world: World) -> None:
        """The lease is what counts, and it ends with the outcome's commit."""
        await limited(world, max_running=2)
        before = await started(world, tasks=5)
        session_id = await open_session(world)
        await claimed(world, session_id)

        await ended(world, before, 1)

        assert 1 == len(await claimed(world, session_id))

    async def test_gives_a_place_back_when_a_lost_lease_is_taken_back(self, world: World) -> None:
        """An executor that died holds nobody up for longer than its lease."""
        await limited(world, max_running=1)
        before = await started(world, tasks=2)
        await claimed(world, await open_session(world, ttl_s=60))
        await world.move_clock(61 * SECOND)
        session_id = await open_session(world)
        held_meanwhile = await claimed(world, session_id)

        (lost,) = await world.due.expired_leases(10)
        back = requeued(lost.ordinal, before.updated_at, attempt=1, epoch=lost.epoch)
        await stored(world, step(before, fences=[(lost.ordinal, lost.epoch)], requeued=[back]))

        assert [] == held_meanwhile
        assert 1 == len(await claimed(world, session_id))

    async def test_holds_for_its_tenant_alone(self, world: World) -> None:
        """Nobody pays for another's limit."""
        await limited(world, max_running=1)
        await started(world, tasks=3)
        theirs = await started(world, tasks=3, tenant_id=OTHER)

        found = await claimed(world, await open_session(world))

        assert 3 == sum(instance_id == theirs.instance_id for instance_id, _ in found)
        assert 4 == len(found)

    async def test_that_is_reached_takes_nothing_of_anothers_share(self, world: World) -> None:
        """A tenant that cannot have its share leaves it to those who can."""
        await limited(world, max_running=1)
        await started(world, tasks=3)
        await claimed(world, await open_session(world))
        await started(world, tasks=6, tenant_id=OTHER)

        assert 6 == len(await claimed(world, await open_session(world), max_tasks=6))

    async def test_of_none_holds_everything(self, world: World) -> None:
        """A way to let a tenant rest."""
        await limited(world, max_running=0)
        await started(world, tasks=2)

        assert [] == await claimed(world, await open_session(world))

    async def test_can_be_raised_and_lowered(self, world: World) -> None:
        """What runs goes on, and counts."""
        await started(world, tasks=9)
        session_id = await open_session(world)
        await limited(world, max_running=4)
        first = await claimed(world, session_id)
        await limited(world, max_running=2)
        second = await claimed(world, session_id)
        await limited(world, max_running=5)
        third = await claimed(world, session_id)

        assert [4, 0, 1] == [len(first), len(second), len(third)]

    async def test_counts_what_ran_before_it_was_set(self, world: World) -> None:
        """Of a key too: the lease knows its task's."""
        await keyed(world, "bank", "bank", "bank")
        session_id = await open_session(world)
        await claimed(world, session_id, max_tasks=1)

        await limited(world, "bank", max_running=2)

        assert 1 == len(await claimed(world, session_id))


class TestALimitOnAKey:
    async def test_holds_back_the_tasks_of_that_key(self, world: World) -> None:
        """And neither those of another key nor those of none."""
        await limited(world, "bank", max_running=1)
        await keyed(world, "bank", "bank", "bank", "mail", "mail", None, None)

        assert [1, 4, 5, 6, 7] == await ordinals(world, await open_session(world))

    async def test_keeps_what_it_holds_back_out_of_the_way(self, world: World) -> None:
        """With room for one, the one behind a hundred that must wait is found."""
        await limited(world, "bank", max_running=1)
        await keyed(world, *["bank"] * 100, "mail")
        session_id = await open_session(world)
        await claimed(world, session_id, max_tasks=1)

        assert [101] == await ordinals(world, session_id, max_tasks=1)

    async def test_finds_what_was_waiting_before_it_was_set(self, world: World) -> None:
        """What waits is in its way no more than what comes later."""
        await keyed(world, *["bank"] * 100, "mail")

        await limited(world, "bank", max_running=1)

        session_id = await open_session(world)
        first = await ordinals(world, session_id, max_tasks=1)
        assert [[1], [101], []] == [
            first,
            await ordinals(world, session_id, max_tasks=1),
            await ordinals(world, session_id, max_tasks=1),
        ]

    async def test_holds_beside_the_tenants_own(self, world: World) -> None:
        """A task needs room under both."""
        await limited(world, max_running=3)
        await limited(world, "bank", max_running=2)
        await keyed(world, "bank", "bank", "bank", "mail", "mail", "mail")

        assert [1, 2, 4] == await ordinals(world, await open_session(world))

    async def test_leaves_the_order_of_what_has_room(self, world: World) -> None:
        """By precedence, whatever the keys."""
        await limited(world, "bank", max_running=2)
        await limited(world, "mail", max_running=2)
        await keyed(world, "mail", None, "bank", "mail", None, "bank")
        session_id = await open_session(world)

        order = [await ordinals(world, session_id, max_tasks=1) for _ in range(6)]

        assert [[1], [2], [3], [4], [5], [6]] == order

    async def test_that_is_lifted_lets_go_of_what_it_held(self, world: World) -> None:
        """Nothing waits for a limit that there is not."""
        await limited(world, "bank", max_running=1)
        await keyed(world, *["bank"] * 5)
        session_id = await open_session(world)
        await claimed(world, session_id)

        lifted = await world.limits.remove(ACME, "bank")

        assert lifted
        assert 4 == len(await claimed(world, session_id))

    async def test_lets_nothing_be_handed_out_past_the_claim(self, world: World) -> None:
        """Whoever counts is the claim alone: a change that hands out a task is not kept."""
        await limited(world, "bank", max_running=1)
        session_id = await open_session(world)
        now = await world.now()
        mine, theirs = instance(now), instance(now, tenant_id=OTHER)
        changes = [
            start(one, new_tasks=[new_task(one, 1)], handed={1: session_id})
            for one in (mine, theirs)
        ]

        assert {theirs.key} == await world.store.write(changes)
        assert 1 == len(await world.claims.held(session_id, 10))

    async def test_holds_for_a_retry_too(self, world: World) -> None:
        """What is handed back waits like all others."""
        await limited(world, "bank", max_running=1)
        before = await keyed(world, "bank", "bank")
        session_id = await open_session(world)
        await claimed(world, session_id)
        back = requeued(1, before.updated_at, limit_key="bank")
        await stored(world, step(before, fences=[(1, 1)], requeued=[back]))

        assert 1 == len(await claimed(world, session_id))

    async def test_holds_for_what_was_delayed_before_it_was_set(self, world: World) -> None:
        """Delayed tasks are not looked for; those who claim put them where they belong."""
        now = await world.now()
        fresh = instance(now)
        later = [new_task(fresh, n, limit_key="bank", run_at=now + SECOND) for n in (1, 2, 3)]
        await stored(world, start(fresh, new_tasks=later))
        await limited(world, "bank", max_running=2)
        session_id = await open_session(world)
        await world.move_clock(2 * SECOND)
        begun = [task for _ in range(4) for task in await claimed(world, session_id)]

        assert 2 == len(begun)

    async def test_holds_nothing_back_that_was_delayed_once_it_is_lifted(
        self, world: World
    ) -> None:
        """It waits where claims still look."""
        await limited(world, "bank", max_running=1)
        now = await world.now()
        fresh = instance(now)
        later = [new_task(fresh, n, limit_key="bank", run_at=now + SECOND) for n in (1, 2, 3)]
        await stored(world, start(fresh, new_tasks=later))
        await world.limits.remove(ACME, "bank")
        await world.limits.forget()
        session_id = await open_session(world)
        await world.move_clock(2 * SECOND)
        begun = [task for _ in range(4) for task in await claimed(world, session_id)]

        assert 3 == len(begun)


class TestALimitOnWhatBegins:
    async def test_lets_a_burst_begin_and_then_its_rate(self, world: World) -> None:
        """A bucket: full at first, and filled by the database's clock."""
        await rated(world, per_second=2, burst=5)
        await started(world, tasks=50)
        session_id = await open_session(world, ttl_s=3600)
        begun = [len(await claimed(world, session_id))]
        for seconds in (0.25, 0.25, 10, 60):
            await world.move_clock(seconds * SECOND)
            begun.append(len(await claimed(world, session_id)))

        assert [5, 0, 1, 5, 5] == begun

    async def test_counts_what_began_and_not_what_ended(self, world: World) -> None:
        """Tasks that are over at once are as many as those that last."""
        await rated(world, per_second=0.001, burst=2)
        before = await started(world, tasks=4)
        session_id = await open_session(world)
        await claimed(world, session_id)

        await ended(world, before, 1, 2)

        assert [] == await claimed(world, session_id)

    async def test_on_a_key_holds_for_it_alone(self, world: World) -> None:
        """A service that may be called so often, among others that may be called at will."""
        await rated(world, per_second=0.001, burst=1, key="bank")
        await keyed(world, "bank", "bank", None)

        assert [1, 3] == await ordinals(world, await open_session(world))

    async def test_that_is_set_again_does_not_fill_its_bucket(self, world: World) -> None:
        """Or whoever sets limits often would have none."""
        await rated(world, per_second=0.001, burst=3)
        await started(world, tasks=9)
        session_id = await open_session(world)
        await claimed(world, session_id)

        await rated(world, per_second=0.001, burst=5)

        assert [] == await claimed(world, session_id)

    async def test_can_give_way_to_one_on_what_runs(self, world: World) -> None:
        """Its bucket goes with it, half empty as it may be."""
        await rated(world, per_second=0.001, burst=1)
        await started(world, tasks=9)
        session_id = await open_session(world)
        first = await claimed(world, session_id)

        await limited(world, max_running=3)
        others = await claimed(world, session_id)

        (told,) = await world.limits.of_tenant(ACME)
        assert TaskLimit(key="", max_running=3) == told.limit
        assert (1, 2) == (len(first), len(others))

    async def test_tells_when_to_look_again(self, world: World) -> None:
        """Once for each wait, and in which queue: nobody has to poll for a token."""
        await rated(world, per_second=0.1, burst=1)
        await started(world, tasks=3)
        session_id = await open_session(world, ttl_s=3600)
        await claimed(world, session_id)
        too_early = await world.limits.woken()
        await world.move_clock(10 * SECOND)

        in_time = await world.limits.woken()

        assert frozenset() == too_early.queues
        assert too_early.next_at is not None
        assert timedelta(0) < too_early.next_at - too_early.now <= 10 * SECOND
        assert {DEFAULT_QUEUE} == in_time.queues
        assert frozenset() == (await world.limits.woken()).queues

    async def test_wakes_nobody_where_nothing_waits(self, world: World) -> None:
        """An empty bucket is no news if nobody wants to draw from it."""
        await rated(world, per_second=0.1, burst=1)
        await started(world, tasks=1)
        await claimed(world, await open_session(world))

        assert (frozenset(), None) == (await world.limits.woken())[::2]


class TestTheLimitsOfATenant:
    async def test_are_told_with_what_runs(self, world: World) -> None:
        """What an operator looks at when a tenant asks why it waits."""
        await limited(world, max_running=5)
        await limited(world, "bank", max_running=1)
        await rated(world, per_second=0.5, burst=3, key="mail")
        await limited(world, tenant_id=OTHER, max_running=1)
        await keyed(world, "bank", "bank", None)
        await claimed(world, await open_session(world))

        found = await world.limits.of_tenant(ACME)

        assert [
            (TaskLimit(key="", max_running=5), 2),
            (TaskLimit(key="bank", max_running=1), 1),
            (TaskLimit(key="mail", rate=Rate(per_second=0.5, burst=3)), 0),
        ] == _told(found)

    async def test_are_so_many_at_most(self, world: World) -> None:
        """Each costs its tenant's claims a little. One that is there can be set anew."""
        await limited(world, "bank", max_running=1)
        one_more = TaskLimit(key="mail", max_running=1)
        anew = TaskLimit(key="bank", max_running=2)

        assert not await world.limits.put(ACME, one_more, at_most=1)
        assert await world.limits.put(ACME, anew, at_most=1)
        assert [(anew, 0)] == _told(await world.limits.of_tenant(ACME))

    async def test_are_gone_when_they_are_lifted(self, world: World) -> None:
        """And cannot be lifted twice."""
        await limited(world, max_running=1)
        await limited(world, "bank", max_running=1)

        lifted = [await world.limits.remove(ACME, key) for key in ("bank", "bank", "", "")]

        assert [True, False, True, False] == lifted
        assert [] == await world.limits.of_tenant(ACME)

    async def test_leave_nothing_behind_for_ever(self, world: World) -> None:
        """A tenant whose limits were lifted is in the end like one that never had any."""
        await limited(world, "bank", max_running=1)
        await world.limits.remove(ACME, "bank")
        await world.move_clock(timedelta(hours=2))

        await world.limits.forget()
        await world.limits.forget()

        assert {} == await world.limits.waiting()

    async def test_tell_in_which_queues_they_hold_back(self, world: World) -> None:
        """Those that are rung when a task of the tenant's has ended."""
        await limited(world, max_running=1)
        await limited(world, tenant_id=OTHER, max_running=1)
        await started(world, tasks=2)
        session_id = await open_session(world)
        await claimed(world, session_id)

        assert {ACME: {DEFAULT_QUEUE}, OTHER: set()} == await world.limits.waiting()


class TestManyClaimersOnRealConnections:
    async def test_never_hold_more_than_the_limits_say(self, postgres: PostgresWorld) -> None:
        """
        Eight claim and end tasks as fast as they can. Whoever counts without the lock, or in
        a statement begun before it was had, exceeds a limit here.
        """
        await limited(postgres, max_running=5)
        await limited(postgres, "bank", max_running=2)
        keys = ["bank", None] * 10
        instances = {(one := await keyed(postgres, *keys)).instance_id: one for _ in range(10)}
        sessions = [await open_session(postgres) for _ in range(8)]
        left, most = Counter({"tasks": 200}), Counter[str]()

        async def work(session_id: SessionId) -> None:
            while left["tasks"]:
                tasks = await postgres.claims.claim(
                    session_id,
                    queues=[DEFAULT_QUEUE],
                    types=EVERY_TYPE,
                    max_tasks=4,
                    after=None,
                )
                await _watch(postgres, most)
                for task in tasks:
                    await postgres.across.execute(
                        "DELETE FROM foliot.lease WHERE instance_id = $1 AND ordinal = $2",
                        task.instance_id,
                        task.ordinal,
                    )
                left["tasks"] -= len(tasks)

        async with asyncio.timeout(60):
            await asyncio.gather(*(work(session_id) for session_id in sessions))

        assert 10 == len(instances)
        assert {"all": 5, "bank": 2} == dict(most)

    async def test_begin_no_more_than_the_rate_says(self, postgres: PostgresWorld) -> None:
        """Eight at one bucket: what they take together is what it held."""
        await rated(postgres, per_second=0.001, burst=37)
        for _ in range(10):
            await started(postgres, tasks=20)
        sessions = [await open_session(postgres) for _ in range(8)]

        taken: list[object] = []

        async def take(session_id: SessionId) -> None:
            while len(taken) < 37:
                taken.extend(await claimed(postgres, session_id, max_tasks=3))
            taken.extend(await claimed(postgres, session_id, max_tasks=3))

        async with asyncio.timeout(60):
            await asyncio.gather(*(take(session_id) for session_id in sessions))

        assert 37 == len(taken)


async def _watch(postgres: PostgresWorld, most: Counter[str]) -> None:
    """Note the most leases there were at once, in all and of the key."""
    row = await postgres.across.fetchrow(
        "SELECT count(*), count(*) FILTER (WHERE limit_key = 'bank') FROM foliot.lease"
    )
    most["all"] = max(most["all"], row[0])
    most["bank"] = max(most["bank"], row[1])


def _told(found: Sequence[LimitInForce]) -> list[tuple[TaskLimit, int]]:
    return [(one.limit, one.running) for one in found]
