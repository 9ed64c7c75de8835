"""What a turn's statement does to tasks, their leases, and where they can be claimed."""

from collections.abc import Sequence

from control_plane.adapters.postgres.write_parts import Part, RecordSet
from control_plane.ports.instance_store import Change, NewTask
from shared.tasks import TaskType

FENCES = Part(
    is_in=lambda changes: any(c.fences for c in changes),
    sets={
        "fence": RecordSet(
            "n int, ordinal int, epoch int",
            lambda changes: ((n, *fence) for n, c in enumerate(changes, 1) for fence in c.fences),
        )
    },
    judging="""
held AS MATERIALIZED (
  SELECT fence.n, l.place
    FROM {fence}
   CROSS JOIN LATERAL (
     SELECT l.ctid AS place
       FROM foliot.lease l
      WHERE l.tenant_id = {change.tenant_id}[fence.n]
        AND l.instance_id = {change.instance_id}[fence.n]
        AND l.ordinal = fence.ordinal AND l.epoch = fence.epoch
        FOR UPDATE SKIP LOCKED OFFSET 0) AS l
   -- A heartbeat changes a lease and holds no other lock. One that came since this statement
   -- began has put it where the statement cannot see it, so the change is to be made anew.
   WHERE (SELECT true FROM foliot.lease s WHERE s.ctid = l.place))""",
    vote="SELECT h.n, 0, 1, 0 FROM held h",
    keeping="""
let_go AS (
  DELETE FROM foliot.lease l
   WHERE l.ctid = ANY (ARRAY(SELECT h.place FROM held h WHERE {kept}[h.n])))""",
)

TASKS = Part(
    is_in=lambda changes: any(c.new_tasks for c in changes),
    sets={
        "creation": RecordSet(
            "n int, ordinal int, name text, type text, function text, queue text,"
            " priority smallint, run_at timestamptz, max_attempts int, idempotency_key uuid,"
            " input text, retry text, timeout_s float8, trace_parent text, is_cancelled bool,"
            " schedule_to_start_s float8, heartbeat_s float8, detached bool, child text,"
            " session_id uuid, limit_key text",
            lambda changes: (
                (
                    n,
                    t.ordinal,
                    t.name,
                    t.type,
                    t.function,
                    t.queue,
                    t.priority,
                    t.run_at,
                    t.max_attempts,
                    t.idempotency_key,
                    t.input,
                    t.retry,
                    t.timeout_s,
                    t.trace_parent,
                    t.is_cancelled,
                    t.schedule_to_start_s,
                    t.heartbeat_s,
                    t.detached,
                    t.child,
                    c.handed.get(t.ordinal),
                    t.limit_key,
                )
                for n, c in enumerate(changes, 1)
                for t in c.new_tasks
            ),
            type="turn_creation",
        )
    },
    keeping="""
task AS MATERIALIZED (
  SELECT {change.tenant_id}[creation.n] AS tenant_id,
         {change.instance_id}[creation.n] AS instance_id,
         {change.updated_at}[creation.n] AS at, creation.*
    FROM {creation}
   WHERE {kept}[creation.n]),
created AS (
  INSERT INTO foliot.task (
         tenant_id, instance_id, ordinal, name, type, function, queue, priority, status, run_at,
         max_attempts, idempotency_key, input, retry, timeout_s, schedule_to_start_s, heartbeat_s,
         detached, child, limit_key, trace_parent, created_at, completed_at)
  SELECT t.tenant_id, t.instance_id, t.ordinal, t.name, t.type, t.function, t.queue, t.priority,
         CASE WHEN t.is_cancelled THEN 'cancelled' WHEN t.type = 'WORKFLOW' THEN 'running'
              ELSE 'pending' END,
         t.run_at, t.max_attempts, t.idempotency_key, t.input::json, t.retry::json, t.timeout_s,
         t.schedule_to_start_s, t.heartbeat_s, t.detached,
         t.child::json, t.limit_key, t.trace_parent, t.at,
         CASE WHEN t.is_cancelled THEN t.at END
    FROM task t)""",
    claimable="""
  SELECT t.tenant_id, t.instance_id, t.ordinal, t.type, t.queue,
         CASE WHEN t.limit_key IS NULL THEN ''
              ELSE foliot.flow(t.tenant_id, t.limit_key) END,
         t.priority, t.run_at,
         0, 0, t.at, {change.paused_at}[t.n] IS NOT NULL
    FROM task t
   WHERE NOT t.is_cancelled AND t.type <> 'WORKFLOW' AND t.session_id IS NULL""",
)

HANDED = Part(
    is_in=lambda changes: any(c.handed for c in changes),
    sets={
        "handing": RecordSet(
            "n int", lambda changes: ((n,) for n, c in enumerate(changes, 1) if c.handed)
        )
    },
    judging="""
vetoed AS MATERIALIZED (
  SELECT handing.n
    FROM {handing}
   CROSS JOIN LATERAL (
     SELECT FROM foliot.task_limit l
      WHERE l.tenant_id = {change.tenant_id}[handing.n] AND l.limit_key = '' OFFSET 0) AS l)""",
    vote="SELECT v.n, 0, -1, 0 FROM vetoed v",
    keeping="""
handed AS (
  INSERT INTO foliot.lease
         (tenant_id, instance_id, ordinal, session_id, attempt, epoch, claimed_at, limit_key,
          silent_at)
  SELECT t.tenant_id, t.instance_id, t.ordinal, t.session_id, 1, 1, t.at, t.limit_key,
         t.at + make_interval(secs => t.heartbeat_s)
    FROM task t WHERE t.session_id IS NOT NULL)""",
)

OUTCOMES = Part(
    is_in=lambda changes: any(c.updated_tasks for c in changes),
    sets={
        "outcome": RecordSet(
            "n int, ordinal int, status text, attempt int, epoch int, lost_epoch int,"
            " session_id uuid, held_since timestamptz, output text, error text,"
            " run_at timestamptz, completed_at timestamptz",
            lambda changes: (
                (
                    n,
                    u.ordinal,
                    u.status,
                    u.attempt,
                    u.epoch,
                    u.lost_epoch,
                    u.session_id,
                    u.held_since,
                    u.output,
                    u.error,
                    u.run_at,
                    u.completed_at,
                )
                for n, c in enumerate(changes, 1)
                for u in c.updated_tasks
            ),
            type="turn_outcome",
        )
    },
    keeping="""
ended AS (
  UPDATE foliot.task t
     SET status = u.status, attempt = coalesce(u.attempt, t.attempt),
         epoch = coalesce(u.epoch, t.epoch), lost_epoch = coalesce(u.lost_epoch, t.lost_epoch),
         session_id = coalesce(u.session_id, t.session_id),
         held_since = coalesce(u.held_since, t.held_since),
         output = coalesce(u.output::json, t.output), error = coalesce(u.error::json, t.error),
         run_at = coalesce(u.run_at, t.run_at), completed_at = u.completed_at
    FROM (SELECT outcome.* FROM {outcome}) AS u
   CROSS JOIN LATERAL (
     SELECT t.ctid AS place FROM foliot.task t
      WHERE t.tenant_id = {change.tenant_id}[u.n] AND t.instance_id = {change.instance_id}[u.n]
        AND t.ordinal = u.ordinal OFFSET 0) AS p
   WHERE t.ctid = p.place AND {kept}[u.n])""",
)

GIVEN_BACK = Part(
    is_in=lambda changes: any(
        c.cleared or c.withdrawn or c.requeued or c.release is not None for c in changes
    ),
    sets={
        "clearing": RecordSet(
            "n int, ordinal int, keeps_lease bool",
            lambda changes: (
                (n, ordinal, keeps_lease)
                for n, c in enumerate(changes, 1)
                for ordinals, keeps_lease in ((c.cleared, False), (c.withdrawn, True))
                for ordinal in ordinals
            ),
        ),
        "requeued": RecordSet(
            "n int, ordinal int, type text, queue text, priority smallint, run_at timestamptz,"
            " attempt int, epoch int, limit_key text",
            lambda changes: (
                (
                    n,
                    q.ordinal,
                    q.type,
                    q.queue,
                    q.priority,
                    q.run_at,
                    q.attempt,
                    q.epoch,
                    q.limit_key,
                )
                for n, c in enumerate(changes, 1)
                for q in c.requeued
            ),
        ),
    },
    keeping="""
cleared AS MATERIALIZED (
  SELECT t.tenant_id, t.instance_id, t.ordinal, t.run_at, clearing.keeps_lease,
         EXISTS (SELECT FROM {requeued}
                  WHERE requeued.n = clearing.n AND requeued.ordinal = clearing.ordinal
                    -- One that is to be tried at once leaves where it waited.
                    AND (requeued.run_at > {change.updated_at}[clearing.n]
                         OR {change.paused_at}[clearing.n] IS NOT NULL))
           AS is_put_back
    FROM {clearing}
   CROSS JOIN LATERAL (
     SELECT * FROM foliot.task t
      WHERE t.tenant_id = {change.tenant_id}[clearing.n]
        AND t.instance_id = {change.instance_id}[clearing.n]
        AND t.ordinal = clearing.ordinal OFFSET 0) AS t
   WHERE {kept}[clearing.n]),
cleared_ready AS (
  DELETE FROM foliot.ready r
   WHERE r.ctid = ANY (ARRAY(
           SELECT r.place FROM cleared x
            CROSS JOIN LATERAL (
              SELECT r.ctid AS place FROM foliot.ready r
               WHERE r.tenant_id = x.tenant_id AND r.run_at = x.run_at
                 AND r.instance_id = x.instance_id AND r.ordinal = x.ordinal OFFSET 0) AS r))),
cleared_delayed AS (
  DELETE FROM foliot.delayed d
   WHERE d.ctid = ANY (ARRAY(
           SELECT d.place FROM cleared x
            CROSS JOIN LATERAL (
              SELECT d.ctid AS place FROM foliot.delayed d
               WHERE d.tenant_id = x.tenant_id AND d.instance_id = x.instance_id
                 AND d.ordinal = x.ordinal OFFSET 0) AS d
            WHERE NOT x.is_put_back))),
cleared_lease AS (
  DELETE FROM foliot.lease l
   WHERE l.ctid = ANY (ARRAY(
           SELECT l.place FROM cleared x
            CROSS JOIN LATERAL (
              SELECT l.ctid AS place FROM foliot.lease l
               WHERE l.tenant_id = x.tenant_id AND l.instance_id = x.instance_id
                 AND l.ordinal = x.ordinal OFFSET 0) AS l
            WHERE NOT x.keeps_lease)))""",
    claimable="""
  SELECT {change.tenant_id}[q.n], {change.instance_id}[q.n], q.ordinal, q.type, q.queue,
         CASE WHEN q.limit_key IS NULL THEN ''
              ELSE foliot.flow({change.tenant_id}[q.n], q.limit_key) END,
         q.priority, q.run_at,
         q.attempt, q.epoch, {change.updated_at}[q.n], {change.paused_at}[q.n] IS NOT NULL
    FROM (SELECT requeued.* FROM {requeued}) AS q
   WHERE {kept}[q.n]""",
)


def _makes_claimable(changes: Sequence[Change]) -> bool:
    return any(
        c.requeued or any(_is_for_the_claim(c, task) for task in c.new_tasks) for c in changes
    )


def _is_for_the_claim(change: Change, task: NewTask) -> bool:
    return not (
        task.is_cancelled or task.type is TaskType.WORKFLOW or task.ordinal in change.handed
    )


CLAIMABLE = Part(
    is_in=_makes_claimable,
    keeping="""
claimable(
  tenant_id, instance_id, ordinal, type, queue, flow, priority, run_at, attempt, epoch, at,
  is_withheld) AS MATERIALIZED ({claimable}),
made_ready AS (
  INSERT INTO foliot.ready
         (tenant_id, run_at, instance_id, ordinal, queue, type, flow, precedence, attempt, epoch)
  SELECT c.tenant_id, c.run_at, c.instance_id, c.ordinal, c.queue, c.type, c.flow,
         foliot.precedence(c.run_at, c.priority), c.attempt, c.epoch
    FROM claimable c WHERE c.run_at <= c.at AND NOT c.is_withheld),
put_back AS (
  INSERT INTO foliot.delayed
         (tenant_id, instance_id, ordinal, queue, type, flow, priority, run_at, attempt, epoch)
  SELECT c.tenant_id, c.instance_id, c.ordinal, c.queue, c.type, c.flow, c.priority,
         CASE WHEN c.is_withheld THEN 'infinity' ELSE c.run_at END, c.attempt, c.epoch
    FROM claimable c WHERE c.run_at > c.at OR c.is_withheld
  -- A task that waits for its next attempt, and is failed by a person meanwhile.
  ON CONFLICT (tenant_id, instance_id, ordinal) DO UPDATE
    SET run_at = excluded.run_at, attempt = excluded.attempt, epoch = excluded.epoch)""",
)

RELEASES = Part(
    is_in=lambda changes: any(c.release is not None for c in changes),
    sets={
        "releasing": RecordSet(
            "n int, shift interval",
            lambda changes: (
                (n, c.release.shift) for n, c in enumerate(changes, 1) if c.release is not None
            ),
        )
    },
    keeping="""
let_run AS MATERIALIZED (
  SELECT d.place, t.task_place, d.type, d.is_withheld, t.run_at, releasing.shift
    FROM {releasing}
   CROSS JOIN LATERAL (
     SELECT d.ctid AS place, d.tenant_id, d.instance_id, d.ordinal, d.type,
            d.run_at = 'infinity' AS is_withheld
       FROM foliot.delayed d
      WHERE d.tenant_id = {change.tenant_id}[releasing.n]
        AND d.instance_id = {change.instance_id}[releasing.n] OFFSET 0) AS d
   CROSS JOIN LATERAL (
     SELECT t.ctid AS task_place, t.run_at FROM foliot.task t
      WHERE t.tenant_id = d.tenant_id AND t.instance_id = d.instance_id
        AND t.ordinal = d.ordinal OFFSET 0) AS t
   WHERE {kept}[releasing.n]
     -- What ends, or is put back, in this turn too: a row can be changed once in a statement.
     AND NOT d.ordinal = ANY (ARRAY(
           SELECT x.ordinal FROM cleared x
            WHERE x.tenant_id = d.tenant_id AND x.instance_id = d.instance_id))),
claimable_again AS (
  UPDATE foliot.delayed d
     SET run_at = CASE WHEN l.type = 'TIMER' THEN l.run_at + l.shift ELSE l.run_at END
    FROM let_run l
   WHERE d.ctid = l.place AND (l.is_withheld OR l.type = 'TIMER')),
shifted AS (
  UPDATE foliot.task t
     SET run_at = l.run_at + l.shift
    FROM let_run l
   WHERE t.ctid = l.task_place AND l.type = 'TIMER' AND l.shift > interval '0')""",
)
