"""Let nothing of a queue be claimed."""

from control_plane.access import auditing
from control_plane.ports.queues import PausedQueue, QueueStore
from control_plane.use_cases import fields
from shared.errors import LimitExceeded

MAX_PAUSED = 100
"""Queues that are paused at once: every claim looks at them."""


async def pause_queue(queues: QueueStore, queue: str, *, reason: str, by: str) -> PausedQueue:
    """Until it is resumed. A queue that is paused already stays as it is."""
    fields.required(queue, "queue", longest=fields.MAX_QUEUE)
    fields.required(reason, "reason", longest=fields.MAX_REASON)
    paused = await queues.pause(queue, reason, by, at_most=MAX_PAUSED, noted=auditing.noted())
    if paused is None:
        raise LimitExceeded("paused queues", actual=MAX_PAUSED + 1, maximum=MAX_PAUSED)
    return paused
