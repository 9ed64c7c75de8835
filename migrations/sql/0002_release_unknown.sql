-- Gives back, as foliot.release does, whatever a session holds and its executor does not know:
-- what was handed to it last on a stream that broke may never have arrived. Tells how many.
CREATE FUNCTION foliot.release_unknown(
  p_session_id uuid, p_instance_ids uuid[], p_ordinals integer[], p_epochs integer[])
RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT foliot.release(
           p_session_id, array_agg(l.tenant_id), array_agg(l.instance_id), array_agg(l.ordinal),
           array_agg(l.epoch))
    FROM foliot.lease l
   WHERE l.session_id = p_session_id
     AND NOT EXISTS (
           SELECT FROM unnest(p_instance_ids, p_ordinals, p_epochs)
                       AS k(instance_id, ordinal, epoch)
            WHERE (k.instance_id, k.ordinal, k.epoch) = (l.instance_id, l.ordinal, l.epoch))
$$
