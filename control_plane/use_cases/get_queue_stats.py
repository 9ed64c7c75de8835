"""What waits in the queues, and for how long."""

from collections.abc import Sequence
from typing import NamedTuple

from control_plane.ports.queues import PausedQueue, QueueStore, Stats
from control_plane.use_cases import fields
from shared.ids import TenantId

MAX_LANES = 200
"""Queues, by type, in one answer."""

MAX_COUNTED = 10_000
"""Tasks of a lane that are counted: beyond it the age of the oldest says more than a number."""


class QueueStats(NamedTuple):
    stats: Stats
    paused: Sequence[PausedQueue]


async def get_queue_stats(queues: QueueStore, tenant_id: TenantId | None, queue: str) -> QueueStats:
    """Of one tenant, or (None) of all; of one queue, or (empty) of all there are."""
    fields.text(queue, "queue", longest=fields.MAX_QUEUE)
    stats = await queues.stats(tenant_id, queue or None, lanes=MAX_LANES, at_most=MAX_COUNTED)
    return QueueStats(stats, await queues.paused())
