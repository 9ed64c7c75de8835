"""
What the tailer has read of the tenants' feeds of late, kept once for all who follow them.

A follower holds nothing but its position. One that is within the window is handed what
stands there; one that is not, because it is new, or slow, reads the table itself until it
is. So nothing is ever dropped, and memory does not grow with the followers.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from control_plane.ports.feed import ORIGIN, Feed, FeedEntry, FeedPage, Position
from control_plane.use_cases.feed_filter import FeedFilter, Interest
from shared.ids import TenantId

WINDOW_WEIGHT = 8 * 1024 * 1024
"""Bytes of all windows together, about; beyond, the oldest pages go. As objects they take more:
small entries some five times as much."""

LOOK_WEIGHT = 512 * 1024
"""Bytes of one look, about, shared between the tenants; of each, one part is read at least. Some
two thousand entries, which keep the event loop busy for 15 ms."""

MAX_ASKED_AT_ONCE = 500
"""Tenants in one look; with more, each look takes the next ones in turn."""


class FeedWindow:
    """`wake` is set when somebody should look soon."""

    def __init__(
        self, feed: Feed, wake: asyncio.Event, *, window_weight: int = WINDOW_WEIGHT
    ) -> None:
        self._feed = feed
        self._wake = wake
        self._window_weight = window_weight
        self._channels: dict[TenantId, _Channel] = {}
        self._pages: deque[_Page] = deque()
        self._weight = 0
        self._is_stirred = False

    @property
    def weight(self) -> int:
        """Bytes that all windows hold, about."""
        return self._weight

    def waiting(self, tenant_id: TenantId) -> int:
        """How many followers of a tenant wait for something to happen."""
        channel = self._channels.get(tenant_id)
        return 0 if channel is None else sum(len(woken) for woken in channel.waiting.values())

    @contextmanager
    def follow(self, tenant_id: TenantId, wanted: FeedFilter) -> Iterator["Following"]:
        """A follower of a tenant's feed, for the length of the block."""
        channel = self._channels.setdefault(tenant_id, _Channel(tenant_id))
        channel.followers += 1
        try:
            yield Following(self, channel, wanted.interest)
        finally:
            channel.followers -= 1
            if not channel.followers:
                del self._channels[tenant_id]
                self._forget(channel)

    def committed(self, tenants: Iterable[TenantId]) -> None:
        """Instances of these tenants have changed."""
        if self._channels and any(tenant_id in self._channels for tenant_id in tenants):
            self._stir()

    async def look(self) -> bool:
        """Read on, in one query, wherever somebody waits; whether more may follow soon."""
        was_stirred, self._is_stirred = self._is_stirred, False
        asked: dict[TenantId, Position] = {}
        for tenant_id, channel in list(self._channels.items()):
            if len(asked) == MAX_ASKED_AT_ONCE:
                break
            if channel.waiting and channel.cursor is not None:
                asked[tenant_id] = channel.cursor
        if not asked:
            return False
        channels = {tenant_id: self._channels[tenant_id] for tenant_id in asked}
        pages = await self._feed.read(asked, weight=LOOK_WEIGHT // len(asked))
        has_news = was_stirred
        for tenant_id, channel in channels.items():
            has_news |= self._take(channel, asked[tenant_id], pages[tenant_id])
            if self._channels.get(tenant_id) is channel:
                self._channels[tenant_id] = self._channels.pop(tenant_id)
        return has_news

    def begin(self, channel: "_Channel", position: Position) -> None:
        """Read on from a position where somebody is by now, and no sooner."""
        if channel.cursor != position:
            self._forget(channel)
            channel.cursor = position
        self._stir()

    def _stir(self) -> None:
        self._is_stirred = True
        self._wake.set()

    def _take(self, channel: "_Channel", after: Position, page: FeedPage | None) -> bool:
        if page is None:
            # The database is not the one it was: who follows will find out by its own position.
            self._forget(channel)
            channel.wake_all(ORIGIN)
            return False
        if page.until == after or channel.cursor != after or not channel.followers:
            return False
        kept = _Page(channel, after, page)
        channel.pages.append(kept)
        channel.cursor = page.until
        self._pages.append(kept)
        self._weight += page.weight
        while self._weight > self._window_weight and self._pages:
            self._drop_oldest()
        channel.tell(kept)
        return True

    def _drop_oldest(self) -> None:
        page = self._pages.popleft()
        self._weight -= page.weight
        if page.channel.pages and page.channel.pages[0] is page:
            page.channel.pages.popleft()

    def _forget(self, channel: "_Channel") -> None:
        channel.cursor = None
        channel.pages.clear()
        gone = [page for page in self._pages if page.channel is channel]
        if gone:
            self._weight -= sum(page.weight for page in gone)
            self._pages = deque(page for page in self._pages if page.channel is not channel)


class _Page:
    """A page of the window, and what its entries are about, worked out when first asked."""

    __slots__ = ("_by", "before", "channel", "entries", "until", "weight")

    def __init__(self, channel: "_Channel", before: Position, page: FeedPage) -> None:
        self.channel = channel
        self.before = before
        self.until = page.until
        self.entries = page.entries
        self.weight = page.weight
        self._by: dict[str, dict[object, list[FeedEntry]]] = {}

    def about(self, interest: Interest | None) -> Sequence[FeedEntry]:
        """The entries that the interest is in, and all for who has none."""
        if interest is None:
            return self.entries
        return self.by(interest.kind).get(interest.value, ())

    def by(self, kind: str) -> Mapping[object, list[FeedEntry]]:
        found = self._by.get(kind)
        if found is None:
            found = self._by[kind] = {}
            for entry in self.entries:
                found.setdefault(Interest.value_of(kind, entry), []).append(entry)
        return found


Woken = asyncio.Future[Position]


@dataclass(slots=True, eq=False)
class _Channel:
    """One tenant's. `cursor` is how far it was read, None before anybody waits."""

    tenant_id: TenantId
    followers: int = 0
    cursor: Position | None = None
    pages: deque[_Page] = field(default_factory=deque)
    waiting: dict[Interest | None, set[Woken]] = field(default_factory=dict)

    def tell(self, page: _Page) -> None:
        """Wake those that the page has something for."""
        if not page.entries:
            return
        for kind in {interest.kind for interest in self.waiting if interest is not None}:
            for value in page.by(kind):
                self._wake(Interest(kind, value), page.before)
        self._wake(None, page.before)

    def wake_all(self, position: Position) -> None:
        for interest in list(self.waiting):
            self._wake(interest, position)

    def _wake(self, interest: Interest | None, position: Position) -> None:
        for woken in self.waiting.get(interest, ()):
            if not woken.done():
                woken.set_result(position)


class Following:
    """One follower of a tenant."""

    def __init__(self, window: FeedWindow, channel: _Channel, interest: Interest | None) -> None:
        self._window = window
        self._channel = channel
        self._interest = interest

    def since(self, position: Position) -> tuple[Sequence[FeedEntry], Position] | None:
        """
        The entries after a position that it may be interested in, and how far they go.

        None if the window does not reach back to there: then the table does.
        """
        channel = self._channel
        if channel.cursor is None:
            return None
        if position >= channel.cursor:
            return (), position
        if not channel.pages or position < channel.pages[0].before:
            return None
        entries: list[FeedEntry] = []
        for page in channel.pages:
            if page.until > position:
                entries += (one for one in page.about(self._interest) if one.position > position)
        return entries, channel.cursor

    async def wait(self, position: Position, timeout_s: float) -> Position:
        """
        Wait up to `timeout_s` for something of interest after a position that nothing follows yet.

        Returns a later position, or the same: up to there is nothing of interest.
        """
        channel = self._channel
        if channel.cursor is not None and position < channel.cursor:
            # It was read on since this one looked.
            return position
        if not channel.waiting:
            # So nobody has read on of late, but for themselves.
            self._window.begin(channel, position)
        woken: Woken = asyncio.get_running_loop().create_future()
        waiting = channel.waiting.setdefault(self._interest, set())
        waiting.add(woken)
        try:
            async with asyncio.timeout(timeout_s):
                return max(position, await woken)
        except TimeoutError:
            if woken.done() and not woken.cancelled():
                return max(position, woken.result())
            return max(position, channel.cursor or ORIGIN)
        finally:
            waiting.discard(woken)
            if not waiting and channel.waiting.get(self._interest) is waiting:
                del channel.waiting[self._interest]
