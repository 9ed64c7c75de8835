"""What people and programs look up, from PostgreSQL."""

from collections.abc import Mapping, Sequence

import asyncpg

from control_plane.adapters.postgres.counting import count_instances, count_tasks
from control_plane.adapters.postgres.instance_pages import labelled_at, page_of_instances
from control_plane.adapters.postgres.offer_pages import page_of_offers
from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.read_batch import PEOPLE
from control_plane.adapters.postgres.rows import entry_of, instance_of, task_of, with_people
from control_plane.adapters.postgres.task_pages import page_of_tasks
from control_plane.ports.reader import InstanceFilter, InstancePlace, TaskFilter, TaskPlace
from control_plane.ports.records import HistoryEntry, Instance, Task
from control_plane.ports.standing import Comment
from shared.ids import InstanceId, TenantId
from shared.tasks import TaskType


class PostgresReader:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = ReachedPool(pool)

    async def get_instance(self, tenant_id: TenantId, instance_id: InstanceId) -> Instance | None:
        row = await self._pool.of(tenant_id).fetchrow(
            "SELECT i.* FROM foliot.instance i WHERE i.tenant_id = $1 AND i.instance_id = $2",
            tenant_id,
            instance_id,
        )
        return None if row is None else instance_of(row)

    async def list_instances(
        self,
        tenant_id: TenantId,
        wanted: InstanceFilter,
        *,
        after: InstancePlace | None,
        limit: int,
    ) -> Sequence[Instance]:
        rows = await page_of_instances(
            self._pool.of(tenant_id), tenant_id, wanted, after=after, limit=limit
        )
        return [instance_of(row) for row in rows]

    async def labelled_at(
        self,
        tenant_id: TenantId,
        wanted: InstanceFilter,
        *,
        after: InstancePlace | None,
        count: int,
    ) -> InstancePlace | None:
        return await labelled_at(
            self._pool.of(tenant_id), tenant_id, wanted, after=after, count=count
        )

    async def get_task(
        self, tenant_id: TenantId, instance_id: InstanceId, ordinal: int
    ) -> Task | None:
        row = await self._pool.of(tenant_id).fetchrow(
            """
            SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
                   l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at,
                   l.silent_at AS lease_silent_at, l.progress AS lease_progress,
                   p.terms, p.due_at, p.assignee, p.standing
              FROM foliot.task t
              LEFT JOIN foliot.lease l USING (tenant_id, instance_id, ordinal)
              LEFT JOIN foliot.task_terms p USING (tenant_id, instance_id, ordinal)
             WHERE t.tenant_id = $1 AND t.instance_id = $2 AND t.ordinal = $3
            """,
            tenant_id,
            instance_id,
            ordinal,
        )
        return None if row is None else with_people(task_of(row), row)

    async def list_tasks(
        self,
        tenant_id: TenantId,
        wanted: TaskFilter,
        *,
        after: TaskPlace | None,
        limit: int,
    ) -> Sequence[Task]:
        page = page_of_offers if wanted.found_as else page_of_tasks
        rows = await page(self._pool.of(tenant_id), tenant_id, wanted, after=after, limit=limit)
        found = await self._with_people(tenant_id, [task_of(row) for row in rows])
        return list(found.values())

    async def _with_people(
        self, tenant_id: TenantId, tasks: Sequence[Task]
    ) -> dict[tuple[InstanceId, int], Task]:
        """By their keys, in their order, with what is said of people and those that are HUMAN."""
        found = {(one.instance_id, one.ordinal): one for one in tasks}
        human = [key for key, one in found.items() if one.type is TaskType.HUMAN]
        if human:
            rows = await self._pool.of(tenant_id).fetch(
                PEOPLE,
                [tenant_id] * len(human),
                [instance_id for instance_id, _ in human],
                [ordinal for _, ordinal in human],
            )
            for row in rows:
                key = row["instance_id"], row["ordinal"]
                found[key] = with_people(found[key], row)
        return found

    async def list_history(
        self, tenant_id: TenantId, instance_id: InstanceId, *, after_seq: int, limit: int
    ) -> Sequence[HistoryEntry]:
        rows = await self._pool.of(tenant_id).fetch(
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

    async def list_comments(
        self,
        tenant_id: TenantId,
        instance_id: InstanceId,
        ordinal: int,
        *,
        author: str | None = None,
        after_seq: int,
        limit: int,
    ) -> Sequence[Comment]:
        rows = await self._pool.of(tenant_id).fetch(
            """
            SELECT c.seq, c.author, c.said AS text, c.created_at
              FROM foliot.task_comment c
             WHERE c.tenant_id = $1 AND c.instance_id = $2 AND c.ordinal = $3 AND c.seq > $4
               AND ($6::text IS NULL OR c.author = $6)
             ORDER BY c.seq
             LIMIT $5
            """,
            tenant_id,
            instance_id,
            ordinal,
            after_seq,
            limit,
            author,
        )
        return [Comment(**row) for row in rows]

    async def get_tasks(
        self, tenant_id: TenantId, keys: Sequence[tuple[InstanceId, int]], type_: TaskType
    ) -> Mapping[tuple[InstanceId, int], Task]:
        rows = await self._pool.of(tenant_id).fetch(
            """
            SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
                   l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at
              FROM unnest($2::uuid[], $3::integer[]) AS k(instance_id, ordinal)
             CROSS JOIN LATERAL (
               SELECT t.* FROM foliot.task t
                WHERE t.tenant_id = $1 AND t.instance_id = k.instance_id AND t.ordinal = k.ordinal
                LIMIT 1) AS t
              LEFT JOIN LATERAL (
               SELECT l.* FROM foliot.lease l
                WHERE (l.tenant_id, l.instance_id, l.ordinal) = ($1, k.instance_id, k.ordinal)
                LIMIT 1) AS l ON true
             WHERE t.type = $4
            """,
            tenant_id,
            [instance_id for instance_id, _ in keys],
            [ordinal for _, ordinal in keys],
            type_,
        )
        return await self._with_people(tenant_id, [task_of(row) for row in rows])

    async def count_instances(
        self, tenant_id: TenantId, wanted: InstanceFilter, *, at_most: int
    ) -> int:
        return await count_instances(self._pool.of(tenant_id), tenant_id, wanted, at_most)

    async def count_tasks(self, tenant_id: TenantId, wanted: TaskFilter, *, at_most: int) -> int:
        return await count_tasks(self._pool.of(tenant_id), tenant_id, wanted, at_most)
