"""Answer when an instance has ended, or when the wait is over."""

import asyncio
from datetime import timedelta

from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.watch_instance import News
from shared.errors import InvalidRequest
from shared.ids import InstanceId, TenantId

MAX_WAIT = timedelta(seconds=60)

ANSWER_WITHIN = timedelta(milliseconds=250)
"""What is left of a caller's deadline for the answer to reach it."""


async def wait_instance(
    reader: Reader,
    news: News,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    at_most: timedelta | None,
    deadline: timedelta | None = None,
) -> Instance:
    """The instance as it is then: ended, or not yet. `deadline` is what the call has left."""
    wait = MAX_WAIT if at_most is None else at_most
    if not timedelta(0) <= wait <= MAX_WAIT:
        raise InvalidRequest(
            f"timeout is {wait}; wait for 0 to {MAX_WAIT.seconds} s, and again if that was too"
            " short",
            field="timeout",
        )
    if deadline is not None:
        wait = min(wait, deadline - ANSWER_WITHIN)
    loop = asyncio.get_running_loop()
    until = loop.time() + wait.total_seconds()
    instance = await find_instance(reader, tenant_id, instance_id)
    while not instance.is_closed and (left := until - loop.time()) > 0:
        await news.wait_beyond(instance.key, instance.seq, left)
        instance = await find_instance(reader, tenant_id, instance_id)
    return instance
