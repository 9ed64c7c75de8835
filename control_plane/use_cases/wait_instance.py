"""Answer when an instance has ended, or when the wait is over."""

import asyncio
from datetime import timedelta

from control_plane.ports.reader import Reader
from control_plane.ports.records import Instance, InstanceKey
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.watch_instance import CLOSING, News
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
    draining: asyncio.Event,
) -> Instance:
    """
    The instance as it is then: ended, or not yet. `deadline` is what the call has left.

    Once the server is `draining` nobody waits any longer: whoever does is answered at once.
    """
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
    while not instance.is_closed and not draining.is_set() and until > loop.time():
        closing = asyncio.create_task(_closing(news, instance.key, instance.seq, until))
        stopping = asyncio.create_task(draining.wait())
        try:
            await asyncio.wait((closing, stopping), return_when=asyncio.FIRST_COMPLETED)
            if closing.done():
                closing.result()
        finally:
            closing.cancel()
            stopping.cancel()
        instance = await find_instance(reader, tenant_id, instance_id)
    return instance


async def _closing(news: News, key: InstanceKey, seq: int, until: float) -> None:
    """Wait for an entry after `seq` that ends the instance, at most until then."""
    loop = asyncio.get_running_loop()
    while (left := until - loop.time()) > 0:
        entries = await news.entries_beyond(key, seq, left)
        if any(entry.type in CLOSING for entry in entries):
            return
        if entries:
            seq = entries[-1].seq
