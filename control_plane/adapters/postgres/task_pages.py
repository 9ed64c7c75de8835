"""
Pages of tasks, each from an index.

Those of a status or a type come by the time they are or were due, from ranges of `task_page_idx`,
one a status and type; pending ones of all types from the narrow tables, being `ready` or
`delayed`. Running ones have a `lease` or are parked (`task_parked_idx`), and come by instance and
ordinal, as all tasks of a tenant or an instance do. Dead ones have an index of their own.

A look-up of one row is LATERAL with a LIMIT, which no planner turns into a scan of the
whole table, whatever it believes the page to hold.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from control_plane.adapters.postgres.reaching import TenantsPool
from control_plane.ports.reader import TaskFilter, TaskPlace
from shared.ids import InstanceId, TenantId
from shared.postgres.statuses import CLOSED_TASK, OPEN_TASK
from shared.tasks import TaskType

BEFORE_ALL = TaskPlace(
    datetime.fromisoformat("0001-01-02T00:00:00+00:00"), InstanceId(UUID(int=0)), -1
)
"""Before any task, so that the first page is asked for as the others are."""

TYPES = [one.value for one in TaskType]


async def page_of_tasks(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: TaskPlace | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    place = after or BEFORE_ALL
    if wanted.instance_id is not None:
        return await _of_instance(pool, tenant_id, wanted, after=place, limit=limit)
    if wanted.is_dead:
        return await _dead(pool, tenant_id, wanted, after=place, limit=limit)
    if wanted.status == "running":
        return await _running(pool, tenant_id, wanted, after=place, limit=limit)
    if wanted.status == "pending" and wanted.type is None:
        return await _pending(pool, tenant_id, after=place, limit=limit)
    if wanted.status is None and wanted.type is None:
        return await _of_tenant(pool, tenant_id, after=place, limit=limit)
    return await _narrowed(pool, tenant_id, wanted, after=place, limit=limit)


def types_of(wanted: TaskFilter) -> Sequence[str]:
    """Those that are wanted: the indexes of pages have a range for each."""
    return TYPES if wanted.type is None else [wanted.type.value]


async def _of_instance(
    pool: TenantsPool, tenant_id: TenantId, wanted: TaskFilter, *, after: TaskPlace, limit: int
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
        after.instance_id,
        after.ordinal,
        limit,
    )
    return rows


async def _of_tenant(
    pool: TenantsPool, tenant_id: TenantId, *, after: TaskPlace, limit: int
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
               l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at
          FROM (SELECT t.*
                  FROM foliot.task t
                 WHERE t.tenant_id = $1
                   AND (t.instance_id, t.ordinal) > ($2, $3)
                 ORDER BY t.instance_id, t.ordinal
                 LIMIT $4) AS t
          LEFT JOIN LATERAL (
            SELECT l.* FROM foliot.lease l
             WHERE (l.tenant_id, l.instance_id, l.ordinal)
                   = (t.tenant_id, t.instance_id, t.ordinal)
             LIMIT 1) AS l ON true
         ORDER BY t.instance_id, t.ordinal
        """,
        tenant_id,
        after.instance_id,
        after.ordinal,
        limit,
    )
    return rows


async def _narrowed(
    pool: TenantsPool, tenant_id: TenantId, wanted: TaskFilter, *, after: TaskPlace, limit: int
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        # Pending ones that are asked for as such have no lease. A closed task's, if a race left
        # one, says nothing any more.
        """
        WITH page AS MATERIALIZED (
          SELECT found.*
            FROM unnest($2::text[]) AS s(status)
           CROSS JOIN unnest($3::text[]) AS k(type)
           CROSS JOIN LATERAL (
             SELECT t.run_at, t.instance_id, t.ordinal
               FROM foliot.task t
              WHERE t.tenant_id = $1 AND t.status = s.status AND t.type = k.type
                AND t.run_at > '-infinity'
                AND (t.run_at, t.instance_id, t.ordinal) > ($4, $5, $6)
                AND (NOT $8::boolean OR (
                      SELECT true FROM foliot.lease l
                       WHERE (l.tenant_id, l.instance_id, l.ordinal)
                             = (t.tenant_id, t.instance_id, t.ordinal)) IS NULL)
              ORDER BY t.run_at, t.instance_id, t.ordinal
              LIMIT $7) AS found
           ORDER BY found.run_at, found.instance_id, found.ordinal
           LIMIT $7)
        SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
               l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at
          FROM page p
         CROSS JOIN LATERAL (
           SELECT t.* FROM foliot.task t
            WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, p.instance_id, p.ordinal)
            LIMIT 1) AS t
          LEFT JOIN LATERAL (
            SELECT l.* FROM foliot.lease l
             WHERE (l.tenant_id, l.instance_id, l.ordinal) = ($1, p.instance_id, p.ordinal)
               AND t.completed_at IS NULL
             LIMIT 1) AS l ON true
         ORDER BY p.run_at, p.instance_id, p.ordinal
        """,
        tenant_id,
        OPEN_TASK + CLOSED_TASK if wanted.status is None else [wanted.status],
        types_of(wanted),
        after.at,
        after.instance_id,
        after.ordinal,
        limit,
        wanted.status == "pending",
    )
    return rows


async def _dead(
    pool: TenantsPool, tenant_id: TenantId, wanted: TaskFilter, *, after: TaskPlace, limit: int
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT t.*, NULL::uuid AS lease_session_id, NULL::integer AS lease_attempt,
               NULL::integer AS lease_epoch, NULL::timestamptz AS lease_claimed_at
          FROM unnest($2::text[]) AS k(type)
         CROSS JOIN LATERAL (
           SELECT t.*
             FROM foliot.task t
            WHERE t.tenant_id = $1 AND t.status = 'failed' AND t.repeated_as IS NULL
              AND t.type = k.type
              AND (t.run_at, t.instance_id, t.ordinal) > ($3, $4, $5)
            ORDER BY t.run_at, t.instance_id, t.ordinal
            LIMIT $6) AS t
         ORDER BY t.run_at, t.instance_id, t.ordinal
         LIMIT $6
        """,
        tenant_id,
        types_of(wanted),
        after.at,
        after.instance_id,
        after.ordinal,
        limit,
    )
    return rows


async def _running(
    pool: TenantsPool, tenant_id: TenantId, wanted: TaskFilter, *, after: TaskPlace, limit: int
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
                AND t.type = ANY ($2::text[])
              LIMIT 1) AS open_task
           WHERE l.tenant_id = $1 AND (l.instance_id, l.ordinal) > ($3, $4)
           ORDER BY l.instance_id, l.ordinal
           LIMIT $5),
        parked AS MATERIALIZED (
          SELECT found.instance_id, found.ordinal
            FROM unnest($2::text[]) AS k(type)
           CROSS JOIN LATERAL (
             SELECT t.instance_id, t.ordinal
               FROM foliot.task t
              WHERE t.tenant_id = $1 AND t.status = 'running' AND t.type = k.type
                AND (t.instance_id, t.ordinal) > ($3, $4)
              ORDER BY t.instance_id, t.ordinal
              LIMIT $5) AS found
           ORDER BY found.instance_id, found.ordinal
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
        types_of(wanted),
        after.instance_id,
        after.ordinal,
        limit,
    )
    return rows


async def _pending(
    pool: TenantsPool, tenant_id: TenantId, *, after: TaskPlace, limit: int
) -> Sequence[asyncpg.Record]:
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        WITH page AS MATERIALIZED (
          SELECT waiting.run_at, waiting.instance_id, waiting.ordinal
            FROM ((SELECT r.run_at, r.instance_id, r.ordinal
                     FROM foliot.ready r
                    WHERE r.tenant_id = $1
                      AND (r.run_at, r.instance_id, r.ordinal) > ($2, $3, $4)
                    ORDER BY r.run_at, r.instance_id, r.ordinal
                    LIMIT $5)
                  UNION ALL
                  (SELECT d.run_at, d.instance_id, d.ordinal
                     FROM foliot.delayed d
                    WHERE d.tenant_id = $1 AND d.run_at > '-infinity'
                      AND (d.run_at, d.instance_id, d.ordinal) > ($2, $3, $4)
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
        after.at,
        after.instance_id,
        after.ordinal,
        limit,
    )
    return rows
