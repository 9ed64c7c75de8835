"""
The doorbell: tells whoever sleeps that there is work, and carries none of it.

Messages hold ids only and are coalesced. Losing one, or all of Redis, costs latency and
nothing else, as everybody who listens also polls.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from redis.exceptions import RedisError
from taskiq.acks import AcknowledgeType
from taskiq.message import TaskiqMessage
from taskiq.receiver import Receiver

from shared.broker import Broker
from shared.failpoints import failpoint
from shared.ids import new_uuid7
from shared.retry import RetryPolicy, backoff
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent

ORCHESTRATOR = "workflow-orchestrator"
"""Wakes control planes: events wait in an inbox."""

TIMERS = "workflow-timers"
"""Wakes control planes: a timer is nearer than the one they sleep for."""

DEAD_LETTER = "workflow-dead-letter"
"""For operators: one message a task that has failed for good."""

IDS_PER_RING = 50
"""How many new things one message announces: as many executors wake as have work to do."""

MAX_NAMED = 8
"""Up to so many ids are named; of more, only their number."""

MAX_RINGS = 20
"""How many messages one call sends at most to a queue."""

# While Redis is away, a caller loses no more than one connection attempt now and then.
PAUSE = RetryPolicy(initial=timedelta(milliseconds=250), cap=timedelta(seconds=5), jitter=0.5)

TASK_NAME = "foliot.ring"

_log = get_logger(__name__)


def task_runner(queue: str) -> str:
    """Wakes executors that take tasks from a queue."""
    return f"workflow-task-runner.{queue}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """What a message says: `count` new things in a queue, named if they are few."""

    queue: str
    ids: tuple[str, ...]
    count: int


OnRing = Callable[[Ring], Awaitable[None]]


class Doorbell:
    """
    Both ends. `namespace` keeps systems apart that share a Redis; it is the same for all
    processes on one database (shared/postgres/namespace.py).
    """

    def __init__(
        self,
        redis_url: str,
        namespace: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis_url = redis_url
        self._prefix = f"foliot:{namespace}:"
        self._monotonic = monotonic
        self._broker = Broker(redis_url)
        self._failures = 0
        self._silent_until = 0.0
        self._complaint = Throttle()

    async def ring(self, queue: str, ids: Sequence[str]) -> None:
        """Wake those who listen to a queue; no ids means that there is more. Never raises."""
        await self.ring_many({queue: ids})

    async def ring_many(self, ids_by_queue: Mapping[str, Sequence[str]]) -> None:
        """Ring several queues in one round trip. Never raises."""
        if not ids_by_queue or self._monotonic() < self._silent_until:
            return
        try:
            await failpoint("doorbell.publish.before")
            await self._broker.kick_many(
                {
                    self._prefix + queue: [self._message(ring) for ring in rings_of(queue, ids)]
                    for queue, ids in ids_by_queue.items()
                }
            )
            await failpoint("doorbell.publish.after")
        except (RedisError, OSError) as error:
            self._failures += 1
            pause = backoff(PAUSE, self._failures).total_seconds()
            self._silent_until = self._monotonic() + pause
            if self._complaint.allows():
                _log.warning(
                    LogEvent.DOORBELL_UNAVAILABLE, error=f"{type(error).__name__}: {error}"
                )
        else:
            self._failures = 0
            self._complaint.reset()

    async def listen(self, queues: Sequence[str], on_ring: OnRing, stop: asyncio.Event) -> None:
        """
        Call `on_ring` for every message of the queues, the first queue's first, one at a
        time, until `stop` is set. Messages that nobody has time for stay where they are.

        Goes on through restarts of Redis, and drops what is not a ring. `on_ring` should
        note the ring and return: the next one waits for it.
        """
        broker = Broker(self._redis_url, listen_to=[self._prefix + queue for queue in queues])

        async def rung(*_: object, queue: object, ids: object, count: object) -> None:
            if isinstance(queue, str) and isinstance(ids, list) and isinstance(count, int):
                await on_ring(Ring(queue=queue, ids=tuple(map(str, ids)), count=count))

        broker.register_task(rung, TASK_NAME)
        receiver = Receiver(
            broker,
            # Ours are checked by the broker, and taskiq's own check costs more than the rest.
            validate_params=False,
            max_async_tasks=1,
            run_startup=False,
            ack_type=AcknowledgeType.WHEN_RECEIVED,
        )
        try:
            await receiver.listen(stop)
        finally:
            await broker.shutdown()

    async def close(self) -> None:
        await self._broker.shutdown()

    def _message(self, ring: Ring) -> bytes:
        return self._broker.formatter.dumps(
            TaskiqMessage(
                task_id=",".join(ring.ids) or f"{ring.count}-{new_uuid7()}",
                task_name=TASK_NAME,
                labels={},
                args=[],
                kwargs={"queue": ring.queue, "ids": list(ring.ids), "count": ring.count},
            )
        ).message


class NoDoorbell:
    """Where there is no Redis: nobody is woken, and polls find the work."""

    async def ring(self, queue: str, ids: Sequence[str]) -> None:
        """Wake nobody."""

    async def listen(
        self,
        queues: Sequence[str],  # noqa: ARG002 - none of them rings
        on_ring: OnRing,  # noqa: ARG002 - never called
        stop: asyncio.Event,
    ) -> None:
        """Wait for `stop`."""
        await stop.wait()

    async def close(self) -> None:
        """There is nothing to close."""


def rings_of(queue: str, ids: Sequence[str]) -> list[Ring]:
    """The messages that announce ids: as few as wake enough listeners."""
    if len(ids) <= MAX_NAMED:
        return [Ring(queue=queue, ids=tuple(ids), count=len(ids))]
    wanted = min(-(-len(ids) // IDS_PER_RING), MAX_RINGS)
    return [Ring(queue=queue, ids=(), count=len(ids))] * wanted
