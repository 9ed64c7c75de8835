"""
What a turn reads before it decides: plain SELECTs, no lock, one per kind of thing.

Each takes parallel arrays and finds its rows by primary key.
"""

INSTANCES = """
SELECT (SELECT foliot.now()) AS now, i.*
  FROM (VALUES (1)) AS always(one)
  LEFT JOIN (
    SELECT f.tenant_id, f.instance_id, f.definition_id, f.definition_key, f.definition_version,
           f.business_key, f.status, f.paused, f.revision, f.seq, f.history_hash,
           f.current_state, f.context, f.snapshot, f.idle, f.output, f.last_error, f.labels,
           f.started_by, f.started_at, f.updated_at, f.completed_at,
           EXISTS (SELECT FROM foliot.inbox b
                    WHERE b.tenant_id = f.tenant_id AND b.instance_id = f.instance_id)
             AS has_inbox
      FROM unnest($1::text[], $2::uuid[]) AS k(tenant_id, instance_id)
      JOIN foliot.instance f USING (tenant_id, instance_id)) AS i ON true
"""

TASKS = """
SELECT t.tenant_id, t.instance_id, t.ordinal, t.name, t.type, t.function, t.queue, t.priority,
       t.status, t.run_at, t.attempt, t.max_attempts, t.epoch, t.session_id, t.held_since,
       t.idempotency_key, t.input, t.output, t.error, t.retry, t.timeout_s, t.trace_id,
       t.created_at, t.completed_at,
       l.session_id AS lease_session_id, l.attempt AS lease_attempt, l.epoch AS lease_epoch,
       l.claimed_at AS lease_claimed_at
  FROM unnest($1::text[], $2::uuid[], $3::int[]) AS k(tenant_id, instance_id, ordinal)
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
  LEFT JOIN foliot.lease l USING (tenant_id, instance_id, ordinal)
"""

DEFINITIONS = """
SELECT k.n, d.definition_id, d.key, d.version, d.status, d.spec_hash
  FROM unnest($1::text[], $2::uuid[], $3::text[])
       WITH ORDINALITY AS k(tenant_id, definition_id, key, n)
 CROSS JOIN LATERAL (
   SELECT * FROM foliot.definition d
    WHERE d.tenant_id = k.tenant_id AND d.definition_id = k.definition_id
   UNION ALL
   SELECT * FROM foliot.definition d
    WHERE k.definition_id IS NULL AND d.tenant_id = k.tenant_id AND d.key = k.key
      AND d.status = 'active') AS d
"""

ANSWERS = """
SELECT a.tenant_id, a.scope, a.key, a.fingerprint, a.answer
  FROM unnest($1::text[], $2::text[], $3::text[]) AS k(tenant_id, scope, key)
  JOIN foliot.idempotency a USING (tenant_id, scope, key)
"""

HOLDERS = """
SELECT b.tenant_id, b.definition_key, b.business_key, b.instance_id, i.status, i.revision,
       i.current_state
  FROM unnest($1::text[], $2::text[], $3::text[]) AS k(tenant_id, definition_key, business_key)
  JOIN foliot.business_key b USING (tenant_id, definition_key, business_key)
  JOIN foliot.instance i USING (tenant_id, instance_id)
"""

INBOX = """
SELECT b.tenant_id, b.instance_id, b.position, b.event_id, b.type, b.payload, b.accepted_at,
       b.deferred_at
  FROM unnest($1::text[], $2::uuid[]) AS k(tenant_id, instance_id)
  JOIN foliot.inbox b USING (tenant_id, instance_id)
 ORDER BY b.position
"""
