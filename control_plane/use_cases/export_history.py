"""Hand out an instance's whole history, as it stands, in pages that follow one another."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from control_plane.ports.reader import Reader
from control_plane.ports.records import HistoryEntry, Instance
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.paging import page_of
from shared.errors import InvalidRequest
from shared.ids import InstanceId, TenantId

READ_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class ExportedPage:
    """`instance` comes with the first page."""

    instance: Instance | None
    entries: Sequence[HistoryEntry]


async def export_history(
    reader: Reader, tenant_id: TenantId, instance_id: InstanceId, *, after_seq: int
) -> AsyncGenerator[ExportedPage, None]:
    """Every entry after a position that there was at the beginning, in order; one page at least."""
    instance = await find_instance(reader, tenant_id, instance_id)
    if not 0 <= after_seq <= instance.seq:
        raise InvalidRequest(
            f"after_seq {after_seq} is not a position of this instance: they are 0 to"
            f" {instance.seq}",
            field="after_seq",
            reason="POSITION_OUT_OF_RANGE",
            metadata={
                "after_seq": str(after_seq),
                "first_seq": "1",
                "last_seq": str(instance.seq),
            },
        )
    yield ExportedPage(instance, ())
    seq = after_seq
    while seq < instance.seq:
        found = await reader.list_history(
            tenant_id, instance_id, after_seq=seq, limit=min(READ_AT_ONCE, instance.seq - seq)
        )
        page = page_of(found, READ_AT_ONCE, bytes_of=lambda entry: len(entry.payload))
        if not page.rows:
            return
        seq = page.rows[-1].seq
        yield ExportedPage(None, page.rows)
