"""The audit log in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.ports.audit import AuditEntry, AuditFilter, Noted, Target
from shared.ids import TenantId, new_uuid7

SHORTEST_KEEP = timedelta(days=1)


class MemoryAuditLog:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def list(
        self,
        tenant_id: TenantId | None,
        wanted: AuditFilter,
        *,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> Sequence[AuditEntry]:
        found = [
            entry
            for entry in self._database.audit
            if entry.tenant_id == tenant_id
            and (after is None or (entry.at, entry.entry_id) < after)
            and _is_wanted(entry, wanted)
        ]
        return sorted(found, key=lambda one: (one.at, one.entry_id), reverse=True)[:limit]

    async def forget(self, keep: timedelta, at_once: int) -> int:
        until = self._database.now() - max(keep, SHORTEST_KEEP)
        old = sorted(
            (one for one in self._database.audit if one.at <= until), key=lambda one: one.at
        )[:at_once]
        gone = {one.entry_id for one in old}
        self._database.audit = [one for one in self._database.audit if one.entry_id not in gone]
        return len(gone)


def note(
    database: MemoryDatabase,
    noted: Noted | None,
    tenant_id: TenantId | None,
    target: Target,
    before: bytes | None,
    after: bytes | None,
) -> None:
    """Nothing where the call is not audited, or nothing came of it."""
    if noted is not None and before != after:
        database.audit.append(
            AuditEntry(
                entry_id=new_uuid7(),
                tenant_id=tenant_id,
                at=database.now(),
                noted=noted,
                target=target,
                before_hash=before,
                after_hash=after,
            )
        )


def _is_wanted(entry: AuditEntry, wanted: AuditFilter) -> bool:
    return (
        wanted.principal in {None, entry.noted.principal}
        and wanted.method in {None, entry.noted.method}
        and wanted.target_kind in {None, entry.target.kind}
        and wanted.target_id in {None, entry.target.id}
        and (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at < wanted.until)
    )
