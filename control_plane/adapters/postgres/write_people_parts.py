"""What a turn's statement does to what people may do with tasks, and to where things are found."""

from collections.abc import Sequence
from typing import Any

from control_plane.adapters.postgres.write_parts import Part, RecordSet, Rows
from control_plane.ports.instance_store import Change, NewTask
from shared import json


def _has_terms(task: NewTask) -> bool:
    return task.terms is not None or task.due_at is not None or task.assignee is not None


def _terms(changes: Sequence[Change]) -> Rows:
    for n, change in enumerate(changes, 1):
        for task in change.new_tasks:
            if _has_terms(task):
                yield n, task.ordinal, task.terms, task.due_at, task.assignee, None
        for ordinal, dealt in change.dealt.items():
            yield n, ordinal, dealt.terms, None, dealt.assignee, dealt.standing


TERMS = Part(
    is_in=lambda changes: any(
        c.dealt or any(_has_terms(task) for task in c.new_tasks) for c in changes
    ),
    sets={
        "said": RecordSet(
            "n int, ordinal int, terms text, due_at timestamptz, assignee text, standing text",
            _terms,
        )
    },
    keeping="""
with_terms AS (
  INSERT INTO foliot.task_terms AS p
         (tenant_id, instance_id, ordinal, terms, due_at, assignee, standing)
  SELECT {change.tenant_id}[said.n], {change.instance_id}[said.n], said.ordinal, said.terms::json,
         said.due_at, said.assignee, said.standing::json
    FROM {said}
   WHERE {kept}[said.n]
  ON CONFLICT (tenant_id, instance_id, ordinal) DO UPDATE
     SET assignee = excluded.assignee, standing = coalesce(excluded.standing, p.standing),
         terms = coalesce(excluded.terms, p.terms))""",
)

DECIDERS = Part(
    is_in=lambda changes: any(c.deciders for c in changes),
    sets={
        "deciding": RecordSet(
            "n int, task text, person text",
            lambda changes: ((n, *one) for n, c in enumerate(changes, 1) for one in c.deciders),
        )
    },
    keeping="""
decided AS (
  INSERT INTO foliot.decider (tenant_id, instance_id, task, person)
  SELECT {change.tenant_id}[deciding.n], {change.instance_id}[deciding.n], deciding.task,
         deciding.person
    FROM {deciding}
   WHERE {kept}[deciding.n]
  ON CONFLICT DO NOTHING)""",
)

COMMENTS = Part(
    is_in=lambda changes: any(c.comments for c in changes),
    sets={
        "saying": RecordSet(
            "n int, ordinal int, seq bigint, author text, said text, at timestamptz",
            lambda changes: (
                (n, *one, c.after.updated_at)
                for n, c in enumerate(changes, 1)
                for one in c.comments
            ),
        )
    },
    keeping="""
commented AS (
  INSERT INTO foliot.task_comment (tenant_id, instance_id, ordinal, seq, author, said, created_at)
  SELECT {change.tenant_id}[saying.n], {change.instance_id}[saying.n], saying.ordinal, saying.seq,
         saying.author, saying.said, saying.at
    FROM {saying}
   WHERE {kept}[saying.n])""",
)

OFFERS = Part(
    is_in=lambda changes: any(c.offered for c in changes),
    sets={
        "offering": RecordSet(
            "n int, ordinal int, kind text, name text, due_at timestamptz",
            lambda changes: (
                (n, one.ordinal, one.offer.kind, one.offer.name, one.due_at)
                for n, c in enumerate(changes, 1)
                for one in c.offered
            ),
        )
    },
    keeping="""
offered AS (
  INSERT INTO foliot.offer (tenant_id, instance_id, ordinal, kind, name, due_at)
  SELECT {change.tenant_id}[offering.n], {change.instance_id}[offering.n], offering.ordinal,
         offering.kind, offering.name, coalesce(offering.due_at, 'infinity')
    FROM {offering}
   WHERE {kept}[offering.n])""",
)

OFFERS_ENDED = Part(
    is_in=lambda changes: any(c.unoffered for c in changes),
    sets={
        "unoffering": RecordSet(
            "n int, ordinal int, kind text",
            lambda changes: ((n, *one) for n, c in enumerate(changes, 1) for one in c.unoffered),
        )
    },
    keeping="""
unoffered AS (
  DELETE FROM foliot.offer o
   WHERE o.ctid = ANY (ARRAY(
           SELECT o.place FROM {unoffering}
            CROSS JOIN LATERAL (
              SELECT o.ctid AS place, o.kind FROM foliot.offer o
               WHERE o.tenant_id = {change.tenant_id}[unoffering.n]
                 AND o.instance_id = {change.instance_id}[unoffering.n]
                 AND o.ordinal = unoffering.ordinal OFFSET 0) AS o
            WHERE {kept}[unoffering.n]
              AND (unoffering.kind IS NULL OR o.kind = unoffering.kind))))""",
)

REPEATED = Part(
    is_in=lambda changes: any(c.repeated for c in changes),
    sets={
        "repeating": RecordSet(
            "n int, ordinal int, number int",
            lambda changes: (
                (n, *one) for n, c in enumerate(changes, 1) for one in c.repeated.items()
            ),
        )
    },
    keeping="""
repeated AS (
  UPDATE foliot.task t
     SET repeated_as = repeating.number
    FROM {repeating}
   CROSS JOIN LATERAL (
     SELECT t.ctid AS place FROM foliot.task t
      WHERE t.tenant_id = {change.tenant_id}[repeating.n]
        AND t.instance_id = {change.instance_id}[repeating.n]
        AND t.ordinal = repeating.ordinal OFFSET 0) AS p
   WHERE t.ctid = p.place AND {kept}[repeating.n])""",
)

PROGRESS = Part(
    is_in=lambda changes: any(c.requeued and c.fences for c in changes),
    keeping="""
came_so_far AS (
  INSERT INTO foliot.task_terms (tenant_id, instance_id, ordinal, progress)
  SELECT {change.tenant_id}[q.n], {change.instance_id}[q.n], q.ordinal, l.progress
    FROM (SELECT requeued.* FROM {requeued}) AS q
   CROSS JOIN LATERAL (
     SELECT l.progress FROM foliot.lease l
      WHERE l.tenant_id = {change.tenant_id}[q.n] AND l.instance_id = {change.instance_id}[q.n]
        AND l.ordinal = q.ordinal OFFSET 0) AS l
   WHERE {kept}[q.n] AND l.progress IS NOT NULL
  ON CONFLICT (tenant_id, instance_id, ordinal) DO UPDATE SET progress = excluded.progress)""",
)
"""What the attempt that has ended had come to, for the one that follows."""


def _markings(changes: Sequence[Change]) -> Rows:
    for n, change in enumerate(changes, 1):
        labels: Any = change.labelled
        if not change.expected_revision and change.after.labels != "{}":
            labels = json.load(change.after.labels)
        for name, value in labels.items():
            yield n, name, value, change.after.started_at


MARKED = Part(
    is_in=lambda changes: any(
        c.labelled or (not c.expected_revision and c.after.labels != "{}") for c in changes
    ),
    sets={"marking": RecordSet("n int, name text, value text, started_at timestamptz", _markings)},
    keeping="""
marked AS (
  INSERT INTO foliot.label (tenant_id, instance_id, name, value, started_at)
  SELECT {change.tenant_id}[marking.n], {change.instance_id}[marking.n], marking.name,
         marking.value, marking.started_at
    FROM {marking}
   WHERE {kept}[marking.n])""",
)

UNMARKED = Part(
    is_in=lambda changes: any(c.unlabelled for c in changes),
    sets={
        "unmarking": RecordSet(
            "n int, name text, value text",
            lambda changes: (
                (n, *one) for n, c in enumerate(changes, 1) for one in c.unlabelled.items()
            ),
        )
    },
    keeping="""
unmarked AS (
  DELETE FROM foliot.label b
   WHERE b.ctid = ANY (ARRAY(
           SELECT b.place FROM {unmarking}
            CROSS JOIN LATERAL (
              SELECT b.ctid AS place FROM foliot.label b
               WHERE b.tenant_id = {change.tenant_id}[unmarking.n]
                 AND b.instance_id = {change.instance_id}[unmarking.n]
                 AND b.name = unmarking.name AND b.value = unmarking.value OFFSET 0) AS b
            WHERE {kept}[unmarking.n])))""",
)

LABELS = Part(
    is_in=lambda changes: any(c.labels_changed for c in changes),
    sets={
        "relabelling": RecordSet(
            "labels text",
            lambda changes: ((c.after.labels if c.labels_changed else None,) for c in changes),
        )
    },
)
"""What `updated` sets, which looks at it by the number of the change."""
