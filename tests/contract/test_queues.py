"""Queues: what waits in them, and what is paused."""

from collections.abc import Sequence
from datetime import timedelta

from control_plane.ports.audit import AuditFilter, Noted
from control_plane.ports.queues import Depth, Stats
from control_plane.ports.records import Instance
from shared.ids import SessionId, TenantId, task_id
from shared.tasks import DEFAULT_QUEUE, TaskType
from tests.contract.material import EVERY_TYPE, instance, new_task, open_session, start, stored
from tests.contract.worlds import ACME, OTHER, World

MINUTE = timedelta(minutes=1)
NOTED = Noted(principal="key:ops", credential_id="ops", method="foliot.v1.AdminService/PauseQueue")
MANY = 100


async def queued(
    world: World, *queues: str, tenant_id: TenantId = ACME, **task: object
) -> Instance:
    """A stored instance with a task in each of these queues, the first ready the longest."""
    fresh = instance(await world.now(), tenant_id=tenant_id)
    tasks = [
        new_task(
            fresh,
            n,
            **{"queue": queue, "run_at": fresh.updated_at - (len(queues) - n) * MINUTE, **task},
        )
        for n, queue in enumerate(queues, start=1)
    ]
    await stored(world, start(fresh, new_tasks=tasks))
    return fresh


async def taken(world: World, session_id: SessionId, *queues: str, max_tasks: int = MANY) -> int:
    """How many tasks of these queues a claim gives."""
    found = await world.claims.claim(
        session_id, queues=queues, types=EVERY_TYPE, max_tasks=max_tasks, after=None
    )
    return len(found)


async def looked(
    world: World, tenant_id: TenantId | None = None, queue: str | None = None, at_most: int = MANY
) -> Stats:
    return await world.queues.stats(tenant_id, queue, lanes=MANY, at_most=at_most)


def told(stats: Stats) -> Sequence[tuple[str, str, int, int, int]]:
    return [
        (one.queue, one.type.value, one.ready.count, one.delayed.count, one.leased.count)
        for one in stats.lanes
    ]


class TestTheStats:
    async def test_have_a_line_for_each_queue_and_type(self, world: World) -> None:
        """An executor takes some types of some queues, and is scaled by those."""
        await queued(world, "a", "b", "a")
        await queued(world, "a", type=TaskType.SYSTEM)

        assert [("a", "HTTP", 2, 0, 0), ("a", "SYSTEM", 1, 0, 0), ("b", "HTTP", 1, 0, 0)] == told(
            await looked(world)
        )

    async def test_say_where_the_tasks_are(self, world: World) -> None:
        """What executors have waits for nobody, and what comes later not yet."""
        await queued(world, "a", "a", "a")
        await queued(world, "a", run_at=await world.now() + MINUTE)
        await taken(world, await open_session(world), "a", max_tasks=1)

        assert [("a", "HTTP", 2, 1, 1)] == told(await looked(world))

    async def test_say_since_when_the_oldest_has_been_ready(self, world: World) -> None:
        """The signal that executors are scaled by: work that waits, however much there is."""
        first = await queued(world, "a", "b", "a")
        await queued(world, "a", tenant_id=OTHER)

        stats = await looked(world)

        assert [first.updated_at - 2 * MINUTE, first.updated_at - MINUTE] == [
            one.oldest_at for one in stats.lanes
        ]
        assert first.updated_at <= stats.now

    async def test_of_a_tenant_are_of_nobody_else(self, world: World) -> None:
        """How much others have to do is none of its business."""
        await queued(world, "a", "b")
        await queued(world, "b", "c", tenant_id=OTHER)
        await taken(world, await open_session(world), "c")
        await queued(world, "d", tenant_id=OTHER, run_at=await world.now() + MINUTE)

        assert [("a", "HTTP", 1, 0, 0), ("b", "HTTP", 1, 0, 0)] == told(await looked(world, ACME))
        assert [("a", 1), ("b", 2), ("c", 0), ("d", 0)] == [
            (one.queue, one.ready.count) for one in (await looked(world)).lanes
        ]

    async def test_of_one_queue_leave_the_others_out(self, world: World) -> None:
        """Whoever scales one set of executors asks for what those take."""
        await queued(world, "a", "b", "ba")
        await queued(world, "b", type=TaskType.SYSTEM)

        for tenant_id in (None, ACME):
            assert [("b", "HTTP", 1, 0, 0), ("b", "SYSTEM", 1, 0, 0)] == told(
                await looked(world, tenant_id, "b")
            )
            assert [] == told(await looked(world, tenant_id, "c"))

    async def test_count_no_further_than_they_are_asked_to(self, world: World) -> None:
        """And say so; what was counted to its end is exact."""
        await queued(world, *["a"] * 5, "b")

        for tenant_id in (None, ACME):
            lanes = (await looked(world, tenant_id, at_most=3)).lanes

            assert [Depth(3, at_least=True), Depth(1, at_least=False)] == [
                one.ready for one in lanes
            ]

    async def test_find_the_oldest_of_all_tenants_in_a_long_queue(self, world: World) -> None:
        """One tenant's backlog must not hide that another waits longer."""
        await queued(world, *["a"] * 5)
        since = await world.now() - 9 * MINUTE
        await queued(world, "a", "a", tenant_id=OTHER, run_at=since)

        (lane,) = (await looked(world, at_most=3)).lanes

        assert since == lane.oldest_at

    async def test_say_if_there_are_more_queues(self, world: World) -> None:
        """Tenants make queues up, so there may be any number."""
        await queued(world, "a", "b", "c")

        stats = await world.queues.stats(None, None, lanes=2, at_most=MANY)

        assert (["a", "b"], True) == ([one.queue for one in stats.lanes], stats.more)


class TestAPausedQueue:
    async def test_gives_nothing_out_until_it_is_resumed(self, world: World) -> None:
        """Its tasks wait; others are given out as ever."""
        session_id = await open_session(world)
        await queued(world, "a", "b")
        await world.queues.pause("a", "the bank is down", "key:ops", at_most=MANY)

        while_paused = await taken(world, session_id, "a", "b")
        await world.queues.resume("a")

        assert 1 == while_paused
        assert 1 == await taken(world, session_id, "a", "b")

    async def test_keeps_its_leases(self, world: World) -> None:
        """What executors have goes on."""
        session_id = await open_session(world)
        before = await queued(world, "a")
        await taken(world, session_id, "a")

        await world.queues.pause("a", "", "key:ops", at_most=MANY)

        assert 1 == len(await world.claims.held(session_id, MANY)), task_id(before.instance_id, 1)

    async def test_takes_in_what_becomes_ready(self, world: World) -> None:
        """And shows it."""
        await world.queues.pause("a", "", "key:ops", at_most=MANY)
        await queued(world, "a")

        assert 0 == await taken(world, await open_session(world), "a")
        assert [("a", "HTTP", 1, 0, 0)] == told(await looked(world))

    async def test_stays_as_it_was_paused_first(self, world: World) -> None:
        """The reason is that of whoever began it."""
        await world.queues.pause("a", "first", "key:one", at_most=1)
        again = await world.queues.pause("a", "second", "key:two", at_most=1)

        assert again is not None
        assert ("first", "key:one") == (again.reason, again.paused_by)
        assert ["a"] == [one.queue for one in await world.queues.paused()]

    async def test_is_one_of_so_many(self, world: World) -> None:
        """Claims look at all of them."""
        await world.queues.pause("a", "", "key:ops", at_most=1)

        assert await world.queues.pause("b", "", "key:ops", at_most=1) is None

    async def test_is_resumed_once(self, world: World) -> None:
        """A second time there is nothing to do."""
        await world.queues.pause(DEFAULT_QUEUE, "", "key:ops", at_most=MANY)

        assert await world.queues.resume(DEFAULT_QUEUE)
        assert not await world.queues.resume(DEFAULT_QUEUE)

    async def test_leaves_an_audit_entry_for_each_change(self, world: World) -> None:
        """Of the platform's own; nothing for what was so already."""
        for _ in range(2):
            await world.queues.pause("a", "why", "key:ops", at_most=MANY, noted=NOTED)
        for _ in range(2):
            await world.queues.resume("a", noted=NOTED)

        entries = await world.audit.list(None, AuditFilter(), after=None, limit=10)
        assert [("queue", "a")] * 2 == [tuple(one.target) for one in entries]
