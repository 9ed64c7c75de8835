"""Waiting for something to become true, with a bound."""

import asyncio
from collections.abc import Awaitable, Callable

BOUND_S = 20.0
LOOK_EVERY_S = 0.005


async def eventually(condition: Callable[[], object | Awaitable[object]]) -> None:
    """Return once the condition holds; fail if it does not within the bound."""
    async with asyncio.timeout(BOUND_S):
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return
            await asyncio.sleep(LOOK_EVERY_S)
