"""
What must not be found in the tables, one statement each: `instance_id`, `ordinal`, `detail`.

$1 is the tenant; $2 and $3 bound the instances, the first exclusive; $4 is the most rows to
give back. A patient check has the longest that a thing may be overdue as $5: what is due, or
left over, is for a loop to find, and may wait for it that long.
"""

from dataclasses import dataclass

from control_plane.adapters.postgres.doctor_look_ups import LABELS, SAID_OF_NOTHING, TAKEN


@dataclass(frozen=True, slots=True)
class Check:
    invariant: str
    statement: str
    is_patient: bool = False


GAPS = """
SELECT i.instance_id, NULL::integer AS ordinal,
       format('its history has %s entries, from %s to %s, and the instance is at %s',
              h.entries, h.first, h.last, i.seq) AS detail
  FROM foliot.instance i
 CROSS JOIN LATERAL (
   SELECT count(*) AS entries, coalesce(min(h.seq), 0) AS first, coalesce(max(h.seq), 0) AS last
     FROM foliot.history h
    WHERE h.tenant_id = i.tenant_id AND h.instance_id = i.instance_id) AS h
 WHERE i.tenant_id = $1 AND i.instance_id > $2 AND i.instance_id <= $3
   AND (h.entries, h.first, h.last) IS DISTINCT FROM (i.seq, 1::bigint, i.seq)
 LIMIT $4
"""

# A task that is running without a lease is with people, is a child instance, or has ended while
# its instance was paused; else one whose first hand-out was never settled has lost its lease.
PLACES = """
SELECT t.instance_id, t.ordinal,
       format('the %s task %L is %s, and is ready %s times, delayed %s and leased %s; an open'
              ' task is in one place', t.type, t.name, t.status, p.ready, p.delayed, p.leased)
         AS detail
  FROM foliot.task t
  JOIN foliot.instance i USING (tenant_id, instance_id)
 CROSS JOIN LATERAL (
   SELECT (SELECT count(*) FROM foliot.ready r
            WHERE r.tenant_id = t.tenant_id AND r.run_at = t.run_at
              AND r.instance_id = t.instance_id AND r.ordinal = t.ordinal) AS ready,
          (SELECT count(*) FROM foliot.delayed d
            WHERE d.tenant_id = t.tenant_id AND d.instance_id = t.instance_id
              AND d.ordinal = t.ordinal) AS delayed,
          (SELECT count(*) FROM foliot.lease l
            WHERE l.tenant_id = t.tenant_id AND l.instance_id = t.instance_id
              AND l.ordinal = t.ordinal) AS leased) AS p
 WHERE t.tenant_id = $1 AND t.instance_id > $2 AND t.instance_id <= $3
   AND t.completed_at IS NULL
   AND CASE WHEN t.status = 'running'
                 AND (t.epoch > 0 OR t.type = 'WORKFLOW' OR i.paused_at IS NOT NULL)
            THEN p.ready + p.delayed + p.leased > 1
            ELSE p.ready + p.delayed + p.leased <> 1 END
 LIMIT $4
"""

EPOCHS = """
SELECT l.instance_id, l.ordinal,
       format('its lease has epoch %s, and epoch %s has been settled or lost already',
              l.epoch, greatest(t.epoch, t.lost_epoch)) AS detail
  FROM foliot.lease l
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
 WHERE l.tenant_id = $1 AND l.instance_id > $2 AND l.instance_id <= $3
   AND t.completed_at IS NULL
   AND l.epoch <= greatest(t.epoch, t.lost_epoch)
 LIMIT $4
"""

# Whoever has a task that was called off keeps the lease until it has stopped, or its session
# has ended, or housekeeping comes by: every ten minutes. What else crosses a task's end, the
# next claim or sweep takes away.
LEFT_OVER = """
SELECT x.instance_id, x.ordinal,
       format('it is %s, and the task ended as %s at %s', x.place, t.status, t.completed_at)
         AS detail
  FROM (SELECT l.tenant_id, l.instance_id, l.ordinal, 'leased' AS place,
               CASE WHEN s.expires_at > (SELECT foliot.now()) THEN interval '12 minutes'
                    ELSE interval '0' END AS may_last
          FROM foliot.lease l
          LEFT JOIN foliot.executor_session s ON s.session_id = l.session_id
         WHERE l.tenant_id = $1 AND l.instance_id > $2 AND l.instance_id <= $3
        UNION ALL
        SELECT d.tenant_id, d.instance_id, d.ordinal, 'delayed', interval '0' FROM foliot.delayed d
         WHERE d.tenant_id = $1 AND d.instance_id > $2 AND d.instance_id <= $3) AS x
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
 WHERE t.completed_at <= (SELECT foliot.now()) - $5::interval - x.may_last
 LIMIT $4
"""

WITHOUT_TASK = """
SELECT x.instance_id, x.ordinal, format('it is %s, and there is no such task', x.place) AS detail
  FROM (SELECT l.tenant_id, l.instance_id, l.ordinal, 'leased' AS place FROM foliot.lease l
         WHERE l.tenant_id = $1 AND l.instance_id > $2 AND l.instance_id <= $3
        UNION ALL
        SELECT d.tenant_id, d.instance_id, d.ordinal, 'delayed' FROM foliot.delayed d
         WHERE d.tenant_id = $1 AND d.instance_id > $2 AND d.instance_id <= $3) AS x
 WHERE NOT EXISTS (SELECT FROM foliot.task t
                    WHERE t.tenant_id = x.tenant_id AND t.instance_id = x.instance_id
                      AND t.ordinal = x.ordinal)
 LIMIT $4
"""

WITHOUT_INSTANCE = """
SELECT x.instance_id, x.ordinal, format('there is a %s of it, and no instance', x.what) AS detail
  FROM (SELECT t.tenant_id, t.instance_id, t.ordinal, 'task' AS what FROM foliot.task t
         WHERE t.tenant_id = $1 AND t.instance_id > $2 AND t.instance_id <= $3
        UNION ALL
        SELECT r.tenant_id, r.instance_id, NULL, 'timer' FROM foliot.timer r
         WHERE r.tenant_id = $1 AND r.instance_id > $2 AND r.instance_id <= $3
        UNION ALL
        SELECT b.tenant_id, b.instance_id, NULL, 'kept event' FROM foliot.inbox b
         WHERE b.tenant_id = $1 AND b.instance_id > $2 AND b.instance_id <= $3
           -- What nobody has tried may be of an instance that is yet to begin.
           AND b.deferred_at IS NOT NULL
        UNION ALL
        SELECT h.tenant_id, h.instance_id, NULL, 'history' FROM foliot.history h
         WHERE h.tenant_id = $1 AND h.instance_id > $2 AND h.instance_id <= $3
           AND h.seq = 1
           -- Of a month that is retired they go with their partition.
           AND NOT EXISTS (SELECT FROM foliot.retiring m
                            WHERE h.instance_id >= m.lower AND h.instance_id < m.upper)) AS x
 WHERE NOT EXISTS (SELECT FROM foliot.instance i
                    WHERE i.tenant_id = x.tenant_id AND i.instance_id = x.instance_id)
 LIMIT $4
"""

# A task's deadline, or its next reminder, is no timer of the definition: it goes when it is due.
TIMERS_OF_THE_DEAD = """
SELECT r.instance_id, NULL::integer AS ordinal,
       format('the timer %L is armed for %s, and the instance is %s', r.timer_id, r.due, i.status)
         AS detail
  FROM foliot.timer r
  JOIN foliot.instance i USING (tenant_id, instance_id)
 WHERE r.tenant_id = $1 AND r.instance_id > $2 AND r.instance_id <= $3
   AND i.completed_at IS NOT NULL
   AND r.timer_id NOT LIKE 'task-start-deadline:%' AND r.timer_id NOT LIKE 'task-nudge:%'
 LIMIT $4
"""

LATE_TIMERS = """
SELECT r.instance_id, NULL::integer AS ordinal,
       format('the timer %L is due since %s, and has not fired', r.timer_id, r.due) AS detail
  FROM foliot.timer r
  JOIN foliot.instance i USING (tenant_id, instance_id)
 WHERE r.tenant_id = $1 AND r.instance_id > $2 AND r.instance_id <= $3
   AND i.completed_at IS NULL AND i.paused_at IS NULL
   AND r.due <= (SELECT foliot.now()) - $5::interval
 LIMIT $4
"""

LATE_TASKS = """
SELECT d.instance_id, d.ordinal,
       format('it was to be claimable at %s, and is still delayed', d.run_at) AS detail
  FROM foliot.delayed d
  JOIN foliot.instance i USING (tenant_id, instance_id)
 WHERE d.tenant_id = $1 AND d.instance_id > $2 AND d.instance_id <= $3
   AND i.paused_at IS NULL
   AND (d.run_at = 'infinity' OR d.run_at <= (SELECT foliot.now()) - $5::interval)
 LIMIT $4
"""

ABANDONED = """
SELECT l.instance_id, l.ordinal,
       format('session %s holds it by epoch %s, and %s', l.session_id, l.epoch,
              coalesce(format('expired at %s', s.expires_at), 'has ended')) AS detail
  FROM foliot.lease l
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
  LEFT JOIN foliot.executor_session s ON s.session_id = l.session_id
 WHERE l.tenant_id = $1 AND l.instance_id > $2 AND l.instance_id <= $3
   AND t.completed_at IS NULL
   AND l.claimed_at <= (SELECT foliot.now()) - $5::interval
   AND (s.session_id IS NULL OR s.expires_at <= (SELECT foliot.now()) - $5::interval)
 LIMIT $4
"""

SILENT = """
SELECT l.instance_id, l.ordinal,
       format('its attempt has been silent for too long since %s, and goes on', l.silent_at)
         AS detail
  FROM foliot.lease l
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
 WHERE l.tenant_id = $1 AND l.instance_id > $2 AND l.instance_id <= $3
   AND t.completed_at IS NULL
   AND l.silent_at <= (SELECT foliot.now()) - $5::interval
 LIMIT $4
"""

# Lost hand-outs count against a bound of their own: 50, in control_plane/orchestrator/retrying.py.
TOO_OFTEN = """
SELECT t.instance_id, t.ordinal,
       format('attempt %s of at most %s, hand-out %s', a.attempt, t.max_attempts, a.epoch)
         AS detail
  FROM foliot.task t
  LEFT JOIN foliot.lease l USING (tenant_id, instance_id, ordinal)
 CROSS JOIN LATERAL (
   SELECT greatest(t.attempt, l.attempt) AS attempt,
          greatest(t.epoch, t.lost_epoch, l.epoch) AS epoch) AS a
 WHERE t.tenant_id = $1 AND t.instance_id > $2 AND t.instance_id <= $3
   AND (a.attempt > t.max_attempts OR a.epoch > t.max_attempts + 50)
 LIMIT $4
"""

FORGOTTEN_EVENTS = """
SELECT b.instance_id, NULL::integer AS ordinal,
       CASE WHEN i.completed_at IS NULL
            THEN format('event %L waits since %s, and nobody has tried to apply it',
                        b.type, b.accepted_at)
            ELSE format('event %L waits since %s, and the instance is %s',
                        b.type, b.accepted_at, i.status) END AS detail
  FROM foliot.inbox b
  JOIN foliot.instance i USING (tenant_id, instance_id)
 WHERE b.tenant_id = $1 AND b.instance_id > $2 AND b.instance_id <= $3
   AND b.accepted_at <= (SELECT foliot.now()) - $5::interval
   AND (i.completed_at IS NOT NULL OR (b.deferred_at IS NULL AND i.paused_at IS NULL))
 LIMIT $4
"""

TWO_LIVE = """
SELECT i.instance_id, NULL::integer AS ordinal,
       format('it is live under business key %L of %L, which names %s', i.business_key,
              i.definition_key, coalesce(k.instance_id::text, 'nobody')) AS detail
  FROM foliot.instance i
  LEFT JOIN foliot.business_key k
    ON k.tenant_id = i.tenant_id AND k.definition_key = i.definition_key
       AND k.business_key = i.business_key
 WHERE i.tenant_id = $1 AND i.instance_id > $2 AND i.instance_id <= $3
   AND i.business_key IS NOT NULL AND i.completed_at IS NULL
   AND k.instance_id IS DISTINCT FROM i.instance_id
 LIMIT $4
"""

UNTOLD = """
SELECT o.instance_id, NULL::integer AS ordinal,
       format('its message %s lies undelivered since %s', o.kind, o.created_at) AS detail
  FROM foliot.outbox o
 WHERE o.tenant_id = $1 AND o.instance_id > $2 AND o.instance_id <= $3
   AND o.created_at <= (SELECT foliot.now()) - $5::interval
 LIMIT $4
"""

OFFERED_TOO_LONG = """
SELECT o.instance_id, o.ordinal,
       CASE WHEN t.ordinal IS NULL THEN 'people find it, and there is no such task'
            ELSE format('people find it, and the task ended as %s at %s', t.status, t.completed_at)
       END AS detail
  FROM foliot.offer o
  LEFT JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
 WHERE o.tenant_id = $1 AND o.instance_id > $2 AND o.instance_id <= $3
   AND (t.ordinal IS NULL OR t.completed_at IS NOT NULL)
 LIMIT $4
"""

# The vote that decides a task ends it in the same commit; of a paused instance, when it goes on.
DECIDED_AND_OPEN = """
SELECT p.instance_id, p.ordinal,
       format('%s of %s votes approve it, %s of %s are needed, and it is open', v.approvals, v.cast,
              q.approvals, q.voters) AS detail
  FROM foliot.task_terms p
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
  JOIN foliot.instance i USING (tenant_id, instance_id)
 CROSS JOIN LATERAL (
   SELECT (p.terms->'quorum'->>'approvals')::integer AS approvals,
          (p.terms->'quorum'->>'of')::integer AS voters) AS q
 CROSS JOIN LATERAL (
   SELECT count(*) AS cast, count(*) FILTER (WHERE (x.vote->>'approve')::boolean) AS approvals
     FROM json_array_elements(p.standing->'votes') AS x(vote)) AS v
 WHERE p.tenant_id = $1 AND p.instance_id > $2 AND p.instance_id <= $3
   AND p.standing->'votes' IS NOT NULL AND t.completed_at IS NULL AND i.paused_at IS NULL
   AND (v.approvals >= q.approvals OR v.cast - v.approvals > q.voters - q.approvals)
 LIMIT $4
"""

# Which instance is the child of a task follows from the task's id, outside. What is on its way
# is in the outbox.
CHILDREN = """
SELECT t.instance_id, t.ordinal
  FROM foliot.task t
 WHERE t.tenant_id = $1 AND t.instance_id > $2 AND t.instance_id <= $3
   AND t.type = 'WORKFLOW' AND t.completed_at IS NULL
   AND t.created_at <= (SELECT foliot.now()) - $4::interval
   AND NOT EXISTS (SELECT FROM foliot.outbox o
                    WHERE o.tenant_id = t.tenant_id AND o.instance_id = t.instance_id)
"""

LIVE_OR_TELLING = """
SELECT i.instance_id
  FROM foliot.instance i
 WHERE i.tenant_id = $1 AND i.instance_id = ANY ($2::uuid[])
   AND (i.completed_at IS NULL
        OR EXISTS (SELECT FROM foliot.outbox o
                    WHERE o.tenant_id = i.tenant_id AND o.instance_id = i.instance_id))
"""

CHECKS = (
    Check("I10", GAPS),
    Check("I3", PLACES),
    Check("I3", EPOCHS),
    Check("I3", LEFT_OVER, is_patient=True),
    Check("I13", WITHOUT_TASK),
    Check("I13", WITHOUT_INSTANCE),
    Check("I13", OFFERED_TOO_LONG),
    Check("I13", LABELS),
    Check("I13", TAKEN),
    Check("I13", SAID_OF_NOTHING),
    Check("I4", DECIDED_AND_OPEN),
    Check("I24", TIMERS_OF_THE_DEAD),
    Check("I24", LATE_TIMERS, is_patient=True),
    Check("I24", LATE_TASKS, is_patient=True),
    Check("I8", ABANDONED, is_patient=True),
    Check("I8", SILENT, is_patient=True),
    Check("I7", TOO_OFTEN),
    Check("I17", FORGOTTEN_EVENTS, is_patient=True),
    Check("I21", TWO_LIVE),
    Check("I9", UNTOLD, is_patient=True),
)

# Not by instance: those that nobody has looked at when it was time to.
LATE_SCHEDULES = """
SELECT format('schedule %L should have been looked at since %s; is a control plane running?',
              s.schedule_id, s.wakes_at) AS detail
  FROM foliot.schedule s
 WHERE s.tenant_id = $1 AND s.wakes_at <= (SELECT foliot.now()) - $3::interval
 ORDER BY s.wakes_at
 LIMIT $2
"""

# Not by instance: claimable rows have an order of their own. $2 to $4 are the row before, $5 the
# most rows to look at, $6 the patience. A row is found by those who claim if it stands where its
# task says, in the common flow or in that of its key, which must have a limit then.
READY = """
SELECT r.run_at, r.instance_id, r.ordinal,
       CASE WHEN t.ordinal IS NULL THEN 'it is ready, and there is no such task'
            WHEN t.completed_at <= (SELECT foliot.now()) - $6::interval
            THEN format('it is ready, and the task ended as %s at %s', t.status, t.completed_at)
            WHEN t.completed_at IS NULL
                 AND (t.queue, t.type, t.run_at, foliot.precedence(t.run_at, t.priority))
                     IS DISTINCT FROM (r.queue, r.type, r.run_at, r.precedence)
            THEN format('it is ready in %L since %s, and the task belongs in %L from %s on',
                        r.queue, r.run_at, t.queue, t.run_at)
            WHEN t.completed_at IS NULL AND r.flow <> ''
                 AND (r.flow IS DISTINCT FROM t.limit_key
                      OR NOT EXISTS (SELECT FROM foliot.task_limit l
                                      WHERE l.tenant_id = r.tenant_id AND l.limit_key = r.flow))
            THEN format('it waits for room under the key %L, which is not its own or has no limit',
                        r.flow)
       END AS detail
  FROM (SELECT * FROM foliot.ready r
         WHERE r.tenant_id = $1
           AND (r.run_at, r.instance_id, r.ordinal) > ($2::timestamptz, $3::uuid, $4::integer)
         ORDER BY r.run_at, r.instance_id, r.ordinal
         LIMIT $5) AS r
  LEFT JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
 ORDER BY r.run_at, r.instance_id, r.ordinal
"""
