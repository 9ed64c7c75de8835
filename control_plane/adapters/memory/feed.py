"""The feed, from memory."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from control_plane.adapters.memory.database import FeedPart, MemoryDatabase
from control_plane.ports.feed import END_OF_PART, ORIGIN, FeedEntry, FeedPage, Position
from control_plane.ports.records import HistoryEntry, InstanceKey
from shared.ids import TenantId

MARK = 7
"""Of every position: a memory is never restored to an earlier day."""


class MemoryFeed:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def read(
        self,
        asked: Mapping[TenantId, Position],
        *,
        weight: int,
        types: frozenset[str] | None = None,
    ) -> Mapping[TenantId, FeedPage | None]:
        return {
            tenant_id: self._page(tenant_id, position, weight, types)
            if self._is_good(tenant_id, position)
            else None
            for tenant_id, position in asked.items()
        }

    async def newest(self, tenant_id: TenantId) -> Position:
        parts = self._database.feed.get(tenant_id)
        return _after(parts[-1].xid) if parts else await self.oldest(tenant_id)

    async def oldest(self, tenant_id: TenantId) -> Position:
        floor = self._database.feed_floors.get(tenant_id)
        return ORIGIN if floor is None else _after(floor)

    async def prune(self, keep: timedelta, limit: int) -> int:
        oldest = self._database.now() - keep
        count = 0
        for tenant_id, parts in self._database.feed.items():
            over = 0
            while over < min(limit, len(parts)) and parts[over].written_at < oldest:
                over += 1
            if over:
                self._database.feed_floors[tenant_id] = parts[over - 1].xid
                del parts[:over]
            count += over
        return count

    async def newer(
        self, positions: Mapping[InstanceKey, int], limit: int
    ) -> Mapping[InstanceKey, Sequence[HistoryEntry]]:
        found = {
            key: [entry for entry in self._database.history.get(key, ()) if entry.seq > seq][:limit]
            for key, seq in positions.items()
        }
        return {key: entries for key, entries in found.items() if entries}

    def _is_good(self, tenant_id: TenantId, position: Position) -> bool:
        floor = self._database.feed_floors.get(tenant_id)
        if position == ORIGIN:
            return floor is None
        return position.mark == MARK and (
            any(part.xid == position.xid for part in self._database.feed.get(tenant_id, ()))
            or (position.is_whole and position.xid == floor)
        )

    def _page(
        self, tenant_id: TenantId, after: Position, weight: int, types: frozenset[str] | None
    ) -> FeedPage:
        entries: list[FeedEntry] = []
        until, so_far = after, 0
        for part in self._database.feed.get(tenant_id, ()):
            if part.xid < after.xid or (part.xid == after.xid and after.is_whole):
                continue
            if so_far >= weight:
                break
            so_far += part.weight
            until = _after(part.xid)
            entries += [
                one
                for one in self._entries(part)
                if one.position > after and (types is None or one.entry.type in types)
            ]
        return FeedPage(entries=entries, until=until, weight=so_far)

    def _entries(self, part: FeedPart) -> Sequence[FeedEntry]:
        found = []
        for place, (key, last_seq, count) in enumerate(part.changed, start=1):
            instance = self._database.instances.get(key)
            if instance is None:
                # Removed since, with its history.
                continue
            for entry in self._database.history[key][last_seq - count : last_seq]:
                is_last = place == len(part.changed) and entry.seq == last_seq
                found.append(
                    FeedEntry(
                        position=_after(part.xid)
                        if is_last
                        else Position(part.xid, 0, place, entry.seq, MARK),
                        instance_id=key.instance_id,
                        definition_key=instance.definition_key,
                        business_key=instance.business_key,
                        labels=instance.labels,
                        entry=entry,
                    )
                )
        return found


def _after(xid: int) -> Position:
    return Position(xid, 0, END_OF_PART, 0, MARK)
