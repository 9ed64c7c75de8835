"""News of instances: handed over as it is committed here, found by asking where others commit."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.feed import MemoryFeed
from control_plane.adapters.memory.instance_store import MemoryInstanceStore
from control_plane.loops.instance_news import InstanceNews
from control_plane.ports.records import HistoryEntry, Instance, InstanceKey
from shared.errors import Unavailable
from tests.contract.material import entry, instance, start, step

WITHIN_S = 10.0


@dataclass
class Asked(MemoryFeed):
    """A feed that remembers what it was asked, and may be out of reach."""

    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    questions: list[dict[InstanceKey, int]] = field(default_factory=list)
    is_away: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.database)

    async def newer(
        self, positions: Mapping[InstanceKey, int], limit: int
    ) -> Mapping[InstanceKey, Sequence[HistoryEntry]]:
        if self.is_away:
            raise Unavailable("away")
        self.questions.append(dict(positions))
        return await super().newer(positions, limit)

    async def started(self) -> Instance:
        fresh = instance(self.database.now())
        await MemoryInstanceStore(self.database).write([start(fresh)])
        return fresh

    async def moved_on(self, before: Instance) -> Instance:
        change = step(before)
        await MemoryInstanceStore(self.database).write([change])
        return change.after


@pytest.fixture
def feed() -> Asked:
    """An empty feed."""
    return Asked()


@pytest.fixture
def news(feed: Asked) -> InstanceNews:
    """News of it, for whom a test looks."""
    return InstanceNews(feed, asyncio.Event())


def waiting(
    news: InstanceNews, key: InstanceKey, seq: int, timeout_s: float = WITHIN_S
) -> asyncio.Task[Sequence[HistoryEntry]]:
    return asyncio.create_task(news.entries_beyond(key, seq, timeout_s))


def seqs(entries: Sequence[HistoryEntry]) -> list[int]:
    return [one.seq for one in entries]


class TestWhatIsCommittedHere:
    async def test_is_handed_over_without_asking(self, feed: Asked, news: InstanceNews) -> None:
        """Each gets what is new to it."""
        one = await feed.started()
        first, second = waiting(news, one.key, 1), waiting(news, one.key, 2)
        await asyncio.sleep(0)

        news.committed([(one.key, [entry(2, one.started_at), entry(3, one.started_at)])])

        assert ([2, 3], [3]) == (seqs(await first), seqs(await second))
        assert [] == feed.questions

    async def test_is_asked_for_where_something_is_missing_before_it(
        self, feed: Asked, news: InstanceNews
    ) -> None:
        """Another replica committed in between; nobody is given a gap."""
        one = await feed.started()
        told = waiting(news, one.key, 1)
        await asyncio.sleep(0)
        await news.look(at_all=False)
        two = await feed.moved_on(one)
        three = await feed.moved_on(two)
        feed.questions.clear()

        news.committed([(one.key, [entry(3, three.updated_at)])])
        was_told = told.done()
        await news.look(at_all=False)

        assert not was_told
        assert [2, 3] == seqs(await told)
        assert [{one.key: 1}] == feed.questions


class TestWhoeverComesAgain:
    async def test_asks_for_nothing_where_it_was_told_up_to(
        self, feed: Asked, news: InstanceNews
    ) -> None:
        """A watcher comes again after each commit: that would be a question a commit."""
        one = await feed.started()
        told = waiting(news, one.key, 1)
        await asyncio.sleep(0)
        await news.look(at_all=False)
        feed.questions.clear()
        news.committed([(one.key, [entry(2, one.started_at)])])
        await told

        again = waiting(news, one.key, 2)
        await asyncio.sleep(0)
        await news.look(at_all=False)
        news.committed([(one.key, [entry(3, one.started_at)])])

        assert [3] == seqs(await again)
        assert [] == feed.questions

    @pytest.mark.parametrize("has_left", [False, True])
    async def test_asks_for_what_was_committed_meanwhile(
        self, feed: Asked, news: InstanceNews, has_left: bool
    ) -> None:
        """Before it has taken what it was told, and after it has left."""
        one = await feed.started()
        told = waiting(news, one.key, 1)
        await asyncio.sleep(0)
        two = await feed.moved_on(one)
        news.committed([(one.key, [entry(2, one.started_at)])])
        if has_left:
            await told
        await feed.moved_on(two)
        news.committed([(one.key, [entry(3, one.started_at)])])
        await told

        again = waiting(news, one.key, 2)
        await asyncio.sleep(0)
        await news.look(at_all=False)

        assert [3] == seqs(await again)

    async def test_asks_for_more_than_a_look_hands_over(
        self, feed: Asked, news: InstanceNews, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was told up to there, and not all there was."""
        monkeypatch.setattr("control_plane.loops.instance_news.MAX_HANDED_OVER", 1)
        one = await feed.started()
        await feed.moved_on(await feed.moved_on(one))
        told = waiting(news, one.key, 1)
        await asyncio.sleep(0)
        await news.look(at_all=False)
        await told

        again = waiting(news, one.key, 2)
        await asyncio.sleep(0)
        await news.look(at_all=False)

        assert [3] == seqs(await again)


class TestWhatOthersCommit:
    async def test_is_found_by_one_question_for_all(self, feed: Asked, news: InstanceNews) -> None:
        """However many wait, and wherever each of them stands."""
        instances = [await feed.started() for _ in range(50)]
        told = [waiting(news, one.key, 1) for one in instances for _ in range(3)]
        await asyncio.sleep(0)
        for one in instances:
            await feed.moved_on(one)

        await news.look(at_all=True)

        assert [[2]] * 150 == [seqs(await one) for one in told]
        assert 1 == len(feed.questions)
        assert 50 == len(feed.questions[0])

    async def test_before_anybody_waited_is_found_at_the_next_look(
        self, feed: Asked, news: InstanceNews
    ) -> None:
        """Between reading on and waiting there is a moment."""
        one = await feed.moved_on(await feed.started())
        told = waiting(news, one.key, 1)
        await asyncio.sleep(0)

        await news.look(at_all=False)

        assert [2] == seqs(await told)

    async def test_is_asked_for_again_when_the_database_was_away(
        self, feed: Asked, news: InstanceNews
    ) -> None:
        """A look that failed has told nobody anything."""
        one = await feed.moved_on(await feed.started())
        told = waiting(news, one.key, 1)
        await asyncio.sleep(0)
        feed.is_away = True
        with pytest.raises(Unavailable):
            await news.look(at_all=False)
        feed.is_away = False

        await news.look(at_all=False)

        assert [2] == seqs(await told)


class TestWhoeverWaits:
    async def test_is_told_of_nothing_in_time(self, feed: Asked, news: InstanceNews) -> None:
        """And costs nothing from then on."""
        one = await feed.started()

        assert () == await news.entries_beyond(one.key, 1, 0.01)
        await news.look(at_all=True)
        assert [] == feed.questions
