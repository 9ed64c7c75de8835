"""List what happened to an instance."""

from dataclasses import dataclass

from control_plane.ports.reader import Reader
from control_plane.ports.records import HistoryEntry
from control_plane.use_cases.get_instance import find_instance
from control_plane.use_cases.paging import Page, page_of
from shared.ids import InstanceId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """All that is set must hold. `from_seq` is included, `before_seq` is not."""

    type: str | None = None
    ordinal: int | None = None
    from_seq: int | None = None
    before_seq: int | None = None

    def keeps(self, entry: HistoryEntry) -> bool:
        return (
            (self.type is None or entry.type == self.type)
            and (self.ordinal is None or entry.ordinal == self.ordinal)
            and (self.from_seq is None or entry.seq >= self.from_seq)
            and (self.before_seq is None or entry.seq < self.before_seq)
        )


async def list_history(
    reader: Reader,
    tenant_id: TenantId,
    instance_id: InstanceId,
    wanted: HistoryFilter,
    *,
    newest_first: bool,
    after: int | None,
    size: int,
) -> Page[HistoryEntry]:
    """
    Entries in the order of their seq, or the other way round.

    `after` is the seq of the last entry already seen, in whichever order. Seqs have no
    gaps, so a page backwards is a page forwards from so many before.
    """
    instance = await find_instance(reader, tenant_id, instance_id)
    lowest = (wanted.from_seq or 1) - 1
    highest = instance.seq if wanted.before_seq is None else wanted.before_seq - 1
    if newest_first:
        highest = min(highest, instance.seq, highest if after is None else after - 1)
        lowest = max(0, lowest, highest - size - 1)
    else:
        lowest = max(0, lowest, after or 0)
    limit = min(size + 1, highest - lowest)
    if limit <= 0:
        return Page((), None)
    found = await reader.list_history(tenant_id, instance_id, after_seq=lowest, limit=limit)
    if newest_first:
        found = found[::-1]
    return page_of(found, size, bytes_of=_bytes_of, keep=wanted.keeps)


def _bytes_of(entry: HistoryEntry) -> int:
    return len(entry.payload)
