"""What the doctor asks of a database as a whole: a statement a check, a row a finding."""

from collections.abc import Mapping

DURABILITY = """
SELECT 'fsync is off: a crash loses commits' AS detail
 WHERE current_setting('fsync') <> 'on'
UNION ALL
SELECT 'full_page_writes is off: a crash can leave pages torn'
 WHERE current_setting('full_page_writes') <> 'on'
UNION ALL
SELECT format('synchronous_commit is %s: a crash loses answered requests',
              current_setting('synchronous_commit'))
 WHERE current_setting('synchronous_commit') NOT IN ('on', 'local', 'remote_write', 'remote_apply')
"""

# $1 is the caller's clock. Statements take their time: what is apart by less is together.
CLOCK = """
SELECT format('the clocks are %s seconds apart',
              round(abs(extract(epoch FROM clock_timestamp() - $1)))) AS detail
 WHERE abs(extract(epoch FROM clock_timestamp() - $1)) > 5
UNION ALL
SELECT format('the database''s clock is moved by %s', c.moved_by)
  FROM foliot.clock c WHERE c.moved_by <> interval '0'
"""

PARTITIONS = """
SELECT format('%s has no partition', to_char(m.month, 'YYYY-MM')) AS detail
  FROM (SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + n * interval '1 month'
          FROM generate_series(0, 1) AS n) AS m(month)
 WHERE to_regclass('foliot.' || to_char(m.month, '"history_y"YYYY"m"MM')) IS NULL
"""

# $1 is for how long a task may be ready without a live session. Of each queue and type the next
# task is looked at.
EXECUTORS = """
WITH RECURSIVE lane AS (
  (SELECT r.queue, r.type, r.run_at FROM foliot.ready r
    ORDER BY r.queue, r.type LIMIT 1)
  UNION ALL
  SELECT n.queue, n.type, n.run_at
    FROM lane l
   CROSS JOIN LATERAL (
     SELECT r.queue, r.type, r.run_at FROM foliot.ready r
      WHERE (r.queue, r.type) > (l.queue, l.type) ORDER BY r.queue, r.type LIMIT 1) AS n)
SELECT format('%s tasks of queue %L have been ready since %s, and %s', l.type, l.queue, l.run_at,
              CASE WHEN p.queue IS NOT NULL THEN 'the queue is paused'
                   ELSE 'no executor is alive' END) AS detail
  FROM (SELECT l.* FROM lane l LIMIT 1000) AS l
  LEFT JOIN foliot.paused_queue p USING (queue)
 WHERE l.type <> 'HUMAN' AND l.run_at < foliot.now() - $1::interval
   AND (p.queue IS NOT NULL
        OR NOT EXISTS (SELECT FROM foliot.executor_session s WHERE s.expires_at > foliot.now()))
"""

DATABASE: Mapping[str, str] = {
    "durability": DURABILITY,
    "clock": CLOCK,
    "partitions": PARTITIONS,
    "executors": EXECUTORS,
}
