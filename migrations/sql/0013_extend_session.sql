-- Opens a session, or keeps it alive for `p_ttl_s` seconds more; tells until when. One row
-- per executor, whatever the number of tasks it holds. A session that expired may be
-- extended again: what it held by then has been handed on, and the epochs say so.
--
-- Not one from before the data came to this server: what it holds may never have been given
-- to it here. Ids of sessions begin with their time, so that one comparison tells.
CREATE OR REPLACE FUNCTION foliot.extend_session(
  p_session_id uuid, p_name text, p_tenant_id text, p_ttl_s double precision)
RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_now timestamptz := foliot.now();
  v_until timestamptz;
BEGIN
  IF p_session_id < (SELECT l.sessions_from FROM foliot.lineage l) THEN
    RAISE EXCEPTION 'executor session % is from before the database was restored', p_session_id
      USING ERRCODE = 'FO001', HINT = 'Begin a new session.';
  END IF;
  INSERT INTO foliot.executor_session AS s (session_id, name, tenant_id, opened_at, expires_at)
  VALUES (p_session_id, p_name, p_tenant_id, v_now, v_now + make_interval(secs => p_ttl_s))
  ON CONFLICT (session_id) DO UPDATE
    SET expires_at = greatest(s.expires_at, excluded.expires_at)
  RETURNING s.expires_at INTO v_until;
  RETURN v_until;
END
$$
