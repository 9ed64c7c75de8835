"""The feed has everything of one tenant, once, in one order that can be resumed anywhere."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from control_plane.adapters.postgres.feed_parts import MAX_IN_PART
from control_plane.ports.feed import ORIGIN, FeedEntry, FeedPage, Position
from control_plane.ports.records import Instance
from shared.ids import InstanceId, TenantId
from tests.contract.material import closed, entry, instance, start, started, step, stored
from tests.contract.worlds import ACME, OTHER, World
from tests.docs.pages import ROOT

MUCH = 1_000_000
DAY = timedelta(days=1)

Told = tuple[InstanceId, int]


async def page_after(
    world: World,
    position: Position,
    *,
    tenant_id: TenantId = ACME,
    weight: int = MUCH,
    types: frozenset[str] | None = None,
) -> FeedPage:
    """The page, which must be there."""
    pages = await world.feed.read({tenant_id: position}, weight=weight, types=types)
    page = pages[tenant_id]
    assert page is not None
    return page


async def is_good(world: World, position: Position) -> bool:
    """Whether one can read on from there."""
    return (await world.feed.read({ACME: position}, weight=MUCH))[ACME] is not None


async def all_after(world: World, position: Position, *, weight: int = MUCH) -> list[FeedEntry]:
    """Page by page, to the end."""
    found: list[FeedEntry] = []
    while (page := await page_after(world, position, weight=weight)).until != position:
        found += page.entries
        position = page.until
    return found


def told(entries: Sequence[FeedEntry]) -> list[Told]:
    return [(one.instance_id, one.entry.seq) for one in entries]


async def moved_on(world: World, before: Instance, entries: int = 1) -> Instance:
    """A stored step with so many entries."""
    change = step(before)
    after = replace(change.after, seq=before.seq + entries)
    written = tuple(entry(seq, before.updated_at) for seq in range(before.seq + 1, after.seq + 1))
    await stored(world, replace(change, after=after, entries=written))
    return after


class TestAFeed:
    async def test_has_every_entry_once_in_the_order_of_the_commits(self, world: World) -> None:
        """Of all instances, each by its history."""
        one = await started(world)
        two = await started(world)
        one = await moved_on(world, one, entries=3)
        await moved_on(world, two)
        await moved_on(world, one)

        found = await all_after(world, ORIGIN)

        first, second = one.instance_id, two.instance_id
        expected = [(first, 1), (second, 1), (first, 2), (first, 3), (first, 4), (second, 2)]
        assert [*expected, (first, 5)] == told(found)

    async def test_can_be_resumed_from_every_position(self, world: World) -> None:
        """Whatever follows a position follows it again, also in the middle of a commit."""
        changes = [start(instance(await world.now())) for _ in range(3)]
        await stored(world, *changes)
        for change in changes:
            await moved_on(world, change.after, entries=4)
        everything = await all_after(world, ORIGIN)

        for index, one in enumerate(everything, start=1):
            assert told(everything[index:]) == told(await all_after(world, one.position))

        assert 15 == len(everything)
        assert sorted(one.position for one in everything) == [one.position for one in everything]

    async def test_says_whose_an_entry_is(self, world: World) -> None:
        """What is filtered by comes with it."""
        labels = '{"region":"eu"}'
        one = await started(world, business_key="o-1", definition_key="loan", labels=labels)

        (found,) = (await page_after(world, ORIGIN)).entries

        assert ("loan", "o-1", labels) == (found.definition_key, found.business_key, found.labels)
        (written,) = await world.reader.list_history(ACME, one.instance_id, after_seq=0, limit=9)
        assert written == found.entry

    async def test_is_its_tenants_alone(self, world: World) -> None:
        """Two tenants in one commit have each their part of it."""
        ours, theirs = instance(await world.now()), instance(await world.now(), tenant_id=OTHER)
        await stored(world, start(ours), start(theirs))

        pages = await world.feed.read({ACME: ORIGIN, OTHER: ORIGIN}, weight=MUCH)

        found = {tenant: page and told(page.entries) for tenant, page in pages.items()}
        assert {ACME: [(ours.instance_id, 1)], OTHER: [(theirs.instance_id, 1)]} == found

    async def test_holds_a_commit_of_more_instances_than_a_part(self, world: World) -> None:
        """However many, each is there once, in parts that follow one another."""
        changes = [start(instance(await world.now())) for _ in range(2 * MAX_IN_PART + 7)]
        await stored(world, *changes)

        found = await all_after(world, ORIGIN, weight=1)

        assert {change.after.instance_id for change in changes} == {one for one, _ in told(found)}
        assert len(changes) == len(found)

    async def test_gives_pages_of_about_the_weight_that_was_asked_for(self, world: World) -> None:
        """One part at least, however little was asked for; so reading always gets on."""
        for _ in range(5):
            await started(world)

        small = await page_after(world, ORIGIN, weight=1)
        nothing = await page_after(world, ORIGIN, weight=0)

        assert 1 == len(small.entries)
        assert (0, ORIGIN) == (len(nothing.entries), nothing.until)
        assert 5 == len((await page_after(world, ORIGIN)).entries)

    async def test_leaves_out_types_that_nobody_wants_and_gets_on(self, world: World) -> None:
        """A page without entries still ends further on than it began."""
        one = await moved_on(world, await started(world))
        change = step(one)
        wanted = replace(change.entries[0], type="INSTANCE_COMPLETED")
        await stored(world, replace(change, entries=(wanted,)))

        none = await page_after(world, ORIGIN, types=frozenset({"TASK_FAILED"}))
        some = await page_after(world, ORIGIN, types=frozenset({"INSTANCE_COMPLETED"}))

        assert ([], [(one.instance_id, 3)]) == (told(none.entries), told(some.entries))
        assert none.until == some.until == await world.feed.newest(ACME)

    async def test_has_nothing_after_the_newest_position_until_something_happens(
        self, world: World
    ) -> None:
        """Where one begins who wants no past."""
        before_all = await world.feed.newest(ACME)
        one = await started(world)
        newest = await world.feed.newest(ACME)
        await started(world, tenant_id=OTHER)

        assert ORIGIN == before_all
        assert newest == (await page_after(world, newest)).until
        await moved_on(world, one)
        assert [(one.instance_id, 2)] == told((await page_after(world, newest)).entries)

    async def test_tells_of_a_change_without_entries_nothing(self, world: World) -> None:
        """An event that is put off leaves no trace in the history."""
        one = await started(world)
        newest = await world.feed.newest(ACME)
        await stored(
            world, replace(step(one), after=replace(one, revision=one.revision + 1), entries=())
        )

        assert newest == await world.feed.newest(ACME)

    async def test_leaves_out_what_was_removed_and_gets_on(self, world: World) -> None:
        """Retention removes an instance with its history; whoever is behind goes on past it."""
        gone, stays = await started(world), await started(world)
        before = (await page_after(world, ORIGIN)).entries[0].position
        await stored(world, closed(gone, "completed"))
        await moved_on(world, stays)
        await world.retention.put(ACME, "", DAY, archives=False)
        await world.move_clock(2 * DAY)
        wholes = await world.retention.whole([gone.key])

        assert 1 == await world.retention.remove_instances(wholes)

        whose = stays.instance_id
        assert [(whose, 1), (whose, 2)] == told(await all_after(world, ORIGIN))
        assert [(whose, 1), (whose, 2)] == told(await all_after(world, before))


class TestAPosition:
    async def test_of_another_database_is_not_misread(self, world: World) -> None:
        """After a restore the same transaction id may mean another commit."""
        await started(world)
        newest = await world.feed.newest(ACME)

        assert not await is_good(world, newest._replace(mark=newest.mark + 1))
        assert not await is_good(world, newest._replace(xid=newest.xid + 1_000))
        assert await is_good(world, newest)

    async def test_is_good_no_more_once_what_follows_is_removed(self, world: World) -> None:
        """Whoever stayed away too long is told, and not served a gap."""
        one = await started(world)
        first = await world.feed.newest(ACME)
        one = await moved_on(world, one, entries=3)
        middle = (await page_after(world, first)).entries[1].position
        second = await world.feed.newest(ACME)
        await world.move_clock(2 * DAY)
        one = await moved_on(world, replace(one, updated_at=await world.now()))

        assert 2 == await world.feed.prune(DAY, 100)

        assert [False, False, False, True] == [
            await is_good(world, position) for position in (ORIGIN, first, middle, second)
        ]
        assert [(one.instance_id, 5)] == told(await all_after(world, second))
        assert second == await world.feed.oldest(ACME)

    async def test_at_the_end_stays_good_however_long_nothing_happens(self, world: World) -> None:
        """An idle tenant's watchers have missed nothing."""
        one = await started(world)
        newest = await world.feed.newest(ACME)
        await world.move_clock(2 * DAY)
        await world.feed.prune(DAY, 100)

        assert newest == await world.feed.newest(ACME) == await world.feed.oldest(ACME)
        await moved_on(world, one)
        assert [(one.instance_id, 2)] == told(await all_after(world, newest))


class TestPruning:
    async def test_takes_the_oldest_first_and_no_more_than_it_may(self, world: World) -> None:
        """What is left has no holes, and one go is short."""
        positions = []
        for _ in range(4):
            await started(world)
            positions.append(await world.feed.newest(ACME))
        await started(world, tenant_id=OTHER)
        await world.move_clock(2 * DAY)

        assert 4 == await world.feed.prune(DAY, 3)

        assert positions[2] == await world.feed.oldest(ACME)
        assert 1 == len(await all_after(world, positions[2]))

    async def test_leaves_what_is_young(self, world: World) -> None:
        """Everything can be resumed from for as long as the operator said."""
        await started(world)

        assert 0 == await world.feed.prune(DAY, 100)

        assert await is_good(world, ORIGIN)


class TestWhatIsNewerOfInstances:
    async def test_are_the_entries_after_each_ones_seq(self, world: World) -> None:
        """Watchers of many instances are told by one question."""
        one = await moved_on(world, await started(world), entries=3)
        still = await started(world)
        unknown = instance(await world.now())

        found = await world.feed.newer({one.key: 2, still.key: 1, unknown.key: 0}, 100)
        limited = await world.feed.newer({one.key: 0}, 2)

        assert {one.key: [3, 4]} == {
            key: [entry.seq for entry in entries] for key, entries in found.items()
        }
        assert [1, 2] == [entry.seq for entry in limited[one.key]]
        assert {} == await world.feed.newer({}, 100)


@pytest.mark.parametrize("count", [1, MAX_IN_PART, MAX_IN_PART + 1])
async def test_newest_is_after_all_parts_of_a_commit(world: World, count: int) -> None:
    """A commit is written in parts, and becomes readable at once."""
    await stored(world, *[start(instance(await world.now())) for _ in range(count)])

    newest = await world.feed.newest(ACME)

    assert newest == (await page_after(world, newest)).until


def test_nothing_is_written_past_it() -> None:
    """Whatever writes history and not the feed is what subscribers never hear of."""
    sources = [
        path
        for folder in ("control_plane", "executor", "migrations", "shared")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in {".py", ".sql"}
        and re.search(r"INTO\s+foliot\.history\b", path.read_text("utf-8"))
    ]

    assert ["write_parts.py"] == [path.name for path in sources]
