"""
Pages of tasks, each from an index.

Open tasks are found through the narrow tables: pending ones are `ready` or `delayed`,
running ones have a `lease` or are parked (`task_parked_idx`). Pending, closed and dead ones
(`task_closed_idx`, `task_dead_idx`) come by the time they are or were due, which `task.run_at` says
for the last one seen; all others by instance and ordinal.

A look-up of one row is LATERAL with a LIMIT, which no planner turns into a scan of the
whole table, whatever it believes the page to hold.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from control_plane.adapters.postgres.reaching import TenantsPool
from control_plane.ports.reader import TaskFilter
from control_plane.ports.records import CLOSED_TASK
from shared.ids import InstanceId, TenantId

_BEFORE_ALL = (InstanceId(UUID(int=0)), -1)


async def page_of_tasks(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: tuple[InstanceId, int] | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    if wanted.instance_id is not None:
        return await _of_instance(pool, tenant_id, wanted, after=after or _BEFORE_ALL, limit=limit)
    if wanted.status is None:
        return await _of_tenant(pool, tenant_id, wanted, after=after or _BEFORE_ALL, limit=limit)
    if wanted.is_dead:
        return await _dead(pool, tenant_id, wanted, after=after, limit=limit)
    if wanted.status in CLOSED_TASK:
        return await _closed(pool, tenant_id, wanted, after=after, limit=limit)
    if wanted.status == "running":
        return await _running(pool, tenant_id, wanted, after=after or _BEFORE_ALL, limit=limit)
    return await _pending(pool, tenant_id, wanted, after=after, limit=limit)


async def _of_instance(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: tuple[InstanceId, int],
    limit: int,
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
               l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at
          FROM foliot.task t
          LEFT JOIN LATERAL (
            SELECT l.* FROM foliot.lease l
             WHERE (l.tenant_id, l.instance_id, l.ordinal)
                   = (t.tenant_id, t.instance_id, t.ordinal)
             LIMIT 1) AS l ON true
         WHERE t.tenant_id = $1 AND t.instance_id = $2
           AND ($3::text IS NULL OR t.type = $3)
           AND ($4::text IS NULL
                OR $4 = CASE WHEN l.session_id IS NOT NULL AND t.completed_at IS NULL
                             THEN 'running' ELSE t.status END)
           AND (t.instance_id, t.ordinal) > ($5, $6)
         ORDER BY t.ordinal
         LIMIT $7
        """,
        tenant_id,
        wanted.instance_id,
        wanted.type,
        wanted.status,
        *after,
        limit,
    )
    return rows


async def _of_tenant(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: tuple[InstanceId, int],
    limit: int,
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
               l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at
          FROM (SELECT t.*
                  FROM foliot.task t
                 WHERE t.tenant_id = $1
                   AND ($2::text IS NULL OR t.type = $2)
                   AND (t.instance_id, t.ordinal) > ($3, $4)
                 ORDER BY t.instance_id, t.ordinal
                 LIMIT $5) AS t
          LEFT JOIN LATERAL (
            SELECT l.* FROM foliot.lease l
             WHERE (l.tenant_id, l.instance_id, l.ordinal)
                   = (t.tenant_id, t.instance_id, t.ordinal)
             LIMIT 1) AS l ON true
         ORDER BY t.instance_id, t.ordinal
        """,
        tenant_id,
        wanted.type,
        *after,
        limit,
    )
    return rows


async def _closed(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: tuple[InstanceId, int] | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        # A closed task's lease, if a race left one, says nothing any more.
        """
        WITH seen AS MATERIALIZED (
          SELECT CASE WHEN $4::uuid IS NULL THEN '-infinity'
                      ELSE (SELECT t.run_at FROM foliot.task t
                             WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, $4, $5)) END
                 AS run_at)
        SELECT t.*, NULL::uuid AS lease_session_id, NULL::integer AS lease_attempt,
               NULL::integer AS lease_epoch, NULL::timestamptz AS lease_claimed_at
          FROM foliot.task t
         WHERE t.tenant_id = $1 AND t.status = $2 AND t.completed_at IS NOT NULL
           AND ($3::text IS NULL OR t.type = $3)
           AND (t.run_at, t.instance_id, t.ordinal)
               > ((SELECT s.run_at FROM seen s),
                  coalesce($4, '00000000-0000-0000-0000-000000000000'::uuid), coalesce($5, -1))
         ORDER BY t.run_at, t.instance_id, t.ordinal
         LIMIT $6
        """,
        tenant_id,
        wanted.status,
        wanted.type,
        *(after or (None, None)),
        limit,
    )
    return rows


async def _dead(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: tuple[InstanceId, int] | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        WITH seen AS MATERIALIZED (
          SELECT CASE WHEN $3::uuid IS NULL THEN '-infinity'
                      ELSE (SELECT t.run_at FROM foliot.task t
                             WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, $3, $4)) END
                 AS run_at)
        SELECT t.*, NULL::uuid AS lease_session_id, NULL::integer AS lease_attempt,
               NULL::integer AS lease_epoch, NULL::timestamptz AS lease_claimed_at
          FROM foliot.task t
         WHERE t.tenant_id = $1 AND t.status = 'failed' AND t.repeated_as IS NULL
           AND ($2::text IS NULL OR t.type = $2)
           AND (t.run_at, t.instance_id, t.ordinal)
               > ((SELECT s.run_at FROM seen s),
                  coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid), coalesce($4, -1))
         ORDER BY t.run_at, t.instance_id, t.ordinal
         LIMIT $5
        """,
        tenant_id,
        wanted.type,
        *(after or (None, None)),
        limit,
    )
    return rows


async def _running(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: tuple[InstanceId, int],
    limit: int,
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        WITH leased AS MATERIALIZED (
          SELECT l.instance_id, l.ordinal
            FROM foliot.lease l
           CROSS JOIN LATERAL (
             SELECT FROM foliot.task t
              WHERE (t.tenant_id, t.instance_id, t.ordinal)
                    = (l.tenant_id, l.instance_id, l.ordinal)
                AND t.completed_at IS NULL
                AND ($2::text IS NULL OR t.type = $2)
              LIMIT 1) AS open_task
           WHERE l.tenant_id = $1 AND (l.instance_id, l.ordinal) > ($3, $4)
           ORDER BY l.instance_id, l.ordinal
           LIMIT $5),
        parked AS MATERIALIZED (
          SELECT t.instance_id, t.ordinal
            FROM foliot.task t
           WHERE t.tenant_id = $1 AND t.status = 'running'
             AND ($2::text IS NULL OR t.type = $2)
             AND (t.instance_id, t.ordinal) > ($3, $4)
           ORDER BY t.instance_id, t.ordinal
           LIMIT $5),
        page AS MATERIALIZED (
          SELECT both_kinds.instance_id, both_kinds.ordinal
            FROM (SELECT * FROM leased UNION SELECT * FROM parked) AS both_kinds
           ORDER BY both_kinds.instance_id, both_kinds.ordinal
           LIMIT $5)
        SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
               l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at
          FROM page p
         CROSS JOIN LATERAL (
           SELECT t.* FROM foliot.task t
            WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, p.instance_id, p.ordinal)
            LIMIT 1) AS t
          LEFT JOIN LATERAL (
            SELECT l.* FROM foliot.lease l
             WHERE (l.tenant_id, l.instance_id, l.ordinal)
                   = (t.tenant_id, t.instance_id, t.ordinal)
             LIMIT 1) AS l ON true
         ORDER BY t.instance_id, t.ordinal
        """,
        tenant_id,
        wanted.type,
        *after,
        limit,
    )
    return rows


async def _pending(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: tuple[InstanceId, int] | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        WITH seen AS MATERIALIZED (
          SELECT CASE WHEN $3::uuid IS NULL THEN '-infinity'
                      ELSE (SELECT t.run_at FROM foliot.task t
                             WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, $3, $4)) END
                 AS run_at,
                 coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid) AS instance_id,
                 coalesce($4, -1) AS ordinal),
        page AS MATERIALIZED (
          SELECT waiting.run_at, waiting.instance_id, waiting.ordinal
            FROM ((SELECT r.run_at, r.instance_id, r.ordinal
                     FROM foliot.ready r
                    WHERE r.tenant_id = $1
                      AND ($2::text IS NULL OR r.type = $2)
                      AND (r.run_at, r.instance_id, r.ordinal)
                          > ((SELECT s.run_at FROM seen s), (SELECT s.instance_id FROM seen s),
                             (SELECT s.ordinal FROM seen s))
                    ORDER BY r.run_at, r.instance_id, r.ordinal
                    LIMIT $5)
                  UNION ALL
                  (SELECT d.run_at, d.instance_id, d.ordinal
                     FROM foliot.delayed d
                    WHERE d.tenant_id = $1 AND d.run_at > '-infinity'
                      AND ($2::text IS NULL OR d.type = $2)
                      AND (d.run_at, d.instance_id, d.ordinal)
                          > ((SELECT s.run_at FROM seen s), (SELECT s.instance_id FROM seen s),
                             (SELECT s.ordinal FROM seen s))
                    ORDER BY d.run_at, d.instance_id, d.ordinal
                    LIMIT $5)) AS waiting
           ORDER BY waiting.run_at, waiting.instance_id, waiting.ordinal
           LIMIT $5)
        SELECT t.*, NULL::uuid AS lease_session_id, NULL::integer AS lease_attempt,
               NULL::integer AS lease_epoch, NULL::timestamptz AS lease_claimed_at
          FROM page p
         CROSS JOIN LATERAL (
           SELECT t.* FROM foliot.task t
            WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, p.instance_id, p.ordinal)
            LIMIT 1) AS t
         ORDER BY p.run_at, p.instance_id, p.ordinal
        """,
        tenant_id,
        wanted.type,
        *(after or (None, None)),
        limit,
    )
    return rows
