"""
Pages of the tasks that people look for: each from the index of offers, what is due first first.

The first set of offers that is asked for drives; a task must be found by one of each of the
others as well, which is looked up by key. A task that is found twice, by a user's name and by a
role of theirs, comes once.
"""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from control_plane.adapters.postgres.reaching import TenantsPool
from control_plane.adapters.postgres.task_pages import BEFORE_ALL
from control_plane.ports.reader import TaskFilter, TaskPlace
from shared.ids import TenantId
from shared.tasks import TaskType

# Look-ups are scalar and not EXISTS, which a planner may answer from all rows at once. The first
# set is $2 and $3, each of the others an array of "kind:name", null where there is none.
_FOUND = """
     SELECT o.due_at, o.instance_id, o.ordinal
       FROM foliot.offer o
      WHERE o.tenant_id = $1 AND o.kind = w.kind AND o.name = w.name
        AND o.due_at > '-infinity'
        AND ($4::text[] IS NULL OR (
              SELECT true FROM foliot.offer a
               WHERE (a.tenant_id, a.instance_id, a.ordinal) = ($1, o.instance_id, o.ordinal)
                 AND a.kind || ':' || a.name = ANY ($4)
               LIMIT 1))
        AND ($5::text[] IS NULL OR (
              SELECT true FROM foliot.offer a
               WHERE (a.tenant_id, a.instance_id, a.ordinal) = ($1, o.instance_id, o.ordinal)
                 AND a.kind || ':' || a.name = ANY ($5)
               LIMIT 1))
        AND (NOT $6 OR (
              SELECT true FROM foliot.offer a
               WHERE (a.tenant_id, a.instance_id, a.ordinal, a.kind)
                     = ($1, o.instance_id, o.ordinal, 'assignee')
               LIMIT 1) IS NULL)
        AND o.due_at >= coalesce($7, '-infinity'::timestamptz)
        AND ($8::timestamptz IS NULL OR o.due_at < $8)
        AND ($9::uuid IS NULL OR o.instance_id = $9)
        AND ($10::text IS NULL OR $10 = (
              SELECT CASE WHEN t.completed_at IS NULL AND (
                            SELECT true FROM foliot.lease l
                             WHERE (l.tenant_id, l.instance_id, l.ordinal)
                                   = ($1, o.instance_id, o.ordinal))
                          THEN 'running' ELSE t.status END
                FROM foliot.task t
               WHERE (t.tenant_id, t.instance_id, t.ordinal) = ($1, o.instance_id, o.ordinal)))
"""

_PAGE = f"""
WITH page AS MATERIALIZED (
  SELECT DISTINCT f.due_at, f.instance_id, f.ordinal
    FROM unnest($2::text[], $3::text[]) AS w(kind, name)
   CROSS JOIN LATERAL ({_FOUND}
        AND (o.due_at, o.instance_id, o.ordinal)
            > (coalesce($11, 'infinity'::timestamptz), $12, $13)
      ORDER BY o.due_at, o.instance_id, o.ordinal
      LIMIT $14) AS f
   ORDER BY f.due_at, f.instance_id, f.ordinal
   LIMIT $14)
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
    after: TaskPlace | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    if wanted.type not in {None, TaskType.HUMAN}:
        return ()
    place = _begin(wanted, after)
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        _PAGE,
        tenant_id,
        *_asked(wanted),
        place.at,
        place.instance_id,
        place.ordinal,
        limit,
    )
    return rows


async def count_offers(
    pool: TenantsPool, tenant_id: TenantId, wanted: TaskFilter, at_most: int
) -> int:
    if wanted.type not in {None, TaskType.HUMAN}:
        return 0
    counted: int = await pool.fetchval(_COUNT, tenant_id, *_asked(wanted), at_most)
    return counted


def _begin(wanted: TaskFilter, after: TaskPlace | None) -> TaskPlace:
    """
    Where a page begins: at the later of what was seen and what is asked for. One bound and not
    two, as the index is walked from the first of them, which may be the earlier.
    """
    if after is not None or wanted.due_from is None:
        return after or BEFORE_ALL
    return replace(BEFORE_ALL, at=wanted.due_from)


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
