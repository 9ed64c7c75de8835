-- Hands up to `p_max_tasks` ready tasks to a session: within a tenant by priority and then
-- oldest first, an equal
-- share to each tenant, only of the given queues and task types, beginning with the tenant after `p_after`. The caller passes the
-- last tenant it was given, so that the round goes on where it stopped.
--
-- Locks: rows of `delayed` and `ready`, always SKIP LOCKED, so it never waits. A task that
-- somebody else is claiming is passed over. The lease's primary key refuses a second holder.
CREATE FUNCTION foliot.claim(
  p_session_id uuid, p_queues text[], p_types text[], p_max_tasks integer, p_after text)
RETURNS TABLE (
  tenant_id text, instance_id uuid, ordinal integer, epoch integer, attempt integer,
  max_attempts integer, definition_key text, name text, type text, function text, queue text,
  input json, idempotency_key uuid, run_at timestamptz, timeout_s double precision, trace_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- A generic plan made while `ready` was empty once ran for a minute on a full one.
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
  c_release_at_once CONSTANT integer := 1000;
  v_now timestamptz := foliot.now();
  v_only text;
  v_tenants text[];
  v_share integer;
BEGIN
  SELECT s.tenant_id INTO v_only
    FROM foliot.executor_session s
   WHERE s.session_id = p_session_id AND s.expires_at > v_now;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'executor session % has expired or was never opened', p_session_id
      USING ERRCODE = 'FO001', HINT = 'Call foliot.extend_session first.';
  END IF;

  -- What was delayed until now is ready. ARRAY(…), so that the limit is taken once.
  WITH due AS (
    DELETE FROM foliot.delayed d
     WHERE d.ctid = ANY (ARRAY(
             SELECT w.ctid FROM foliot.delayed w
              WHERE w.run_at <= v_now
              ORDER BY w.run_at LIMIT c_release_at_once FOR UPDATE SKIP LOCKED))
    RETURNING d.*)
  INSERT INTO foliot.ready
         (tenant_id, queue, rank, run_at, instance_id, ordinal, type, attempt, epoch)
  SELECT d.tenant_id, d.queue, d.rank, d.run_at, d.instance_id, d.ordinal, d.type, d.attempt,
         d.epoch
    FROM due d;

  -- The next tenants with something ready, by walking the index from tenant to tenant:
  -- the cost is in the tenants served, not in the rows that wait.
  IF v_only IS NOT NULL THEN
    v_tenants := ARRAY[v_only];
  ELSE
    v_tenants := ARRAY(
      WITH RECURSIVE walk AS (
        (SELECT r.tenant_id FROM foliot.ready r
          WHERE r.tenant_id > p_after ORDER BY r.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT r.tenant_id FROM foliot.ready r
                 WHERE r.tenant_id > w.tenant_id ORDER BY r.tenant_id LIMIT 1)
          FROM walk w WHERE w.tenant_id IS NOT NULL)
      SELECT w.tenant_id FROM walk w
       WHERE EXISTS (SELECT FROM foliot.ready r
                      WHERE r.tenant_id = w.tenant_id AND r.queue = ANY (p_queues)
                         AND r.type = ANY (p_types))
       LIMIT p_max_tasks);
    IF cardinality(v_tenants) < p_max_tasks AND p_after <> '' THEN
      v_tenants := v_tenants || ARRAY(
        WITH RECURSIVE walk AS (
          (SELECT r.tenant_id FROM foliot.ready r ORDER BY r.tenant_id LIMIT 1)
          UNION ALL
          SELECT (SELECT r.tenant_id FROM foliot.ready r
                   WHERE r.tenant_id > w.tenant_id ORDER BY r.tenant_id LIMIT 1)
            FROM walk w WHERE w.tenant_id < p_after)
        SELECT w.tenant_id FROM walk w
         WHERE w.tenant_id <= p_after
           AND EXISTS (SELECT FROM foliot.ready r
                        WHERE r.tenant_id = w.tenant_id AND r.queue = ANY (p_queues)
                         AND r.type = ANY (p_types))
         LIMIT p_max_tasks - cardinality(v_tenants));
    END IF;
  END IF;
  IF cardinality(v_tenants) = 0 THEN
    RETURN;
  END IF;
  v_share := ceil(p_max_tasks::numeric / cardinality(v_tenants));

  RETURN QUERY
  WITH picked AS MATERIALIZED (
    SELECT c.place
      FROM unnest(v_tenants) WITH ORDINALITY AS t(tenant_id, turn)
     CROSS JOIN LATERAL (
       SELECT q.place
         FROM unnest(p_queues) AS asked(queue)
        CROSS JOIN LATERAL (
          SELECT r.ctid AS place, r.rank, r.run_at
            FROM foliot.ready r
           WHERE r.tenant_id = t.tenant_id AND r.queue = asked.queue
             AND r.type = ANY (p_types)
           ORDER BY r.rank, r.run_at
           LIMIT v_share FOR UPDATE SKIP LOCKED) AS q
        ORDER BY q.rank, q.run_at
        LIMIT v_share) AS c
     ORDER BY t.turn
     LIMIT p_max_tasks),
  taken AS (
    DELETE FROM foliot.ready r
     WHERE r.ctid = ANY (ARRAY(SELECT p.place FROM picked p))
    RETURNING r.*),
  claimable AS MATERIALIZED (
    SELECT k.*, i.paused_at IS NOT NULL AS is_withheld
      FROM taken k
      JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
      JOIN foliot.instance i USING (tenant_id, instance_id)
     -- A cancel can cross a row that is on its way into `ready`: the row goes here.
     WHERE t.completed_at IS NULL),
  resting AS MATERIALIZED (
    -- Still paused, and not to be resumed before this has committed. Of one that is being
    -- resumed at this moment, the tasks are claimable.
    SELECT i.tenant_id, i.instance_id
      FROM foliot.instance i
     WHERE (i.tenant_id, i.instance_id) IN (
             SELECT k.tenant_id, k.instance_id FROM claimable k WHERE k.is_withheld)
       AND i.paused_at IS NOT NULL
       FOR SHARE SKIP LOCKED),
  withheld AS (
    INSERT INTO foliot.delayed
           (tenant_id, instance_id, ordinal, queue, rank, run_at, type, attempt, epoch)
    SELECT k.tenant_id, k.instance_id, k.ordinal, k.queue, k.rank,
           CASE WHEN r.instance_id IS NULL THEN k.run_at ELSE 'infinity' END, k.type, k.attempt,
           k.epoch
      FROM claimable k LEFT JOIN resting r USING (tenant_id, instance_id)
     WHERE k.is_withheld),
  held AS (
    INSERT INTO foliot.lease (tenant_id, instance_id, ordinal, session_id, attempt, epoch, claimed_at)
    SELECT k.tenant_id, k.instance_id, k.ordinal, p_session_id, k.attempt + 1, k.epoch + 1, v_now
      FROM claimable k WHERE NOT k.is_withheld
    ON CONFLICT DO NOTHING
    RETURNING lease.tenant_id, lease.instance_id, lease.ordinal, lease.attempt, lease.epoch)
  SELECT h.tenant_id, h.instance_id, h.ordinal, h.epoch, h.attempt, t.max_attempts,
         i.definition_key, t.name, t.type, t.function, t.queue, t.input, t.idempotency_key,
         t.run_at, t.timeout_s, t.trace_id
    FROM held h
    JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
    JOIN foliot.instance i USING (tenant_id, instance_id);
END
$$
