-- What was taken in for a tenant and could not be applied, the oldest first, beyond a position:
-- starts that were refused, and events of instances that never began. Raises 42501 if the login
-- may not act for the tenant.
CREATE FUNCTION foliot.rejections(
  p_tenant_id text, p_after bigint DEFAULT 0, p_limit integer DEFAULT 100)
RETURNS TABLE (
  "position" bigint, instance_id uuid, event_id text, type text, payload json, reason text,
  message text, accepted_at timestamptz, rejected_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM foliot.check_caller(p_tenant_id);
  RETURN QUERY
  SELECT r.position, r.instance_id, r.event_id, r.type, r.payload, r.reason, r.message,
         r.accepted_at, r.rejected_at
    FROM foliot.rejected r
   WHERE r.tenant_id = p_tenant_id AND r.position > coalesce(p_after, 0)
   ORDER BY r.position
   LIMIT least(greatest(coalesce(p_limit, 100), 0), 1000);
END
$$
