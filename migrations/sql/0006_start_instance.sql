-- Starts an instance, as part of the caller's transaction: if that commits, the instance begins
-- within about a second; if it does not, nothing was started. Gives the id that the instance
-- has: of the one that is there already, where the request id or the business key says so.
--
-- Events for the id can be enqueued at once; they are applied once the instance has begun. If
-- another start, over the API, wins the business key meanwhile, events that wait by then go to
-- its instance. What cannot be started is told by foliot.rejections.
--
-- Raises FO010 for an argument that will not do, FO011 if there is no active definition of that
-- key, FO012 if the request id was another start's, FO014 if the business key is in use and
-- p_on_running is 'fail', and 42501 if the login may not act for the tenant.
CREATE FUNCTION foliot.start_instance(
  p_tenant_id text, p_definition_key text, p_business_key text DEFAULT NULL,
  p_input jsonb DEFAULT '{}', p_request_id text DEFAULT NULL, p_labels jsonb DEFAULT '{}',
  p_on_running text DEFAULT 'use_existing', p_on_closed text DEFAULT 'reject')
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_now timestamptz := foliot.now();
  v_random text := replace(gen_random_uuid()::text, '-', '');
  -- A UUIDv7: its first 48 bits are when the instance was started.
  v_instance_id uuid := lpad(to_hex((extract(epoch FROM v_now) * 1000)::bigint), 12, '0')
                        || '7' || substr(v_random, 14);
  v_other uuid;
  v_status text;
BEGIN
  PERFORM foliot.check_caller(p_tenant_id);
  PERFORM foliot.check_text(p_definition_key, 'p_definition_key', 128);
  PERFORM foliot.check_object(p_input, 'p_input');
  PERFORM foliot.check_object(p_labels, 'p_labels');
  IF p_business_key IS NOT NULL THEN
    PERFORM foliot.check_text(p_business_key, 'p_business_key', 256);
  END IF;
  IF (SELECT count(*) FROM jsonb_object_keys(p_labels)) > 16 THEN
    RAISE EXCEPTION 'p_labels has more than 16 labels' USING ERRCODE = 'FO010';
  END IF;
  IF EXISTS (SELECT FROM jsonb_each(p_labels) AS l(name, value)
              WHERE jsonb_typeof(l.value) <> 'string' OR length(l.name) NOT BETWEEN 1 AND 63
                 OR length(l.value #>> '{}') > 128) THEN
    RAISE EXCEPTION 'p_labels has a label that is no text, or too long'
      USING ERRCODE = 'FO010', HINT = 'A name has 1 to 63 characters, a value at most 128.';
  END IF;
  IF p_on_running IS NULL OR p_on_running NOT IN ('use_existing', 'fail') THEN
    RAISE EXCEPTION 'p_on_running is %; it may be ''use_existing'' or ''fail''',
        quote_nullable(p_on_running)
      USING ERRCODE = 'FO010', HINT = 'StartInstance of the API can cancel a running instance.';
  END IF;
  IF p_on_closed IS NULL OR p_on_closed NOT IN ('reject', 'allow', 'allow_if_failed') THEN
    RAISE EXCEPTION 'p_on_closed is %; it may be ''reject'', ''allow'' or ''allow_if_failed''',
        quote_nullable(p_on_closed)
      USING ERRCODE = 'FO010';
  END IF;
  IF p_request_id IS NOT NULL THEN
    PERFORM foliot.check_text(p_request_id, 'p_request_id', 128);
    v_other := foliot.accept(
      p_tenant_id, 'request', p_request_id,
      jsonb_build_array(p_definition_key, p_business_key, p_input, p_labels, p_on_running,
                        p_on_closed),
      v_instance_id);
    IF v_other IS NOT NULL THEN
      RETURN v_other;
    END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM foliot.definition d
                  WHERE d.tenant_id = p_tenant_id AND d.key = p_definition_key
                    AND d.status = 'active') THEN
    RAISE EXCEPTION 'tenant % has no active definition %', quote_literal(p_tenant_id),
        quote_literal(p_definition_key)
      USING ERRCODE = 'FO011', HINT = 'Create it, and activate it.';
  END IF;
  IF p_business_key IS NOT NULL THEN
    -- Whoever starts under the same key waits here for this transaction.
    INSERT INTO foliot.accepted AS a
           (tenant_id, scope, key, fingerprint, instance_id, accepted_at)
    VALUES (p_tenant_id, 'business:' || p_definition_key, p_business_key, '', v_instance_id, v_now)
    ON CONFLICT (tenant_id, scope, key) DO UPDATE SET accepted_at = excluded.accepted_at
    RETURNING a.instance_id INTO v_other;
    IF v_other = v_instance_id OR NOT EXISTS (
         SELECT FROM foliot.inbox b
          WHERE b.tenant_id = p_tenant_id AND b.instance_id = v_other
            AND b.type = 'xstate.init') THEN
      SELECT i.instance_id, i.status INTO v_other, v_status
        FROM foliot.business_key k
        JOIN foliot.instance i USING (tenant_id, instance_id)
       WHERE k.tenant_id = p_tenant_id AND k.definition_key = p_definition_key
         AND k.business_key = p_business_key;
      IF v_status IN ('completed', 'failed', 'cancelled')
         AND (p_on_closed = 'allow' OR (p_on_closed = 'allow_if_failed' AND v_status <> 'completed'))
      THEN
        v_other := NULL;
      END IF;
    END IF;
    IF v_other IS NOT NULL AND p_on_running = 'fail' THEN
      RAISE EXCEPTION 'business key % belongs to instance %', quote_literal(p_business_key), v_other
        USING ERRCODE = 'FO014', HINT = 'See p_on_running and p_on_closed for what else a start can do.';
    END IF;
    UPDATE foliot.accepted a
       SET instance_id = coalesce(v_other, v_instance_id)
     WHERE a.tenant_id = p_tenant_id
       AND ((a.scope = 'business:' || p_definition_key AND a.key = p_business_key)
            OR (a.scope = 'request' AND a.key = p_request_id));
    IF v_other IS NOT NULL THEN
      RETURN v_other;
    END IF;
  END IF;
  INSERT INTO foliot.inbox (tenant_id, instance_id, event_id, type, payload, accepted_at)
  VALUES (p_tenant_id, v_instance_id, coalesce(p_request_id, ''), 'xstate.init',
          json_build_object(
            'definition_key', p_definition_key, 'business_key', p_business_key,
            'input', p_input, 'labels', p_labels, 'on_running', p_on_running,
            'on_closed', p_on_closed, 'started_by', 'sql:' || session_user),
          v_now);
  RETURN v_instance_id;
END
$$
