-- Drops months of history of which no instance is left, and marks those of which all instances
-- have ended and are past their retention: their histories need not be removed row by row. Tells
-- how many partitions were dropped. The month that goes on is left alone.
--
-- Locks history, ACCESS EXCLUSIVE, if a month is to be dropped, and waits for that no longer than
-- lock_timeout below: what cannot be had now is left to the next call.
CREATE FUNCTION foliot.retire_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '50ms'
AS $$
DECLARE
  v_now timestamptz := foliot.now();
  v_this_month uuid := rpad(lpad(to_hex((extract(epoch FROM date_trunc(
    'month', least(v_now, clock_timestamp()), 'UTC')) * 1000)::bigint), 12, '0'), 32, '0')::uuid;
  v_month record;
  v_dropped integer := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('foliot.retire_partitions')) THEN
    RETURN 0;
  END IF;
  FOR v_month IN
    SELECT p.name, p.bound[1]::uuid AS lower, p.bound[2]::uuid AS upper
      FROM (SELECT c.relname::text AS name,
                   regexp_match(pg_get_expr(c.relpartbound, c.oid),
                                'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS bound
              FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
             WHERE h.inhparent = 'foliot.history'::regclass) AS p
     WHERE p.bound[2]::uuid <= v_this_month
     ORDER BY 2
  LOOP
    INSERT INTO foliot.retiring (name, lower, upper)
    SELECT v_month.name, v_month.lower, v_month.upper
     WHERE NOT EXISTS (
             SELECT FROM foliot.tenant t
              CROSS JOIN LATERAL (
                SELECT FROM foliot.instance i
                  LEFT JOIN LATERAL (
                    SELECT r.keep FROM foliot.retention r
                     WHERE r.tenant_id = i.tenant_id AND r.definition_key IN (i.definition_key, '')
                     ORDER BY r.definition_key DESC LIMIT 1) AS r ON true
                 WHERE i.tenant_id = t.tenant_id
                   AND i.instance_id >= v_month.lower AND i.instance_id < v_month.upper
                   AND (i.completed_at IS NULL OR r.keep IS NULL
                        OR i.completed_at > v_now - r.keep)
                 LIMIT 1) AS x)
    ON CONFLICT DO NOTHING;
    CONTINUE WHEN NOT EXISTS (SELECT FROM foliot.retiring m WHERE m.name = v_month.name)
               OR foliot.has_instances(v_month.lower, v_month.upper);
    BEGIN
      LOCK TABLE foliot.history IN ACCESS EXCLUSIVE MODE;
      -- Nobody can begin an instance now.
      IF NOT foliot.has_instances(v_month.lower, v_month.upper) THEN
        EXECUTE format('DROP TABLE foliot.%I', v_month.name);
        DELETE FROM foliot.retiring m WHERE m.name = v_month.name;
        v_dropped := v_dropped + 1;
      END IF;
    EXCEPTION WHEN lock_not_available THEN
      RETURN v_dropped;
    END;
  END LOOP;
  RETURN v_dropped;
END
$$
