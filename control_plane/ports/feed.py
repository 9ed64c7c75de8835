"""
The feed: all that happens to a tenant's instances, in one order that can be followed.

The order is that of the commits' transaction ids, and what it shows ends before the oldest
transaction that is still under way: nothing can come in between later. Within an instance
it is the order of its history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Protocol

from control_plane.ports.records import HistoryEntry, InstanceKey, JsonText
from shared.ids import InstanceId, TenantId

END_OF_PART = 32_767
"""The place of a position after everything in its part."""


class Position(NamedTuple):
    """
    A place in a tenant's feed: after entry `seq` of the `place`th instance in a part of a commit.

    `mark` was left to chance when the part was written. So a position that was given out by a
    database which was restored to an earlier day since is known for what it is.
    """

    xid: int
    part: int
    place: int
    seq: int
    mark: int

    @property
    def is_whole(self) -> bool:
        """Whether its part is behind it."""
        return self.place == END_OF_PART


ORIGIN = Position(0, 0, 0, 0, 0)
"""Before everything."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class FeedEntry:
    """A history entry, where it stands in the feed, and what can be asked of its instance."""

    position: Position
    instance_id: InstanceId
    definition_key: str
    business_key: str | None
    labels: JsonText
    entry: HistoryEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """What stands after one position up to another. With filtered types it may hold none."""

    entries: Sequence[FeedEntry]
    until: Position
    weight: int
    """About how many bytes it is."""


class Feed(Protocol):
    async def read(
        self,
        asked: Mapping[TenantId, Position],
        *,
        weight: int,
        types: frozenset[str] | None = None,
    ) -> Mapping[TenantId, FeedPage | None]:
        """
        Of each tenant a page after its position, of about `weight` bytes, and one part at least.

        None for a position that is not in the feed: what follows it was removed in part, or it
        is another database's. The page of one where nothing follows ends where it begins.
        With `types`, entries of others are left out.
        """

    async def newest(self, tenant_id: TenantId) -> Position:
        """After everything that can be read now."""

    async def oldest(self, tenant_id: TenantId) -> Position:
        """Before everything that can still be read."""

    async def prune(self, keep: timedelta, limit: int) -> int:
        """
        Remove up to `limit` parts of each tenant that are older, the oldest first; how many.

        Positions among them are good no more.
        """

    async def newer(
        self, positions: Mapping[InstanceKey, int], limit: int
    ) -> Mapping[InstanceKey, Sequence[HistoryEntry]]:
        """
        Of each instance that is beyond its seq, the next entries, up to `limit`.

        By seq and not by the feed: an instance's entries can be read once they are committed.
        """
