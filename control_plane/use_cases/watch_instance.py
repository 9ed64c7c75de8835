"""Follow an instance's history: what has happened, then what happens next."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from control_plane.ports.reader import Reader
from control_plane.ports.records import HistoryEntry, InstanceKey
from control_plane.use_cases.get_instance import find_instance
from shared.errors import InvalidRequest
from shared.ids import InstanceId, TenantId

BOOKMARK_S = 15.0
"""An idle stream gets a sign of life this often; the contract promises every 20 s."""

READ_AT_ONCE = 100

CLOSING = frozenset(
    {"INSTANCE_COMPLETED", "INSTANCE_FAILED", "INSTANCE_CANCELLED", "INSTANCE_TERMINATED"}
)


class News(Protocol):
    """Tells when instances have moved on."""

    async def entries_beyond(
        self, key: InstanceKey, seq: int, timeout_s: float
    ) -> Sequence[HistoryEntry]:
        """The entries that follow `seq` without a gap, or the first of them; none in time: none."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Nothing happened up to here that has not been told."""

    seq: int


Watched: TypeAlias = Sequence[HistoryEntry] | Bookmark


async def watch_instance(
    reader: Reader,
    news: News,
    tenant_id: TenantId,
    instance_id: InstanceId,
    *,
    after_seq: int,
    bookmark_s: float = BOOKMARK_S,
) -> AsyncGenerator[Watched, None]:
    """
    Every entry after a position, each once, in order; ends once the instance has ended. One
    that failed and was retried has not: it is followed on.

    A slow reader is waited for: nothing is kept for it but its position.
    """
    instance = await find_instance(reader, tenant_id, instance_id)
    if not 0 <= after_seq <= instance.seq:
        raise InvalidRequest(
            f"after_seq {after_seq} is not a position of this instance: watch after 0 to"
            f" {instance.seq}",
            field="after_seq",
            reason="POSITION_OUT_OF_RANGE",
            metadata={
                "after_seq": str(after_seq),
                "first_seq": "1",
                "last_seq": str(instance.seq),
            },
        )
    if instance.is_closed and after_seq == instance.seq:
        return
    seq, has_closed = after_seq, instance.is_closed
    entries = await reader.list_history(tenant_id, instance_id, after_seq=seq, limit=READ_AT_ONCE)
    while True:
        if entries:
            seq = entries[-1].seq
            has_closed = has_closed or any(entry.type in CLOSING for entry in entries)
            yield entries
        if has_closed:
            # What called-off tasks came to may follow the end, and so may a retry.
            instance = await find_instance(reader, tenant_id, instance_id)
            if instance.is_closed and instance.seq == seq:
                return
            has_closed = instance.is_closed
        if has_closed or len(entries) >= READ_AT_ONCE:
            entries = await reader.list_history(
                tenant_id, instance_id, after_seq=seq, limit=READ_AT_ONCE
            )
            continue
        entries = await news.entries_beyond(instance.key, seq, bookmark_s)
        if not entries:
            yield Bookmark(seq)
