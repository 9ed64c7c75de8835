"""
What a turn reads before it decides: plain SELECTs, no lock. What is found by name comes in one
of them, with a row for each definition, answer and holder of a business key.

Each takes parallel arrays and finds its rows by primary key, whatever the planner knows of the
tables: LATERAL … OFFSET 0 can be done in no other way (see write_batch.py).
"""

INSTANCES = """
SELECT (SELECT foliot.now()) AS now, i.*
  FROM (VALUES (1)) AS always(one)
  LEFT JOIN (
    SELECT f.tenant_id, f.instance_id, f.definition_id, f.definition_key, f.definition_version,
           f.business_key, f.status, f.paused_at, f.revision, f.seq, f.history_hash,
           f.current_state, f.context, f.snapshot, f.idle, f.output, f.last_error, f.labels,
           f.parent_instance_id, f.parent_ordinal, f.depth, f.on_parent_close, f.started_by,
           f.started_at, f.updated_at, f.completed_at, f.schedule_id, f.trace_parent,
           EXISTS (SELECT FROM foliot.inbox b
                    WHERE b.tenant_id = f.tenant_id AND b.instance_id = f.instance_id)
             AS has_inbox
      FROM unnest($1::text[], $2::uuid[]) AS k(tenant_id, instance_id)
     CROSS JOIN LATERAL (
       SELECT * FROM foliot.instance f
        WHERE f.tenant_id = k.tenant_id AND f.instance_id = k.instance_id OFFSET 0) AS f
   ) AS i ON true
"""

TASKS = """
SELECT t.tenant_id, t.instance_id, t.ordinal, t.name, t.type, t.function, t.queue, t.priority,
       t.status, t.run_at, t.attempt, t.max_attempts, t.epoch, t.lost_epoch, t.session_id,
       t.held_since,
       t.idempotency_key, t.input, t.output, t.error, t.retry, t.timeout_s,
       t.schedule_to_start_s, t.heartbeat_s, t.child, t.detached, t.limit_key, t.trace_parent,
       t.created_at, t.completed_at,
       l.session_id AS lease_session_id, l.attempt AS lease_attempt, l.epoch AS lease_epoch,
       l.claimed_at AS lease_claimed_at, l.silent_at AS lease_silent_at
  FROM unnest($1::text[], $2::uuid[], $3::int[]) AS k(tenant_id, instance_id, ordinal)
 CROSS JOIN LATERAL (
    SELECT * FROM foliot.task t
     WHERE t.tenant_id = k.tenant_id AND t.instance_id = k.instance_id AND t.ordinal = k.ordinal
    OFFSET 0) AS t
  LEFT JOIN LATERAL (
    SELECT * FROM foliot.lease l
     WHERE l.tenant_id = k.tenant_id AND l.instance_id = k.instance_id AND l.ordinal = k.ordinal
    OFFSET 0) AS l ON true
"""

PEOPLE = """
SELECT p.tenant_id, p.instance_id, p.ordinal, p.terms, p.due_at, p.assignee, p.standing
  FROM unnest($1::text[], $2::uuid[], $3::int[]) AS k(tenant_id, instance_id, ordinal)
 CROSS JOIN LATERAL (
    SELECT * FROM foliot.task_terms p
     WHERE p.tenant_id = k.tenant_id AND p.instance_id = k.instance_id AND p.ordinal = k.ordinal
    OFFSET 0) AS p
"""

DECIDERS = """
SELECT d.tenant_id, d.instance_id, d.task, d.person
  FROM unnest($1::text[], $2::uuid[], $3::text[]) AS k(tenant_id, instance_id, task)
 CROSS JOIN LATERAL (
    SELECT * FROM foliot.decider d
     WHERE d.tenant_id = k.tenant_id AND d.instance_id = k.instance_id AND d.task = k.task
    OFFSET 0) AS d
"""

NAMES = """
SELECT (SELECT foliot.now()) AS now, f.*
  FROM (VALUES (1)) AS always(one)
  LEFT JOIN (
    SELECT 'definition' AS kind, k.n, d.definition_id AS id, d.key AS name, d.status,
           d.version::bigint AS number, NULL::int AS takings, d.spec_hash AS hash,
           NULL::json AS value
      FROM unnest($1::text[], $2::uuid[], $3::text[], $4::int[])
           WITH ORDINALITY AS k(tenant_id, definition_id, key, version, n)
     CROSS JOIN LATERAL (
       SELECT * FROM foliot.definition d
        WHERE d.tenant_id = k.tenant_id AND d.definition_id = k.definition_id
       UNION ALL
       SELECT * FROM foliot.definition d
        WHERE k.definition_id IS NULL AND k.version IS NULL AND d.tenant_id = k.tenant_id
          AND d.key = k.key AND d.status = 'active'
       UNION ALL
       SELECT * FROM foliot.definition d
        WHERE d.tenant_id = k.tenant_id AND d.key = k.key AND d.version = k.version) AS d
    UNION ALL
    SELECT 'answer', k.n, NULL, NULL, NULL, NULL, NULL, a.fingerprint, a.answer
      FROM unnest($5::text[], $6::text[], $7::text[])
           WITH ORDINALITY AS k(tenant_id, scope, key, n)
     CROSS JOIN LATERAL (
        SELECT * FROM foliot.idempotency a
         WHERE a.tenant_id = k.tenant_id AND a.scope = k.scope AND a.key = k.key OFFSET 0) AS a
    UNION ALL
    SELECT 'holder', k.n, b.instance_id, NULL, i.status, i.revision, b.takings, NULL,
           i.current_state
      FROM unnest($8::text[], $9::text[], $10::text[])
           WITH ORDINALITY AS k(tenant_id, definition_key, business_key, n)
     CROSS JOIN LATERAL (
        SELECT * FROM foliot.business_key b
         WHERE b.tenant_id = k.tenant_id AND b.definition_key = k.definition_key
           AND b.business_key = k.business_key OFFSET 0) AS b
     CROSS JOIN LATERAL (
        SELECT i.status, i.revision, i.current_state FROM foliot.instance i
         WHERE i.tenant_id = b.tenant_id AND i.instance_id = b.instance_id OFFSET 0) AS i
  ) AS f ON true
"""

INBOX = """
SELECT b.tenant_id, b.instance_id, b.position, b.event_id, b.type, b.payload, b.accepted_at,
       b.deferred_at, a.fingerprint AS known
  FROM unnest($1::text[], $2::uuid[]) AS k(tenant_id, instance_id)
 CROSS JOIN LATERAL (
    SELECT * FROM foliot.inbox b
     WHERE b.tenant_id = k.tenant_id AND b.instance_id = k.instance_id OFFSET 0) AS b
  LEFT JOIN LATERAL (
    SELECT a.fingerprint FROM foliot.idempotency a
     WHERE b.deferred_at IS NULL AND a.tenant_id = b.tenant_id
       AND a.scope = b.instance_id::text AND a.key = b.event_id OFFSET 0) AS a ON true
 ORDER BY b.position
"""
