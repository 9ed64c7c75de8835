"""Let what waits in a queue be claimed again."""

from control_plane.access import auditing
from control_plane.ports.queues import QueueStore
from control_plane.use_cases import fields


async def resume_queue(queues: QueueStore, queue: str) -> bool:
    """False if it was not paused."""
    fields.required(queue, "queue", longest=fields.MAX_QUEUE)
    return await queues.resume(queue, noted=auditing.noted())
