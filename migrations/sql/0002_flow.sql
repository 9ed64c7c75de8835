-- In which of a tenant's flows a task waits: its key's, if that key has a limit.
CREATE FUNCTION foliot.flow(p_tenant_id text, p_limit_key text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce((SELECT l.limit_key FROM foliot.task_limit l
                    WHERE l.tenant_id = p_tenant_id AND l.limit_key = p_limit_key), '')
$$
