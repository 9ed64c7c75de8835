"""
What wakes an executor before its next poll. Everything still works, later, without it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from shared.doorbell import Ring


class Doorbell(Protocol):
    async def ring(self, queue: str, ids: Sequence[str]) -> None:
        """Wake those who listen to a queue. Never raises."""

    async def listen(
        self,
        queues: Sequence[str],
        on_ring: Callable[[Ring], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        """Call `on_ring` whenever one of the queues rings, until `stop` is set."""
