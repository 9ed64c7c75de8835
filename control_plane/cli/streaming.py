"""Streams that go on after a disconnect, from where they were."""

import asyncio
import random
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Protocol, TypeVar

import grpc
from rich.text import Text

from control_plane.cli.failing import NotReached
from control_plane.cli.printing import aside

FIRST_DELAY_S = 0.2
MAX_DELAY_S = 5.0
GIVE_UP_AFTER = 30
"""Attempts in a row that brought nothing: about two minutes."""


class Message(Protocol):
    """What a stream brings: a server that goes away says so."""

    @property
    def draining(self) -> bool: ...


Streamed = TypeVar("Streamed", bound=Message)


async def followed(opened: Callable[[], AsyncIterable[Streamed]]) -> AsyncIterator[Streamed]:
    """
    What a stream brings, to its end. Where a server goes away or cannot be reached any more,
    the stream is `opened` anew, which has to begin after what was brought last.

    Raises NotReached if nobody comes back for long, and what gRPC raises if nobody was there
    in the first place.
    """
    has_begun = False
    failures = 0
    while True:
        try:
            async for message in opened():
                has_begun, failures = True, 0
                yield message
                if message.draining:
                    break
            else:
                return
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or not has_begun:
                raise
        failures += 1
        if failures > GIVE_UP_AFTER:
            raise NotReached("the server is gone and has not come back; try again later")
        if failures == 1:
            aside().print(Text("… reconnecting, and going on from there", "dim"))
        # With a random part, as all who were connected come back at once.
        part = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        await asyncio.sleep(part * min(FIRST_DELAY_S * 2**failures, MAX_DELAY_S))
