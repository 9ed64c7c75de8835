"""Tenants in PostgreSQL. Suspending one closes its limits to the claims in the same commit."""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres.audit_log import note
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.ports.audit import Noted, Target
from control_plane.ports.tenant_store import Tenant
from shared.ids import TenantId

_READ = """
SELECT t.tenant_id, t.display_name, t.created_at, t.suspended_at, t.suspend_reason,
       sha256(convert_to(t::text, 'UTF8')) AS hash
  FROM foliot.tenant t
"""

CREATE = """
INSERT INTO foliot.tenant (tenant_id, display_name, created_at)
VALUES ($1, $2, foliot.now())
ON CONFLICT DO NOTHING
RETURNING true
"""

# Of all, or of either kind, for which there is an index each.
LISTS = {
    wanted: f"""
{_READ}
 WHERE t.tenant_id > $1 AND {condition}
 ORDER BY t.tenant_id
 LIMIT $2
"""
    for wanted, condition in (
        (None, "true"),
        (True, "t.suspended_at IS NOT NULL"),
        (False, "t.suspended_at IS NULL"),
    )
}

# Locks the row that claims from the tenant lock.
LET_CLAIM = """
INSERT INTO foliot.task_limit AS l (tenant_id, limit_key, is_suspended, updated_at)
VALUES ($1, '', $2, foliot.now())
ON CONFLICT (tenant_id, limit_key) DO UPDATE
  SET is_suspended = excluded.is_suspended, updated_at = excluded.updated_at
"""


class PostgresTenantStore:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: who lists tenants sees them all."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def create(
        self, tenant_id: TenantId, display_name: str, *, noted: Noted | None = None
    ) -> tuple[Tenant, bool]:
        async with self._pool.of(tenant_id).transaction() as connection:
            created = bool(await connection.fetchval(CREATE, tenant_id, display_name))
            row = await _locked(connection, tenant_id)
            assert row is not None
            if created:
                target = Target("tenant", tenant_id)
                await note(connection, noted, tenant_id, target, None, row["hash"])
        return _tenant(row), created

    async def get(self, tenant_id: TenantId) -> Tenant | None:
        row = await self._pool.of(tenant_id).fetchrow(f"{_READ} WHERE t.tenant_id = $1", tenant_id)
        return None if row is None else _tenant(row)

    async def list(
        self, *, suspended: bool | None, after: TenantId | None, limit: int
    ) -> Sequence[Tenant]:
        return [
            _tenant(row) for row in await self._across.fetch(LISTS[suspended], after or "", limit)
        ]

    async def rename(
        self, tenant_id: TenantId, display_name: str, *, noted: Noted | None = None
    ) -> Tenant | None:
        async with self._pool.of(tenant_id).transaction() as connection:
            before = await _locked(connection, tenant_id)
            if before is None:
                return None
            await connection.execute(
                "UPDATE foliot.tenant SET display_name = $2 WHERE tenant_id = $1",
                tenant_id,
                display_name,
            )
            return await _changed(connection, noted, before)

    async def suspend(
        self, tenant_id: TenantId, reason: str, *, noted: Noted | None = None
    ) -> Tenant | None:
        async with self._pool.of(tenant_id).transaction() as connection:
            before = await _locked(connection, tenant_id)
            if before is None:
                return None
            await connection.execute(
                """
                UPDATE foliot.tenant SET suspended_at = foliot.now(), suspend_reason = $2
                 WHERE tenant_id = $1 AND suspended_at IS NULL
                """,
                tenant_id,
                reason,
            )
            await connection.execute(LET_CLAIM, tenant_id, True)
            return await _changed(connection, noted, before)

    async def resume(self, tenant_id: TenantId, *, noted: Noted | None = None) -> Tenant | None:
        async with self._pool.of(tenant_id).transaction() as connection:
            before = await _locked(connection, tenant_id)
            if before is None:
                return None
            await connection.execute(
                """
                UPDATE foliot.tenant SET suspended_at = NULL, suspend_reason = NULL
                 WHERE tenant_id = $1
                """,
                tenant_id,
            )
            await connection.execute(LET_CLAIM, tenant_id, False)
            return await _changed(connection, noted, before)


async def _locked(connection: asyncpg.Connection, tenant_id: TenantId) -> asyncpg.Record | None:
    """The tenant's row, which nobody else changes until the transaction ends."""
    return await connection.fetchrow(f"{_READ} WHERE t.tenant_id = $1 FOR NO KEY UPDATE", tenant_id)


async def _changed(
    connection: asyncpg.Connection, noted: Noted | None, before: asyncpg.Record
) -> Tenant:
    tenant_id: TenantId = before["tenant_id"]
    after = await _locked(connection, tenant_id)
    assert after is not None
    target = Target("tenant", tenant_id)
    await note(connection, noted, tenant_id, target, before["hash"], after["hash"])
    return _tenant(after)


def _tenant(row: asyncpg.Record) -> Tenant:
    return Tenant(**{name: row[name] for name in Tenant.__slots__})
