"""Following human tasks in a tenant where machines are never done."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.feed import MemoryFeed
from control_plane.adapters.memory.instance_store import MemoryInstanceStore
from control_plane.adapters.memory.reader import MemoryReader
from control_plane.loops.tailer import Tailer
from control_plane.ports.feed import ORIGIN
from control_plane.use_cases import watch_tasks as watching
from control_plane.use_cases.watch_events import News
from control_plane.use_cases.watch_tasks import TaskNews, TaskWish, watch_tasks
from tests.contract.material import instance, start
from tests.contract.worlds import ACME

WITHIN_S = 10.0
NOW = datetime(2027, 1, 1, tzinfo=UTC)
BATCHES = 200


class TestAnInboxOfABusyTenant:
    async def test_gets_bookmarks_however_much_happens_that_is_not_its_own(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A silent stream looks like a dead one, and its old position costs a long catching up."""
        database = MemoryDatabase()
        feed = MemoryFeed(database)
        await MemoryInstanceStore(database).write([start(instance(NOW))])
        pages = await feed.read({ACME: ORIGIN}, weight=1_000)
        page = pages[ACME]
        assert page is not None

        async def busy(*_given: object, **_named: object) -> AsyncGenerator[News, None]:
            for _ in range(BATCHES):
                await asyncio.sleep(0)
                yield News(page.entries, page.until)

        monkeypatch.setattr(watching, "watch_events", busy)
        stream = watch_tasks(
            feed,
            Tailer(feed).feed,
            MemoryReader(database),
            ACME,
            TaskWish(),
            after=ORIGIN,
            bookmark_s=0.0,
        )
        async with asyncio.timeout(WITHIN_S), aclosing(stream):
            told = [news async for news in stream]

        assert page.entries
        assert [TaskNews((), page.until)] * BATCHES == [
            TaskNews(tuple(one.changes), one.until) for one in told if isinstance(one, TaskNews)
        ]
