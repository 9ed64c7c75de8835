-- Removes instances of a tenant that have ended and are past their retention, with their tasks,
-- histories and answers; tells how many. Whoever calls has archived what it was to archive, as
-- of the revisions given: one that has changed since stays. So does what somebody is writing at
-- this moment, what has a task that may still be carried out, and what has something to say.
--
-- History is append-only to every role; this is the one way in which some of it goes. That of a
-- month that is being retired stays until its partition is dropped, which is much cheaper.
--
-- Locks: the instances, SKIP LOCKED.
CREATE FUNCTION foliot.remove_instances(
  p_tenant_id text, p_instance_ids uuid[], p_revisions bigint[])
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  v_now timestamptz := foliot.now();
  v_ids uuid[];
BEGIN
  v_ids := ARRAY(
    SELECT i.instance_id
      FROM unnest(p_instance_ids, p_revisions) AS a(instance_id, revision)
      JOIN foliot.instance i
        ON i.tenant_id = p_tenant_id AND i.instance_id = a.instance_id
           AND i.revision = a.revision
     CROSS JOIN LATERAL (
       SELECT r.keep FROM foliot.retention r
        WHERE r.tenant_id = p_tenant_id AND r.definition_key IN (i.definition_key, '')
        ORDER BY r.definition_key DESC LIMIT 1) AS r
     WHERE i.completed_at <= v_now - r.keep
       AND NOT EXISTS (SELECT FROM foliot.task t
                        WHERE t.tenant_id = p_tenant_id AND t.instance_id = i.instance_id
                          AND t.completed_at IS NULL)
       AND NOT EXISTS (SELECT FROM foliot.inbox b
                        WHERE b.tenant_id = p_tenant_id AND b.instance_id = i.instance_id)
       AND i.instance_id <> ALL (ARRAY(
             SELECT o.instance_id FROM foliot.outbox o WHERE o.tenant_id = p_tenant_id))
       FOR UPDATE OF i SKIP LOCKED);
  DELETE FROM foliot.business_key k
   USING foliot.instance i
   WHERE i.tenant_id = p_tenant_id AND i.instance_id = ANY (v_ids)
     AND k.tenant_id = p_tenant_id AND k.definition_key = i.definition_key
     AND k.business_key = i.business_key AND k.instance_id = i.instance_id;
  DELETE FROM foliot.history h
   WHERE h.tenant_id = p_tenant_id
     AND h.instance_id = ANY (ARRAY(
           SELECT v.id FROM unnest(v_ids) AS v(id)
            WHERE NOT EXISTS (SELECT FROM foliot.retiring m
                               WHERE v.id >= m.lower AND v.id < m.upper)));
  DELETE FROM foliot.lease l WHERE l.tenant_id = p_tenant_id AND l.instance_id = ANY (v_ids);
  DELETE FROM foliot.timer r WHERE r.tenant_id = p_tenant_id AND r.instance_id = ANY (v_ids);
  DELETE FROM foliot.task t WHERE t.tenant_id = p_tenant_id AND t.instance_id = ANY (v_ids);
  DELETE FROM foliot.task_terms p WHERE p.tenant_id = p_tenant_id AND p.instance_id = ANY (v_ids);
  DELETE FROM foliot.decider d WHERE d.tenant_id = p_tenant_id AND d.instance_id = ANY (v_ids);
  DELETE FROM foliot.task_comment c
   WHERE c.tenant_id = p_tenant_id AND c.instance_id = ANY (v_ids);
  DELETE FROM foliot.ai_task a WHERE a.tenant_id = p_tenant_id AND a.instance_id = ANY (v_ids);
  DELETE FROM foliot.ai_call c WHERE c.tenant_id = p_tenant_id AND c.instance_id = ANY (v_ids);
  DELETE FROM foliot.ai_tool_call c
   WHERE c.tenant_id = p_tenant_id AND c.instance_id = ANY (v_ids);
  DELETE FROM foliot.ai_suggestion s
   WHERE s.tenant_id = p_tenant_id AND s.instance_id = ANY (v_ids);
  DELETE FROM foliot.ai_spend s WHERE s.tenant_id = p_tenant_id AND s.scope = ANY (v_ids::text[]);
  DELETE FROM foliot.label b WHERE b.tenant_id = p_tenant_id AND b.instance_id = ANY (v_ids);
  DELETE FROM foliot.offer o WHERE o.tenant_id = p_tenant_id AND o.instance_id = ANY (v_ids);
  DELETE FROM foliot.idempotency a
   WHERE a.tenant_id = p_tenant_id AND a.scope = ANY (v_ids::text[]);
  DELETE FROM foliot.accepted a
   WHERE a.tenant_id = p_tenant_id AND a.scope = ANY (v_ids::text[]);
  DELETE FROM foliot.instance i WHERE i.tenant_id = p_tenant_id AND i.instance_id = ANY (v_ids);
  RETURN cardinality(v_ids);
END
$$
