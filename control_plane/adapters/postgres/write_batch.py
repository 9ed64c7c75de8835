"""
The one statement that keeps a turn: many instances, one round trip, one transaction.

Every record kind is an array of records, or some parallel arrays; `n` is the position, from 1, of
the change a record belongs to. New instances come first, so the array that only they fill is
shorter, and unnest pads it with nulls.

What must hold is checked on locked rows: `locked` takes each instance that is still at its
revision (and has nothing in an inbox that was not read), `held` each lease still at its epoch (and
`former` each business key that nobody has taken since it was read); all SKIP LOCKED, so the
statement never waits for another writer and cannot deadlock. A change that hands out a task of a
tenant with limits does not pass: only the claim counts those. `verdict.kept` says, by position,
which changes passed; everything else is written for those alone. A position in an array is found
in constant time, where a join of two parameter sets is not.

The plan is made once and kept, maybe when the tables were empty, and some are empty at one
moment and full at the next: no statistics are to be trusted. So rows are looked up by
LATERAL … OFFSET 0, which can only be done row by row, by the primary key, and changed by place
(ctid). A place stays right within the statement: whoever changes a row here holds the lock on its
instance, and a change of an instance changes its revision; claims and releases delete rows,
which ends their places; and leases, which heartbeats change, are looked at again.
tests/contract/test_turn_plans.py looks at the plans.

Instances are locked FOR NO KEY UPDATE. Duplicates of an answer, a business key or an
instance are unique violations: they end the statement, and nothing is kept.

PostgreSQL sets up every expression of a plan, also for arrays that are empty: 0.9 ms for all
of them. So a turn's statement has only the parts that it has records for (see write_parts.py).
The few combinations that turns come in are each planned once a connection; should there ever be
more than MAX_SHAPES of them, further turns get the whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from control_plane.adapters.postgres.write_ai_parts import (
    AI_TASKS,
    SUGGESTED,
    SUGGESTIONS_DECIDED,
)
from control_plane.adapters.postgres.write_audit_part import AUDIT
from control_plane.adapters.postgres.write_parts import (
    ANSWERS,
    ARMED,
    BIRTH,
    BIRTHS,
    BUSINESS_KEYS,
    CHANGE,
    DEFERRED,
    DISARMED,
    HISTORY,
    INBOX,
    OF,
    OUTBOX,
    STEPS,
    Part,
    RecordSet,
)
from control_plane.adapters.postgres.write_people_parts import (
    COMMENTS,
    DECIDERS,
    LABELS,
    MARKED,
    OFFERS,
    OFFERS_ENDED,
    PROGRESS,
    REPEATED,
    TERMS,
    UNMARKED,
)
from control_plane.adapters.postgres.write_task_parts import (
    CLAIMABLE,
    FENCES,
    GIVEN_BACK,
    HANDED,
    OUTCOMES,
    RELEASES,
    TASKS,
)
from control_plane.ports.instance_store import Change

MAX_SHAPES = 64
"""Combinations of parts that statements are made for, beside the whole."""

PARTS: Mapping[str, Part] = {
    "births": BIRTHS,
    "steps": STEPS,
    "fences": FENCES,
    "business_keys": BUSINESS_KEYS,
    "answers": ANSWERS,
    "history": HISTORY,
    "tasks": TASKS,
    "handed": HANDED,
    "outcomes": OUTCOMES,
    "given_back": GIVEN_BACK,
    "claimable": CLAIMABLE,
    "armed": ARMED,
    "disarmed": DISARMED,
    "deferred": DEFERRED,
    "inbox": INBOX,
    "outbox": OUTBOX,
    "releases": RELEASES,
    "terms": TERMS,
    "deciders": DECIDERS,
    "comments": COMMENTS,
    "offers": OFFERS,
    "offers_ended": OFFERS_ENDED,
    "repeated": REPEATED,
    "progress": PROGRESS,
    "marked": MARKED,
    "unmarked": UNMARKED,
    "labels": LABELS,
    "ai_tasks": AI_TASKS,
    "suggested": SUGGESTED,
    "suggestions_decided": SUGGESTIONS_DECIDED,
    "audit": AUDIT,
}
"""In the order of the statement: what another refers to comes before it."""

Shape: TypeAlias = tuple[str, ...]

WHOLE: Shape = tuple(PARTS)

_CHANGE = """
change AS MATERIALIZED (SELECT * FROM {change})"""

_VERDICT = """
verdict AS MATERIALIZED (
  SELECT array_agg(v.is_kept ORDER BY v.n) AS kept
    FROM (SELECT x.n, sum(x.locked) = 1 AND sum(x.held) = sum(x.fences) AS is_kept
            FROM (SELECT c.n, (c.expected_revision = 0)::int AS locked, 0 AS held, c.fences
                    FROM change c{votes}) AS x(n, locked, held, fences)
           GROUP BY x.n) AS v)"""

_KEPT = "((SELECT kept FROM verdict))"

_known: set[Shape] = set()


class Statement(NamedTuple):
    text: str
    values: Sequence[list[Any]]


def statement_of(changes: Sequence[Change]) -> Statement:
    """What keeps the changes, of which there is one at least. New instances must come first."""
    wanted = tuple(name for name, part in PARTS.items() if part.is_in(changes))
    if len(_known) < MAX_SHAPES:
        _known.add(wanted)
    shape = wanted if wanted in _known else WHOLE
    values: list[list[Any]] = []
    for _, sets in _given_to(shape):
        for records in sets:
            values += records.values(changes)
    return Statement(text_of(shape), values)


@cache
def text_of(shape: Shape) -> str:
    """The statement of those parts, which are in the order of PARTS."""
    numbers = count(1)
    parts = [PARTS[name] for name in shape]
    given = {name: _Given(name, sets, numbers) for name, sets in _given_to(shape)}

    def filled(sql: str) -> str:
        return sql.format(kept=_KEPT, votes=votes, claimable=claimable, labels=labels, **given)

    votes = claimable = ""
    labels = "i.labels"
    if "labels" in shape:
        labels = f"coalesce({given['relabelling'].labels}[c.n]::json, i.labels)"
    if "claimable" in shape:
        claimable = "\n  UNION ALL".join(filled(p.claimable) for p in parts if p.claimable)
    votes = "".join(f"\n                  UNION ALL {p.vote}" for p in parts if p.vote)
    judging = [part.judging for part in parts if part.judging]
    keeping = [part.keeping for part in parts if part.keeping]
    expressions = map(filled, [_CHANGE, *judging, _VERDICT, *keeping])
    return f"WITH{','.join(expressions)}\nSELECT kept, foliot.now() AS now FROM verdict"


@cache
def _given_to(shape: Shape) -> Sequence[tuple[str, Sequence[RecordSet]]]:
    """What the statement of a shape is given, in order, and under which names."""
    parts = [PARTS[name] for name in shape]
    sql = "".join(part.judging + part.keeping for part in parts)
    if "claimable" in shape:
        sql += "".join(part.claimable for part in parts)
    looked_up = [records for column, records in OF.items() if f"{{change.{column}}}" in sql]
    born = [BIRTH] if "births" in shape else []
    of_parts = [(name, [records]) for part in parts for name, records in part.sets.items()]
    return [("change", [*looked_up, CHANGE, *born]), *of_parts]


class _Given:
    """
    What the SQL finds under a name: rows as a whole, or one array of them. Sets of one type each
    make rows together; what is beside those is looked up, and in no row.
    """

    def __init__(self, name: str, sets: Sequence[RecordSet], numbers: Iterator[int]) -> None:
        self._arrays: dict[str, str] = {}
        typed: list[str] = []
        names: list[str] = []
        for records in sets:
            columns = [column.split(" ") for column in records.columns]
            if records.type:
                typed.append(f"${next(numbers)}::foliot.{records.type}[]")
                names += [column for column, _ in columns]
            else:
                self._arrays |= {c: f"(${next(numbers)}::{type_}[])" for c, type_ in columns}
        arrays = ", ".join(typed or self._arrays.values())
        place = next((records.place for records in sets if records.place), "")
        counted = " WITH ORDINALITY" if place else ""
        names = [*(names or self._arrays), *([place] if place else [])]
        self._rows = f"unnest({arrays}){counted} AS {name}({', '.join(names)})"

    def __str__(self) -> str:
        return self._rows

    def __getattr__(self, column: str) -> str:
        return self._arrays[column]
