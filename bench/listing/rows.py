"""
A tenant with a million instances, made by the database itself.

Of the instances a third is open; of the closed ones one in a hundred failed. They are of twenty
definitions, an eighth was started by one of two schedules, and each has three labels: one that
all have, one that half of them have, and one of its own. There are half as many tasks.
"""

from collections.abc import Callable

import asyncpg

_ROWS = (
    """
    INSERT INTO foliot.instance (
           tenant_id, instance_id, definition_id, definition_key, definition_version, business_key,
           status, paused_at, revision, seq, history_hash, current_state, context, snapshot, idle,
           labels, started_by, started_at, updated_at, completed_at, schedule_id)
    SELECT $1::text, ('01890000-0000-7000-8000-' || lpad(to_hex($2::int - n), 12, '0'))::uuid,
           ('01890000-0000-7000-9000-' || lpad(to_hex(n % 20), 12, '0'))::uuid,
           'd' || n % 20, 1, 'key-' || n,
           CASE WHEN n % 3 = 0 THEN 'waiting' WHEN n % 100 = 1 THEN 'failed' ELSE 'completed' END,
           NULL, 1, CASE WHEN $2::int - n < 10 THEN $2::int / 50 ELSE 1 END, '', '"resting"',
           ('{"amount": 1250, "customer": "C-' || n || '"}')::json,
           '{}', '[]',
           ('{"region": "eu", "half": "' || n % 2 || '", "own": "' || n || '"}')::json, 'ada',
           now() - n * interval '30 seconds', now(),
           CASE WHEN n % 3 <> 0 THEN now() END,
           CASE WHEN n % 8 = 1 THEN 'nightly' WHEN n % 8000 = 0 THEN 'rare' END
      FROM generate_series(1, $2::int) AS n
    """,
    """
    INSERT INTO foliot.label (tenant_id, instance_id, name, value, started_at)
    SELECT i.tenant_id, i.instance_id, o.key, o.value, i.started_at
      FROM foliot.instance i
     CROSS JOIN LATERAL json_each_text(i.labels) AS o
     WHERE i.tenant_id = $1 AND $2::int > 0
    """,
    """
    INSERT INTO foliot.history (tenant_id, instance_id, seq, type, payload, hash, created_at)
    SELECT $1::text, ('01890000-0000-7000-8000-' || lpad(to_hex(n % 10), 12, '0'))::uuid,
           n / 10 + 1, 'EVENT_RECEIVED', '{"type": "SUBMIT"}', '', now()
      FROM generate_series(0, $2::int / 5) AS n
    """,
    # Two in five are closed, one in a hundred of them badly; the rest is ready, delayed or held.
    """
    INSERT INTO foliot.task (
           tenant_id, instance_id, ordinal, name, type, queue, priority, status, run_at,
           max_attempts, idempotency_key, input, created_at, completed_at)
    SELECT $1::text, ('01890000-0000-7000-8000-' || lpad(to_hex(n / 5), 12, '0'))::uuid, n % 5,
           'charge', CASE WHEN n % 50 IN (0, 4) THEN 'HUMAN' ELSE 'HTTP' END,
           'q' || n % 4, 0,
           CASE WHEN n % 5 < 2 THEN CASE WHEN n % 100 = 1 THEN 'failed' ELSE 'succeeded' END
                WHEN n % 50 = 4 THEN 'running' ELSE 'pending' END,
           now() - n * interval '1 second', 3, gen_random_uuid(), '{}', now(),
           CASE WHEN n % 5 < 2 THEN now() END
      FROM generate_series(1, $2::int / 2) AS n
    """,
    """
    INSERT INTO foliot.executor_session (session_id, name, opened_at, expires_at)
    SELECT '01890000-0000-7000-a000-000000000001', 'bench', now(), now() + interval '30 days'
     WHERE $1::text IS NOT NULL AND $2::int > 0
    """,
    """
    INSERT INTO foliot.lease (
           tenant_id, instance_id, ordinal, session_id, attempt, epoch, claimed_at)
    SELECT t.tenant_id, t.instance_id, t.ordinal, '01890000-0000-7000-a000-000000000001', 1, 1,
           now()
      FROM foliot.task t
     WHERE t.tenant_id = $1 AND t.status = 'pending' LIMIT least($2::int / 500, 2000)
    """,
    """
    INSERT INTO foliot.ready (
           tenant_id, run_at, instance_id, ordinal, queue, type, flow, precedence, attempt, epoch)
    SELECT t.tenant_id, t.run_at, t.instance_id, t.ordinal, t.queue, t.type, '',
           foliot.precedence(t.run_at, t.priority), 0, 0
      FROM foliot.task t
     WHERE t.tenant_id = $1 AND $2::int > 0 AND t.status = 'pending' AND t.ordinal <> 4
       AND NOT EXISTS (SELECT FROM foliot.lease l
                        WHERE (l.tenant_id, l.instance_id, l.ordinal)
                              = (t.tenant_id, t.instance_id, t.ordinal))
    """,
    """
    INSERT INTO foliot.delayed (
           tenant_id, instance_id, ordinal, queue, type, flow, priority, run_at, attempt, epoch)
    SELECT t.tenant_id, t.instance_id, t.ordinal, t.queue, t.type, '', t.priority,
           now() + interval '30 days', 0, 0
      FROM foliot.task t
     WHERE t.tenant_id = $1 AND $2::int > 0 AND t.status = 'pending' AND t.ordinal = 4
       AND NOT EXISTS (SELECT FROM foliot.lease l
                        WHERE (l.tenant_id, l.instance_id, l.ordinal)
                              = (t.tenant_id, t.instance_id, t.ordinal))
    """,
    # What runs without a lease is with people: offered to one of ten roles, every tenth claimed.
    """
    INSERT INTO foliot.offer (tenant_id, instance_id, ordinal, kind, name, due_at)
    SELECT t.tenant_id, t.instance_id, t.ordinal, o.kind, o.name, t.run_at
      FROM foliot.task t
     CROSS JOIN LATERAL (
       VALUES ('role', 'r' || abs(hashtext(t.instance_id::text)) % 10), ('due', ''),
              ('assignee', CASE WHEN abs(hashtext(t.instance_id::text)) % 9 = 7 THEN 'ada' END)
     ) AS o(kind, name)
     WHERE t.tenant_id = $1 AND $2::int > 0 AND t.status = 'running' AND o.name IS NOT NULL
    """,
    """
    INSERT INTO foliot.task_terms (tenant_id, instance_id, ordinal, due_at)
    SELECT t.tenant_id, t.instance_id, t.ordinal, t.run_at
      FROM foliot.task t
     WHERE t.tenant_id = $1 AND $2::int > 0 AND t.status = 'running'
    """,
    """
    INSERT INTO foliot.definition (
           tenant_id, definition_id, key, version, status, spec, spec_hash, description, created_by,
           created_at)
    SELECT $1::text, CASE WHEN n < 20 THEN
                 ('01890000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid
               ELSE gen_random_uuid() END,
           'd' || n % 1000, n / 1000 + 1, 'inactive', '{}', '', '', 'ada', now()
      FROM generate_series(0, least($2::int / 100, 10000) - 1) AS n
    """,
    """
    INSERT INTO foliot.audit (
           tenant_id, at, entry_id, principal, credential_id, method, target_kind, target_id,
           reason, request_id, correlation_id)
    SELECT $1::text, now() - n * interval '1 second', gen_random_uuid(), 'key:' || n % 1000, 'k',
           'foliot.v1.InstanceService/' || CASE WHEN n % 1000 = 0 THEN 'Terminate' ELSE 'Cancel' END
           || 'Instance', 'instance', 'target-' || n % 100000, '', '', ''
      FROM generate_series(1, $2::int / 2) AS n
    """,
)


async def fill(
    connection: asyncpg.Connection, tenant_id: str, instances: int, told: Callable[[str], None]
) -> None:
    """Make the rows, and let the planner know what there is."""
    for statement in _ROWS:
        table = statement.split()[2]
        told(f"{table}: {await connection.execute(statement, tenant_id, instances)}")
    await connection.execute("VACUUM ANALYZE")
