-- Ends a session now: whatever it still holds may be claimed again after the next sweep.
CREATE FUNCTION foliot.close_session(p_session_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  DELETE FROM foliot.executor_session WHERE session_id = p_session_id
$$
