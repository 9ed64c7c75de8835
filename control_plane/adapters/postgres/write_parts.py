"""
What a turn's statement is put together from: for each kind of record the arrays it comes in,
and what is done with it. Those of tasks are in write_task_parts.py.

In the SQL `{answer}` stands for the rows of the set of that name, `{change.tenant_id}` for one
array of it, and `{kept}` for the verdict, whose elements are found by a change's number. What must
hold, and how rows are found: write_batch.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from control_plane.adapters.postgres.feed_parts import feed_parts
from control_plane.ports.instance_store import Change, KeyHolder
from control_plane.ports.records import Instance
from shared.ids import InstanceId

Rows: TypeAlias = Iterable[tuple[Any, ...]]


class RecordSet:
    """
    Records of one kind. `columns` are told as "name type, …", `rows` makes them of the changes.

    They go as an array a column; or as one array of a `type` of the schema, which has those columns
    (migrations/versions/0002_functions.py). Each array is a function for PostgreSQL to set up,
    with 16 KiB of its own, and has to be encoded: of 100 records with 20 columns the one array
    costs a third of the twenty, on either side.
    """

    def __init__(
        self,
        columns: str,
        rows: Callable[[Sequence[Change]], Rows],
        *,
        place: str = "",
        type: str = "",  # noqa: A002 - a record's type is its type
    ) -> None:
        """`place` is the name of one more column that counts the rows from 1."""
        self.columns = [" ".join(column.split()) for column in columns.split(",")]
        self.place = place
        self.type = type
        self._rows = rows

    def values(self, changes: Sequence[Change]) -> list[list[Any]]:
        """The arrays, as many as there must be also where there are no rows."""
        if self.type:
            return [list(self._rows(changes))]
        arrays = [list(array) for array in zip(*self._rows(changes), strict=True)]
        return arrays or [[] for _ in self.columns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of record, and what is done with it. Left out of a turn that it `is_in` not."""

    is_in: Callable[[Sequence[Change]], bool]
    sets: Mapping[str, RecordSet] = field(default_factory=dict)
    judging: str = ""
    """Expressions on which the verdict depends."""
    vote: str = ""
    """What they add to it: (n, locked, held, fences)."""
    keeping: str = ""
    """Expressions that write what the verdict lets pass."""
    claimable: str = ""
    """Tasks that come to be claimable by it."""


def _of(column: str, value: Callable[[Instance], Any]) -> RecordSet:
    return RecordSet(column, lambda changes: ((value(change.after),) for change in changes))


OF = {
    "tenant_id": _of("tenant_id text", lambda i: i.tenant_id),
    "instance_id": _of("instance_id uuid", lambda i: i.instance_id),
    "definition_key": _of("definition_key text", lambda i: i.definition_key),
    "revision": _of("revision bigint", lambda i: i.revision),
    "seq": _of("seq bigint", lambda i: i.seq),
    "paused_at": _of("paused_at timestamptz", lambda i: i.paused_at),
    "updated_at": _of("updated_at timestamptz", lambda i: i.updated_at),
}
"""What parts look up of a change by its number. Only what a statement looks up goes with it."""

CHANGE = RecordSet(
    """
    tenant_id text, instance_id uuid, expected_revision bigint, fences int, status text,
    paused_at timestamptz, revision bigint, seq bigint, history_hash bytea, current_state text,
    context text, snapshot text, idle text, output text, last_error text,
    updated_at timestamptz, completed_at timestamptz, expects_empty_inbox bool
    """,
    lambda changes: (
        (
            i.tenant_id,
            i.instance_id,
            change.expected_revision,
            len(change.fences)
            + (change.business_key is not None and change.business_key.previous is not None),
            i.status,
            i.paused_at,
            i.revision,
            i.seq,
            i.history_hash,
            i.current_state,
            i.context,
            i.snapshot,
            i.idle,
            i.output,
            i.last_error,
            i.updated_at,
            i.completed_at,
            change.expects_empty_inbox,
        )
        for change in changes
        for i in (change.after,)
    ),
    place="n",
    type="turn_change",
)

BIRTH = RecordSet(
    """
    definition_id uuid, definition_key text, definition_version int, business_key text,
    labels text, started_by text, started_at timestamptz, parent_instance_id uuid,
    parent_ordinal int, depth smallint, on_parent_close text, schedule_id text,
    trace_parent text
    """,
    lambda changes: (
        (
            i.definition_id,
            i.definition_key,
            i.definition_version,
            i.business_key,
            i.labels,
            i.started_by,
            i.started_at,
            i.parent_instance_id,
            i.parent_ordinal,
            i.depth,
            i.on_parent_close,
            i.schedule_id,
            i.trace_parent,
        )
        for change in changes
        if not change.expected_revision
        for i in (change.after,)
    ),
    type="turn_birth",
)
"""Of the new instances alone, which come first: the array of changes goes on without it."""

BIRTHS = Part(
    is_in=lambda changes: not changes[0].expected_revision,
    keeping="""
born AS (
  INSERT INTO foliot.instance (
         tenant_id, instance_id, definition_id, definition_key, definition_version, business_key,
         status, paused_at, revision, seq, history_hash, current_state, context, snapshot, idle,
         output, last_error, labels, parent_instance_id, parent_ordinal, depth, on_parent_close,
         started_by, started_at, updated_at, completed_at, schedule_id, trace_parent)
  SELECT c.tenant_id, c.instance_id, c.definition_id, c.definition_key, c.definition_version,
         c.business_key, c.status, c.paused_at, c.revision, c.seq, c.history_hash,
         c.current_state::json, c.context::json, c.snapshot::json, c.idle::json, c.output::json,
         c.last_error::json, c.labels::json, c.parent_instance_id, c.parent_ordinal, c.depth,
         c.on_parent_close,
         c.started_by, c.started_at, c.updated_at, c.completed_at, c.schedule_id,
         c.trace_parent
    FROM change c
   WHERE c.expected_revision = 0 AND {kept}[c.n])""",
)

STEPS = Part(
    is_in=lambda changes: changes[-1].expected_revision > 0,
    judging="""
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
              ELSE true END)""",
    vote="SELECT l.n, 1, 0, 0 FROM locked l",
    keeping="""
updated AS (
  UPDATE foliot.instance i
     SET status = c.status, paused_at = c.paused_at, revision = c.revision, seq = c.seq,
         history_hash = c.history_hash, current_state = c.current_state::json,
         context = c.context::json, snapshot = c.snapshot::json, idle = c.idle::json,
         output = c.output::json, last_error = c.last_error::json, updated_at = c.updated_at,
         completed_at = c.completed_at, labels = {labels}
    FROM locked c
   WHERE i.ctid = c.place AND {kept}[c.n])""",
)

BUSINESS_KEYS = Part(
    is_in=lambda changes: any(c.business_key is not None for c in changes),
    sets={
        "taking": RecordSet(
            "n int, business_key text, previous uuid, takings int",
            lambda changes: (
                (n, key.business_key, _instance_of(key.previous), _takings_of(key.previous))
                for n, c in enumerate(changes, 1)
                if (key := c.business_key) is not None
            ),
        )
    },
    judging="""
former AS MATERIALIZED (
  SELECT taking.n, k.place
    FROM {taking}
   CROSS JOIN LATERAL (
     SELECT k.ctid AS place
       FROM foliot.business_key k
      WHERE k.tenant_id = {change.tenant_id}[taking.n]
        AND k.definition_key = {change.definition_key}[taking.n]
        AND k.business_key = taking.business_key AND k.instance_id = taking.previous
        AND k.takings = taking.takings
        FOR UPDATE SKIP LOCKED OFFSET 0) AS k)""",
    vote="SELECT f.n, 0, 1, 0 FROM former f",
    keeping="""
named AS (
  INSERT INTO foliot.business_key (tenant_id, definition_key, business_key, instance_id)
  SELECT {change.tenant_id}[taking.n], {change.definition_key}[taking.n], taking.business_key,
         {change.instance_id}[taking.n]
    FROM {taking}
   WHERE taking.previous IS NULL AND {kept}[taking.n]
   ORDER BY 1, 2, 3),
renamed AS (
  UPDATE foliot.business_key k
     SET instance_id = {change.instance_id}[f.n], takings = k.takings + 1
    FROM former f
   WHERE k.ctid = f.place AND {kept}[f.n])""",
)

ANSWERS = Part(
    is_in=lambda changes: any(c.answers for c in changes),
    sets={
        "answer": RecordSet(
            "n int, scope text, key text, fingerprint bytea, answer text",
            lambda changes: (
                (n, a.scope, a.key, a.fingerprint, a.answer)
                for n, c in enumerate(changes, 1)
                for a in c.answers
            ),
        )
    },
    keeping="""
answered AS (
  INSERT INTO foliot.idempotency (tenant_id, scope, key, fingerprint, answer, created_at)
  SELECT {change.tenant_id}[answer.n], answer.scope, answer.key, answer.fingerprint,
         answer.answer::json, {change.updated_at}[answer.n]
    FROM {answer}
   WHERE {kept}[answer.n]
   -- One order for all writers: two that insert the same keys wait for each other in turn.
   ORDER BY 1, 2, 3)""",
)

HISTORY = Part(
    is_in=lambda changes: any(c.entries for c in changes),
    sets={
        "entry": RecordSet(
            "n int, seq bigint, type text, ordinal int, payload text, hash bytea,"
            " created_at timestamptz",
            lambda changes: (
                (n, e.seq, e.type, e.ordinal, e.payload, e.hash, e.created_at)
                for n, c in enumerate(changes, 1)
                for e in c.entries
            ),
            type="turn_entry",
        ),
        "share": RecordSet("n int, part smallint, entries int, weight int", feed_parts),
    },
    keeping="""
written AS (
  INSERT INTO foliot.history (tenant_id, instance_id, seq, type, ordinal, payload, hash, created_at)
  SELECT {change.tenant_id}[entry.n], {change.instance_id}[entry.n], entry.seq, entry.type,
         entry.ordinal, entry.payload::json, entry.hash, entry.created_at
    FROM {entry}
   WHERE {kept}[entry.n]),
fed AS (
  INSERT INTO foliot.feed
         (tenant_id, xid, part, mark, instance_ids, seqs, counts, weight, created_at)
  SELECT f.tenant_id, pg_current_xact_id()::text::bigint, f.part,
         (random() * 2147483647)::integer, array_agg(f.instance_id), array_agg(f.seq),
         array_agg(f.entries), sum(f.weight), max(f.at)
    FROM (SELECT {change.tenant_id}[share.n] AS tenant_id,
                 {change.instance_id}[share.n] AS instance_id,
                 {change.seq}[share.n] AS seq, {change.updated_at}[share.n] AS at,
                 share.part, share.entries, share.weight
            FROM {share}
           WHERE {kept}[share.n]) AS f
   GROUP BY f.tenant_id, f.part)""",
)

ARMED = Part(
    is_in=lambda changes: any(c.armed for c in changes),
    sets={
        "arming": RecordSet(
            "n int, timer_id text, due timestamptz",
            lambda changes: (
                (n, *armed) for n, c in enumerate(changes, 1) for armed in c.armed.items()
            ),
        )
    },
    keeping="""
armed AS (
  INSERT INTO foliot.timer (tenant_id, instance_id, timer_id, due)
  SELECT {change.tenant_id}[arming.n], {change.instance_id}[arming.n], arming.timer_id, arming.due
    FROM {arming}
   WHERE {kept}[arming.n]
  ON CONFLICT (tenant_id, instance_id, timer_id) DO UPDATE SET due = excluded.due)""",
)

DISARMED = Part(
    is_in=lambda changes: any(c.disarmed for c in changes),
    sets={
        "disarming": RecordSet(
            "n int, timer_id text",
            lambda changes: (
                (n, timer_id) for n, c in enumerate(changes, 1) for timer_id in c.disarmed
            ),
        )
    },
    keeping="""
disarmed AS (
  DELETE FROM foliot.timer t
   WHERE t.ctid = ANY (ARRAY(
           SELECT t.place FROM {disarming}
            CROSS JOIN LATERAL (
              SELECT t.ctid AS place FROM foliot.timer t
               WHERE t.tenant_id = {change.tenant_id}[disarming.n]
                 AND t.instance_id = {change.instance_id}[disarming.n]
                 AND t.timer_id = disarming.timer_id OFFSET 0) AS t
            WHERE {kept}[disarming.n])))""",
)

DEFERRED = Part(
    is_in=lambda changes: any(c.deferred for c in changes),
    sets={
        "deferral": RecordSet(
            "n int, event_id text, type text, payload text, deferred_at bigint",
            lambda changes: (
                (n, e.event_id, e.type, e.payload, e.deferred_at)
                for n, c in enumerate(changes, 1)
                for e in c.deferred
            ),
            place="place",
        )
    },
    keeping="""
deferred AS (
  INSERT INTO foliot.inbox
         (tenant_id, instance_id, event_id, type, payload, accepted_at, deferred_at)
  SELECT {change.tenant_id}[deferral.n], {change.instance_id}[deferral.n], deferral.event_id,
         deferral.type, deferral.payload::json, {change.updated_at}[deferral.n],
         deferral.deferred_at
    FROM {deferral}
   WHERE {kept}[deferral.n]
   ORDER BY deferral.place)""",
)

INBOX = Part(
    is_in=lambda changes: any(c.put_off or c.applied for c in changes),
    sets={
        "putting_off": RecordSet(
            "n int, position bigint",
            lambda changes: (
                (n, position) for n, c in enumerate(changes, 1) for position in c.put_off
            ),
        ),
        "applying": RecordSet(
            "n int, position bigint",
            lambda changes: (
                (n, position) for n, c in enumerate(changes, 1) for position in c.applied
            ),
        ),
    },
    keeping="""
put_off AS (
  UPDATE foliot.inbox b
     SET deferred_at = {change.revision}[putting_off.n]
    FROM {putting_off}
   CROSS JOIN LATERAL (
     SELECT b.ctid AS place FROM foliot.inbox b
      WHERE b.tenant_id = {change.tenant_id}[putting_off.n]
        AND b.instance_id = {change.instance_id}[putting_off.n]
        AND b.position = putting_off.position OFFSET 0) AS e
   WHERE b.ctid = e.place AND {kept}[putting_off.n]),
applied AS (
  DELETE FROM foliot.inbox b
   WHERE b.ctid = ANY (ARRAY(
           SELECT e.place FROM {applying}
            CROSS JOIN LATERAL (
              SELECT b.ctid AS place FROM foliot.inbox b
               WHERE b.tenant_id = {change.tenant_id}[applying.n]
                 AND b.instance_id = {change.instance_id}[applying.n]
                 AND b.position = applying.position OFFSET 0) AS e
            WHERE {kept}[applying.n])))""",
)

OUTBOX = Part(
    is_in=lambda changes: any(c.outbox for c in changes),
    sets={
        "message": RecordSet(
            "n int, kind text, payload text",
            lambda changes: (
                (n, o.kind, o.payload) for n, c in enumerate(changes, 1) for o in c.outbox
            ),
            place="place",
        )
    },
    keeping="""
said AS (
  INSERT INTO foliot.outbox (tenant_id, instance_id, kind, payload, created_at)
  SELECT {change.tenant_id}[message.n], {change.instance_id}[message.n], message.kind,
         message.payload::json, {change.updated_at}[message.n]
    FROM {message}
   WHERE {kept}[message.n]
   ORDER BY message.place)""",
)


def _instance_of(holder: KeyHolder | None) -> InstanceId | None:
    return None if holder is None else holder.instance_id


def _takings_of(holder: KeyHolder | None) -> int | None:
    return None if holder is None else holder.takings
