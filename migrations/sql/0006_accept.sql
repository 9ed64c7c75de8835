-- Remembers that something was asked under an id. Null if it is new; else the instance that it was
-- about the first time. Raises if something else was asked then. Two transactions that ask under
-- one id go one after the other.
CREATE FUNCTION foliot.accept(
  p_tenant_id text, p_scope text, p_key text, p_asked jsonb, p_instance_id uuid)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_fingerprint bytea := sha256(convert_to(p_asked::text, 'UTF8'));
  v_known record;
BEGIN
  INSERT INTO foliot.accepted (tenant_id, scope, key, fingerprint, instance_id, accepted_at)
  VALUES (p_tenant_id, p_scope, p_key, v_fingerprint, p_instance_id, foliot.now())
  ON CONFLICT (tenant_id, scope, key) DO NOTHING;
  IF FOUND THEN
    RETURN NULL;
  END IF;
  SELECT a.fingerprint, a.instance_id INTO v_known
    FROM foliot.accepted a
   WHERE a.tenant_id = p_tenant_id AND a.scope = p_scope AND a.key = p_key;
  IF v_known.fingerprint IS DISTINCT FROM v_fingerprint THEN
    RAISE EXCEPTION 'the id % was used for something else', quote_literal(p_key)
      USING ERRCODE = 'FO012', HINT = 'Give each its own id, and repeat one unchanged.';
  END IF;
  RETURN v_known.instance_id;
END
$$
