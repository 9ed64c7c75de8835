"""
taskiq's list broker, made fit for doorbells.

What differs from `taskiq_redis.ListQueueBroker`: it listens to several queues in order of
importance, pushes many messages in one round trip, keeps every list bounded, waits longer
between attempts while Redis is away, notices a peer that has gone silent, and drops what
is not a message of ours. Messages are JSON, and there is no result backend.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from taskiq.message import BrokerMessage
from taskiq_redis import ListQueueBroker

from shared.failpoints import failpoint
from shared.retry import RetryPolicy, backoff
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent

MAX_QUEUE_LENGTH = 1_000
"""A list that nobody listens to keeps so many of the newest messages."""

MAX_MESSAGE_BYTES = 16 * 1024
MAX_CONNECTIONS = 4

CONNECT_WITHIN_S = 1.0
ANSWER_WITHIN_S = 1.0
LISTEN_FOR_S = 5.0
"""How long one BRPOP waits. The socket's timeout is longer, or every idle wait would look
like a dead server; and it is not endless, or a dead server would look like an idle one."""

CANCEL_EVERY_S = 0.05

RETRY = RetryPolicy(initial=timedelta(milliseconds=100), cap=timedelta(seconds=5), jitter=0.5)

_log = get_logger(__name__)


class Broker(ListQueueBroker):
    """Queues are given by their Redis keys, those of `listen_to` in BRPOP's order."""

    def __init__(self, redis_url: str, *, listen_to: Sequence[str] = ()) -> None:
        super().__init__(
            redis_url,
            max_connection_pool_size=MAX_CONNECTIONS,
            socket_timeout=ANSWER_WITHIN_S,
            **_connection_settings(),
        )
        # One for all kicks: making a client costs as much as using it.
        self._redis = Redis(connection_pool=self.connection_pool)
        self._redis_url = redis_url
        self._listen_to = tuple(listen_to)
        self._complaint = Throttle()
        self._surprise = Throttle()

    async def kick(self, message: BrokerMessage) -> None:
        await self.kick_many({message.labels["queue_name"]: [message.message]})

    async def kick_many(self, messages: Mapping[str, Sequence[bytes]]) -> None:
        """Put messages into queues in one round trip. Raises RedisError or OSError."""
        pipeline = self._redis.pipeline(transaction=False)
        for key, values in messages.items():
            pipeline.lpush(key, *values)
            pipeline.ltrim(key, 0, MAX_QUEUE_LENGTH - 1)
        await _cancellable(pipeline.execute())

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """Messages as they come, for ever, through every trouble Redis may have."""
        failures = 0
        redis = Redis.from_url(
            self._redis_url, socket_timeout=2 * LISTEN_FOR_S, **_connection_settings()
        )
        try:
            while True:
                try:
                    await failpoint("doorbell.consume.before")
                    popped = await _cancellable(
                        redis.brpop(list(self._listen_to), timeout=LISTEN_FOR_S)
                    )
                    await failpoint("doorbell.consume.after")
                except (RedisError, OSError) as error:
                    failures += 1
                    if self._complaint.allows():
                        _log.warning(LogEvent.DOORBELL_UNAVAILABLE, error=_told(error))
                    await asyncio.sleep(backoff(RETRY, failures).total_seconds())
                    continue
                failures = 0
                if popped is not None and self._is_ours(popped[1]):
                    yield popped[1]
        finally:
            await redis.aclose()

    def _is_ours(self, data: bytes) -> bool:
        """Whether it is a message for a task we have. taskiq would log each one that is not."""
        try:
            message = self.formatter.loads(data) if len(data) <= MAX_MESSAGE_BYTES else None
        except (ValueError, RecursionError):
            message = None
        # taskiq acts on labels, and we set none.
        is_ours = (
            message is not None
            and message.task_name in self.local_task_registry
            and not message.labels
        )
        if not is_ours and self._surprise.allows():
            _log.warning(LogEvent.DOORBELL_GARBAGE, bytes=len(data))
        return is_ours


def _connection_settings() -> dict[str, Any]:
    # redis-py would try again by itself, with back-offs of its own, while a caller waits.
    return {
        "socket_connect_timeout": CONNECT_WITHIN_S,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
    }


async def _cancellable(call: Awaitable[Any]) -> Any:
    """
    The call's answer. redis-py loses a cancellation that comes while it connects, and whoever
    waits for it to end waits for ever; so here it is cancelled until it hears.
    """
    work = asyncio.ensure_future(call)
    try:
        await asyncio.wait({work})
        return work.result()
    finally:
        while not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=CANCEL_EVERY_S)
        if not work.cancelled():
            work.exception()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
