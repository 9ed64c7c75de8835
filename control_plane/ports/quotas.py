"""How much a tenant may have and ask for, and how much it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from control_plane.ports.audit import Noted
from shared.ids import TenantId


class QuotaKind(StrEnum):
    """What there is a quota of. Each is the column of its number in the table `quota`."""

    OPEN_INSTANCES = "open_instances"
    OPEN_TASKS = "open_tasks"
    DEFINITIONS = "definitions"
    STREAMS = "streams"
    CALLS_PER_SECOND = "calls_per_second"


class OwnQuotas(NamedTuple):
    """What was set for one tenant; the platform's defaults hold for the rest."""

    tenant_id: TenantId
    limits: Mapping[QuotaKind, int]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far to count of a tenant."""

    instances: int
    tasks: int


class Counted(NamedTuple):
    """How much of it is open, as of one instant, and no more than was to be counted."""

    instances: int
    tasks: int


class QuotaStore(Protocol):
    async def put(
        self, tenant_id: TenantId, kind: QuotaKind, limit: int, *, noted: Noted | None = None
    ) -> bool:
        """Set a tenant's own number. False if there is no such tenant."""

    async def remove(
        self, tenant_id: TenantId, kind: QuotaKind, *, noted: Noted | None = None
    ) -> bool:
        """Let the default hold again. False if the tenant has no number of its own."""

    async def of_tenant(self, tenant_id: TenantId) -> OwnQuotas | None:
        """What was set for a tenant, nothing at all included. None if there is no such tenant."""

    async def changed(
        self, since: datetime | None, after: TenantId, at_most: int
    ) -> Sequence[OwnQuotas]:
        """
        What was set or removed at that instant or later: the rows after (since, after), in the
        order of (updated_at, tenant_id). None is from the beginning.
        """

    async def count_open(self, bounds: Mapping[TenantId, Bounds]) -> Mapping[TenantId, Counted]:
        """
        How many instances and tasks are open, of each tenant up to its bounds: it costs no more
        than what is counted.

        Tasks are those that executors or people have, or can have now or later.
        """

    async def count_definitions(self, tenant_id: TenantId, at_most: int) -> int:
        """How many versions the tenant has, archived ones included, counted up to `at_most`."""
