"""
Pages of the tasks that people look for: each from the index of offers, what is due first first.

The first set of offers that is asked for drives; a task must be found by one of each of the
others as well, which is looked up by key. A task that is found twice, by a user's name and by a
role of theirs, comes once.
"""

from collections.abc import Sequence

import asyncpg

from control_plane.adapters.postgres.reaching import TenantsPool
from control_plane.ports.reader import TaskFilter
from shared.ids import InstanceId, TenantId
from shared.tasks import TaskType

# The first set is $2 and $3, each of the others an array of "kind:name", null where there is none.
_FOUND = """
     SELECT o.due_at, o.instance_id, o.ordinal
       FROM foliot.offer o
      WHERE o.tenant_id = $1 AND o.kind = w.kind AND o.name = w.name
        AND o.due_at > '-infinity'
        AND ($4::text[] IS NULL OR EXISTS (
              SELECT FROM foliot.offer a
               WHERE (a.tenant_id, a.instance_id, a.ordinal) = ($1, o.instance_id, o.ordinal)
                 AND a.kind || ':' || a.name = ANY ($4)))
        AND ($5::text[] IS NULL OR EXISTS (
              SELECT FROM foliot.offer a
               WHERE (a.tenant_id, a.instance_id, a.ordinal) = ($1, o.instance_id, o.ordinal)
                 AND a.kind || ':' || a.name = ANY ($5)))
        AND (NOT $6 OR NOT EXISTS (
              SELECT FROM foliot.offer a
               WHERE (a.tenant_id, a.instance_id, a.ordinal, a.kind)
                     = ($1, o.instance_id, o.ordinal, 'assignee')))
        AND o.due_at >= coalesce($7, '-infinity'::timestamptz)
        AND ($8::timestamptz IS NULL OR o.due_at < $8)
        AND ($9::uuid IS NULL OR o.instance_id = $9)
        AND ($10::text IS NULL OR $10 = (
              SELECT CASE WHEN t.completed_at IS NULL AND EXISTS (
                            SELECT FROM foliot.lease l
                             WHERE (l.tenant_id, l.instance_id, l.ordinal)
                                   = ($1, o.instance_id, o.ordinal))
                          THEN 'running' ELSE t.status END
                FROM foliot.task t
               WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, o.instance_id, o.ordinal)))
"""

_PAGE = f"""
WITH seen AS MATERIALIZED (
  SELECT CASE WHEN $11::uuid IS NULL THEN '-infinity'
              ELSE coalesce((SELECT p.due_at FROM foliot.task_terms p
                              WHERE (p.tenant_id, p.instance_id, p.ordinal) = ($1, $11, $12)),
                            'infinity') END AS due_at,
         coalesce($11, '00000000-0000-0000-0000-000000000000'::uuid) AS instance_id,
         coalesce($12, -1) AS ordinal),
page AS MATERIALIZED (
  SELECT DISTINCT f.due_at, f.instance_id, f.ordinal
    FROM unnest($2::text[], $3::text[]) AS w(kind, name)
   CROSS JOIN LATERAL ({_FOUND}
        AND (o.due_at, o.instance_id, o.ordinal)
            > ((SELECT s.due_at FROM seen s), (SELECT s.instance_id FROM seen s),
               (SELECT s.ordinal FROM seen s))
      ORDER BY o.due_at, o.instance_id, o.ordinal
      LIMIT $13) AS f
   ORDER BY f.due_at, f.instance_id, f.ordinal
   LIMIT $13)
SELECT t.*, l.session_id AS lease_session_id, l.attempt AS lease_attempt,
       l.epoch AS lease_epoch, l.claimed_at AS lease_claimed_at
  FROM page p
 CROSS JOIN LATERAL (
   SELECT t.* FROM foliot.task t
    WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, p.instance_id, p.ordinal)
    LIMIT 1) AS t
  LEFT JOIN LATERAL (
   SELECT l.* FROM foliot.lease l
    WHERE (l.tenant_id, l.instance_id, l.ordinal) = (t.tenant_id, t.instance_id, t.ordinal)
    LIMIT 1) AS l ON true
 ORDER BY p.due_at, p.instance_id, p.ordinal
"""  # noqa: S608 - of our own text

_COUNT = f"""
SELECT count(*)
  FROM (SELECT DISTINCT f.instance_id, f.ordinal
          FROM unnest($2::text[], $3::text[]) AS w(kind, name)
         CROSS JOIN LATERAL ({_FOUND} LIMIT $11) AS f
         LIMIT $11) AS found
"""  # noqa: S608 - of our own text


async def page_of_offers(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: TaskFilter,
    *,
    after: tuple[InstanceId, int] | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    if wanted.type not in {None, TaskType.HUMAN}:
        return ()
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        _PAGE, tenant_id, *_asked(wanted), *(after or (None, None)), limit
    )
    return rows


async def count_offers(
    pool: TenantsPool, tenant_id: TenantId, wanted: TaskFilter, at_most: int
) -> int:
    if wanted.type not in {None, TaskType.HUMAN}:
        return 0
    counted: int = await pool.fetchval(_COUNT, tenant_id, *_asked(wanted), at_most)
    return counted


def _asked(wanted: TaskFilter) -> list[object]:
    first, *others = wanted.found_as
    told = [sorted(f"{one.kind}:{one.name}" for one in some) for some in others]
    return [
        [one.kind for one in sorted(first)],
        [one.name for one in sorted(first)],
        *[*told, None, None][:2],
        wanted.is_unclaimed,
        wanted.due_from,
        wanted.due_before,
        wanted.instance_id,
        wanted.status,
    ]
