-- How many tasks a limit's rate lets begin at an instant: what was left, and what has flowed in
-- since, up to the brim. Null without a rate. No SET, so that it is written into the statement.
CREATE FUNCTION foliot.tokens_at(p_limit foliot.task_limit, p_at timestamptz)
RETURNS double precision
LANGUAGE sql STABLE
RETURN least(
  p_limit.burst,
  p_limit.tokens
    + p_limit.rate_per_s
      * greatest(0, extract(epoch FROM p_at - p_limit.filled_at))::double precision)
