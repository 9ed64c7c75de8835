"""What stands in the database, and what it and the planes have used so far."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import psutil

# A partition counts as its table.
_SIZES = """
SELECT coalesce(parent.relname, c.relname) AS name,
       sum(pg_table_size(c.oid))::bigint AS heap, sum(pg_indexes_size(c.oid))::bigint AS indexes
  FROM pg_class c
  LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
  LEFT JOIN pg_class parent ON parent.oid = h.inhparent
 WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind = 'r'
 GROUP BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows that are there, bytes of them and of their indexes."""

    rows: int
    heap: int
    indexes: int

    def __sub__(self, other: "Table") -> "Table":
        return Table(
            rows=self.rows - other.rows,
            heap=self.heap - other.heap,
            indexes=self.indexes - other.indexes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Bytes of log, and seconds of processor by whose they were."""

    wal: int
    cpu_s: Mapping[str, float]

    def __sub__(self, other: "Used") -> "Used":
        return Used(
            wal=self.wal - other.wal,
            cpu_s={name: used - other.cpu_s[name] for name, used in self.cpu_s.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What there is, and what was used by when it was counted: before that and after."""

    tables: Mapping[str, Table]
    before: Used
    after: Used


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Between two ledgers, counting left out."""

    tables: Mapping[str, Table]
    used: Used

    @classmethod
    def between(cls, earlier: Ledger, later: Ledger) -> "Spent":
        return cls(
            tables={name: one - earlier.tables[name] for name, one in later.tables.items()},
            used=later.before - earlier.after,
        )


async def read_ledger(connection: asyncpg.Connection, pids: Mapping[str, int]) -> Ledger:
    """Dead rows are vacuumed away before they are counted."""
    before = await _used_by(connection, pids)
    await connection.execute("VACUUM ANALYZE")
    tables = {}
    for row in await connection.fetch(_SIZES):
        name = row["name"]
        rows = await connection.fetchval(f'SELECT count(*) FROM foliot."{name}"')  # noqa: S608 - a name of the catalogue
        tables[name] = Table(rows=rows, heap=row["heap"], indexes=row["indexes"])
    return Ledger(tables=tables, before=before, after=await _used_by(connection, pids))


async def _used_by(connection: asyncpg.Connection, pids: Mapping[str, int]) -> Used:
    wal = await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
    return Used(wal=wal, cpu_s={name: _used(pid) for name, pid in pids.items()})


def _used(pid: int) -> float:
    """Of a process and those that it started, the ended ones included."""
    first = psutil.Process(pid)
    used = 0.0
    for process in (first, *first.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system
        if process.pid == pid:
            used += times.children_user + times.children_system
    return used
