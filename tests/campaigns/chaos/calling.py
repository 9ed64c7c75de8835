"""
A caller who does not give up: every request is sent until it has an answer, by whatever
control plane can be reached, always under the same ids, and everything is written down.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

import grpc

from tests.campaigns.chaos.logs import Log

Answered = TypeVar("Answered")

ANSWER_WITHIN_S = 4.0
AGAIN_AFTER_S = (0.05, 0.5)

WILL_PASS = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        # What grpc itself says of a connection that is reset in the middle of an answer.
        grpc.StatusCode.INTERNAL,
    }
)

OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(slots=True)
class Caller:
    """One client, with a channel to every control plane."""

    channels: Sequence[grpc.aio.Channel]
    metadata: tuple[tuple[str, str], ...]
    log: Log
    dice: random.Random
    tries: int = 0
    answered_at: float = field(default_factory=time.monotonic)
    """When anything was answered last."""
    _numbers: Any = field(default_factory=lambda: count(1))

    async def ask(
        self,
        kind: str,
        send: Callable[[grpc.aio.Channel, dict[str, Any]], Awaitable[Answered]],
        told: Callable[[Answered], dict[str, Any]],
        **about: Any,
    ) -> Answered | grpc.StatusCode:
        """
        Send until there is an answer, or an error that would come again. One answered request
        in ten is sent once more: the answer must be the first.
        """
        number = next(self._numbers)
        self.log.write("asked", number=number, kind=kind, **about)
        answer = await self._until_answered(send, number)
        if isinstance(answer, grpc.StatusCode):
            self.log.write("refused", number=number, code=answer.name)
            return answer
        self.answered_at = time.monotonic()
        self.log.write("answered", number=number, **told(answer))
        if self.dice.random() < 0.1:
            again = await self._until_answered(send, number)
            if isinstance(again, grpc.StatusCode):
                self.log.write("refused again", number=number, code=again.name)
            else:
                self.log.write("answered again", number=number, **told(again))
        return answer

    async def _until_answered(
        self,
        send: Callable[[grpc.aio.Channel, dict[str, Any]], Awaitable[Answered]],
        number: int,
    ) -> Answered | grpc.StatusCode:
        while True:
            self.tries += 1
            channel = self.dice.choice(self.channels)
            try:
                return await send(channel, {"metadata": self.metadata, "timeout": ANSWER_WITHIN_S})
            except grpc.aio.AioRpcError as error:
                if error.code() not in WILL_PASS:
                    if error.code() is grpc.StatusCode.UNKNOWN:
                        self.log.write("unknown", number=number, text=error.details())
                    return error.code()
            await asyncio.sleep(self.dice.uniform(*AGAIN_AFTER_S))


def failed(status: Any) -> grpc.aio.AioRpcError:
    """What a call would have raised that ended as an item of a batch did."""
    code = next(one for one in grpc.StatusCode if one.value[0] == status.code)
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, status.message)
