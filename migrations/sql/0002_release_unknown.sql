-- Gives back whatever a session holds and its executor does not know, as foliot.release does:
-- what was handed to it last on a stream that broke may never have arrived. Tells how many.
CREATE FUNCTION foliot.release_unknown(
  p_session_id uuid, p_instance_ids uuid[], p_ordinals integer[], p_epochs integer[])
RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH given AS (
    DELETE FROM foliot.lease l
     WHERE l.session_id = p_session_id
       AND NOT EXISTS (
             SELECT FROM unnest(p_instance_ids, p_ordinals, p_epochs)
                         AS k(instance_id, ordinal, epoch)
              WHERE (k.instance_id, k.ordinal, k.epoch) = (l.instance_id, l.ordinal, l.epoch))
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
