-- Makes sure that the partitions of this month and of `p_months` more exist. A partition
-- holds the instances started in one month: an instance id is a UUIDv7, whose first 48
-- bits are its start in milliseconds. Safe to repeat and to race.
CREATE FUNCTION foliot.ensure_history_partitions(p_months integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_this_month timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
  v_month timestamptz;
  v_bound text[];
  v_name text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('foliot.ensure_history_partitions'));
  FOR v_offset IN 0..p_months LOOP
    v_month := (v_this_month AT TIME ZONE 'UTC' + make_interval(months => v_offset)) AT TIME ZONE 'UTC';
    v_name := to_char(v_month AT TIME ZONE 'UTC', '"history_y"YYYY"m"MM');
    CONTINUE WHEN to_regclass('foliot.' || v_name) IS NOT NULL;
    SELECT array_agg(
             rpad(lpad(to_hex((extract(epoch FROM instant) * 1000)::bigint), 12, '0'), 32, '0')
             ORDER BY instant)
      INTO v_bound
      FROM (VALUES (v_month),
                   ((v_month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC')) AS b(instant);
    EXECUTE format('CREATE TABLE foliot.%I PARTITION OF foliot.history FOR VALUES FROM (%L) TO (%L)',
                   v_name, v_bound[1]::uuid, v_bound[2]::uuid);
  END LOOP;
END
$$
