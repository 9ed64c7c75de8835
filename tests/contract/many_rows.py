"""A tenant with 150,000 instances and 200,000 tasks, made by the database itself."""

import asyncpg

MANY_ROWS = (
    # Of 150,000 instances 50,000 are open; of the closed ones one in a hundred failed. Every eighth
    # was started by one of two schedules.
    """
    INSERT INTO foliot.instance (
           tenant_id, instance_id, definition_id, definition_key, definition_version, business_key,
           status, paused_at, revision, seq, history_hash, current_state, context, snapshot, idle,
           labels, started_by, started_at, updated_at, completed_at, schedule_id)
    SELECT CASE WHEN n % 15 = 0 THEN 'other' ELSE 'acme' END,
           ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, gen_random_uuid(),
           'd' || n % 20, 1, 'key-' || n,
           CASE WHEN n % 3 = 0 THEN 'waiting' WHEN n % 100 = 1 THEN 'failed' ELSE 'completed' END,
           NULL, 1, 1, '', '"s"', '{}', '{}', '[]', '{}', 'ada',
           now() - n * interval '1 minute', now(),
           CASE WHEN n % 3 <> 0 THEN now() END,
           CASE WHEN n % 8 = 1 THEN 'nightly' WHEN n % 80 = 0 THEN 'rare' END
      FROM generate_series(1, 160000) AS n
    """,
    # Of 200,000 tasks 120,000 are closed; 60,000 ready, 17,000 delayed, 2,000 leased, 1,000 parked.
    """
    INSERT INTO foliot.task (
           tenant_id, instance_id, ordinal, name, type, queue, priority, status, run_at,
           max_attempts, idempotency_key, input, created_at, completed_at)
    SELECT 'acme', ('01890000-0000-7000-8000-' || lpad(to_hex(n / 10), 12, '0'))::uuid, n % 10,
           'charge', CASE WHEN n % 50 = 0 THEN 'HUMAN'
                          WHEN n % 5000 = 7 OR n % 20000 = 1 THEN 'EMAIL' ELSE 'HTTP' END,
           'q' || n % 4, n % 3,
           CASE WHEN n <= 1000 THEN 'running' WHEN n <= 80000 THEN 'pending'
                WHEN n % 100 = 1 THEN 'failed' ELSE 'succeeded' END,
           now() - n * interval '1 second', 3, gen_random_uuid(), '{}', now(),
           CASE WHEN n > 80000 THEN now() END
      FROM generate_series(1, 200000) AS n
    """,
    """
    INSERT INTO foliot.lease
    SELECT t.tenant_id, t.instance_id, t.ordinal, gen_random_uuid(), 1, 1, now()
      FROM foliot.task t WHERE t.status = 'pending' ORDER BY t.run_at DESC LIMIT 2000
    """,
    """
    INSERT INTO foliot.delayed
    SELECT t.tenant_id, t.instance_id, t.ordinal, t.queue, t.type, '', t.priority, t.run_at, 0, 0
      FROM foliot.task t WHERE t.status = 'pending' ORDER BY t.run_at LIMIT 17000
    """,
    """
    INSERT INTO foliot.ready
    SELECT t.tenant_id, t.run_at, t.instance_id, t.ordinal, t.queue, t.type, '',
           foliot.precedence(t.run_at, t.priority), 0, 0
      FROM foliot.task t
     WHERE t.status = 'pending'
       AND NOT EXISTS (SELECT FROM foliot.lease l
                        WHERE (l.tenant_id, l.instance_id, l.ordinal)
                              = (t.tenant_id, t.instance_id, t.ordinal))
       AND NOT EXISTS (SELECT FROM foliot.delayed d
                        WHERE (d.tenant_id, d.instance_id, d.ordinal)
                              = (t.tenant_id, t.instance_id, t.ordinal))
    """,
    # Every instance has two labels, one of which every second has.
    """
    INSERT INTO foliot.label (tenant_id, instance_id, name, value, started_at)
    SELECT i.tenant_id, i.instance_id, o.name, o.value, i.started_at
      FROM foliot.instance i
     CROSS JOIN LATERAL (
       VALUES ('region', 'eu'), ('half', (extract(minute FROM i.started_at)::int % 2)::text)
     ) AS o(name, value)
    """,
    # Every open task is offered to one of ten roles, and is due; one in a hundred is a person's.
    """
    INSERT INTO foliot.offer (tenant_id, instance_id, ordinal, kind, name, due_at)
    SELECT t.tenant_id, t.instance_id, t.ordinal, o.kind, o.name, t.run_at
      FROM foliot.task t
     CROSS JOIN LATERAL (
       VALUES ('role', 'r' || extract(epoch FROM t.run_at)::bigint % 10), ('due', ''),
              ('assignee', CASE WHEN extract(epoch FROM t.run_at)::bigint % 100 = 7 THEN 'ada' END)
     ) AS o(kind, name)
     WHERE t.completed_at IS NULL AND o.name IS NOT NULL
    """,
    """
    INSERT INTO foliot.task_terms (tenant_id, instance_id, ordinal, due_at)
    SELECT t.tenant_id, t.instance_id, t.ordinal, t.run_at
      FROM foliot.task t WHERE t.completed_at IS NULL
    """,
    # What is ready is everybody's.
    """
    INSERT INTO foliot.ready
    SELECT 't' || n % 20, now() - n * interval '1 second',
           ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, 'q' || n % 4, 'HTTP',
           '', now() - n * interval '1 second', 0, 0
      FROM generate_series(1, 200000) AS n
    """,
    """
    INSERT INTO foliot.history (tenant_id, instance_id, seq, type, payload, hash, created_at)
    SELECT 'acme', ('01890000-0000-7000-8000-' || lpad(to_hex(n / 1000 + 1), 12, '0'))::uuid,
           n % 1000 + 1, 'EVENT_APPLIED', '{}', '', now()
      FROM generate_series(0, 149999) AS n
    """,
    """
    INSERT INTO foliot.definition (tenant_id, definition_id, key, version, status, spec, spec_hash,
           description, created_by, created_at)
    SELECT 'acme', gen_random_uuid(), 'k' || n % 100, n / 100 + 1,
           CASE WHEN n % 1000 = 7 THEN 'archived' ELSE 'inactive' END, '{}', '', '', 'ada', now()
      FROM generate_series(0, 99999) AS n
    """,
    """
    INSERT INTO foliot.schedule (
           tenant_id, schedule_id, incarnation, step, revision, cron, time_zone, definition_key,
           input, labels, overlap, catch_up, jitter, description, pause_reason, starts, skips,
           failures, updated_at, created_by, created_at, paused_at)
    SELECT CASE WHEN n % 5 > 0 THEN 'other' ELSE 'acme' END, 's' || n, gen_random_uuid(), 1, 1,
           '0 3 * * *', 'UTC', 'k' || n / 5 % 100, '{}', '{}', 'skip', '0', '0', '', '', 0, 0, 0,
           now(), 'ada', now(), CASE WHEN n % 500 = 0 THEN now() END
      FROM generate_series(1, 5000) AS n
    """,
    """
    INSERT INTO foliot.audit (
           tenant_id, at, entry_id, principal, credential_id, method, target_kind, target_id,
           reason, request_id, correlation_id)
    SELECT CASE WHEN n % 7 < 5 THEN 'other' ELSE 'acme' END, now() - n * interval '1 second',
           gen_random_uuid(), 'key:' || n % 1000, '',
           CASE WHEN n % 1000 = 7 THEN 'Terminate' ELSE 'Cancel' END,
           CASE WHEN n % 1000 = 8 THEN 'schedule' ELSE 'instance' END, 'i' || n % 10000, '', '', ''
      FROM generate_series(1, 100000) AS n
    """,
    # One tenant in a hundred is suspended, and of the platform's keys one in a hundred is an
    # operator's; each third key is ACME's.
    """
    INSERT INTO foliot.tenant (tenant_id, display_name, suspended_at, suspend_reason)
    SELECT 't' || n, '', CASE WHEN n % 100 = 0 THEN now() END, CASE WHEN n % 100 = 0 THEN '' END
      FROM generate_series(1, 5000) AS n
    """,
    """
    INSERT INTO foliot.api_key (key_id, tenant_id, secret_hash, role)
    SELECT 'key' || n, CASE WHEN n % 3 = 0 THEN 'acme' END, '',
           CASE WHEN n % 100 = 0 THEN 'platform_admin' WHEN n % 3 = 0 THEN 'viewer'
                ELSE 'executor' END
      FROM generate_series(1, 30000) AS n
    """,
    """
    INSERT INTO foliot.ai_policy (
           tenant_id, name, version, document, sha256, is_active, created_at, created_by)
    SELECT 'acme', 'p' || n % 500, n / 500 + 1, '{}', '', false, now(), 'ada'
      FROM generate_series(0, 9999) AS n
    """,
    # Twenty calls a task.
    """
    INSERT INTO foliot.ai_call (
           tenant_id, instance_id, ordinal, call_number, request_sha256, provider, model, epoch,
           day, reserved, reserved_last, reserved_at)
    SELECT 'acme', ('01890000-0000-7000-8000-' || lpad(to_hex(n / 20), 12, '0'))::uuid, 1, n % 20,
           '', 'p', 'm', 1, '2030-01-31', 1, 1, now() - n * interval '1 second'
      FROM generate_series(1, 10000) AS n
    """,
)


SECONDARY = """
SELECT x.indexrelid::regclass::text AS name, pg_get_indexdef(x.indexrelid) AS made_by
  FROM pg_index x
  JOIN pg_class c ON c.oid = x.indrelid
 WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid)
"""


async def fill(connection: asyncpg.Connection) -> None:
    """Make the rows, then the indexes, which is sooner done; let the planner know what there is."""
    indexes = await connection.fetch(SECONDARY)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    for statement in MANY_ROWS:
        await connection.execute(statement)
    await connection.execute("SET maintenance_work_mem = '256MB'")
    for index in indexes:
        await connection.execute(index["made_by"])
    await connection.execute("VACUUM ANALYZE")
