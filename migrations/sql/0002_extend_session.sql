-- Opens a session, or keeps it alive for `p_ttl_s` seconds more; tells until when. One row
-- per executor, whatever the number of tasks it holds. A session that expired may be
-- extended again: what it held by then has been handed on, and the epochs say so.
CREATE FUNCTION foliot.extend_session(
  p_session_id uuid, p_name text, p_tenant_id text, p_ttl_s double precision)
RETURNS timestamptz
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH instant AS MATERIALIZED (SELECT foliot.now() AS at)
  INSERT INTO foliot.executor_session AS s (session_id, name, tenant_id, opened_at, expires_at)
  SELECT p_session_id, p_name, p_tenant_id, at, at + make_interval(secs => p_ttl_s) FROM instant
  ON CONFLICT (session_id) DO UPDATE
    SET expires_at = greatest(s.expires_at, excluded.expires_at)
  RETURNING expires_at
$$
