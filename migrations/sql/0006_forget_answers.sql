-- Forgets what was asked under ids for longer than `p_keep` ago: what requests were answered, what
-- was taken in under which ids, and what of it was put away. Up to `p_at_once` of each, the oldest
-- first; tells how many of the one of which there were most. Nothing younger than a day goes,
-- whatever is asked: so long any repeat gets the first answer. Ids of events are kept with their
-- instance.
CREATE FUNCTION foliot.forget_answers(p_keep interval, p_at_once integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_until timestamptz := foliot.now() - greatest(p_keep, interval '1 day');
  v_answers integer;
  v_accepted integer;
  v_rejected integer;
BEGIN
  DELETE FROM foliot.idempotency a
   WHERE a.ctid = ANY (ARRAY(
           SELECT o.ctid FROM foliot.idempotency o
            WHERE o.scope = 'request' AND o.created_at <= v_until
            ORDER BY o.created_at LIMIT p_at_once FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_answers = ROW_COUNT;
  DELETE FROM foliot.accepted a
   WHERE a.ctid = ANY (ARRAY(
           SELECT o.ctid FROM foliot.accepted o
            WHERE o.accepted_at <= v_until
            ORDER BY o.accepted_at LIMIT p_at_once FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_accepted = ROW_COUNT;
  DELETE FROM foliot.rejected r
   WHERE r.ctid = ANY (ARRAY(
           SELECT o.ctid FROM foliot.rejected o
            WHERE o.rejected_at <= v_until
            ORDER BY o.rejected_at LIMIT p_at_once FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS v_rejected = ROW_COUNT;
  RETURN greatest(v_answers, v_accepted, v_rejected);
END
$$
