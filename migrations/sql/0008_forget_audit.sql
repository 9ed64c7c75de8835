-- Removes up to `p_at_once` audit entries that are older than `p_keep`, the oldest first, and tells
-- how many. The one way in which an entry goes: nobody who runs has DELETE on the table, and
-- what is younger than a day stays whatever is asked, so that no control plane can cover its tracks.
CREATE FUNCTION foliot.forget_audit(p_keep interval, p_at_once integer) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH gone AS (
    DELETE FROM foliot.audit a
     WHERE a.ctid = ANY (ARRAY(
             SELECT o.ctid FROM foliot.audit o
              WHERE o.at <= (SELECT foliot.now()) - greatest(p_keep, interval '1 day')
              ORDER BY o.at LIMIT p_at_once FOR UPDATE SKIP LOCKED))
    RETURNING 1)
  SELECT count(*)::integer FROM gone
$$
