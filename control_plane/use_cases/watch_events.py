"""Follow a tenant's feed: what happens to all its instances, or to those a filter keeps."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from control_plane.ports.feed import Feed, FeedEntry, Position
from control_plane.use_cases.feed_filter import FeedFilter
from control_plane.use_cases.watch_instance import BOOKMARK_S
from shared.errors import InvalidRequest
from shared.ids import TenantId

READ_WEIGHT = 256 * 1024
"""Bytes, about, that a follower who is behind reads at once."""

MAX_TOLD_AT_ONCE = 100
"""Entries that are told together."""

MAX_TOLD_WEIGHT = 1024 * 1024
"""Bytes of payload that are told together, unless one entry alone has more."""


class Following(Protocol):
    """One follower's view of what was read of a feed for all its followers."""

    def since(self, position: Position) -> tuple[Sequence[FeedEntry], Position] | None:
        """What may be wanted of what follows, and up to where; None if that is not there."""

    async def wait(self, position: Position, timeout_s: float) -> Position:
        """A position up to which nothing is wanted, once something may be, or in `timeout_s`."""


class Window(Protocol):
    """What was read of the feeds of late, for all who follow them."""

    def follow(
        self, tenant_id: TenantId, wanted: FeedFilter
    ) -> AbstractContextManager[Following]: ...


@dataclass(frozen=True, slots=True)
class News:
    """What was wanted, up to a position; a bookmark if there was nothing."""

    entries: Sequence[FeedEntry]
    until: Position


async def watch_events(
    feed: Feed,
    window: Window,
    tenant_id: TenantId,
    wanted: FeedFilter,
    *,
    after: Position,
    bookmark_s: float = BOOKMARK_S,
) -> AsyncGenerator[News, None]:
    """
    Every entry after a position that the filter keeps, each once, in the feed's order.

    Begins with a bookmark, so that whoever follows has a position from the start, and gives one
    at least every `bookmark_s` seconds. A slow follower is waited for: nothing is kept for it
    but its position. Raises InvalidRequest if what follows the position is not there any more.
    """
    loop = asyncio.get_running_loop()
    position = after
    if (await feed.read({tenant_id: position}, weight=0, types=frozenset()))[tenant_id] is None:
        raise out_of_range()
    yield News((), position)
    told_at = loop.time()
    with window.follow(tenant_id, wanted) as following:
        while True:
            found = following.since(position)
            if found is None:
                found = await _from_table(feed, tenant_id, wanted, position)
            entries, until = found
            for some in batches([one for one in entries if wanted.keeps(one)]):
                told_at = loop.time()
                yield News(some, some[-1].position)
            if until == position:
                until = await following.wait(position, max(0.0, told_at + bookmark_s - loop.time()))
            position = until
            if loop.time() - told_at >= bookmark_s:
                told_at = loop.time()
                yield News((), position)


def out_of_range() -> InvalidRequest:
    return InvalidRequest(
        "what follows this position is not there any more: it is older than the feed is kept, or"
        " the database was restored to an earlier day since; begin anew, and look up what may have"
        " been missed",
        field="after",
        reason="POSITION_OUT_OF_RANGE",
    )


async def _from_table(
    feed: Feed, tenant_id: TenantId, wanted: FeedFilter, position: Position
) -> tuple[Sequence[FeedEntry], Position]:
    pages = await feed.read({tenant_id: position}, weight=READ_WEIGHT, types=wanted.read_types)
    page = pages[tenant_id]
    if page is None:
        raise out_of_range()
    return page.entries, page.until


def batches(entries: Sequence[FeedEntry]) -> Sequence[Sequence[FeedEntry]]:
    """Entries in batches that fit a message each."""
    found: list[list[FeedEntry]] = []
    weight = 0
    for one in entries:
        weight += len(one.entry.payload)
        if not found or len(found[-1]) == MAX_TOLD_AT_ONCE or weight > MAX_TOLD_WEIGHT:
            found.append([])
            weight = len(one.entry.payload)
        found[-1].append(one)
    return found
