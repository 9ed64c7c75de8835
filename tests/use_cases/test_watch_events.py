"""Following a feed: bookmarks, batches, and what a filter keeps."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.feed import MemoryFeed
from control_plane.adapters.memory.instance_store import MemoryInstanceStore
from control_plane.loops.tailer import Tailer
from control_plane.ports.feed import ORIGIN, FeedEntry
from control_plane.use_cases.feed_filter import FeedFilter, Interest
from control_plane.use_cases.watch_events import (
    MAX_TOLD_AT_ONCE,
    MAX_TOLD_WEIGHT,
    batches,
    watch_events,
)
from control_plane.use_cases.watch_instance import BOOKMARK_S
from shared.ids import new_instance_id
from tests.contract.material import entry, instance, start
from tests.contract.worlds import ACME

WITHIN_S = 10.0
NOW = datetime(2027, 1, 1, tzinfo=UTC)
A_BIT_S = 0.02


@pytest.fixture
def feed() -> MemoryFeed:
    """An empty feed."""
    return MemoryFeed(MemoryDatabase())


@pytest.fixture
async def tailer(feed: MemoryFeed) -> AsyncIterator[Tailer]:
    """A tailer at work."""
    made = Tailer(feed)
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(stop))
    yield made
    stop.set()
    await task


def told(text: str = "{}", **values: object) -> FeedEntry:
    defaults: dict[str, object] = {
        "position": ORIGIN,
        "instance_id": new_instance_id(),
        "definition_key": "order",
        "business_key": None,
        "labels": "{}",
        "entry": entry(1, NOW, payload=text),
    }
    return FeedEntry(**{**defaults, **values})  # type: ignore[arg-type]  # the test's own


class TestABookmark:
    async def test_comes_at_once_and_then_again_while_nothing_happens(
        self, feed: MemoryFeed, tailer: Tailer
    ) -> None:
        """So that the stream stays open, and whoever follows has a position."""
        stream = watch_events(
            feed, tailer.feed, ACME, FeedFilter(), after=ORIGIN, bookmark_s=A_BIT_S
        )

        async with asyncio.timeout(WITHIN_S):
            found = [await anext(stream) for _ in range(4)]
        await stream.aclose()

        assert [((), ORIGIN)] * 4 == [(one.entries, one.until) for one in found]

    async def test_moves_on_with_what_is_not_wanted(self, feed: MemoryFeed, tailer: Tailer) -> None:
        """Whoever wants little must not fall behind what is kept."""
        wanted = FeedFilter(business_key="none")
        stream = watch_events(feed, tailer.feed, ACME, wanted, after=ORIGIN, bookmark_s=A_BIT_S)
        await anext(stream)
        store = MemoryInstanceStore(feed._database)
        await store.write([start(instance(NOW))])

        async with asyncio.timeout(WITHIN_S):
            while (news := await anext(stream)).until == ORIGIN:
                assert not news.entries
        await stream.aclose()

        assert await feed.newest(ACME) == news.until

    def test_comes_more_often_than_was_promised(self) -> None:
        """Every 20 seconds, says the contract."""
        assert BOOKMARK_S < 20


class TestABatch:
    def test_is_a_message_long_at_most(self) -> None:
        """However much is read at once."""
        entries = [told() for _ in range(2 * MAX_TOLD_AT_ONCE + 5)]

        found = batches(entries)

        assert [MAX_TOLD_AT_ONCE, MAX_TOLD_AT_ONCE, 5] == [len(one) for one in found]
        assert entries == [one for some in found for one in some]

    def test_is_cut_where_it_gets_heavy(self) -> None:
        """One that is heavy alone is told alone."""
        half = "x" * (MAX_TOLD_WEIGHT // 2)
        whole = "x" * (2 * MAX_TOLD_WEIGHT)

        found = batches([told(half), told(half), told(half), told(whole), told()])

        assert [2, 1, 1, 1] == [len(one) for one in found]

    def test_is_none_of_nothing(self) -> None:
        """A message without entries is a bookmark."""
        assert [] == batches([])


class TestAFeedFilter:
    @pytest.mark.parametrize(
        ("wanted", "interest"),
        [
            (FeedFilter(), None),
            (FeedFilter(definition_key="order", business_key="o"), Interest("business_key", "o")),
            (
                FeedFilter(definition_key="order", labels={"a": "b"}),
                Interest("definition_key", "order"),
            ),
            (FeedFilter(types=frozenset({"ERROR"})), Interest("type", "ERROR")),
            (FeedFilter(types=frozenset({"ERROR", "TIMER_FIRED"})), None),
            (FeedFilter(state="review"), Interest("type", "STATE_TRANSITION")),
        ],
    )
    def test_is_told_by_what_leaves_the_fewest(
        self, wanted: FeedFilter, interest: Interest | None
    ) -> None:
        """A page that has nothing of it wakes nobody."""
        assert interest == wanted.interest

    @pytest.mark.parametrize(
        ("wanted", "is_kept"),
        [
            (FeedFilter(), True),
            (FeedFilter(state="review"), True),
            (FeedFilter(state="draft"), False),
            (FeedFilter(state="review", types=frozenset({"ERROR"})), False),
            (FeedFilter(labels={"region": "eu"}), True),
            (FeedFilter(labels={"region": "eu", "team": "x"}), False),
            (FeedFilter(business_key="o-2"), False),
            (FeedFilter(definition_key="loan"), False),
        ],
    )
    def test_keeps_what_all_of_it_holds_for(self, wanted: FeedFilter, *, is_kept: bool) -> None:
        """And what its interest finds is no more than a part of that."""
        one = told(labels='{"region":"eu"}', business_key="o-1")
        moved = replace(
            one, entry=entry(2, NOW, type="STATE_TRANSITION", payload='{"entered":["review"]}')
        )

        assert is_kept == wanted.keeps(moved)
        if is_kept and wanted.interest is not None:
            assert wanted.interest.value == Interest.value_of(wanted.interest.kind, moved)

    def test_that_asks_for_a_state_keeps_no_other_entry(self) -> None:
        """Whatever else its payload says."""
        other = told('{"entered":["review"]}')

        assert not FeedFilter(state="review").keeps(other)
        assert not FeedFilter(state="review").keeps(
            replace(other, entry=entry(2, NOW, type="STATE_TRANSITION", payload="{}"))
        )
