"""
How many instances or tasks there are, from the indexes that list them (instance_pages.py and
task_pages.py say which). Counting ends at the most that is asked for, so that a count costs no
more in a large tenant than in a small one.
"""

from control_plane.adapters.postgres.offer_pages import count_offers
from control_plane.adapters.postgres.reaching import TenantsPool
from control_plane.adapters.postgres.task_pages import types_of
from control_plane.ports.reader import InstanceFilter, TaskFilter
from control_plane.ports.records import CLOSED_INSTANCE
from shared.ids import TenantId
from shared.postgres.statuses import CLOSED_INSTANCE as CLOSED
from shared.postgres.statuses import CLOSED_TASK, OPEN_TASK
from shared.postgres.statuses import OPEN_INSTANCE as OPEN

OF_TENANT = """
SELECT count(*)::integer
  FROM (SELECT FROM (
          SELECT FROM foliot.instance i
           WHERE i.tenant_id = $1 AND i.completed_at IS NULL AND i.status = ANY ($2::text[])
             AND cardinality($2::text[]) > 0
             AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
             AND i.started_at < coalesce($5, 'infinity'::timestamptz)
          UNION ALL
          SELECT FROM foliot.instance i
           WHERE i.tenant_id = $1 AND i.completed_at IS NOT NULL AND i.closed_as = ANY ($3::text[])
             AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
             AND i.started_at < coalesce($5, 'infinity'::timestamptz)) AS found
         LIMIT $6) AS counted
"""

OF_DEFINITION = """
SELECT count(*)::integer
  FROM (SELECT FROM (
          SELECT FROM foliot.instance i
           WHERE i.tenant_id = $1 AND i.definition_key = $7 AND i.completed_at IS NULL
             AND i.status = ANY ($2::text[]) AND cardinality($2::text[]) > 0
             AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
             AND i.started_at < coalesce($5, 'infinity'::timestamptz)
          UNION ALL
          SELECT FROM foliot.instance i
           WHERE i.tenant_id = $1 AND i.definition_key = $7 AND i.completed_at IS NOT NULL
             AND i.closed_as = ANY ($3::text[])
             AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
             AND i.started_at < coalesce($5, 'infinity'::timestamptz)) AS found
         LIMIT $6) AS counted
"""

OF_BUSINESS_KEY = """
SELECT count(*)::integer
  FROM (SELECT FROM foliot.instance i
         WHERE i.tenant_id = $1 AND i.business_key = $7
           AND i.status = ANY ($2::text[] || $3::text[])
           AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
           AND i.started_at < coalesce($5, 'infinity'::timestamptz)
           AND ($8::text IS NULL OR i.definition_key = $8)
         LIMIT $6) AS counted
"""

TASKS_OF_INSTANCE = """
SELECT count(*)::integer
  FROM (SELECT FROM foliot.task t
          LEFT JOIN LATERAL (
            SELECT l.session_id FROM foliot.lease l
             WHERE (l.tenant_id, l.instance_id, l.ordinal)
                   = (t.tenant_id, t.instance_id, t.ordinal)
             LIMIT 1) AS l ON true
         WHERE t.tenant_id = $1 AND t.instance_id = $5 AND ($2::text IS NULL OR t.type = $2)
           AND ($4::text IS NULL
                OR $4 = CASE WHEN l.session_id IS NOT NULL AND t.completed_at IS NULL
                             THEN 'running' ELSE t.status END)
         LIMIT $3) AS counted
"""

TASKS_OF_TENANT = """
SELECT count(*)::integer
  FROM (SELECT FROM foliot.task t WHERE t.tenant_id = $1 LIMIT $2) AS counted
"""

NARROWED_TASKS = """
SELECT count(*)::integer
  FROM (SELECT
          FROM unnest($3::text[]) AS s(status)
         CROSS JOIN unnest($2::text[]) AS k(type)
         CROSS JOIN LATERAL (
           SELECT FROM foliot.task t
            WHERE t.tenant_id = $1 AND t.status = s.status AND t.type = k.type
              AND t.run_at > '-infinity'
              AND (NOT $5::boolean OR (
                    SELECT true FROM foliot.lease l
                     WHERE (l.tenant_id, l.instance_id, l.ordinal)
                           = (t.tenant_id, t.instance_id, t.ordinal)) IS NULL)
            LIMIT $4) AS found
         LIMIT $4) AS counted
"""

PENDING_TASKS = """
SELECT count(*)::integer
  FROM (SELECT FROM (
          SELECT FROM foliot.ready r WHERE r.tenant_id = $1
          UNION ALL
          SELECT FROM foliot.delayed d WHERE d.tenant_id = $1) AS found
         LIMIT $2) AS counted
"""

# A claim that raced a cancel leaves a lease of a closed task for a moment.
RUNNING_TASKS = """
SELECT count(*)::integer
  FROM (SELECT FROM (
          SELECT FROM foliot.lease l
           CROSS JOIN LATERAL (
             SELECT FROM foliot.task t
              WHERE (t.tenant_id, t.instance_id, t.ordinal)
                    = (l.tenant_id, l.instance_id, l.ordinal)
                AND t.completed_at IS NULL AND t.type = ANY ($2::text[])
              LIMIT 1) AS open_task
           WHERE l.tenant_id = $1
          UNION ALL
          SELECT FROM foliot.task t
           WHERE t.tenant_id = $1 AND t.status = 'running' AND t.type = ANY ($2::text[])
             AND NOT EXISTS (
                   SELECT FROM foliot.lease l
                    WHERE (l.tenant_id, l.instance_id, l.ordinal)
                          = (t.tenant_id, t.instance_id, t.ordinal))) AS found
         LIMIT $3) AS counted
"""


async def count_instances(
    pool: TenantsPool, tenant_id: TenantId, wanted: InstanceFilter, at_most: int
) -> int:
    status = wanted.status
    values: list[object] = [
        tenant_id,
        OPEN if status is None else [] if status in CLOSED_INSTANCE else [status],
        CLOSED if status is None else [status] if status in CLOSED_INSTANCE else [],
        wanted.started_from,
        wanted.started_before,
        at_most,
    ]
    if wanted.business_key is not None:
        values += [wanted.business_key, wanted.definition_key]
        return int(await pool.fetchval(OF_BUSINESS_KEY, *values))
    if wanted.definition_key is not None:
        return int(await pool.fetchval(OF_DEFINITION, *values, wanted.definition_key))
    return int(await pool.fetchval(OF_TENANT, *values))


async def count_tasks(
    pool: TenantsPool, tenant_id: TenantId, wanted: TaskFilter, at_most: int
) -> int:
    if wanted.found_as:
        return await count_offers(pool, tenant_id, wanted, at_most)
    values: list[object]
    status, types = wanted.status, types_of(wanted)
    if wanted.instance_id is not None:
        statement, values = TASKS_OF_INSTANCE, [wanted.type, at_most, status, wanted.instance_id]
    elif status == "running":
        statement, values = RUNNING_TASKS, [types, at_most]
    elif status == "pending" and wanted.type is None:
        statement, values = PENDING_TASKS, [at_most]
    elif status is None and wanted.type is None:
        statement, values = TASKS_OF_TENANT, [at_most]
    else:
        statuses = OPEN_TASK + CLOSED_TASK if status is None else [status]
        statement, values = NARROWED_TASKS, [types, statuses, at_most, status == "pending"]
    return int(await pool.fetchval(statement, tenant_id, *values))
