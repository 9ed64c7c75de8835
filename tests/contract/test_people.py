"""What people may do with tasks, and where they find them; instances by their labels."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from control_plane.ports.claims import Beat, HeldTask
from control_plane.ports.duties import STARTER
from control_plane.ports.instance_store import (
    Dealt,
    Decider,
    NewComment,
    NewOffer,
    TaskKey,
    TaskUpdate,
    Wanted,
)
from control_plane.ports.people import DUE, Offer, offers_of
from control_plane.ports.reader import InstanceFilter, InstancePlace, TaskFilter
from control_plane.ports.records import Instance, Task
from shared.ids import InstanceId, SessionId, TenantId
from shared.tasks import DEFAULT_QUEUE, ClaimedTask, TaskType
from tests.contract.material import (
    claimed,
    instance,
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
ADA, BO, COOK = Offer("user", "ada"), Offer("user", "bo"), Offer("role", "cook")
OF_ADA, OF_BO = Offer("assignee", "ada"), Offer("assignee", "bo")
FOR_COOKS = '{"form":{"type":"object"},"roles":["cook"],"users":["ada"]}'


async def offered(
    world: World, tasks: int = 1, *, tenant_id: TenantId = ACME, terms: str = FOR_COOKS, **more: Any
) -> Instance:
    """An instance with so many human tasks, each offered by its terms."""
    fresh = instance(await world.now(), tenant_id=tenant_id)
    new = [
        new_task(fresh, ordinal, type=TaskType.HUMAN, terms=terms, **more)
        for ordinal in range(1, tasks + 1)
    ]
    offers = [
        NewOffer(one.ordinal, offer, one.due_at)
        for one in new
        for offer in offers_of(one.terms, one.assignee, one.due_at)
    ]
    await stored(world, start(fresh, new_tasks=new, offered=offers))
    return fresh


async def people_of(world: World, of: Instance, ordinal: int = 1) -> Task:
    key = TaskKey(of.tenant_id, of.instance_id, ordinal)
    return (await world.store.read(Wanted(tasks=[key], with_people=[key]))).tasks[key]


async def found(
    world: World, *any_of: Sequence[Offer], tenant_id: TenantId = ACME, **more: Any
) -> list[int]:
    """The ordinals of what is found so, in their order."""
    wanted = TaskFilter(found_as=tuple(frozenset(one) for one in any_of), **more)
    tasks = await world.reader.list_tasks(tenant_id, wanted, after=None, limit=100)
    count = await world.reader.count_tasks(tenant_id, wanted, at_most=100)
    assert count == len(tasks)
    return [task.ordinal for task in tasks]


class TestATaskWithTerms:
    async def test_is_read_with_them_where_that_is_asked_for(self, world: World) -> None:
        """Most requests have no need of them."""
        due_at = await world.now() + HOUR
        of = await offered(world, due_at=due_at)
        key = TaskKey(of.tenant_id, of.instance_id, 1)
        without = (await world.store.read(Wanted(tasks=[key]))).tasks[key]
        with_them = await people_of(world, of)
        shown = await world.reader.get_task(ACME, of.instance_id, 1)

        assert (None, None) == (without.terms, without.due_at)
        assert (FOR_COOKS, due_at, None) == (
            with_them.terms,
            with_them.due_at,
            with_them.assignee,
        )
        assert with_them == shown

    async def test_is_listed_with_them(self, world: World) -> None:
        """Whoever draws a list of tasks draws whom they are offered to."""
        of = await offered(world)
        wanted = TaskFilter(instance_id=of.instance_id)
        listed = await world.reader.list_tasks(ACME, wanted, after=None, limit=9)
        fetched = await world.reader.get_tasks(ACME, [(of.instance_id, 1)], TaskType.HUMAN)

        assert [FOR_COOKS] == [task.terms for task in listed]
        assert [FOR_COOKS] == [task.terms for task in fetched.values()]

    async def test_says_who_has_it_from_then_on(self, world: World) -> None:
        """Also where its definition says nothing of people."""
        fresh = instance(await world.now())
        await stored(world, start(fresh, new_tasks=[new_task(fresh, 1, type=TaskType.HUMAN)]))
        taken = step(fresh, dealt={1: Dealt("ada")}, offered=[NewOffer(1, OF_ADA, None)])
        await stored(world, taken)
        first = await people_of(world, fresh)
        await stored(world, step(taken.after, dealt={1: Dealt(None)}, unoffered=[(1, "assignee")]))
        second = await people_of(world, fresh)

        assert ["ada", None] == [first.assignee, second.assignee]

    async def test_keeps_its_terms_when_somebody_takes_it(self, world: World) -> None:
        """What is written is who has it, and nothing else."""
        of = await offered(world)
        await stored(world, step(of, dealt={1: Dealt("ada")}))

        assert FOR_COOKS == (await people_of(world, of)).terms


class TestAnOpenHumanTask:
    async def test_is_found_by_a_user_by_a_role_and_once_by_both(self, world: World) -> None:
        """A person looks under all their names."""
        await offered(world)

        assert [[1], [1], [1], []] == [
            await found(world, [ADA]),
            await found(world, [COOK]),
            await found(world, [ADA, COOK]),
            await found(world, [BO]),
        ]

    async def test_is_found_by_all_that_is_asked_together(self, world: World) -> None:
        """What a person sees, of what somebody filters for."""
        of = await offered(world, 2)
        await stored(world, step(of, dealt={2: Dealt("ada")}, offered=[NewOffer(2, OF_ADA, None)]))

        assert [[1, 2], [2], [], [1]] == [
            await found(world, [COOK], [ADA]),
            await found(world, [COOK], [OF_ADA]),
            await found(world, [COOK], [BO]),
            await found(world, [COOK], is_unclaimed=True),
        ]

    async def test_comes_by_when_it_is_due_and_page_by_page(self, world: World) -> None:
        """What is most urgent first; what has no such time last."""
        now = await world.now()
        late = await offered(world, 2)
        soon = await offered(world, 2, due_at=now + HOUR)
        sooner = await offered(world, 1, due_at=now)
        wanted = TaskFilter(found_as=(frozenset({ADA, COOK}),))
        seen: list[Any] = []
        after = None
        while page := await world.reader.list_tasks(ACME, wanted, after=after, limit=2):
            seen += [(task.instance_id, task.ordinal) for task in page]
            after = wanted.place_of(page[-1])

        assert [
            (sooner.instance_id, 1),
            (soon.instance_id, 1),
            (soon.instance_id, 2),
            (late.instance_id, 1),
            (late.instance_id, 2),
        ] == seen

    async def test_is_found_by_when_it_is_due(self, world: World) -> None:
        """Overdue work is what an operator looks for."""
        now = await world.now()
        await offered(world, 1)
        await offered(world, 2, due_at=now + HOUR)

        assert [[1, 2], [], [1, 2]] == [
            await found(world, [DUE], due_before=now + 2 * HOUR),
            await found(world, [DUE], due_before=now + HOUR),
            await found(world, [DUE], due_from=now + HOUR),
        ]

    async def test_is_found_by_its_status_and_its_instance(self, world: World) -> None:
        """An executor that hands it to people has it for a moment."""
        await offered(world)
        other = await offered(world, 2)
        await claimed(world, await open_session(world), 3)

        assert [[], [1, 1, 2], [1, 2], []] == [
            await found(world, [COOK], status="pending"),
            sorted(await found(world, [COOK], status="running")),
            await found(world, [COOK], instance_id=other.instance_id),
            await found(world, [COOK], type=TaskType.HTTP),
        ]

    async def test_is_found_no_more_once_it_has_ended(self, world: World) -> None:
        """An inbox holds what is to be done."""
        of = await offered(world, 2)
        done = TaskUpdate(ordinal=1, status="succeeded", completed_at=of.updated_at)
        await stored(world, step(of, updated_tasks=[done], cleared=[1], unoffered=[(1, None)]))

        assert [2] == await found(world, [COOK])

    async def test_is_no_longer_found_as_that_of_who_let_it_go(self, world: World) -> None:
        """And is still offered as it was."""
        of = await offered(world)
        taken = step(of, dealt={1: Dealt("ada")}, offered=[NewOffer(1, OF_ADA, None)])
        await stored(world, taken)
        before = await found(world, [OF_ADA])
        await stored(world, step(taken.after, dealt={1: Dealt(None)}, unoffered=[(1, "assignee")]))

        assert [[1], [], [1]] == [
            before,
            await found(world, [OF_ADA]),
            await found(world, [ADA]),
        ]

    async def test_is_nothing_to_another_tenant(self, world: World) -> None:
        """A role's name is the tenant's own word."""
        await offered(world)

        assert [] == await found(world, [COOK], tenant_id=OTHER)

    async def test_of_a_change_that_was_overtaken_is_not_found(self, world: World) -> None:
        """Whole, or not at all."""
        of = await offered(world)
        overtaken = step(
            replace(of, revision=7), dealt={1: Dealt("bo")}, unoffered=[(1, None)],
            offered=[NewOffer(1, BO, None)],
        )  # fmt: skip

        assert frozenset() == await world.store.write([overtaken])
        assert [[1], []] == [await found(world, [ADA]), await found(world, [BO])]


class TestHowATaskStands:
    async def test_is_kept_beside_who_has_it_and_what_is_said_of_it(self, world: World) -> None:
        """What a change does not say stays as it was."""
        of = await offered(world)
        voted = step(of, dealt={1: Dealt(None, standing='{"comments":1}')})
        await stored(world, voted)
        first = await people_of(world, of)
        taken = step(voted.after, dealt={1: Dealt("bo")}, offered=[NewOffer(1, OF_BO, None)])
        await stored(world, taken)
        terms = '{"roles":["chef"]}'
        await stored(world, step(taken.after, dealt={1: Dealt("bo", terms=terms)}))
        last = await people_of(world, of)
        shown = await world.reader.get_task(ACME, of.instance_id, 1)

        assert (FOR_COOKS, '{"comments":1}', None) == (first.terms, first.standing, first.assignee)
        assert (terms, '{"comments":1}', "bo") == (last.terms, last.standing, last.assignee)
        assert shown == last


class TestDeciders:
    async def test_are_read_for_the_tasks_that_are_not_for_them(self, world: World) -> None:
        """Of the names that the task's terms are about, and of its own instance."""
        terms = '{"notBy":{"starter":true,"tasks":["draft"]},"roles":["cook"]}'
        of = await offered(world, terms=terms)
        other = await offered(world)
        known = [Decider("draft", "ada"), Decider("check", "bo"), Decider(STARTER, "eve")]
        decided = step(of, deciders=known)
        await stored(world, decided, step(other, deciders=[Decider("draft", "cy")]))
        await stored(world, step(decided.after, deciders=known[:1]))
        keys = [TaskKey(ACME, one.instance_id, 1) for one in (of, other)]
        found = (await world.store.read(Wanted(tasks=keys, with_people=keys))).deciders
        unasked = (await world.store.read(Wanted(tasks=keys))).deciders

        assert {of.key: frozenset({known[0], known[2]})} == dict(found)
        assert {} == dict(unasked)


class TestComments:
    async def test_are_listed_by_task_and_author_in_their_order(self, world: World) -> None:
        """Those of another task, or of another tenant, are not among them."""
        of = await offered(world, 2)
        said = [(1, 3, "ada", "a"), (2, 4, "ada", "b"), (1, 5, "bo", "c")]
        change = step(of, comments=[NewComment(*one) for one in said])
        await stored(world, change)

        async def listed(tenant_id: TenantId = ACME, **more: Any) -> list[str]:
            asked = {"after_seq": 0, "limit": 9, **more}
            found = await world.reader.list_comments(tenant_id, of.instance_id, 1, **asked)
            return [one.text for one in found]

        (first, *_) = await world.reader.list_comments(
            ACME, of.instance_id, 1, after_seq=0, limit=1
        )

        assert (3, "ada", change.after.updated_at) == (first.seq, first.author, first.created_at)
        assert [["a", "c"], ["c"], ["c"], []] == [
            await listed(),
            await listed(after_seq=3),
            await listed(author="bo"),
            await listed(OTHER),
        ]

    async def test_of_a_change_that_was_overtaken_are_not_kept(self, world: World) -> None:
        """Whole, or not at all; nor are its votes and deciders."""
        of = await offered(world, terms='{"notBy":{"tasks":["draft"]}}')
        overtaken = step(
            replace(of, revision=7),
            comments=[NewComment(1, 3, "ada", "a")],
            deciders=[Decider("draft", "ada")],
            dealt={1: Dealt(None, standing='{"comments":1}')},
        )
        kept = await world.store.write([overtaken])
        key = TaskKey(ACME, of.instance_id, 1)
        read = await world.store.read(Wanted(tasks=[key], with_people=[key]))

        assert (frozenset(), None, {}) == (kept, read.tasks[key].standing, dict(read.deciders))
        assert [] == list(
            await world.reader.list_comments(ACME, of.instance_id, 1, after_seq=0, limit=9)
        )


class TestATaskThatIsTriedAtOnce:
    async def test_leaves_where_it_waited(self, world: World) -> None:
        """Claimed from there as well, it would be done twice."""
        now = await world.now()
        fresh = instance(now)
        waiting = new_task(fresh, 1, run_at=now + HOUR)
        await stored(world, start(fresh, new_tasks=[waiting]))
        hurried = step(
            fresh,
            cleared=[1],
            requeued=[requeued(1, now)],
            updated_tasks=[TaskUpdate(ordinal=1, status="pending", run_at=now)],
        )
        await stored(world, hurried)

        assert {"ready": 1} == {
            table: count
            for table, count in (await world.row_counts()).items()
            if table in {"ready", "delayed", "lease"}
        }


class TestProgress:
    async def test_of_an_attempt_is_told_to_the_next(self, world: World) -> None:
        """What took long need not be done again; a first attempt has none."""
        before = await started(world, tasks=1)
        session = await open_session(world)
        first = await claim_one(world, session)
        await world.claims.beat([Beat(ACME, HeldTask(before.instance_id, 1, 1), '{"done":7}')])
        again = step(
            before,
            fences=[(1, 1)],
            requeued=[requeued(1, before.updated_at)],
            updated_tasks=[TaskUpdate(ordinal=1, status="pending")],
        )
        await stored(world, again)
        second = await claim_one(world, session)

        assert [None, {"done": 7}] == [first.last_progress, second.last_progress]


async def claim_one(world: World, session_id: SessionId) -> ClaimedTask:
    (task,) = await world.claims.claim(
        session_id, queues=[DEFAULT_QUEUE], types=[TaskType.HTTP], max_tasks=9, after=None
    )
    return task


class TestLabels:
    async def test_are_those_of_the_change_if_it_says_so(self, world: World) -> None:
        """A step that is not about labels does not carry them."""
        fresh = instance(await world.now(), labels='{"region":"eu"}')
        await stored(world, start(fresh))
        first = step(fresh)
        await stored(world, first)
        second = step(
            first.after,
            labels_changed=True,
            labelled={"region": "us"},
            unlabelled={"region": "eu"},
        )
        second = replace(second, after=replace(second.after, labels='{"region":"us"}'))
        other = instance(await world.now(), labels='{"a":"b"}')
        await stored(world, second, start(other))
        found = [await world.reader.get_instance(ACME, one.instance_id) for one in (fresh, other)]

        assert ['{"region":"us"}', '{"a":"b"}'] == [one and one.labels for one in found]
        assert [[], [fresh.instance_id]] == [
            await labelled(world, ("region", "eu")),
            await labelled(world, ("region", "us")),
        ]

    async def test_find_instances_newest_first_and_page_by_page(self, world: World) -> None:
        """By all that are asked for, and by what else is."""
        now = await world.now()
        some = [
            instance(
                now,
                started_at=now + n * HOUR,
                labels=f'{{"half":"{n // 2}","region":"eu"}}',
                definition_key=f"d{n % 2}",
            )
            for n in range(4)
        ]
        await stored(world, *(start(one) for one in some))
        ids = [one.instance_id for one in reversed(some)]
        wanted = InstanceFilter(labels=(("region", "eu"),))
        first = await world.reader.list_instances(ACME, wanted, after=None, limit=3)
        last = await world.reader.list_instances(
            ACME, wanted, after=InstancePlace.of(first[-1]), limit=3
        )

        assert ids == [one.instance_id for one in (*first, *last)]
        assert ids[:2] == await labelled(world, ("half", "1"), ("region", "eu"))
        assert ids[1::2] == await labelled(world, ("region", "eu"), definition_key="d0")
        assert ids[3:] == await labelled(world, ("region", "eu"), started_before=now + HOUR)
        assert [] == await labelled(world, ("region", "eu"), tenant_id=OTHER)

    async def test_bound_what_a_page_looks_at(self, world: World) -> None:
        """What stands beside a label has no index: a page may not look for it at everything."""
        now = await world.now()
        some = [
            instance(now, started_at=now + n * HOUR, labels=f'{{"n":"{n}","region":"eu"}}')
            for n in range(4)
        ]
        await stored(world, *(start(one) for one in some))
        ids = [InstancePlace.of(one) for one in reversed(some)]
        wanted = InstanceFilter(labels=(("region", "eu"), ("n", "0")))

        async def at(count: int, after: InstancePlace | None = None, **more: Any) -> object:
            asked = replace(wanted, **more)
            return await world.reader.labelled_at(ACME, asked, after=after, count=count)

        assert [ids[1], ids[3], None] == [await at(2), await at(4), await at(5)]
        assert [ids[2], None] == [await at(1, ids[1]), await at(3, ids[1])]
        assert [ids[2], None] == [
            await at(1, started_before=now + 2 * HOUR),
            await at(3, started_before=now + 2 * HOUR),
        ]
        assert [] == await labelled(world, *wanted.labels, down_to=ids[2])
        assert [ids[3].instance_id] == await labelled(world, *wanted.labels, down_to=ids[3])


async def labelled(
    world: World, *labels: tuple[str, str], tenant_id: TenantId = ACME, **more: Any
) -> list[InstanceId]:
    wanted = InstanceFilter(labels=labels, **more)
    found = await world.reader.list_instances(tenant_id, wanted, after=None, limit=9)
    return [one.instance_id for one in found]
