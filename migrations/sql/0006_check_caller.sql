-- Raises unless the login may act for the tenant: one of its roles has been granted it. That a
-- tenant does not exist is told in the same words. SET ROLE changes nothing, as it is the login
-- that counts. Called by the functions of callers only, who may not call it themselves.
CREATE FUNCTION foliot.check_caller(p_tenant_id text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM foliot.caller_tenant c
         JOIN pg_roles r ON r.rolname = c.role_name
        WHERE c.tenant_id = p_tenant_id AND pg_has_role(session_user, r.oid, 'MEMBER')) THEN
    RAISE EXCEPTION 'role % may not act for tenant %', quote_ident(session_user),
        quote_nullable(p_tenant_id)
      USING ERRCODE = 'insufficient_privilege',
            HINT = 'Whoever owns the schema grants it: INSERT INTO foliot.caller_tenant'
                   ' (role_name, tenant_id) VALUES (…).';
  END IF;
END
$$
