-- In which of a tenant's flows a task waits: its key's, if that key has a limit. A row without
-- numbers is a limit that was lifted.
CREATE FUNCTION foliot.flow(p_tenant_id text, p_limit_key text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce((SELECT l.limit_key FROM foliot.task_limit l
                    WHERE l.tenant_id = p_tenant_id AND l.limit_key = p_limit_key
                      AND num_nulls(l.max_running, l.rate_per_s) < 2), '')
$$
