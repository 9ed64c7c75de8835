"""What people and programs look up, from PostgreSQL."""

from collections.abc import Mapping, Sequence

import asyncpg

from control_plane.adapters.postgres.instance_pages import page_of_instances
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import entry_of, instance_of, task_of
from control_plane.adapters.postgres.task_pages import page_of_tasks
from control_plane.ports.reader import InstanceFilter, TaskFilter
from control_plane.ports.records import HistoryEntry, Instance, InstanceKey, Task
from shared.ids import InstanceId, TenantId


class PostgresReader:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = ReachedPool(pool)

    async def get_instance(self, tenant_id: TenantId, instance_id: InstanceId) -> Instance | None:
        row = await self._pool.fetchrow(
            "SELECT i.* FROM foliot.instance i WHERE i.tenant_id = $1 AND i.instance_id = $2",
            tenant_id,
            instance_id,
        )
        return None if row is None else instance_of(row)

    async def list_instances(
        self, tenant_id: TenantId, wanted: InstanceFilter, *, after: InstanceId | None, limit: int
    ) -> Sequence[Instance]:
        rows = await page_of_instances(self._pool, tenant_id, wanted, after=after, limit=limit)
        return [instance_of(row) for row in rows]

    async def get_task(
        self, tenant_id: TenantId, instance_id: InstanceId, ordinal: int
    ) -> Task | None:
        row = await self._pool.fetchrow(
            """
            SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
                   l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at
              FROM foliot.task t
              LEFT JOIN foliot.lease l USING (tenant_id, instance_id, ordinal)
             WHERE t.tenant_id = $1 AND t.instance_id = $2 AND t.ordinal = $3
            """,
            tenant_id,
            instance_id,
            ordinal,
        )
        return None if row is None else task_of(row)

    async def list_tasks(
        self,
        tenant_id: TenantId,
        wanted: TaskFilter,
        *,
        after: tuple[InstanceId, int] | None,
        limit: int,
    ) -> Sequence[Task]:
        rows = await page_of_tasks(self._pool, tenant_id, wanted, after=after, limit=limit)
        return [task_of(row) for row in rows]

    async def list_history(
        self, tenant_id: TenantId, instance_id: InstanceId, *, after_seq: int, limit: int
    ) -> Sequence[HistoryEntry]:
        rows = await self._pool.fetch(
            """
            SELECT h.seq, h.type, h.ordinal, h.payload, h.hash, h.created_at
              FROM foliot.history h
             WHERE h.tenant_id = $1 AND h.instance_id = $2 AND h.seq > $3
             ORDER BY h.seq
             LIMIT $4
            """,
            tenant_id,
            instance_id,
            after_seq,
            limit,
        )
        return [entry_of(row) for row in rows]

    async def positions(
        self, keys: Sequence[InstanceKey]
    ) -> Mapping[InstanceKey, tuple[int, bool]]:
        rows = await self._pool.fetch(
            """
            SELECT i.tenant_id, i.instance_id, i.seq, i.completed_at IS NOT NULL AS is_closed
              FROM unnest($1::text[], $2::uuid[]) AS k(tenant_id, instance_id)
              JOIN foliot.instance i USING (tenant_id, instance_id)
            """,
            [key.tenant_id for key in keys],
            [key.instance_id for key in keys],
        )
        return {
            InstanceKey(row["tenant_id"], row["instance_id"]): (row["seq"], row["is_closed"])
            for row in rows
        }
