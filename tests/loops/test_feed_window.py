"""The window on the feeds: read once for all who follow, and never the reason to miss anything."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.feed import MemoryFeed
from control_plane.adapters.memory.instance_store import MemoryInstanceStore
from control_plane.loops.feed_window import FeedWindow
from control_plane.loops.tailer import Tailer
from control_plane.ports.feed import ORIGIN, FeedPage, Position
from control_plane.use_cases.feed_filter import FeedFilter
from control_plane.use_cases.watch_events import News, watch_events
from shared.errors import InvalidRequest
from shared.ids import TenantId
from tests.contract.material import instance, start
from tests.contract.worlds import ACME, OTHER

WITHIN_S = 10.0
ALL = FeedFilter()


@dataclass
class CountedFeed(MemoryFeed):
    """The feed of a database, and how often it was read, by how many positions at once."""

    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    reads: list[Mapping[TenantId, Position]] = field(default_factory=list)
    is_lost: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.database)

    async def read(
        self,
        asked: Mapping[TenantId, Position],
        *,
        weight: int,
        types: frozenset[str] | None = None,
    ) -> Mapping[TenantId, FeedPage | None]:
        self.reads.append(dict(asked))
        if self.is_lost:
            return dict.fromkeys(asked)
        return await super().read(asked, weight=weight, types=types)

    async def happens(self, tenant_id: TenantId = ACME, **values: object) -> None:
        """An instance starts."""
        fresh = instance(self.database.now(), tenant_id=tenant_id, **values)
        await MemoryInstanceStore(self.database).write([start(fresh)])


class Follower:
    """Someone who follows a feed, in a task of its own, as far as it is let."""

    def __init__(self, feed: MemoryFeed, window: FeedWindow, wanted: FeedFilter = ALL) -> None:
        self.told: list[str] = []
        self.bookmarks = 0
        self.at = ORIGIN
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._moved = asyncio.Condition()
        self._stream = watch_events(feed, window, ACME, wanted, after=ORIGIN, bookmark_s=30)

    async def run(self) -> None:
        async for news in self._stream:
            await self._take(news)
            await self.goes_on.wait()

    async def _take(self, news: News) -> None:
        async with self._moved:
            self.told += [str(one.instance_id) for one in news.entries]
            self.bookmarks += not news.entries
            self.at = news.until
            self._moved.notify_all()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WITHIN_S), self._moved:
            await self._moved.wait_for(lambda: len(self.told) >= count)

    async def until_it_waits(self, window: FeedWindow) -> None:
        """Until it has caught up."""
        async with asyncio.timeout(WITHIN_S):
            while not window.waiting(ACME):  # noqa: ASYNC110 - bounded
                await asyncio.sleep(0.001)


@asynccontextmanager
async def running(*followers: Follower) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in followers]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.fixture
def feed() -> CountedFeed:
    """An empty feed."""
    return CountedFeed()


@pytest.fixture
async def tailer(feed: CountedFeed) -> AsyncIterator[Tailer]:
    """A tailer at work."""
    made = Tailer(feed)
    stop = asyncio.Event()
    task = asyncio.create_task(made.run(stop))
    yield made
    stop.set()
    await task


class TestManyFollowers:
    async def test_are_told_by_one_read(self, feed: CountedFeed, tailer: Tailer) -> None:
        """The cost of a look does not grow with who follows."""
        followers = [Follower(feed, tailer.feed) for _ in range(200)]
        async with running(*followers):
            for one in followers:
                await one.until_it_waits(tailer.feed)
            async with asyncio.timeout(WITHIN_S):
                while tailer.feed.waiting(ACME) < len(followers):  # noqa: ASYNC110 - bounded
                    await asyncio.sleep(0.001)
            feed.reads.clear()

            await feed.happens()
            for one in followers:
                await one.until(1)
            reads = list(feed.reads)

        assert 1 == len({tuple(one.told) for one in followers})
        with_news = [asked for asked in reads if asked[ACME] == ORIGIN]
        assert 20 > len(with_news)

    async def test_of_many_tenants_are_told_by_one_read(
        self, feed: CountedFeed, tailer: Tailer
    ) -> None:
        """Each look asks for all that is followed."""
        mine = Follower(feed, tailer.feed)
        with tailer.feed.follow(OTHER, ALL) as theirs:
            waiting = asyncio.create_task(theirs.wait(ORIGIN, WITHIN_S))
            async with running(mine):
                await mine.until_it_waits(tailer.feed)
                async with asyncio.timeout(WITHIN_S):
                    while {ACME, OTHER} != (feed.reads[-1] if feed.reads else {}).keys():  # noqa: ASYNC110 - bounded
                        await asyncio.sleep(0.001)
                await feed.happens()
                await feed.happens(OTHER)
                await mine.until(1)
                await waiting
                found = theirs.since(ORIGIN)

        assert found is not None
        assert 1 == len(found[0])


class TestASlowFollower:
    async def test_reads_what_the_window_has_let_go(self, feed: CountedFeed) -> None:
        """It is waited for, costs no memory, and misses nothing."""
        tailer = Tailer(feed, window_weight=300)
        stop = asyncio.Event()
        task = asyncio.create_task(tailer.run(stop))
        slow, quick = Follower(feed, tailer.feed), Follower(feed, tailer.feed)
        async with running(slow, quick):
            await feed.happens()
            await slow.until(1)
            slow.goes_on.clear()
            for count in range(2, 301):
                await feed.happens()
                if count % 50 == 0:
                    tailer.feed.committed([ACME])
                    await quick.until(count)
            kept = tailer.feed.weight
            slow.goes_on.set()
            await slow.until(300)
        stop.set()
        await task

        assert quick.told == slow.told
        assert 300 == len(set(slow.told))
        assert 300 >= kept

    async def test_holds_nobody_else_up(self, feed: CountedFeed, tailer: Tailer) -> None:
        """Others are told while it does not read."""
        slow, quick = Follower(feed, tailer.feed), Follower(feed, tailer.feed)
        slow.goes_on.clear()
        async with running(slow, quick):
            for count in range(1, 6):
                await feed.happens()
                tailer.feed.committed([ACME])
                await quick.until(count)

        assert 0 == len(slow.told)


class TestAFollowerWithAnInterest:
    async def test_is_woken_for_that_alone_and_still_gets_on(
        self, feed: CountedFeed, tailer: Tailer
    ) -> None:
        """What it does not want costs it nothing, and it need not read it again."""
        follower = Follower(feed, tailer.feed, FeedFilter(business_key="o-9"))
        other = Follower(feed, tailer.feed)
        async with running(follower, other):
            for number in range(10):
                await follower.until_it_waits(tailer.feed)
                await feed.happens(business_key=f"o-{number}")
                tailer.feed.committed([ACME])
                await other.until(number + 1)
            await follower.until(1)

        assert (1, 1) == (len(follower.told), follower.bookmarks)
        assert other.told[-1:] == follower.told

    async def test_whose_wait_ends_is_as_far_as_was_read(self, feed: CountedFeed) -> None:
        """Its bookmark is new although nothing was told: it is resumed from there."""
        window = FeedWindow(feed, asyncio.Event())
        with window.follow(ACME, FeedFilter(business_key="none")) as following:
            waiting = asyncio.create_task(following.wait(ORIGIN, 0.2))
            await asyncio.sleep(0)
            await feed.happens()
            await window.look()
            position = await waiting

        assert position == await feed.newest(ACME)


class TestTwoWhoBeginApart:
    async def test_miss_nothing_that_happens_in_between(
        self, feed: CountedFeed, tailer: Tailer
    ) -> None:
        """One looked before, the other after; the window begins where the later one stands."""
        window = tailer.feed
        with window.follow(ACME, ALL) as early, window.follow(ACME, ALL) as late:
            await feed.happens()
            after = await feed.newest(ACME)
            waiting = asyncio.create_task(late.wait(after, WITHIN_S))
            await asyncio.sleep(0)

            returned = await early.wait(ORIGIN, WITHIN_S)
            found = early.since(returned)
            waiting.cancel()

        assert (ORIGIN, None) == (returned, found)


class TestADatabaseThatChangedBeneath:
    async def test_ends_the_streams_and_tells_why(self, feed: CountedFeed, tailer: Tailer) -> None:
        """After a failover that lost commits, going on would skip what takes their place."""
        follower = Follower(feed, tailer.feed)
        task = asyncio.create_task(follower.run())
        await feed.happens()
        await follower.until(1)
        await follower.until_it_waits(tailer.feed)

        feed.is_lost = True
        tailer.feed.committed([ACME])

        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(InvalidRequest) as ended:
                await task
        assert "POSITION_OUT_OF_RANGE" == ended.value.reason


class TestATenantNobodyFollows:
    async def test_is_forgotten(self, feed: CountedFeed, tailer: Tailer) -> None:
        """Windows are for who is there."""
        follower = Follower(feed, tailer.feed)
        async with running(follower):
            await feed.happens()
            await follower.until(1)
            await follower.until_it_waits(tailer.feed)
            await feed.happens()
            tailer.feed.committed([ACME])
            await follower.until(2)
            kept = tailer.feed.weight

        assert (True, 0) == (kept > 0, tailer.feed.weight)
        assert 0 == tailer.feed.waiting(ACME)
