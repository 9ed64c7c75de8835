-- Gives claimed tasks back that were not begun, as if they had not been claimed: the attempt
-- does not count, the epoch stays used. Tells how many were still the session's to give.
CREATE FUNCTION foliot.release(
  p_session_id uuid, p_tenant_ids text[], p_instance_ids uuid[], p_ordinals integer[],
  p_epochs integer[])
RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH given AS (
    DELETE FROM foliot.lease l
     USING unnest(p_tenant_ids, p_instance_ids, p_ordinals, p_epochs)
           AS g(tenant_id, instance_id, ordinal, epoch)
     WHERE (l.tenant_id, l.instance_id, l.ordinal) = (g.tenant_id, g.instance_id, g.ordinal)
       AND l.epoch = g.epoch AND l.session_id = p_session_id
    RETURNING l.tenant_id, l.instance_id, l.ordinal, l.attempt, l.epoch),
  back AS (
    INSERT INTO foliot.ready
           (tenant_id, run_at, instance_id, ordinal, queue, type, flow, precedence, attempt, epoch)
    SELECT g.tenant_id, t.run_at, g.instance_id, g.ordinal, t.queue, t.type,
           foliot.flow(t.tenant_id, t.limit_key), foliot.precedence(t.run_at, t.priority),
           g.attempt - 1, g.epoch
      FROM given g JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
     WHERE t.completed_at IS NULL
    RETURNING 1)
  SELECT count(*)::integer FROM back
$$
