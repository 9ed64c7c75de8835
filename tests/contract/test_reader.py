"""What is looked up is what was written, of one tenant, in pages that miss and repeat nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from control_plane.ports.instance_store import TaskUpdate
from control_plane.ports.reader import InstanceFilter, InstancePlace, TaskFilter, TaskPlace
from control_plane.ports.records import Instance, InstanceStatus, Task, TaskStatus
from shared.ids import new_instance_id
from shared.tasks import TaskType
from tests.contract.material import (
    claimed,
    closed,
    entry,
    found_task,
    instance,
    new_task,
    open_session,
    start,
    started,
    step,
    stored,
)
from tests.contract.worlds import ACME, OTHER, World

HOUR = timedelta(hours=1)


async def all_instances(world: World, wanted: InstanceFilter, size: int = 2) -> list[Instance]:
    """Every page of a listing, one after another."""
    found: list[Instance] = []
    after: InstancePlace | None = None
    while page := await world.reader.list_instances(ACME, wanted, after=after, limit=size):
        assert len(page) <= size
        found += page
        after = InstancePlace.of(page[-1])
    return found


async def all_tasks(world: World, wanted: TaskFilter, size: int = 2) -> list[Task]:
    """Every page of a listing, one after another."""
    found: list[Task] = []
    after: TaskPlace | None = None
    while page := await world.reader.list_tasks(ACME, wanted, after=after, limit=size):
        assert len(page) <= size
        found += page
        after = wanted.place_of(page[-1])
    return found


async def every_status(world: World) -> dict[InstanceStatus, list[Instance]]:
    """Three instances of each status, started a minute apart, and one of another tenant."""
    now = await world.now()
    by_status: dict[InstanceStatus, list[Instance]] = {}
    minute = 0
    for _ in range(3):
        for status in ("pending", "running", "waiting", "completed", "failed", "cancelled"):
            minute += 1
            at = now + minute * timedelta(minutes=1)
            is_open = status in {"pending", "running", "waiting"}
            one = instance(at, status=status, completed_at=None if is_open else at, started_at=at)
            await stored(world, start(one))
            by_status.setdefault(one.status, []).insert(0, one)
    await started(world, tenant_id=OTHER)
    return by_status


class TestAnInstance:
    async def test_is_found_by_its_tenant_alone(self, world: World) -> None:
        """A foreign id answers exactly like an unknown one."""
        mine = await started(world, business_key="7", labels='{"a":"b"}')

        assert mine == await world.reader.get_instance(ACME, mine.instance_id)
        assert await world.reader.get_instance(OTHER, mine.instance_id) is None
        assert await world.reader.get_instance(ACME, new_instance_id()) is None


class TestListingInstances:
    async def test_has_each_once_newest_first(self, world: World) -> None:
        """Open and closed ones together, over pages."""
        by_status = await every_status(world)

        found = await all_instances(world, InstanceFilter())

        expected = sorted(
            (one for ones in by_status.values() for one in ones),
            key=lambda one: one.started_at,
            reverse=True,
        )
        assert expected == found

    @pytest.mark.parametrize(
        "status", ["pending", "running", "waiting", "completed", "failed", "cancelled"]
    )
    async def test_of_a_status_has_no_other(self, world: World, status: InstanceStatus) -> None:
        """Newest first within the status, over pages."""
        by_status = await every_status(world)

        assert by_status[status] == await all_instances(world, InstanceFilter(status=status))

    async def test_of_one_instant_misses_and_repeats_nothing(self, world: World) -> None:
        """A batch of starts shares its instant; then the id decides."""
        now = await world.now()
        ones = [instance(now) for _ in range(5)]
        await stored(world, *(start(one) for one in ones))

        found = await all_instances(world, InstanceFilter())

        assert sorted((one.instance_id for one in ones), reverse=True) == [
            one.instance_id for one in found
        ]

    async def test_of_a_definition_has_no_other(self, world: World) -> None:
        """With or without a status."""
        now = await world.now()
        order, invoice = instance(now), instance(now, definition_key="invoice")
        ended = instance(now - HOUR, definition_key="invoice", status="failed", completed_at=now)
        await stored(world, start(order), start(invoice), start(ended))

        assert [invoice, ended] == await all_instances(
            world, InstanceFilter(definition_key="invoice")
        )
        assert [ended] == await all_instances(
            world, InstanceFilter(definition_key="invoice", status="failed"), size=1
        )

    async def test_of_a_business_key_has_all_that_ever_had_it(self, world: World) -> None:
        """The newest holder and those before it."""
        now = await world.now()
        first = instance(now - HOUR, business_key="7", status="failed", completed_at=now)
        second = instance(now, business_key="7")
        invoice = instance(now + HOUR, business_key="7", definition_key="invoice")
        other = instance(now, business_key="8")
        await stored(world, *(start(one) for one in (first, second, invoice, other)))

        wanted = InstanceFilter(business_key="7")
        assert [invoice, second, first] == await all_instances(world, wanted, size=1)
        assert [second, first] == await all_instances(
            world, replace(wanted, definition_key="order")
        )
        assert [first] == await all_instances(world, replace(wanted, status="failed"))

    async def test_of_a_schedule_has_what_that_started(self, world: World) -> None:
        """Whatever became of it, page by page; and what else is asked for holds too."""
        now = await world.now()
        first = instance(now - HOUR, schedule_id="s", status="failed", completed_at=now)
        second = instance(now, schedule_id="s", business_key="7")
        others = [instance(now, schedule_id="t"), instance(now), instance(now, business_key="7")]
        await stored(world, *(start(one) for one in (first, second, *others)))

        wanted = InstanceFilter(schedule_id="s")
        assert [second, first] == await all_instances(world, wanted, size=1)
        assert [first] == await all_instances(world, replace(wanted, status="failed"))
        assert [second] == await all_instances(world, replace(wanted, business_key="7"))
        assert [] == await all_instances(world, replace(wanted, definition_key="invoice"))

    @pytest.mark.parametrize(
        "narrowed",
        [
            InstanceFilter(),
            InstanceFilter(definition_key="order"),
            InstanceFilter(business_key="7"),
            InstanceFilter(schedule_id="s"),
            InstanceFilter(status="running"),
        ],
        ids=["tenant", "definition", "business key", "schedule", "status"],
    )
    async def test_of_a_time_has_what_started_in_it(
        self, world: World, narrowed: InstanceFilter
    ) -> None:
        """From an instant on, up to but not including another."""
        now = await world.now()
        ones = [instance(now + n * HOUR, business_key="7", schedule_id="s") for n in range(5)]
        await stored(world, *(start(one) for one in ones))

        wanted = replace(narrowed, started_from=now + HOUR, started_before=now + 3 * HOUR)
        assert [ones[2], ones[1]] == await all_instances(world, wanted, size=1)

    @pytest.mark.parametrize(
        "narrowed",
        [
            {},
            {"status": "pending"},
            {"definition_key": "d"},
            {"business_key": "7"},
            {"schedule_id": "s"},
            {"labels": (("region", "eu"),)},
        ],
    )
    async def test_goes_on_after_one_that_is_gone(
        self, world: World, narrowed: dict[str, Any]
    ) -> None:
        """Retention removes the last row of a page before the next page is asked for."""
        now = await world.now()
        older, newer = (
            instance(
                now + n * HOUR,
                status="pending",
                definition_key="d",
                business_key="7",
                schedule_id="s",
                labels='{"region":"eu"}',
            )
            for n in (1, 3)
        )
        await stored(world, start(older), start(newer))
        gone = InstancePlace(now + 2 * HOUR, new_instance_id())
        found = await world.reader.list_instances(
            ACME, InstanceFilter(**narrowed), after=gone, limit=9
        )

        assert [older] == list(found)

    async def test_of_a_label_is_looked_at_down_to_one_that_is_gone(self, world: World) -> None:
        """The end of what a page looks at may be removed between two looks."""
        now = await world.now()
        older, newer = (instance(now + n * HOUR, labels='{"region":"eu"}') for n in (1, 3))
        await stored(world, start(older), start(newer))
        gone = InstancePlace(now + 2 * HOUR, new_instance_id())
        wanted = InstanceFilter(labels=(("region", "eu"),))

        assert [newer.instance_id] == [
            one.instance_id
            for one in await world.reader.list_instances(
                ACME, replace(wanted, down_to=gone), after=None, limit=9
            )
        ]
        assert InstancePlace.of(older) == await world.reader.labelled_at(
            ACME, wanted, after=gone, count=1
        )


async def every_kind_of_task(world: World) -> tuple[Instance, dict[str, int]]:
    """An instance with a task in each situation there is, and the ordinals by situation."""
    fresh = instance(await world.now())
    kinds = {
        "ready": 1,
        "delayed": 2,
        "leased": 3,
        "parked": 4,
        "succeeded": 5,
        "failed": 6,
        "cancelled": 7,
        "skipped": 8,
    }
    tasks = [
        new_task(fresh, 1),
        new_task(fresh, 2, type=TaskType.TIMER, run_at=fresh.updated_at + HOUR),
        new_task(fresh, 3, queue="claimed"),
        new_task(fresh, 4, type=TaskType.HUMAN),
        # Later ones were due earlier, so that order by time shows.
        *(new_task(fresh, n, run_at=fresh.updated_at - n * HOUR) for n in (5, 6, 7, 8)),
    ]
    begun = start(fresh, new_tasks=tasks)
    await stored(world, begun)
    ended: list[tuple[int, TaskStatus]] = [
        (5, "succeeded"),
        (6, "failed"),
        (7, "cancelled"),
        (8, "skipped"),
    ]
    updates = [TaskUpdate(ordinal=4, status="running", held_since=fresh.updated_at)]
    updates += [
        TaskUpdate(ordinal=n, status=status, completed_at=fresh.updated_at) for n, status in ended
    ]
    change = step(fresh, updated_tasks=updates, cleared=[4, 5, 6, 7, 8])
    await stored(world, change)
    await world.claims.claim(
        await open_session(world), queues=["claimed"], types=list(TaskType), max_tasks=1, after=None
    )
    await started(world, tasks=2, tenant_id=OTHER)
    return change.after, kinds


class TestATask:
    async def test_is_found_with_its_lease_by_its_tenant_alone(self, world: World) -> None:
        """A task id names its instance; the tenant is the caller's."""
        of, kinds = await every_kind_of_task(world)

        leased = await world.reader.get_task(ACME, of.instance_id, kinds["leased"])
        assert leased == await found_task(world, of, kinds["leased"])
        assert leased is not None
        assert leased.lease is not None
        assert await world.reader.get_task(OTHER, of.instance_id, 1) is None
        assert await world.reader.get_task(ACME, of.instance_id, 99) is None


class TestListingTasks:
    async def test_has_each_once_by_instance_and_ordinal(self, world: World) -> None:
        """Over pages, and of one tenant only."""
        of, kinds = await every_kind_of_task(world)
        later = await started(world, tasks=3)

        found = await all_tasks(world, TaskFilter(), size=3)

        expected = [(of.instance_id, n) for n in kinds.values()]
        expected += [(later.instance_id, n) for n in (1, 2, 3)]
        assert sorted(expected) == [(task.instance_id, task.ordinal) for task in found]
        assert await found_task(world, of, kinds["leased"]) in found

    @pytest.mark.parametrize(
        ("status", "kinds_of_status"),
        [
            ("pending", ["ready", "delayed"]),
            ("running", ["leased", "parked"]),
            ("succeeded", ["succeeded"]),
            ("failed", ["failed"]),
            ("cancelled", ["cancelled"]),
            ("skipped", ["skipped"]),
        ],
    )
    @pytest.mark.parametrize("within", ["tenant", "instance"])
    async def test_of_a_status_is_by_what_the_task_is_now(
        self, world: World, status: TaskStatus, kinds_of_status: Sequence[str], within: str
    ) -> None:
        """A claim touches no task row, and yet a claimed task is running."""
        of, kinds = await every_kind_of_task(world)
        wanted = TaskFilter(
            status=status, instance_id=of.instance_id if within == "instance" else None
        )

        found = await all_tasks(world, wanted, size=1)

        assert [kinds[kind] for kind in kinds_of_status] == [task.ordinal for task in found]
        assert {status} == {task.status_now for task in found}
        assert [await found_task(world, of, task.ordinal) for task in found] == found

    async def test_of_an_instance_has_no_other(self, world: World) -> None:
        """By ordinal, over pages."""
        of, kinds = await every_kind_of_task(world)
        await started(world, tasks=3)

        found = await all_tasks(world, TaskFilter(instance_id=of.instance_id), size=3)

        assert list(kinds.values()) == [task.ordinal for task in found]

    async def test_of_a_closed_status_goes_by_the_time_they_were_due(self, world: World) -> None:
        """Every one once, also where several were due at one instant."""
        fresh = instance(await world.now())
        at = fresh.updated_at
        hours = {1: 3, 2: 1, 3: 1, 4: 2}
        tasks = [new_task(fresh, n, run_at=at - hours[n] * HOUR) for n in hours]
        await stored(world, start(fresh, new_tasks=tasks))
        updates = [TaskUpdate(ordinal=n, status="failed", completed_at=at) for n in hours]
        await stored(world, step(fresh, updated_tasks=updates, cleared=list(hours)))

        found = await all_tasks(world, TaskFilter(status="failed"), size=1)

        assert [1, 4, 2, 3] == [task.ordinal for task in found]

    @pytest.mark.parametrize(
        ("task_type", "status", "expected"),
        [
            (TaskType.HUMAN, None, ["parked"]),
            (TaskType.HUMAN, "running", ["parked"]),
            (TaskType.HUMAN, "pending", []),
            (TaskType.HUMAN, "failed", []),
            (TaskType.HTTP, "running", ["leased"]),
            (TaskType.HTTP, "pending", ["ready"]),
            (TaskType.TIMER, "pending", ["delayed"]),
            (
                TaskType.HTTP,
                None,
                ["skipped", "cancelled", "failed", "succeeded", "ready", "leased"],
            ),
        ],
    )
    async def test_of_a_type_has_no_other(
        self, world: World, task_type: TaskType, status: TaskStatus | None, expected: list[str]
    ) -> None:
        """What waits for people, for instance; by the time they are or were due."""
        _, kinds = await every_kind_of_task(world)

        found = await all_tasks(world, TaskFilter(type=task_type, status=status))

        assert [kinds[kind] for kind in expected] == [task.ordinal for task in found]

    @pytest.mark.parametrize(
        ("narrowed", "kinds_after"),
        [
            ({"status": "failed"}, ["failed"]),
            ({"type": TaskType.HTTP, "status": "succeeded"}, ["succeeded"]),
            ({"status": "failed", "is_dead": True}, ["failed"]),
            ({"status": "pending"}, ["ready", "delayed"]),
        ],
    )
    async def test_goes_on_after_one_that_is_gone(
        self, world: World, narrowed: dict[str, Any], kinds_after: list[str]
    ) -> None:
        """Retention removes the last row of a page before the next page is asked for."""
        of, kinds = await every_kind_of_task(world)
        long_ago = TaskPlace(of.updated_at - 99 * HOUR, new_instance_id(), 1)

        found = await world.reader.list_tasks(ACME, TaskFilter(**narrowed), after=long_ago, limit=9)

        assert [kinds[kind] for kind in kinds_after] == [task.ordinal for task in found]

    async def test_goes_on_where_it_was_though_the_last_one_is_due_later_by_now(
        self, world: World
    ) -> None:
        """A retry moves a task to the end of the list, and those between are not left out."""
        fresh = instance(await world.now())
        at = fresh.updated_at
        tasks = [new_task(fresh, n, run_at=at - (9 - n) * HOUR) for n in (1, 2, 3)]
        await stored(world, start(fresh, new_tasks=tasks))
        wanted = TaskFilter(status="pending")
        (first,) = await world.reader.list_tasks(ACME, wanted, after=None, limit=1)
        place = replace(wanted.place_of(first), ordinal=9)

        found = await world.reader.list_tasks(ACME, wanted, after=place, limit=9)

        assert [2, 3] == [task.ordinal for task in found]

    async def test_that_are_ready_in_several_queues_and_instances_misses_none(
        self, world: World
    ) -> None:
        """`ready` is in claiming order, and the listing goes by time alone."""
        stored_tasks = []
        for _ in range(3):
            fresh = instance(await world.now())
            tasks = [
                new_task(fresh, n, queue=queue, priority=-n, run_at=fresh.updated_at - n * HOUR)
                for n, queue in enumerate(("a", "b", "c", "c"), start=1)
            ]
            tasks.append(new_task(fresh, 5, run_at=fresh.updated_at + HOUR))
            await stored(world, start(fresh, new_tasks=tasks))
            stored_tasks += [(task.run_at, fresh.instance_id, task.ordinal) for task in tasks]

        found = await all_tasks(world, TaskFilter(status="pending"), size=5)

        assert sorted(stored_tasks) == [
            (task.run_at, task.instance_id, task.ordinal) for task in found
        ]

    async def test_that_run_long_and_are_leased_are_listed_once(self, world: World) -> None:
        """A heartbeat has made the row say `running` too."""
        before = await started(world, tasks=1)
        await claimed(world, await open_session(world))
        update = TaskUpdate(ordinal=1, status="running")
        await stored(world, step(before, updated_tasks=[update]))

        found = await all_tasks(world, TaskFilter(status="running"))

        assert [await found_task(world, before, 1)] == found


class TestHistory:
    async def test_is_read_in_order_after_a_seq(self, world: World) -> None:
        """From wherever the reader was."""
        fresh = instance(await world.now(), seq=5)
        entries = [entry(n, fresh.started_at, ordinal=n) for n in range(1, 6)]
        await stored(world, start(fresh, entries=entries))

        async def read(after_seq: int, limit: int) -> Sequence[object]:
            return await world.reader.list_history(
                ACME, fresh.instance_id, after_seq=after_seq, limit=limit
            )

        assert entries[:2] == list(await read(0, 2))
        assert entries[2:] == list(await read(2, 9))
        assert [] == list(await read(5, 9))

    async def test_of_another_tenants_instance_is_empty(self, world: World) -> None:
        """As if it were not there."""
        theirs = await started(world, tenant_id=OTHER)

        assert [] == list(
            await world.reader.list_history(ACME, theirs.instance_id, after_seq=0, limit=9)
        )


class TestTasksByName:
    async def test_are_those_of_the_type_that_was_asked_for(self, world: World) -> None:
        """An inbox hears of every task's end, and looks up which were people's."""
        fresh = instance(await world.now())
        await stored(
            world,
            start(
                fresh,
                new_tasks=[
                    new_task(fresh, 1, type=TaskType.HUMAN),
                    new_task(fresh, 2),
                    new_task(fresh, 3, type=TaskType.HUMAN),
                ],
            ),
        )
        keys = [(fresh.instance_id, ordinal) for ordinal in (1, 2, 3, 4)]

        found = await world.reader.get_tasks(ACME, keys, TaskType.HUMAN)

        assert {keys[0], keys[2]} == found.keys()
        assert {1, 3} == {task.ordinal for task in found.values()}
        assert {} == await world.reader.get_tasks(OTHER, keys, TaskType.HUMAN)


class TestACount:
    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            ({}, 4),
            ({"status": "running"}, 2),
            ({"status": "failed"}, 1),
            ({"definition_key": "order"}, 3),
            ({"definition_key": "order", "status": "completed"}, 1),
            ({"business_key": "o-1"}, 1),
            ({"business_key": "o-1", "definition_key": "loan"}, 0),
        ],
        ids=str,
    )
    async def test_of_instances_is_how_many_a_list_would_have(
        self, world: World, wanted: dict[str, Any], count: int
    ) -> None:
        """All terms must hold, and another tenant's do not count."""
        await started(world)
        await started(world, business_key="o-1")
        done, failed = await started(world), await started(world, definition_key="loan")
        await stored(world, closed(done, "completed"), closed(failed, "failed"))
        await started(world, tenant_id=OTHER)

        found = await world.reader.count_instances(ACME, InstanceFilter(**wanted), at_most=100)

        assert count == found
        assert min(count, 1) == await world.reader.count_instances(
            ACME, InstanceFilter(**wanted), at_most=1
        )

    async def test_of_tasks_is_how_many_a_list_would_have(self, world: World) -> None:
        """Pending, running and closed ones are found in different tables."""
        one, two = await started(world, tasks=4), await started(world, tasks=2)
        await started(world, tasks=3, tenant_id=OTHER)
        session_id = await open_session(world, tenant=ACME)
        await world.claims.claim(
            session_id, queues=["default"], types=[TaskType.HTTP], max_tasks=2, after=None
        )

        async def count(**wanted: Any) -> int:
            return await world.reader.count_tasks(ACME, TaskFilter(**wanted), at_most=100)

        assert 6 == await count()
        assert (4, 2, 0) == (
            await count(status="pending"),
            await count(status="running"),
            await count(status="failed"),
        )
        assert (6, 0) == (await count(type=TaskType.HTTP), await count(type=TaskType.HUMAN))
        found = [await count(instance_id=each.instance_id) for each in (one, two)]
        assert [4, 2] == found
