-- What time it is for every plane. All deadlines, leases and timers are set and judged by
-- this clock alone, so that planes with wrong clocks agree. Tests move it (foliot.clock);
-- a server refuses a moved one outside dev mode.
CREATE FUNCTION foliot.now() RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT clock_timestamp() + (SELECT moved_by FROM foliot.clock)
$$
