-- Which tenant the transaction is about. Raises FO020 if it has not said so: a statement that
-- would see every tenant's rows shall fail, and not find nothing.
CREATE FUNCTION foliot.scope() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- Empty, and not null, once a transaction of the session has named one.
  v_tenant_id text := nullif(current_setting('foliot.tenant', true), '');
BEGIN
  IF v_tenant_id IS NULL THEN
    RAISE EXCEPTION 'this transaction does not say which tenant it is about'
      USING ERRCODE = 'FO020',
            HINT = 'Begin it with SET LOCAL foliot.tenant = ''…''; the adapters do so by'
                   ' ReachedPool.of(tenant_id).';
  END IF;
  RETURN v_tenant_id;
END
$$
