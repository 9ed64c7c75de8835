"""
Quotas in PostgreSQL: a row for each tenant that has any of its own, and counts from the indexes
that lead with the tenant.

A row whose numbers were all removed stays, so that whoever reads what has changed sees it go.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import asyncpg

from control_plane.adapters.postgres.audit_log import note
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import Row
from control_plane.ports.audit import Noted, Target
from control_plane.ports.quotas import Bounds, Counted, OwnQuotas, QuotaKind
from shared.ids import TenantId

_BEGINNING = datetime.min.replace(tzinfo=UTC)

# A number each; a `kind` that is not the column's leaves it as it is.
PUT = """
INSERT INTO foliot.quota AS q
       (tenant_id, open_instances, open_tasks, definitions, streams, calls_per_second, updated_at)
SELECT t.tenant_id,
       CASE WHEN $2 = 'open_instances' THEN $3::bigint END,
       CASE WHEN $2 = 'open_tasks' THEN $3::bigint END,
       CASE WHEN $2 = 'definitions' THEN $3::bigint END,
       CASE WHEN $2 = 'streams' THEN $3::bigint END,
       CASE WHEN $2 = 'calls_per_second' THEN $3::bigint END,
       clock_timestamp()
  FROM foliot.tenant t WHERE t.tenant_id = $1
ON CONFLICT (tenant_id) DO UPDATE
   SET open_instances = CASE WHEN $2 = 'open_instances' THEN $3 ELSE q.open_instances END,
       open_tasks = CASE WHEN $2 = 'open_tasks' THEN $3 ELSE q.open_tasks END,
       definitions = CASE WHEN $2 = 'definitions' THEN $3 ELSE q.definitions END,
       streams = CASE WHEN $2 = 'streams' THEN $3 ELSE q.streams END,
       calls_per_second = CASE WHEN $2 = 'calls_per_second' THEN $3 ELSE q.calls_per_second END,
       updated_at = excluded.updated_at
RETURNING 1
"""

REMOVE = """
UPDATE foliot.quota q
   SET open_instances = CASE WHEN $2 = 'open_instances' THEN NULL ELSE q.open_instances END,
       open_tasks = CASE WHEN $2 = 'open_tasks' THEN NULL ELSE q.open_tasks END,
       definitions = CASE WHEN $2 = 'definitions' THEN NULL ELSE q.definitions END,
       streams = CASE WHEN $2 = 'streams' THEN NULL ELSE q.streams END,
       calls_per_second = CASE WHEN $2 = 'calls_per_second' THEN NULL
                               ELSE q.calls_per_second END,
       updated_at = clock_timestamp()
 WHERE q.tenant_id = $1
   AND CASE $2 WHEN 'open_instances' THEN q.open_instances WHEN 'open_tasks' THEN q.open_tasks
               WHEN 'definitions' THEN q.definitions WHEN 'streams' THEN q.streams
               WHEN 'calls_per_second' THEN q.calls_per_second END IS NOT NULL
RETURNING 1
"""

HASH = """
SELECT sha256(convert_to(row(q.open_instances, q.open_tasks, q.definitions, q.streams,
                             q.calls_per_second)::text, 'UTF8'))
  FROM foliot.quota q WHERE q.tenant_id = $1 FOR UPDATE
"""

# Each LIMIT is the tenant's, so that a tenant costs no more than its bounds.
COUNT_OPEN = """
SELECT t.tenant_id, i.instances, r.tasks + d.tasks + l.tasks + p.tasks
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS t(tenant_id, instances, tasks)
 CROSS JOIN LATERAL (
   SELECT count(*) AS instances
     FROM (SELECT FROM foliot.instance i
            WHERE i.tenant_id = t.tenant_id AND i.completed_at IS NULL
            LIMIT t.instances) AS counted) AS i
 CROSS JOIN LATERAL (
   SELECT count(*) AS tasks
     FROM (SELECT FROM foliot.ready r WHERE r.tenant_id = t.tenant_id
            LIMIT t.tasks) AS counted) AS r
 CROSS JOIN LATERAL (
   SELECT count(*) AS tasks
     FROM (SELECT FROM foliot.delayed d WHERE d.tenant_id = t.tenant_id
            LIMIT greatest(0, t.tasks - r.tasks)) AS counted) AS d
 CROSS JOIN LATERAL (
   SELECT count(*) AS tasks
     FROM (SELECT FROM foliot.lease l WHERE l.tenant_id = t.tenant_id
            LIMIT greatest(0, t.tasks - r.tasks - d.tasks)) AS counted) AS l
 CROSS JOIN LATERAL (
   SELECT count(*) AS tasks
     FROM (SELECT FROM foliot.task p
            WHERE p.tenant_id = t.tenant_id AND p.status = 'running'
              AND NOT EXISTS (
                    SELECT FROM foliot.lease h
                     WHERE (h.tenant_id, h.instance_id, h.ordinal)
                           = (p.tenant_id, p.instance_id, p.ordinal))
            LIMIT greatest(0, t.tasks - r.tasks - d.tasks - l.tasks)) AS counted) AS p
"""


class PostgresQuotas:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: what is kept in memory is read of many tenants at once."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def put(
        self, tenant_id: TenantId, kind: QuotaKind, limit: int, *, noted: Noted | None = None
    ) -> bool:
        return await self._change(tenant_id, kind, noted, PUT, limit)

    async def remove(
        self, tenant_id: TenantId, kind: QuotaKind, *, noted: Noted | None = None
    ) -> bool:
        return await self._change(tenant_id, kind, noted, REMOVE)

    async def of_tenant(self, tenant_id: TenantId) -> OwnQuotas | None:
        rows = await self._pool.of(tenant_id).fetch(
            """
            SELECT t.tenant_id, q.open_instances, q.open_tasks, q.definitions, q.streams,
                   q.calls_per_second, coalesce(q.updated_at, t.created_at) AS updated_at
              FROM foliot.tenant t LEFT JOIN foliot.quota q USING (tenant_id)
             WHERE t.tenant_id = $1
            """,
            tenant_id,
        )
        return _own(rows[0]) if rows else None

    async def changed(
        self, since: datetime | None, after: TenantId, at_most: int
    ) -> Sequence[OwnQuotas]:
        rows = await self._across.fetch(
            """
            SELECT q.* FROM foliot.quota q
             WHERE (q.updated_at, q.tenant_id) > ($1, $2)
             ORDER BY q.updated_at, q.tenant_id
             LIMIT $3
            """,
            since or _BEGINNING,
            after,
            at_most,
        )
        return [_own(row) for row in rows]

    async def count_open(self, bounds: Mapping[TenantId, Bounds]) -> Mapping[TenantId, Counted]:
        rows = await self._across.fetch(
            COUNT_OPEN,
            list(bounds),
            [one.instances for one in bounds.values()],
            [one.tasks for one in bounds.values()],
        )
        return {tenant_id: Counted(instances, tasks) for tenant_id, instances, tasks in rows}

    async def count_definitions(self, tenant_id: TenantId, at_most: int) -> int:
        return int(
            await self._pool.of(tenant_id).fetchval(
                """
                SELECT count(*)::integer
                  FROM (SELECT FROM foliot.definition d WHERE d.tenant_id = $1 LIMIT $2) AS counted
                """,
                tenant_id,
                at_most,
            )
        )

    async def _change(
        self, tenant_id: TenantId, kind: QuotaKind, noted: Noted | None, statement: str, *more: int
    ) -> bool:
        async with self._pool.of(tenant_id).transaction() as connection:
            before = await connection.fetchval(HASH, tenant_id)
            changed = await connection.fetchval(statement, tenant_id, kind.value, *more)
            after = await connection.fetchval(HASH, tenant_id)
            await note(connection, noted, tenant_id, Target("quota", kind.value), before, after)
        return bool(changed)


def _own(row: Row) -> OwnQuotas:
    return OwnQuotas(
        tenant_id=row["tenant_id"],
        limits={kind: row[kind.value] for kind in QuotaKind if row[kind.value] is not None},
        updated_at=row["updated_at"],
    )
