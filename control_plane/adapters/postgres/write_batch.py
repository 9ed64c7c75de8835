"""
The one statement that keeps a turn: many instances, one round trip, one transaction.

Every record kind is a set of parallel arrays; `n` is the position, from 1, of the change a
record belongs to. New instances come first, so the arrays that only they fill are shorter,
and unnest pads them with nulls.

What must hold is checked on locked rows: `locked` takes each instance that is still at its
revision (and has nothing in an inbox that was not read), `held` each lease still at its epoch (and
each business key that nobody has taken since it was read); both SKIP LOCKED, so the statement
never waits for another writer and cannot deadlock. A change that hands out a task of a tenant with
limits does not pass: only the claim counts those. `verdict.kept` says, by position, which changes
passed; everything below is written for those alone. A position in an array is found in constant
time, where a join of two parameter sets is not.

The plan is made once and kept, maybe when the tables were empty, and some are empty at one
moment and full at the next: no statistics are to be trusted. So rows are looked up by
LATERAL … OFFSET 0, which can only be done row by row, by the primary key, and changed by place
(ctid). A place stays right within the statement: whoever changes a row here holds the lock on its
instance, and a change of an instance changes its revision; claims and releases delete rows,
which ends their places; and leases, which heartbeats change, are looked at again.
tests/contract/test_turn_plans.py looks at the plans.

Instances are locked FOR NO KEY UPDATE. Duplicates of an answer, a business key or an
instance are unique violations: they end the statement, and nothing is kept.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from control_plane.adapters.postgres.feed_parts import feed_parts
from control_plane.ports.instance_store import Change, KeyHolder
from shared.ids import InstanceId

STATEMENT = """
WITH
change AS MATERIALIZED (
  SELECT * FROM unnest(
    $1::text[], $2::uuid[], $3::bigint[], $4::int[], $5::text[], $6::timestamptz[], $7::bigint[],
    $8::bigint[], $9::bytea[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $16::timestamptz[], $17::timestamptz[],
    $18::uuid[], $19::text[], $20::int[], $21::text[], $22::text[], $23::text[], $24::timestamptz[],
    $94::uuid[], $95::int[], $96::smallint[], $107::text[], $114::text[],
    $117::bool[])
  WITH ORDINALITY AS c(
    tenant_id, instance_id, expected_revision, fences, status, paused_at, revision,
    seq, history_hash, current_state, context, snapshot, idle, output,
    last_error, updated_at, completed_at,
    definition_id, definition_key, definition_version, business_key, labels, started_by, started_at,
    parent_instance_id, parent_ordinal, depth, on_parent_close,
    schedule_id, expects_empty_inbox, n)),
locked AS MATERIALIZED (
  SELECT c.*, i.place
    FROM change c
   CROSS JOIN LATERAL (
     SELECT i.ctid AS place
       FROM foliot.instance i
      WHERE i.tenant_id = c.tenant_id AND i.instance_id = c.instance_id
        AND i.revision = c.expected_revision
        FOR NO KEY UPDATE SKIP LOCKED OFFSET 0) AS i
   WHERE c.expected_revision > 0
     AND CASE WHEN c.expects_empty_inbox
              THEN (SELECT b.position FROM foliot.inbox b
                     WHERE b.tenant_id = c.tenant_id AND b.instance_id = c.instance_id
                     LIMIT 1) IS NULL
              ELSE true END),
held AS MATERIALIZED (
  SELECT f.n, l.place
    FROM unnest($25::int[], $26::int[], $27::int[]) AS f(n, ordinal, epoch)
   CROSS JOIN LATERAL (
     SELECT l.ctid AS place
       FROM foliot.lease l
      WHERE l.tenant_id = ($1::text[])[f.n] AND l.instance_id = ($2::uuid[])[f.n]
        AND l.ordinal = f.ordinal AND l.epoch = f.epoch
        FOR UPDATE SKIP LOCKED OFFSET 0) AS l
   -- A heartbeat changes a lease and holds no other lock. One that came since this statement
   -- began has put it where the statement cannot see it, so the change is to be made anew.
   WHERE (SELECT true FROM foliot.lease s WHERE s.ctid = l.place)),
former AS MATERIALIZED (
  SELECT b.n, k.place
    FROM unnest($28::int[], $29::text[], $30::uuid[], $106::int[])
      AS b(n, business_key, previous, takings)
   CROSS JOIN LATERAL (
     SELECT k.ctid AS place
       FROM foliot.business_key k
      WHERE k.tenant_id = ($1::text[])[b.n] AND k.definition_key = ($19::text[])[b.n]
        AND k.business_key = b.business_key AND k.instance_id = b.previous
        AND k.takings = b.takings
        FOR UPDATE SKIP LOCKED OFFSET 0) AS k),
vetoed AS MATERIALIZED (
  SELECT t.n
    FROM unnest($43::int[], $113::uuid[]) AS t(n, session_id)
   CROSS JOIN LATERAL (
     SELECT FROM foliot.task_limit l
      WHERE l.tenant_id = ($1::text[])[t.n] AND l.limit_key = '' OFFSET 0) AS l
   WHERE t.session_id IS NOT NULL),
verdict AS MATERIALIZED (
  SELECT array_agg(v.is_kept ORDER BY v.n) AS kept
    FROM (SELECT x.n, sum(x.locked) = 1 AND sum(x.held) = sum(x.fences) AS is_kept
            FROM (SELECT c.n, (c.expected_revision = 0)::int AS locked, 0 AS held, c.fences
                    FROM change c
                  UNION ALL SELECT l.n, 1, 0, 0 FROM locked l
                  UNION ALL SELECT h.n, 0, 1, 0 FROM held h
                  UNION ALL SELECT f.n, 0, 1, 0 FROM former f
                  UNION ALL SELECT v.n, 0, -1, 0 FROM vetoed v) AS x(n, locked, held, fences)
           GROUP BY x.n) AS v),
updated AS (
  UPDATE foliot.instance i
     SET status = c.status, paused_at = c.paused_at, revision = c.revision, seq = c.seq,
         history_hash = c.history_hash, current_state = c.current_state::json,
         context = c.context::json, snapshot = c.snapshot::json, idle = c.idle::json,
         output = c.output::json, last_error = c.last_error::json, updated_at = c.updated_at,
         completed_at = c.completed_at
    FROM locked c
   WHERE i.ctid = c.place AND ((SELECT kept FROM verdict))[c.n]),
born AS (
  INSERT INTO foliot.instance (
         tenant_id, instance_id, definition_id, definition_key, definition_version, business_key,
         status, paused_at, revision, seq, history_hash, current_state, context, snapshot, idle,
         output, last_error, labels, parent_instance_id, parent_ordinal, depth, on_parent_close,
         started_by, started_at, updated_at, completed_at, schedule_id)
  SELECT c.tenant_id, c.instance_id, c.definition_id, c.definition_key, c.definition_version,
         c.business_key, c.status, c.paused_at, c.revision, c.seq, c.history_hash,
         c.current_state::json, c.context::json, c.snapshot::json, c.idle::json, c.output::json,
         c.last_error::json, c.labels::json, c.parent_instance_id, c.parent_ordinal, c.depth,
         c.on_parent_close,
         c.started_by, c.started_at, c.updated_at, c.completed_at, c.schedule_id
    FROM change c
   WHERE c.expected_revision = 0 AND ((SELECT kept FROM verdict))[c.n]),
named AS (
  INSERT INTO foliot.business_key (tenant_id, definition_key, business_key, instance_id)
  SELECT ($1::text[])[b.n], ($19::text[])[b.n], b.business_key, ($2::uuid[])[b.n]
    FROM unnest($28::int[], $29::text[], $30::uuid[]) AS b(n, business_key, previous)
   WHERE b.previous IS NULL AND ((SELECT kept FROM verdict))[b.n]
   ORDER BY 1, 2, 3),
renamed AS (
  UPDATE foliot.business_key k
     SET instance_id = ($2::uuid[])[f.n], takings = k.takings + 1
    FROM former f
   WHERE k.ctid = f.place AND ((SELECT kept FROM verdict))[f.n]),
answered AS (
  INSERT INTO foliot.idempotency (tenant_id, scope, key, fingerprint, answer, created_at)
  SELECT ($1::text[])[a.n], a.scope, a.key, a.fingerprint, a.answer::json, ($16::timestamptz[])[a.n]
    FROM unnest($31::int[], $32::text[], $33::text[], $34::bytea[], $35::text[])
      AS a(n, scope, key, fingerprint, answer)
   WHERE ((SELECT kept FROM verdict))[a.n]
   -- One order for all writers: two that insert the same keys wait for each other in turn.
   ORDER BY 1, 2, 3),
written AS (
  INSERT INTO foliot.history (tenant_id, instance_id, seq, type, ordinal, payload, hash, created_at)
  SELECT ($1::text[])[h.n], ($2::uuid[])[h.n], h.seq, h.type, h.ordinal, h.payload::json, h.hash,
         h.created_at
    FROM unnest($36::int[], $37::bigint[], $38::text[], $39::int[], $40::text[], $41::bytea[],
                $42::timestamptz[])
      AS h(n, seq, type, ordinal, payload, hash, created_at)
   WHERE ((SELECT kept FROM verdict))[h.n]),
fed AS (
  INSERT INTO foliot.feed
         (tenant_id, xid, part, mark, instance_ids, seqs, counts, weight, created_at)
  SELECT f.tenant_id, pg_current_xact_id()::text::bigint, f.part,
         (random() * 2147483647)::integer, array_agg(f.instance_id), array_agg(f.seq),
         array_agg(f.entries), sum(f.weight), max(f.at)
    FROM (SELECT ($1::text[])[x.n] AS tenant_id, ($2::uuid[])[x.n] AS instance_id,
                 ($8::bigint[])[x.n] AS seq, ($16::timestamptz[])[x.n] AS at,
                 x.part, x.entries, x.weight
            FROM unnest($109::int[], $110::smallint[], $111::int[], $112::int[])
              AS x(n, part, entries, weight)
           WHERE ((SELECT kept FROM verdict))[x.n]) AS f
   GROUP BY f.tenant_id, f.part),
task AS MATERIALIZED (
  SELECT ($1::text[])[t.n] AS tenant_id, ($2::uuid[])[t.n] AS instance_id,
         ($16::timestamptz[])[t.n] AS at, t.*
    FROM unnest($43::int[], $44::int[], $45::text[], $46::text[], $47::text[], $48::text[],
                $49::smallint[], $50::timestamptz[], $51::int[], $52::uuid[], $53::text[],
                $54::text[], $55::float8[], $56::text[], $57::bool[], $97::float8[], $98::float8[],
                $104::bool[], $108::text[], $113::uuid[], $115::text[])
      AS t(n, ordinal, name, type, function, queue,
           priority, run_at, max_attempts, idempotency_key, input,
           retry, timeout_s, trace_id, is_cancelled, schedule_to_start_s, heartbeat_s,
           detached, child, session_id, limit_key)
   WHERE ((SELECT kept FROM verdict))[t.n]),
created AS (
  INSERT INTO foliot.task (
         tenant_id, instance_id, ordinal, name, type, function, queue, priority, status, run_at,
         max_attempts, idempotency_key, input, retry, timeout_s, schedule_to_start_s, heartbeat_s,
         detached, child, limit_key, trace_id, created_at, completed_at)
  SELECT t.tenant_id, t.instance_id, t.ordinal, t.name, t.type, t.function, t.queue, t.priority,
         CASE WHEN t.is_cancelled THEN 'cancelled' WHEN t.type = 'WORKFLOW' THEN 'running'
              ELSE 'pending' END,
         t.run_at, t.max_attempts, t.idempotency_key, t.input::json, t.retry::json, t.timeout_s,
         t.schedule_to_start_s, t.heartbeat_s, t.detached,
         t.child::json, t.limit_key, t.trace_id, t.at,
         CASE WHEN t.is_cancelled THEN t.at END
    FROM task t),
ended AS (
  UPDATE foliot.task t
     SET status = u.status, attempt = coalesce(u.attempt, t.attempt),
         epoch = coalesce(u.epoch, t.epoch), lost_epoch = coalesce(u.lost_epoch, t.lost_epoch),
         session_id = coalesce(u.session_id, t.session_id),
         held_since = coalesce(u.held_since, t.held_since),
         output = coalesce(u.output::json, t.output), error = coalesce(u.error::json, t.error),
         run_at = coalesce(u.run_at, t.run_at), completed_at = u.completed_at
    FROM unnest($58::int[], $59::int[], $60::text[], $61::int[], $62::int[], $63::int[],
                $64::uuid[], $65::timestamptz[], $66::text[], $67::text[], $68::timestamptz[],
                $69::timestamptz[])
      AS u(n, ordinal, status, attempt, epoch, lost_epoch, session_id,
           held_since, output, error, run_at, completed_at)
   CROSS JOIN LATERAL (
     SELECT t.ctid AS place FROM foliot.task t
      WHERE t.tenant_id = ($1::text[])[u.n] AND t.instance_id = ($2::uuid[])[u.n]
        AND t.ordinal = u.ordinal OFFSET 0) AS p
   WHERE t.ctid = p.place AND ((SELECT kept FROM verdict))[u.n]),
let_go AS (
  DELETE FROM foliot.lease l
   WHERE l.ctid = ANY (ARRAY(
           SELECT h.place FROM held h WHERE ((SELECT kept FROM verdict))[h.n]))),
cleared AS MATERIALIZED (
  SELECT t.tenant_id, t.instance_id, t.ordinal, t.run_at, x.keeps_lease,
         EXISTS (SELECT FROM unnest($72::int[], $73::int[]) AS q(n, ordinal)
                  WHERE q.n = x.n AND q.ordinal = x.ordinal) AS is_put_back
    FROM unnest($70::int[], $71::int[], $105::bool[]) AS x(n, ordinal, keeps_lease)
   CROSS JOIN LATERAL (
     SELECT * FROM foliot.task t
      WHERE t.tenant_id = ($1::text[])[x.n] AND t.instance_id = ($2::uuid[])[x.n]
        AND t.ordinal = x.ordinal OFFSET 0) AS t
   WHERE ((SELECT kept FROM verdict))[x.n]),
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
            WHERE NOT x.keeps_lease))),
claimable AS MATERIALIZED (
  SELECT t.tenant_id, t.instance_id, t.ordinal, t.type, t.queue,
         CASE WHEN t.limit_key IS NULL THEN ''
              ELSE foliot.flow(t.tenant_id, t.limit_key) END AS flow,
         t.priority, t.run_at,
         0 AS attempt, 0 AS epoch, t.at, ($6::timestamptz[])[t.n] IS NOT NULL AS is_withheld
    FROM task t
   WHERE NOT t.is_cancelled AND t.type <> 'WORKFLOW' AND t.session_id IS NULL
  UNION ALL
  SELECT ($1::text[])[q.n], ($2::uuid[])[q.n], q.ordinal, q.type, q.queue,
         CASE WHEN q.limit_key IS NULL THEN ''
              ELSE foliot.flow(($1::text[])[q.n], q.limit_key) END,
         q.priority, q.run_at,
         q.attempt, q.epoch, ($16::timestamptz[])[q.n], ($6::timestamptz[])[q.n] IS NOT NULL
    FROM unnest($72::int[], $73::int[], $74::text[], $75::text[], $76::smallint[],
                $77::timestamptz[], $78::int[], $79::int[], $116::text[])
      AS q(n, ordinal, type, queue, priority, run_at, attempt, epoch, limit_key)
   WHERE ((SELECT kept FROM verdict))[q.n]),
handed AS (
  INSERT INTO foliot.lease
         (tenant_id, instance_id, ordinal, session_id, attempt, epoch, claimed_at, limit_key,
          silent_at)
  SELECT t.tenant_id, t.instance_id, t.ordinal, t.session_id, 1, 1, t.at, t.limit_key,
         t.at + make_interval(secs => t.heartbeat_s)
    FROM task t WHERE t.session_id IS NOT NULL),
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
    SET run_at = excluded.run_at, attempt = excluded.attempt, epoch = excluded.epoch),
armed AS (
  INSERT INTO foliot.timer (tenant_id, instance_id, timer_id, due)
  SELECT ($1::text[])[a.n], ($2::uuid[])[a.n], a.timer_id, a.due
    FROM unnest($80::int[], $81::text[], $82::timestamptz[]) AS a(n, timer_id, due)
   WHERE ((SELECT kept FROM verdict))[a.n]
  ON CONFLICT (tenant_id, instance_id, timer_id) DO UPDATE SET due = excluded.due),
disarmed AS (
  DELETE FROM foliot.timer t
   WHERE t.ctid = ANY (ARRAY(
           SELECT t.place FROM unnest($83::int[], $84::text[]) AS d(n, timer_id)
            CROSS JOIN LATERAL (
              SELECT t.ctid AS place FROM foliot.timer t
               WHERE t.tenant_id = ($1::text[])[d.n] AND t.instance_id = ($2::uuid[])[d.n]
                 AND t.timer_id = d.timer_id OFFSET 0) AS t
            WHERE ((SELECT kept FROM verdict))[d.n]))),
deferred AS (
  INSERT INTO foliot.inbox
         (tenant_id, instance_id, event_id, type, payload, accepted_at, deferred_at)
  SELECT ($1::text[])[e.n], ($2::uuid[])[e.n], e.event_id, e.type, e.payload::json,
         ($16::timestamptz[])[e.n], e.deferred_at
    FROM unnest($85::int[], $86::text[], $87::text[], $88::text[], $89::bigint[])
      WITH ORDINALITY AS e(n, event_id, type, payload, deferred_at, place)
   WHERE ((SELECT kept FROM verdict))[e.n]
   ORDER BY e.place),
put_off AS (
  UPDATE foliot.inbox b
     SET deferred_at = ($7::bigint[])[p.n]
    FROM unnest($90::int[], $91::bigint[]) AS p(n, position)
   CROSS JOIN LATERAL (
     SELECT b.ctid AS place FROM foliot.inbox b
      WHERE b.tenant_id = ($1::text[])[p.n] AND b.instance_id = ($2::uuid[])[p.n]
        AND b.position = p.position OFFSET 0) AS e
   WHERE b.ctid = e.place AND ((SELECT kept FROM verdict))[p.n]),
applied AS (
  DELETE FROM foliot.inbox b
   WHERE b.ctid = ANY (ARRAY(
           SELECT e.place FROM unnest($92::int[], $93::bigint[]) AS p(n, position)
            CROSS JOIN LATERAL (
              SELECT b.ctid AS place FROM foliot.inbox b
               WHERE b.tenant_id = ($1::text[])[p.n] AND b.instance_id = ($2::uuid[])[p.n]
                 AND b.position = p.position OFFSET 0) AS e
            WHERE ((SELECT kept FROM verdict))[p.n]))),
said AS (
  INSERT INTO foliot.outbox (tenant_id, instance_id, kind, payload, created_at)
  SELECT ($1::text[])[o.n], ($2::uuid[])[o.n], o.kind, o.payload::json, ($16::timestamptz[])[o.n]
    FROM unnest($99::int[], $100::text[], $101::text[])
      WITH ORDINALITY AS o(n, kind, payload, place)
   WHERE ((SELECT kept FROM verdict))[o.n]
   ORDER BY o.place),
let_run AS MATERIALIZED (
  SELECT d.place, t.task_place, d.type, d.is_withheld, t.run_at, r.shift
    FROM unnest($102::int[], $103::interval[]) AS r(n, shift)
   CROSS JOIN LATERAL (
     SELECT d.ctid AS place, d.tenant_id, d.instance_id, d.ordinal, d.type,
            d.run_at = 'infinity' AS is_withheld
       FROM foliot.delayed d
      WHERE d.tenant_id = ($1::text[])[r.n] AND d.instance_id = ($2::uuid[])[r.n] OFFSET 0) AS d
   CROSS JOIN LATERAL (
     SELECT t.ctid AS task_place, t.run_at FROM foliot.task t
      WHERE t.tenant_id = d.tenant_id AND t.instance_id = d.instance_id
        AND t.ordinal = d.ordinal OFFSET 0) AS t
   WHERE ((SELECT kept FROM verdict))[r.n]
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
   WHERE t.ctid = l.task_place AND l.type = 'TIMER' AND l.shift > interval '0')
SELECT kept FROM verdict
"""


def arguments(changes: Sequence[Change]) -> list[list[Any]]:
    """The parameters of STATEMENT, in order. New instances must come first."""
    numbered = list(enumerate(changes, start=1))
    after = [change.after for change in changes]
    born = [change.after for change in changes if not change.expected_revision]
    replaced = [
        int(c.business_key is not None and c.business_key.previous is not None) for c in changes
    ]
    return [
        [i.tenant_id for i in after],
        [i.instance_id for i in after],
        [change.expected_revision for change in changes],
        [len(c.fences) + r for c, r in zip(changes, replaced, strict=True)],
        [i.status for i in after],
        [i.paused_at for i in after],
        [i.revision for i in after],
        [i.seq for i in after],
        [i.history_hash for i in after],
        [i.current_state for i in after],
        [i.context for i in after],
        [i.snapshot for i in after],
        [i.idle for i in after],
        [i.output for i in after],
        [i.last_error for i in after],
        [i.updated_at for i in after],
        [i.completed_at for i in after],
        [i.definition_id for i in born],
        # Of the others too: one may take back its business key.
        [i.definition_key for i in after],
        [i.definition_version for i in born],
        [i.business_key for i in born],
        [i.labels for i in born],
        [i.started_by for i in born],
        [i.started_at for i in born],
        *_columns(3, ((n, *fence) for n, c in numbered for fence in c.fences)),
        *_columns(
            3,
            (
                (n, c.business_key.business_key, _instance_of(c.business_key.previous))
                for n, c in numbered
                if c.business_key is not None
            ),
        ),
        *_columns(
            5,
            ((n, a.scope, a.key, a.fingerprint, a.answer) for n, c in numbered for a in c.answers),
        ),
        *_columns(
            7,
            (
                (n, e.seq, e.type, e.ordinal, e.payload, e.hash, e.created_at)
                for n, c in numbered
                for e in c.entries
            ),
        ),
        *_columns(
            15,
            (
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
                    t.trace_id,
                    t.is_cancelled,
                )
                for n, c in numbered
                for t in c.new_tasks
            ),
        ),
        *_columns(
            12,
            (
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
                for n, c in numbered
                for u in c.updated_tasks
            ),
        ),
        *_columns(
            2,
            ((n, ordinal) for n, c in numbered for ordinal in (*c.cleared, *c.withdrawn)),
        ),
        *_columns(
            8,
            (
                (n, q.ordinal, q.type, q.queue, q.priority, q.run_at, q.attempt, q.epoch)
                for n, c in numbered
                for q in c.requeued
            ),
        ),
        *_columns(3, ((n, *armed) for n, c in numbered for armed in c.armed.items())),
        *_columns(2, ((n, timer_id) for n, c in numbered for timer_id in c.disarmed)),
        *_columns(
            5,
            (
                (n, e.event_id, e.type, e.payload, e.deferred_at)
                for n, c in numbered
                for e in c.deferred
            ),
        ),
        *_columns(2, ((n, position) for n, c in numbered for position in c.put_off)),
        *_columns(2, ((n, position) for n, c in numbered for position in c.applied)),
        [i.parent_instance_id for i in born],
        [i.parent_ordinal for i in born],
        [i.depth for i in born],
        *_columns(
            2, ((t.schedule_to_start_s, t.heartbeat_s) for c in changes for t in c.new_tasks)
        ),
        *_columns(3, ((n, o.kind, o.payload) for n, c in numbered for o in c.outbox)),
        *_columns(2, ((n, c.release.shift) for n, c in numbered if c.release is not None)),
        [t.detached for c in changes for t in c.new_tasks],
        [
            keeps
            for c in changes
            for keeps in (*(False,) * len(c.cleared), *(True,) * len(c.withdrawn))
        ],
        [
            None if taken.previous is None else taken.previous.takings
            for c in changes
            if (taken := c.business_key) is not None
        ],
        [i.on_parent_close for i in born],
        [t.child for c in changes for t in c.new_tasks],
        *_columns(4, feed_parts(changes)),
        [c.handed.get(t.ordinal) for c in changes for t in c.new_tasks],
        [i.schedule_id for i in born],
        [t.limit_key for c in changes for t in c.new_tasks],
        [q.limit_key for c in changes for q in c.requeued],
        [c.expects_empty_inbox for c in changes],
    ]


def _instance_of(holder: KeyHolder | None) -> InstanceId | None:
    return None if holder is None else holder.instance_id


def _columns(width: int, rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as columns; as many empty ones where there are no rows."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]
