"""The feed, from PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby

import asyncpg

from control_plane.adapters.postgres.reaching import ReachedPool
from control_plane.adapters.postgres.rows import entry_of
from control_plane.ports.feed import END_OF_PART, ORIGIN, FeedEntry, FeedPage, Position
from control_plane.ports.records import HistoryEntry, InstanceKey
from shared.ids import TenantId

MAX_PARTS = 200
"""Rows of the feed in one page."""

TENANTS_AT_ONCE = 500
"""In one look for what can be removed."""

# Everything is of one snapshot. Below its xmin no transaction is under way: what is visible
# there is all there will ever be. That has to be asked in the statement that reads.
#
# A position is good if its row is there, with its mark; or if that row was the last one to be
# removed, and is behind it. What is left of a tenant's feed is always all from some row on.
READ = """
WITH asked AS MATERIALIZED (
  SELECT a.*,
         CASE WHEN a.xid = 0
              THEN (SELECT o.mark FROM foliot.feed_floor o WHERE o.tenant_id = a.tenant_id) IS NULL
              ELSE (SELECT f.mark FROM foliot.feed f
                     WHERE f.tenant_id = a.tenant_id AND f.xid = a.xid AND f.part = a.part)
                   IS NOT DISTINCT FROM a.mark
                   OR a.skip = 1
                      AND (SELECT o.mark FROM foliot.feed_floor o
                            WHERE o.tenant_id = a.tenant_id AND o.xid = a.xid AND o.part = a.part)
                          IS NOT DISTINCT FROM a.mark
         END AS is_good
    FROM unnest($1::text[], $2::bigint[], $3::int[], $4::int[], $5::int[])
      WITH ORDINALITY AS a(tenant_id, xid, part, mark, skip, n))
SELECT a.n, a.is_good, p.xid, p.part, p.mark, p.weight, cardinality(p.instance_ids) AS instances,
       e.*
  FROM asked a
  LEFT JOIN LATERAL (
    SELECT r.*
      FROM (SELECT f.*, sum(f.weight) OVER (ORDER BY f.xid, f.part) - f.weight AS weight_before
              FROM (SELECT f.*
                      FROM foliot.feed f
                     WHERE f.tenant_id = a.tenant_id
                       AND (f.xid, f.part) >= (a.xid, (a.part + a.skip)::smallint)
                       AND f.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                     ORDER BY f.xid, f.part
                     LIMIT $6) AS f) AS r
     WHERE a.is_good AND r.weight_before < $7) AS p ON true
  LEFT JOIN LATERAL (
    SELECT k.place, k.instance_id, k.seq AS last_seq, h.seq, h.type, h.ordinal, h.payload, h.hash,
           h.created_at, i.definition_key, i.business_key, i.labels
      FROM unnest(p.instance_ids, p.seqs, p.counts)
           WITH ORDINALITY AS k(instance_id, seq, entries, place)
     CROSS JOIN LATERAL (
       SELECT h.* FROM foliot.history h
        WHERE h.tenant_id = a.tenant_id AND h.instance_id = k.instance_id
          AND h.seq > k.seq - k.entries AND h.seq <= k.seq
          AND ($8::text[] IS NULL OR h.type = ANY ($8))
       OFFSET 0) AS h
     CROSS JOIN LATERAL (
       SELECT i.definition_key, i.business_key, i.labels FROM foliot.instance i
        WHERE i.tenant_id = a.tenant_id AND i.instance_id = k.instance_id
       OFFSET 0) AS i) AS e ON true
 ORDER BY a.n, p.xid, p.part, e.place, e.seq
"""

NEWEST = """
SELECT f.xid, f.part, f.mark
  FROM foliot.feed f
 WHERE f.tenant_id = $1 AND f.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
 ORDER BY f.xid DESC, f.part DESC
 LIMIT 1
"""

FLOOR = "SELECT o.xid, o.part, o.mark FROM foliot.feed_floor o WHERE o.tenant_id = $1"

# `is_over` is true of a row only if it is of all before it: what is left has no holes. Nothing
# is removed that could not be read yet, nor out of turn: who comes second finds the rows locked
# or gone, and its floor is the same or lower.
PRUNE = """
WITH doomed AS MATERIALIZED (
  SELECT f.*
    FROM unnest($1::text[]) AS t(tenant_id)
   CROSS JOIN LATERAL (
     SELECT f.*, bool_and(f.created_at < (SELECT foliot.now()) - $2::interval
                          AND f.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
                   OVER (ORDER BY f.xid, f.part) AS is_over
       FROM (SELECT f.ctid AS place, f.tenant_id, f.xid, f.part, f.mark, f.created_at
               FROM foliot.feed f
              WHERE f.tenant_id = t.tenant_id
              ORDER BY f.xid, f.part
              LIMIT $3) AS f) AS f
   WHERE f.is_over),
removed AS (
  DELETE FROM foliot.feed f WHERE f.ctid = ANY (ARRAY(SELECT d.place FROM doomed d))),
raised AS (
  INSERT INTO foliot.feed_floor AS o (tenant_id, xid, part, mark)
  SELECT DISTINCT ON (d.tenant_id) d.tenant_id, d.xid, d.part, d.mark
    FROM doomed d
   ORDER BY d.tenant_id, d.xid DESC, d.part DESC
  ON CONFLICT (tenant_id) DO UPDATE
    SET xid = excluded.xid, part = excluded.part, mark = excluded.mark
    WHERE (excluded.xid, excluded.part) > (o.xid, o.part))
SELECT count(*)::integer FROM doomed
"""

TENANTS = "SELECT t.tenant_id FROM foliot.tenant t WHERE t.tenant_id > $1 ORDER BY 1 LIMIT $2"

NEWER = """
SELECT k.tenant_id, k.instance_id, h.seq, h.type, h.ordinal, h.payload, h.hash, h.created_at
  FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS k(tenant_id, instance_id, seq)
 CROSS JOIN LATERAL (
   SELECT FROM foliot.instance i
    WHERE i.tenant_id = k.tenant_id AND i.instance_id = k.instance_id AND i.seq > k.seq
   OFFSET 0) AS moved
 CROSS JOIN LATERAL (
   SELECT h.* FROM foliot.history h
    WHERE h.tenant_id = k.tenant_id AND h.instance_id = k.instance_id AND h.seq > k.seq
    ORDER BY h.seq
    LIMIT $4) AS h
 ORDER BY k.tenant_id, k.instance_id, h.seq
"""


class PostgresFeed:
    """
    Its pools must plan with HOT_PLANS (shared/postgres/session.py). `across` acts as ACROSS_ROLE:
    who tails the feeds of many tenants at once reads there, who follows one reads in `pool`.
    """

    def __init__(self, pool: asyncpg.Pool, across: asyncpg.Pool) -> None:
        self._pool = ReachedPool(pool)
        self._across = ReachedPool(across)

    async def read(
        self,
        asked: Mapping[TenantId, Position],
        *,
        weight: int,
        types: frozenset[str] | None = None,
    ) -> Mapping[TenantId, FeedPage | None]:
        positions = list(asked.items())
        pool = self._pool.of(positions[0][0]) if len(positions) == 1 else self._across
        rows = await pool.fetch(
            READ,
            [tenant_id for tenant_id, _ in positions],
            [position.xid for _, position in positions],
            [position.part for _, position in positions],
            [position.mark for _, position in positions],
            [int(position.is_whole) for _, position in positions],
            MAX_PARTS,
            weight,
            None if types is None else sorted(types),
        )
        found: dict[TenantId, FeedPage | None] = {}
        for n, of_tenant in groupby(rows, key=lambda row: row["n"]):
            tenant_id, position = positions[n - 1]
            found[tenant_id] = _page(position, list(of_tenant))
        return found

    async def newest(self, tenant_id: TenantId) -> Position:
        row = await self._pool.of(tenant_id).fetchrow(NEWEST, tenant_id)
        row = row or await self._pool.of(tenant_id).fetchrow(FLOOR, tenant_id)
        return ORIGIN if row is None else Position(row[0], row[1], END_OF_PART, 0, row[2])

    async def oldest(self, tenant_id: TenantId) -> Position:
        row = await self._pool.of(tenant_id).fetchrow(FLOOR, tenant_id)
        return ORIGIN if row is None else Position(row[0], row[1], END_OF_PART, 0, row[2])

    async def prune(self, keep: timedelta, limit: int) -> int:
        count = 0
        last = ""
        while True:
            rows = await self._across.fetch(TENANTS, last, TENANTS_AT_ONCE)
            if not rows:
                return count
            tenants = [row["tenant_id"] for row in rows]
            count += await self._across.fetchval(PRUNE, tenants, keep, limit)
            last = tenants[-1]

    async def newer(
        self, positions: Mapping[InstanceKey, int], limit: int
    ) -> Mapping[InstanceKey, Sequence[HistoryEntry]]:
        rows = await self._across.fetch(
            NEWER,
            [key.tenant_id for key in positions],
            [key.instance_id for key in positions],
            list(positions.values()),
            limit,
        )
        found: dict[InstanceKey, list[HistoryEntry]] = {}
        for row in rows:
            key = InstanceKey(row["tenant_id"], row["instance_id"])
            found.setdefault(key, []).append(entry_of(row))
        return found


def _page(after: Position, rows: Sequence[asyncpg.Record]) -> FeedPage | None:
    """The rows of one tenant; each part has one at least, and so has a tenant without parts."""
    if not rows[0]["is_good"]:
        return None
    entries: list[FeedEntry] = []
    until, weight = after, 0
    for row in rows:
        if row["xid"] is None:
            continue
        whole = Position(row["xid"], row["part"], END_OF_PART, 0, row["mark"])
        if until != whole:
            until = whole
            weight += row["weight"]
        if row["place"] is None:
            continue
        is_last = row["place"] == row["instances"] and row["seq"] == row["last_seq"]
        position = whole if is_last else whole._replace(place=row["place"], seq=row["seq"])
        if position > after:
            entries.append(
                FeedEntry(
                    position=position,
                    instance_id=row["instance_id"],
                    definition_key=row["definition_key"],
                    business_key=row["business_key"],
                    labels=row["labels"],
                    entry=entry_of(row),
                )
            )
    return FeedPage(entries=entries, until=until, weight=weight)
