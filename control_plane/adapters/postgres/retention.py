"""Retention in PostgreSQL. A function removes, and looks once more before (0007_retention.py)."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from uuid import UUID

import asyncpg

from control_plane.adapters.postgres.audit_log import noting
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import entry_of, instance_of, task_of
from control_plane.ports.audit import Noted, Target
from control_plane.ports.records import HistoryEntry, InstanceKey, Task
from control_plane.ports.retention import PastInstance, PastPage, Retention, Whole
from shared.failpoints import failpoint
from shared.ids import InstanceId, TenantId

# By id, which is by start: nothing that began within the shortest retention has ended before it.
PAST = """
SELECT i.instance_id, i.seq, r.archives,
       coalesce(i.completed_at <= (SELECT foliot.now()) - r.keep, false)
       AND NOT EXISTS (SELECT FROM foliot.task t
                        WHERE t.tenant_id = i.tenant_id AND t.instance_id = i.instance_id
                          AND t.completed_at IS NULL) AS is_past
  FROM (SELECT i.tenant_id, i.instance_id, i.seq, i.completed_at, i.definition_key
          FROM foliot.instance i
         WHERE i.tenant_id = $1 AND i.instance_id > $2
           AND i.instance_id <= (
                 SELECT rpad(lpad(to_hex((extract(epoch FROM foliot.now() - min(r.keep)) * 1000)
                                         ::bigint), 12, '0'), 32, 'f')::uuid
                   FROM foliot.retention r WHERE r.tenant_id = $1)
         ORDER BY i.instance_id
         LIMIT $3) AS i
  LEFT JOIN LATERAL (
    SELECT r.keep, r.archives FROM foliot.retention r
     WHERE r.tenant_id = i.tenant_id AND r.definition_key IN (i.definition_key, '')
     ORDER BY r.definition_key DESC LIMIT 1) AS r ON true
 ORDER BY i.instance_id
"""

INSTANCES = """
SELECT i.* FROM foliot.instance i
 WHERE i.tenant_id = $1 AND i.instance_id = ANY ($2::uuid[])
 ORDER BY i.instance_id
"""

TASKS = """
SELECT t.*, NULL AS lease_session_id
  FROM foliot.task t
 WHERE t.tenant_id = $1 AND t.instance_id = ANY ($2::uuid[])
 ORDER BY t.instance_id, t.ordinal
"""

HISTORY = """
SELECT h.* FROM foliot.history h
 WHERE h.tenant_id = $1 AND h.instance_id = ANY ($2::uuid[])
 ORDER BY h.instance_id, h.seq
"""


HASH = """
SELECT sha256(convert_to(row(r.keep, r.archives)::text, 'UTF8'))
  FROM foliot.retention r WHERE r.tenant_id = $1 AND r.definition_key = $2
"""


class PostgresRetention:
    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        """`across` acts as ACROSS_ROLE: what the loop asks for is of every tenant."""
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def put(
        self,
        tenant_id: TenantId,
        definition_key: str,
        keep: timedelta | None,
        *,
        archives: bool,
        noted: Noted | None = None,
    ) -> Retention:
        async with self._noting(noted, tenant_id, definition_key) as connection:
            (row,) = await connection.fetch(
                """
                INSERT INTO foliot.retention AS r
                       (tenant_id, definition_key, keep, archives, updated_at)
                VALUES ($1, $2, $3, $4, foliot.now())
                ON CONFLICT (tenant_id, definition_key) DO UPDATE
                  SET keep = excluded.keep, archives = excluded.archives,
                      updated_at = excluded.updated_at
                RETURNING r.definition_key, r.keep, r.archives, r.updated_at
                """,
                tenant_id,
                definition_key,
                keep,
                archives,
            )
        return Retention(**row)

    async def remove(
        self, tenant_id: TenantId, definition_key: str, *, noted: Noted | None = None
    ) -> bool:
        async with self._noting(noted, tenant_id, definition_key) as connection:
            return bool(
                await connection.fetch(
                    """
                    DELETE FROM foliot.retention r
                     WHERE r.tenant_id = $1 AND r.definition_key = $2 RETURNING 1
                    """,
                    tenant_id,
                    definition_key,
                )
            )

    def _noting(
        self, noted: Noted | None, tenant_id: TenantId, definition_key: str
    ) -> AbstractAsyncContextManager[asyncpg.Connection]:
        pool, target = self._pool.of(tenant_id), Target("retention", definition_key)
        return noting(pool, noted, tenant_id, target, HASH, tenant_id, definition_key)

    async def of_tenant(self, tenant_id: TenantId) -> Sequence[Retention]:
        rows = await self._pool.of(tenant_id).fetch(
            """
            SELECT r.definition_key, r.keep, r.archives, r.updated_at
              FROM foliot.retention r WHERE r.tenant_id = $1 ORDER BY r.definition_key
            """,
            tenant_id,
        )
        return [Retention(**row) for row in rows]

    async def take_turn(self, holder: UUID, ttl: timedelta) -> bool:
        return bool(
            await self._across.fetch(
                """
                INSERT INTO foliot.retention_turn AS t (holder, until)
                VALUES ($1, foliot.now() + $2::interval)
                ON CONFLICT (only_row) DO UPDATE
                  SET holder = excluded.holder, until = excluded.until
                  WHERE t.holder = excluded.holder OR t.until <= foliot.now()
                RETURNING 1
                """,
                holder,
                ttl,
            )
        )

    async def tenants(self) -> Sequence[TenantId]:
        rows = await self._across.fetch(
            """
            SELECT DISTINCT r.tenant_id FROM foliot.retention r WHERE r.keep IS NOT NULL ORDER BY 1
            """
        )
        return [TenantId(tenant_id) for (tenant_id,) in rows]

    async def past(self, tenant_id: TenantId, after: InstanceId, limit: int) -> PastPage:
        rows = await self._pool.of(tenant_id).fetch(PAST, tenant_id, after, limit)
        return PastPage(
            instances=[
                PastInstance(
                    InstanceKey(tenant_id, row["instance_id"]), row["archives"], row["seq"]
                )
                for row in rows
                if row["is_past"]
            ],
            until=rows[-1]["instance_id"] if rows else after,
            is_last=len(rows) < limit,
        )

    async def whole(self, keys: Sequence[InstanceKey]) -> Sequence[Whole]:
        tenant_id, ids = keys[0].tenant_id, [key.instance_id for key in keys]
        tasks: defaultdict[InstanceId, list[Task]] = defaultdict(list)
        entries: defaultdict[InstanceId, list[HistoryEntry]] = defaultdict(list)
        async with self._pool.of(tenant_id).transaction("repeatable_read") as connection:
            instances = await connection.fetch(INSTANCES, tenant_id, ids)
            for row in await connection.fetch(TASKS, tenant_id, ids):
                tasks[row["instance_id"]].append(task_of(row))
            for row in await connection.fetch(HISTORY, tenant_id, ids):
                entries[row["instance_id"]].append(entry_of(row))
        return [
            Whole(
                instance=instance_of(row),
                tasks=tasks[row["instance_id"]],
                entries=entries[row["instance_id"]],
            )
            for row in instances
        ]

    async def remove_instances(self, wholes: Sequence[Whole]) -> int:
        await failpoint("retention.remove.before")
        tenant_id = wholes[0].instance.tenant_id
        removed: int = await self._pool.of(tenant_id).fetchval(
            "SELECT foliot.remove_instances($1, $2, $3)",
            tenant_id,
            [one.instance.instance_id for one in wholes],
            [one.instance.revision for one in wholes],
        )
        await failpoint("retention.remove.after")
        return removed

    async def retire_partitions(self) -> int:
        dropped: int = await self._across.fetchval("SELECT foliot.retire_partitions()")
        return dropped
