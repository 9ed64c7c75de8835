-- Hands up to `p_max_tasks` ready tasks to a session: an equal share to each tenant, beginning
-- with the tenant after `p_after`, and within a tenant by precedence. Only of the given
-- queues and task types, and no more than the tenants' limits have room for. The caller passes
-- the last tenant it was given, so that the round goes on where it stopped.
--
-- Locks: rows of `delayed`, `ready` and `task_limit`, always SKIP LOCKED, so it never waits. A
-- task that somebody else is claiming is passed over; so is a tenant with limits from which
-- somebody else is claiming. The lease's primary key refuses a second holder.
--
-- The plans are made once and kept, maybe when the tables were empty: nothing is offered but
-- walks of indexes, which are right at every size. Planning anew cost half of a claim.
CREATE FUNCTION foliot.claim(
  p_session_id uuid, p_queues text[], p_types text[], p_max_tasks integer, p_after text)
RETURNS TABLE (
  tenant_id text, instance_id uuid, ordinal integer, epoch integer, attempt integer,
  max_attempts integer, definition_key text, name text, type text, function text, queue text,
  input json, idempotency_key uuid, run_at timestamptz, timeout_s double precision,
  trace_parent text, last_progress json)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  c_release_at_once CONSTANT integer := 1000;
  -- A claim looks past so many tenants that have reached their limits, past more if it has
  -- nothing else to do. The session's next claim goes on from there.
  c_pass_over CONSTANT integer := 200;
  c_pass_over_idle CONSTANT integer := 5000;
  -- Claimers are woken for a rate's tokens no more often than this, as far as it can wait.
  c_wake_every_s CONSTANT double precision := 0.05;
  v_now timestamptz := foliot.now();
  v_only text;
  v_resume_after text;
  v_after text;
  v_until text;
  v_from text;
  v_queues text[];
  v_types text[];
  v_has_limits boolean;
  v_tenants text[] := '{}';
  v_limited text[] := '{}';
  v_met text[] := '{}';
  v_next text[];
  v_with_limits text[];
  v_wanted integer;
  v_passed_over integer := 0;
  v_gave_up boolean := false;
  v_share integer;
  v_places tid[] := '{}';
  v_turns integer[] := '{}';
BEGIN
  SELECT s.tenant_id, s.resume_after INTO v_only, v_resume_after
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
         (tenant_id, run_at, instance_id, ordinal, queue, type, flow, precedence, attempt, epoch)
  SELECT d.tenant_id, d.run_at, d.instance_id, d.ordinal, d.queue, d.type, d.flow,
         foliot.precedence(d.run_at, d.priority), d.attempt, d.epoch
    FROM due d;

  -- The lanes, a queue that is not paused and a type each, in which there is anything at all.
  SELECT coalesce(array_agg(q.queue), '{}'), coalesce(array_agg(t.type), '{}')
    INTO v_queues, v_types
    FROM (SELECT q.queue FROM unnest(p_queues) AS q(queue)
           WHERE NOT EXISTS (SELECT FROM foliot.paused_queue p WHERE p.queue = q.queue)) AS q
   CROSS JOIN unnest(p_types) AS t(type)
   CROSS JOIN LATERAL (
     SELECT r.queue, r.type FROM foliot.ready r
      WHERE (r.queue, r.type) >= (q.queue, t.type)
      ORDER BY r.queue, r.type LIMIT 1) AS first
   WHERE first.queue = q.queue AND first.type = t.type;

  -- The next tenants with something ready and room for it: after `v_after` to the last one, and
  -- then from the first one on.
  v_has_limits := EXISTS (SELECT FROM foliot.task_limit);
  v_after := coalesce(v_resume_after, p_after);
  v_from := v_after;
  WHILE cardinality(v_queues) > 0 AND cardinality(v_tenants) < p_max_tasks LOOP
    v_wanted := p_max_tasks - cardinality(v_tenants);
    IF v_only IS NULL THEN
      v_next := foliot.next_tenants(v_queues, v_types, v_from, v_until, v_wanted);
    ELSE
      v_next := ARRAY[v_only];
    END IF;
    v_with_limits := '{}';
    IF v_has_limits THEN
      v_with_limits := ARRAY(
        SELECT l.tenant_id FROM unnest(v_next) AS n(tenant_id)
         CROSS JOIN LATERAL (
           SELECT l.tenant_id FROM foliot.task_limit l
            WHERE l.tenant_id = n.tenant_id AND l.limit_key = '' OFFSET 0) AS l);
    END IF;
    IF cardinality(v_with_limits) = 0 THEN
      v_tenants := v_tenants || v_next;
    ELSE
      v_tenants := v_tenants || ARRAY(
        SELECT n.tenant_id FROM unnest(v_next) AS n(tenant_id)
         WHERE n.tenant_id <> ALL (v_with_limits));
      v_met := v_met || v_with_limits;
      v_passed_over := v_passed_over + cardinality(v_with_limits);
      -- Only where there seems to be room is the lock asked for.
      v_with_limits := ARRAY(
        SELECT l.tenant_id FROM unnest(v_with_limits) AS n(tenant_id)
         CROSS JOIN LATERAL (
           SELECT l.tenant_id FROM foliot.task_limit l
            WHERE l.tenant_id = n.tenant_id AND l.limit_key = '' AND foliot.room_at(l, v_now) > 0
              FOR NO KEY UPDATE SKIP LOCKED OFFSET 0) AS l);
      -- A statement of its own, so that it sees what was claimed before the lock was had.
      v_with_limits := ARRAY(
        SELECT l.tenant_id FROM unnest(v_with_limits) AS n(tenant_id)
         CROSS JOIN LATERAL (
           SELECT l.tenant_id FROM foliot.task_limit l
            WHERE l.tenant_id = n.tenant_id AND l.limit_key = '' AND foliot.room_at(l, v_now) > 0
           OFFSET 0) AS l);
      v_passed_over := v_passed_over - cardinality(v_with_limits);
      v_limited := v_limited || v_with_limits;
      v_tenants := v_tenants || v_with_limits;
    END IF;
    EXIT WHEN v_only IS NOT NULL;
    IF cardinality(v_next) < v_wanted THEN
      EXIT WHEN v_until IS NOT NULL OR v_after = '';
      v_from := '';
      v_until := v_after;
    ELSE
      v_from := v_next[v_wanted];
      v_gave_up := cardinality(v_tenants) < p_max_tasks AND v_passed_over >= CASE
        WHEN cardinality(v_tenants) = 0 THEN c_pass_over_idle ELSE c_pass_over END;
      EXIT WHEN v_gave_up;
    END IF;
  END LOOP;
  IF v_gave_up OR v_resume_after IS NOT NULL THEN
    UPDATE foliot.executor_session s
       SET resume_after = CASE WHEN v_gave_up THEN v_from END
     WHERE s.session_id = p_session_id;
  END IF;

  v_share := ceil(p_max_tasks::numeric / greatest(1, cardinality(v_tenants)));
  IF cardinality(v_limited) > 0 THEN
    SELECT p.places, p.turns INTO v_places, v_turns
      FROM foliot.pick_limited(
             v_limited, ARRAY(SELECT array_position(v_tenants, l.tenant_id)
                                FROM unnest(v_limited) AS l(tenant_id)),
             v_queues, v_types, v_share, v_now) AS p;
  END IF;

  IF cardinality(v_tenants) > 0 THEN
    RETURN QUERY
    WITH picked AS MATERIALIZED (
      SELECT p.place
        FROM (SELECT t.turn, c.place
                FROM unnest(v_tenants) WITH ORDINALITY AS t(tenant_id, turn)
               CROSS JOIN LATERAL (
                 SELECT q.place
                   FROM unnest(v_queues, v_types) AS lane(queue, type)
                  CROSS JOIN LATERAL (
                    SELECT r.ctid AS place, r.precedence
                      FROM foliot.ready r
                     WHERE r.queue = lane.queue AND r.type = lane.type
                       AND r.tenant_id COLLATE "C" = t.tenant_id AND r.flow = ''
                     ORDER BY r.precedence
                     LIMIT v_share FOR UPDATE SKIP LOCKED) AS q
                  ORDER BY q.precedence
                  LIMIT v_share) AS c
               WHERE t.tenant_id <> ALL (v_limited)
              UNION ALL
              SELECT l.turn, l.place FROM unnest(v_turns, v_places) AS l(turn, place)) AS p
       ORDER BY p.turn
       LIMIT p_max_tasks),
    taken AS (
      DELETE FROM foliot.ready r
       WHERE r.ctid = ANY (ARRAY(SELECT p.place FROM picked p))
      RETURNING r.*),
    claimable AS MATERIALIZED (
      SELECT k.*, t.priority, t.limit_key, t.heartbeat_s, i.paused_at IS NOT NULL AS is_withheld
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
             (tenant_id, instance_id, ordinal, queue, type, flow, priority, run_at, attempt, epoch)
      SELECT k.tenant_id, k.instance_id, k.ordinal, k.queue, k.type, k.flow, k.priority,
             CASE WHEN r.instance_id IS NULL THEN k.run_at ELSE 'infinity' END, k.attempt, k.epoch
        FROM claimable k LEFT JOIN resting r USING (tenant_id, instance_id)
       WHERE k.is_withheld),
    held AS (
      INSERT INTO foliot.lease
             (tenant_id, instance_id, ordinal, session_id, attempt, epoch, claimed_at, limit_key,
              silent_at)
      SELECT k.tenant_id, k.instance_id, k.ordinal, p_session_id, k.attempt + 1, k.epoch + 1,
             v_now, k.limit_key, v_now + make_interval(secs => k.heartbeat_s)
        FROM claimable k WHERE NOT k.is_withheld
      ON CONFLICT DO NOTHING
      RETURNING lease.tenant_id, lease.instance_id, lease.ordinal, lease.attempt, lease.epoch,
                lease.limit_key),
    spent AS (
      UPDATE foliot.task_limit l
         SET tokens = foliot.tokens_at(l, v_now) - s.begun, filled_at = greatest(l.filled_at, v_now)
        FROM (SELECT h.tenant_id, k.limit_key, count(*) AS begun
                FROM held h CROSS JOIN LATERAL (VALUES (''), (h.limit_key)) AS k(limit_key)
               WHERE cardinality(v_limited) > 0 AND h.tenant_id = ANY (v_limited)
               GROUP BY h.tenant_id, k.limit_key) AS s
       WHERE l.tenant_id = s.tenant_id AND l.limit_key = s.limit_key AND l.rate_per_s IS NOT NULL)
    SELECT h.tenant_id, h.instance_id, h.ordinal, h.epoch, h.attempt, t.max_attempts,
           i.definition_key, t.name, t.type, t.function, t.queue, t.input, t.idempotency_key,
           t.run_at, t.timeout_s, t.trace_parent,
           CASE WHEN h.epoch > 1 THEN (
             SELECT p.progress FROM foliot.task_terms p
              WHERE (p.tenant_id, p.instance_id, p.ordinal)
                    = (h.tenant_id, h.instance_id, h.ordinal)) END
      FROM held h
      JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
      JOIN foliot.instance i USING (tenant_id, instance_id);
  END IF;

  -- Where something is held back, note for whom: who ends a task knows then which queues to
  -- ring, and where tokens are waited for they are rung when there are some again.
  IF cardinality(v_met) > 0 THEN
    UPDATE foliot.task_limit l
       SET wake_at = coalesce(l.wake_at, w.at), waiting_queues = w.queues
      FROM (SELECT l.place,
                   CASE WHEN l.tokens < 1 THEN v_now + make_interval(secs => greatest(
                     (1 - l.tokens) / l.rate_per_s, least(c_wake_every_s, l.burst / l.rate_per_s)))
                   END AS at,
                   ARRAY(SELECT DISTINCT q.queue
                           FROM unnest(l.waiting_queues || v_queues) AS q(queue)) AS queues
              FROM unnest(v_met) AS t(tenant_id)
             CROSS JOIN LATERAL (
               SELECT l.ctid AS place, l.limit_key, l.rate_per_s, l.burst, l.waiting_queues,
                      foliot.tokens_at(l, v_now) AS tokens
                 FROM foliot.task_limit l
                WHERE l.tenant_id = t.tenant_id AND num_nulls(l.max_running, l.rate_per_s) < 2
                  AND (l.waiting_queues IS NULL OR NOT l.waiting_queues @> v_queues
                       OR l.wake_at IS NULL AND l.rate_per_s IS NOT NULL
                          AND foliot.tokens_at(l, v_now) < 1)
                  AND foliot.room_at(l, v_now) < 1
                  FOR NO KEY UPDATE SKIP LOCKED OFFSET 0) AS l
             CROSS JOIN LATERAL (
               SELECT FROM unnest(v_queues, v_types) AS lane(queue, type)
                CROSS JOIN LATERAL (
                  SELECT FROM foliot.ready r
                   WHERE r.queue = lane.queue AND r.type = lane.type
                     AND r.tenant_id COLLATE "C" = t.tenant_id AND r.flow >= l.limit_key
                     AND (l.limit_key = '' OR r.flow = l.limit_key)
                   LIMIT 1) AS waits
                LIMIT 1) AS waits) AS w
     WHERE l.ctid = w.place;
  END IF;
END
$$
