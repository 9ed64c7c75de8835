-- Gives an instance an event, as part of the caller's transaction: if that commits, the event is
-- applied within about a second, before anything newer; if it does not, nothing was sent. True
-- if it was taken in, false if it had been before under this event id.
--
-- What becomes of it is in the instance's history: EVENT_RECEIVED, or EVENT_REJECTED where the
-- instance could not take it. Raises FO010 for an argument that will not do, FO011 if there is
-- no such instance, FO012 if the event id was another event's, FO013 if the instance has ended or
-- has too much in its inbox, and 42501 if the login may not act for the tenant.
CREATE FUNCTION foliot.enqueue_event(
  p_tenant_id text, p_instance_id uuid, p_event_id text, p_type text,
  p_payload jsonb DEFAULT '{}')
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_most CONSTANT integer := 1000;
  v_status text;
BEGIN
  PERFORM foliot.check_caller(p_tenant_id);
  PERFORM foliot.check_text(p_event_id, 'p_event_id', 128);
  PERFORM foliot.check_text(p_type, 'p_type', 128);
  PERFORM foliot.check_object(p_payload, 'p_payload');
  IF p_type LIKE 'xstate.%' OR p_type LIKE 'task.%' THEN
    RAISE EXCEPTION 'p_type % is one of the engine''s own', quote_literal(p_type)
      USING ERRCODE = 'FO010', HINT = 'Send types that do not begin with xstate. or task.';
  END IF;
  IF p_instance_id IS NULL THEN
    RAISE EXCEPTION 'p_instance_id is required' USING ERRCODE = 'FO010';
  END IF;
  IF foliot.accept(p_tenant_id, p_instance_id::text, p_event_id,
                   jsonb_build_array(p_type, p_payload), p_instance_id) IS NOT NULL THEN
    RETURN false;
  END IF;
  SELECT i.status INTO v_status
    FROM foliot.instance i
   WHERE i.tenant_id = p_tenant_id AND i.instance_id = p_instance_id;
  IF v_status IN ('completed', 'failed', 'cancelled') THEN
    RAISE EXCEPTION 'instance % has ended: it is %', p_instance_id, v_status
      USING ERRCODE = 'FO013';
  END IF;
  IF v_status IS NULL AND NOT EXISTS (
       SELECT FROM foliot.inbox b
        WHERE b.tenant_id = p_tenant_id AND b.instance_id = p_instance_id
          AND b.type = 'xstate.init') THEN
    RAISE EXCEPTION 'tenant % has no instance %', quote_literal(p_tenant_id), p_instance_id
      USING ERRCODE = 'FO011';
  END IF;
  IF (SELECT count(*) FROM (
        SELECT FROM foliot.inbox b
         WHERE b.tenant_id = p_tenant_id AND b.instance_id = p_instance_id LIMIT c_most) AS w)
     >= c_most THEN
    RAISE EXCEPTION 'instance % has % events waiting already, the most there may be',
        p_instance_id, c_most
      USING ERRCODE = 'FO013', HINT = 'Wait until it has taken some.';
  END IF;
  INSERT INTO foliot.inbox (tenant_id, instance_id, event_id, type, payload, accepted_at)
  VALUES (p_tenant_id, p_instance_id, p_event_id, p_type, p_payload, foliot.now());
  RETURN true;
END
$$
