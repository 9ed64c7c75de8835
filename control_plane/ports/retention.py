"""For how long instances are kept after their end, and what is past that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from control_plane.ports.audit import Noted
from control_plane.ports.records import HistoryEntry, Instance, InstanceKey, Task
from shared.ids import InstanceId, TenantId

EVERY_DEFINITION = ""
"""The definition key of the retention that holds where a definition has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """
    How long a tenant's instances of a definition are kept after their end; None is for ever.

    With `archives` they are removed only once they are in an archive.
    """

    definition_key: str
    keep: timedelta | None
    archives: bool
    updated_at: datetime


class PastInstance(NamedTuple):
    """An instance that may go. `weight` is how many history entries it has."""

    key: InstanceKey
    archives: bool
    weight: int


class PastPage(NamedTuple):
    """What is past its retention up to an id. `is_last`: there is nothing to look at beyond."""

    instances: Sequence[PastInstance]
    until: InstanceId
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All there is of an instance that has ended, as of one moment."""

    instance: Instance
    tasks: Sequence[Task]
    entries: Sequence[HistoryEntry]


class RetentionStore(Protocol):
    async def put(
        self,
        tenant_id: TenantId,
        definition_key: str,
        keep: timedelta | None,
        *,
        archives: bool,
        noted: Noted | None = None,
    ) -> Retention:
        """Set a retention; it replaces the one that there was."""

    async def remove(
        self, tenant_id: TenantId, definition_key: str, *, noted: Noted | None = None
    ) -> bool:
        """Take a retention back. False if there is none."""

    async def of_tenant(self, tenant_id: TenantId) -> Sequence[Retention]:
        """The tenant's retentions, by definition key."""

    async def take_turn(self, holder: UUID, ttl: timedelta) -> bool:
        """Whether the holder is the one who removes, for so long; who holds it may hold on."""

    async def tenants(self) -> Sequence[TenantId]:
        """Those that have a retention which is not for ever."""

    async def past(self, tenant_id: TenantId, after: InstanceId, limit: int) -> PastPage:
        """Look at up to `limit` instances beyond an id: which of them may go."""

    async def whole(self, keys: Sequence[InstanceKey]) -> Sequence[Whole]:
        """All there is of these instances, of one tenant, each as of one moment."""

    async def remove_instances(self, wholes: Sequence[Whole]) -> int:
        """
        Remove instances of one tenant that are still as they were read, and past their
        retention; tells how many. What changed, or is being changed, stays.
        """

    async def retire_partitions(self) -> int:
        """Drop the months of history that nobody needs; tells how many were dropped."""
