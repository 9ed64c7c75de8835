"""Who shares the database, and who of them is suspended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from control_plane.ports.audit import Noted
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """`suspended_at` and the reason for it are set while it is suspended."""

    tenant_id: TenantId
    display_name: str
    created_at: datetime
    suspended_at: datetime | None = None
    suspend_reason: str | None = None


class TenantStore(Protocol):
    async def create(
        self, tenant_id: TenantId, display_name: str, *, noted: Noted | None = None
    ) -> tuple[Tenant, bool]:
        """The tenant, and whether it is new. One that is there stays as it is."""

    async def get(self, tenant_id: TenantId) -> Tenant | None:
        """The tenant, or None where there is none of that id."""

    async def list(
        self, *, suspended: bool | None, after: TenantId | None, limit: int
    ) -> Sequence[Tenant]:
        """By id; `after` is the last one already seen."""

    async def rename(
        self, tenant_id: TenantId, display_name: str, *, noted: Noted | None = None
    ) -> Tenant | None:
        """Give it another name. None where there is no such tenant."""

    async def suspend(
        self, tenant_id: TenantId, reason: str, *, noted: Noted | None = None
    ) -> Tenant | None:
        """
        From this commit on none of its tasks is claimed, and neither its timers nor its schedules
        are due. One that is suspended already stays as it is. None where there is no such tenant.
        """

    async def resume(self, tenant_id: TenantId, *, noted: Noted | None = None) -> Tenant | None:
        """All of it goes on. Harmless where it is not suspended; None where there is no tenant."""
