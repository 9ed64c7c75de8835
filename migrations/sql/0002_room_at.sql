-- How many more tasks a limit lets begin at an instant; none while the tenant is suspended. The
-- leases are counted, so there is no number that a crash could leave wrong. Right only in a
-- statement that began after the lock of the tenant's limits was taken: all that others claimed
-- under it is then seen.
CREATE FUNCTION foliot.room_at(p_limit foliot.task_limit, p_at timestamptz) RETURNS integer
LANGUAGE sql STABLE
RETURN least(
  -- More than any claim asks for.
  CASE WHEN p_limit.is_suspended THEN 0 ELSE 1000000 END,
  p_limit.max_running - CASE
    WHEN p_limit.max_running IS NULL THEN NULL
    WHEN p_limit.limit_key = '' THEN
      (SELECT count(*) FROM (SELECT FROM foliot.lease l
                              WHERE l.tenant_id = p_limit.tenant_id
                              LIMIT p_limit.max_running) AS running)
    ELSE
      (SELECT count(*) FROM (SELECT FROM foliot.lease l
                              WHERE l.tenant_id = p_limit.tenant_id
                                AND l.limit_key = p_limit.limit_key
                              LIMIT p_limit.max_running) AS running)
    END,
  floor(foliot.tokens_at(p_limit, p_at)))::integer
