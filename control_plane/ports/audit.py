"""
Who did what to what: entries that are written with the change itself, in its transaction.

Every store that carries out what an audited call asks for takes a `Noted`, and writes one entry
for each thing that it changed: none where there was nothing to change, or nothing was kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What is known of an audited call before it is carried out."""

    principal: str
    credential_id: str
    method: str
    """As `foliot.v1.InstanceService/CancelInstance`."""
    reason: str = ""
    request_id: str = ""
    correlation_id: str = ""


class Target(NamedTuple):
    """What was changed: `kind` is the noun of its id, as `instance`."""

    kind: str
    id: str


class NotedChange(NamedTuple):
    """What an audited call did to an instance or a task of it, by the instance's history."""

    noted: Noted
    target: Target
    before_hash: bytes | None
    after_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """
    One change. `tenant_id` is None where it was the platform's own.

    The hashes are of what was changed, an instance's those of its history; None where there was
    nothing before, or is nothing after.
    """

    entry_id: UUID
    tenant_id: TenantId | None
    at: datetime
    noted: Noted
    target: Target
    before_hash: bytes | None
    after_hash: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are wanted: those of all that is set. `since` is included, `until` is not."""

    principal: str | None = None
    method: str | None = None
    target_kind: str | None = None
    target_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditLog(Protocol):
    async def list(
        self,
        tenant_id: TenantId | None,
        wanted: AuditFilter,
        *,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> Sequence[AuditEntry]:
        """A tenant's, or the platform's own, newest first; `after` is the last one seen."""

    async def forget(self, keep: timedelta, at_once: int) -> int:
        """Remove up to so many entries that are older, the oldest first; tells how many."""
