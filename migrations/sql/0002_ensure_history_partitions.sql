-- Makes sure that the partitions of this month and of `p_months` more exist: two months of
-- slack let a call fail without harm. A partition holds the instances started in one month:
-- an instance id is a UUIDv7, whose first 48 bits are its start in milliseconds. Safe to
-- repeat and to race: who comes second leaves it to the first.
--
-- Locks history and its default partition, ACCESS EXCLUSIVE, if a partition is missing. All
-- writing queues behind that lock, so it is not waited for longer than lock_timeout below.
-- A month that cannot be made now, because of readers, is left to the next call. So is one
-- of which the default partition holds rows, until an owner has moved them: its instances
-- are kept there, and later months are made all the same. Both are warnings in the log.
CREATE FUNCTION foliot.ensure_history_partitions(p_months integer DEFAULT 2) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '50ms'
AS $$
DECLARE
  v_this_month timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
  v_month timestamptz;
  v_bound text[];
  v_name text;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('foliot.ensure_history_partitions')) THEN
    RETURN;
  END IF;
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
    BEGIN
      EXECUTE format('CREATE TABLE foliot.%I PARTITION OF foliot.history FOR VALUES FROM (%L) TO (%L)',
                     v_name, v_bound[1]::uuid, v_bound[2]::uuid);
      -- No policy: by itself a partition shows nothing to anybody.
      EXECUTE format('ALTER TABLE foliot.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
                     v_name);
    EXCEPTION
      WHEN check_violation THEN
        RAISE WARNING 'foliot.% is not made: foliot.history_default holds rows of that month',
          v_name USING HINT = 'Move them out, and call foliot.ensure_history_partitions again.';
      WHEN lock_not_available THEN
        RAISE WARNING 'foliot.% is not made: somebody is using foliot.history', v_name
          USING HINT = 'The next call tries again.';
        RETURN;
    END;
  END LOOP;
END
$$
