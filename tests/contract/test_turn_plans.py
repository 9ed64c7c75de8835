"""
The plans of a turn's statements, where they are made once and kept: by primary key, row by row,
whether PostgreSQL has statistics by then or not.
"""

import re
from typing import Any

import asyncpg
import pytest

from control_plane.adapters.postgres import read_batch, write_batch, write_parts
from shared.postgres.session import ACROSS_ROLE, HOT_PLANS, close_pool, open_pool
from tests.contract.worlds import PostgresWorld

STATEMENTS = {
    "write": write_batch.text_of(write_batch.WHOLE),
    "write of starts": write_batch.text_of(("births", "history", "tasks", "handed")),
    "write of steps": write_batch.text_of(
        ("steps", "fences", "history", "tasks", "handed", "outcomes")
    ),
    "write of ends": write_batch.text_of(("steps", "fences", "history", "outcomes")),
    "instances": read_batch.INSTANCES,
    "tasks": read_batch.TASKS,
    "names": read_batch.NAMES,
    "inbox": read_batch.INBOX,
}

OTHER_KEYS = {
    "names": {"definition_version_key", "definition_active_key"},
    "write": {"ai_policy_active_idx"},
}
"""Definitions and policies are found as the active one of a name, too; all else by its id."""

OF_NO_ACCOUNT = {"ai_platform_policy_active_idx"}
"""The platform's policy has a few versions: the active one is found by any index as fast."""


def parameters_of(statement: str) -> int:
    return max(int(number) for number in re.findall(r"\$(\d+)", statement))


async def plan_of(connection: asyncpg.Connection, statement: str) -> str:
    """The generic plan, as the connections that turns use make it, and in their role."""
    await connection.execute(f"SET ROLE {ACROSS_ROLE}")
    for name, value in HOT_PLANS.items():
        await connection.execute("SELECT set_config($1, $2, false)", name, value)
    # The values are asked for, and not looked at.
    rows: list[Any] = await connection.fetch(
        f"EXPLAIN (GENERIC_PLAN) {statement}", *[[] for _ in range(parameters_of(statement))]
    )
    return "\n".join(row[0] for row in rows)


RECORDS = {
    records.type: records
    for records in (
        write_parts.CHANGE,
        write_parts.BIRTH,
        *(one for part in write_batch.PARTS.values() for one in part.sets.values()),
    )
    if records.type
}


class TestARecordOfATurn:
    async def test_is_in_the_schema_as_it_is_sent(self, postgres: PostgresWorld) -> None:
        """The driver sends values in one order, and PostgreSQL takes them in its own."""
        rows = await postgres.owner.fetch(
            """
            SELECT c.relname AS record,
                   array_agg(a.attname || ' ' || a.atttypid::regtype ORDER BY a.attnum) AS columns
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relkind = 'c' AND c.relnamespace = 'foliot'::regnamespace
             GROUP BY c.relname
            """
        )
        told = {name: [as_told(column) for column in one.columns] for name, one in RECORDS.items()}

        assert told == {row["record"]: row["columns"] for row in rows}


def as_told(column: str) -> str:
    """As PostgreSQL tells of it, which has longer names for some types."""
    name, type_ = column.split(" ")
    return f"{name} {LONGER.get(type_, type_)}"


LONGER = {
    "int": "integer",
    "bool": "boolean",
    "float8": "double precision",
    "timestamptz": "timestamp with time zone",
}


class TestATurnsStatement:
    @pytest.mark.parametrize("has_statistics", [False, True])
    @pytest.mark.parametrize("name", STATEMENTS)
    async def test_finds_its_rows_by_their_whole_key(
        self, postgres: PostgresWorld, name: str, *, has_statistics: bool
    ) -> None:
        """
        A plan that filters after a join, or walks an index by its first column, costs the
        more the more rows there are: it was seen on tables that were empty when it was made.
        """
        if has_statistics:
            await postgres.owner.execute("ANALYZE")

        plan = await plan_of(postgres.owner, STATEMENTS[name])

        assert "Join Filter" not in plan
        assert not re.search(r"Seq Scan on (?!clock)\w+", plan), plan
        used = set(re.findall(r"Index (?:Only )?Scan using (\w+)", plan))
        others = {index for index in used if not index.endswith("_pkey")}
        assert others - OF_NO_ACCOUNT == OTHER_KEYS.get(name, set()), plan

    @pytest.mark.parametrize("name", STATEMENTS)
    async def test_is_planned_once(self, postgres: PostgresWorld, name: str) -> None:
        """However long it is: asyncpg keeps no statement above a size it is told."""
        statement = STATEMENTS[name]
        nothing: list[list[Any]] = [[] for _ in range(parameters_of(statement))]

        pool = await open_pool(postgres.url, role=ACROSS_ROLE, max_size=1, settings=HOT_PLANS)
        try:
            for _ in range(3):
                await pool.fetch(statement, *nothing)
            plans = await pool.fetchval(
                "SELECT sum(generic_plans) FROM pg_prepared_statements WHERE statement = $1",
                statement,
            )
        finally:
            await close_pool(pool)

        assert plans == 3
