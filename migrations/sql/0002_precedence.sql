-- The instant by which a tenant's tasks are claimed in order. A point of priority is worth ten
-- minutes: the task goes before what was ready up to so much earlier, and nothing waits longer
-- than that for what is more urgent. No SET, so that it is written into the statement that asks.
CREATE FUNCTION foliot.precedence(p_run_at timestamptz, p_priority integer) RETURNS timestamptz
LANGUAGE sql STABLE
RETURN p_run_at - p_priority * interval '10 minutes'
