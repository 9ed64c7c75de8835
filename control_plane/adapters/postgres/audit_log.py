"""
The audit log in PostgreSQL, and how other stores write to it: with their change, or not at all.

`hash_of` tells two states of a row apart; what stands in an instance's entries comes with the
turn that changed it (write_batch.py).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from control_plane.adapters.postgres.reaching import ReachedPool, TenantsPool
from control_plane.ports.audit import AuditEntry, AuditFilter, Noted, Target
from shared.ids import TenantId, new_uuid7

THE_PLATFORM = ""
"""Whose entries those are that belong to no tenant."""

LIST = """
SELECT a.*
  FROM foliot.audit a
 WHERE a.tenant_id = $1
   AND (a.at, a.entry_id) < ($2, $3)
   AND a.at >= $4
   AND ($5::text IS NULL OR a.principal = $5)
   AND ($6::text IS NULL OR a.method = $6)
   AND ($7::text IS NULL OR a.target_kind = $7)
   AND ($8::text IS NULL OR a.target_id = $8)
 ORDER BY a.at DESC, a.entry_id DESC
 LIMIT $9
"""

# There is an index for each of what may be asked for. A plan that is made without the values can
# take none of them, and goes through everybody's entries by their time.
PLAN_FOR_VALUES = "SET LOCAL plan_cache_mode = force_custom_plan"

_BEFORE_ALL = datetime.fromisoformat("0001-01-02T00:00:00+00:00")
_AFTER_ALL = datetime.fromisoformat("9999-12-30T00:00:00+00:00")
_FIRST_ID = UUID(int=0)
_LAST = _AFTER_ALL, UUID(int=2**128 - 1)


class PostgresAuditLog:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: what operators did to no tenant is the platform's."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def list(
        self,
        tenant_id: TenantId | None,
        wanted: AuditFilter,
        *,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> Sequence[AuditEntry]:
        pool = self._across if tenant_id is None else self._pool.of(tenant_id)
        # One bound and not two: an index is walked from the first of them, which may be the later.
        before = min(after or _LAST, (wanted.until or _AFTER_ALL, _FIRST_ID))
        async with pool.transaction() as connection:
            await connection.execute(PLAN_FOR_VALUES)
            rows = await connection.fetch(
                LIST,
                tenant_id or THE_PLATFORM,
                *before,
                wanted.since or _BEFORE_ALL,
                wanted.principal,
                wanted.method,
                wanted.target_kind,
                wanted.target_id,
                limit,
            )
        return [_entry(row) for row in rows]

    async def forget(self, keep: timedelta, at_once: int) -> int:
        removed: int = await self._across.fetchval(
            "SELECT foliot.forget_audit($1, $2)", keep, at_once
        )
        return removed


async def note(
    connection: asyncpg.Connection,
    noted: Noted | None,
    tenant_id: TenantId | None,
    target: Target,
    before: bytes | None,
    after: bytes | None,
) -> None:
    """
    Write down what the transaction under way does. Nothing where the call is not audited, or
    nothing came of it.
    """
    if noted is None or before == after:
        return
    await connection.execute(
        """
        INSERT INTO foliot.audit
               (tenant_id, at, entry_id, principal, credential_id, method, target_kind, target_id,
                reason, request_id, correlation_id, before_hash, after_hash)
        VALUES ($1, foliot.now(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        tenant_id or THE_PLATFORM,
        new_uuid7(),
        noted.principal,
        noted.credential_id,
        noted.method,
        target.kind,
        target.id,
        noted.reason,
        noted.request_id,
        noted.correlation_id,
        before,
        after,
    )


@asynccontextmanager
async def noting(
    pool: ReachedPool | TenantsPool,
    noted: Noted | None,
    tenant_id: TenantId,
    target: Target,
    hashed: str,
    *key: object,
) -> AsyncIterator[asyncpg.Connection]:
    """
    A transaction that changes one thing, and writes that down. `hashed` is a statement that gives
    the hash of the thing by its key, and nothing where there is no such thing.
    """
    async with pool.transaction() as connection:
        before = None if noted is None else await connection.fetchval(hashed, *key)
        yield connection
        if noted is not None:
            after = await connection.fetchval(hashed, *key)
            await note(connection, noted, tenant_id, target, before, after)


def _entry(row: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(
        entry_id=row["entry_id"],
        tenant_id=row["tenant_id"] or None,
        at=row["at"],
        noted=Noted(
            principal=row["principal"],
            credential_id=row["credential_id"],
            method=row["method"],
            reason=row["reason"],
            request_id=row["request_id"],
            correlation_id=row["correlation_id"],
        ),
        target=Target(row["target_kind"], row["target_id"]),
        before_hash=row["before_hash"],
        after_hash=row["after_hash"],
    )
