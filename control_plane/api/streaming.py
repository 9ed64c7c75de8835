"""Streams of ours: until there is no more, or the server drains, which the last message says."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar

from control_plane.api.admission import draining_now

Item = TypeVar("Item")


async def until_draining(
    items: AsyncGenerator[Item, None], draining: asyncio.Event
) -> AsyncGenerator[Item, None]:
    """
    What there is, until there is no more or it is time to stop. Closes where it came from.

    Stops at once, also in the middle of a wait for the next.
    """
    stopping = asyncio.create_task(draining.wait())
    upcoming: asyncio.Task[Item | None] | None = None
    async with aclosing(items):
        try:
            while not draining.is_set():
                upcoming = asyncio.create_task(_next(items))
                await asyncio.wait((upcoming, stopping), return_when=asyncio.FIRST_COMPLETED)
                if not upcoming.done():
                    return
                item = upcoming.result()
                if item is None:
                    return
                yield item
        finally:
            stopping.cancel()
            if upcoming is not None and not upcoming.done():
                upcoming.cancel()
                await asyncio.wait((upcoming,))


def check_draining(draining: asyncio.Event) -> None:
    """Raises Unavailable once the server drains: a stream that did not end by itself."""
    if draining.is_set():
        raise draining_now()


async def _next(items: AsyncIterator[Item]) -> Item | None:
    return await anext(items, None)
