"""Where each table's rows would be if tenants were spread over nodes: read off the schema."""

from collections.abc import Mapping
from types import MappingProxyType

import sqlalchemy as sa

from shared.postgres.tables import metadata

EVERYWHERE: Mapping[str, str] = MappingProxyType(
    {
        "tenant": "other tables refer to it",
        "api_key": "looked up before the tenant is known",
        "paused_queue": "each claim asks it",
        "ai_halt": "each AI task asks it",
        "ai_platform_policy": "each AI task is bound by it",
        "clock": "the time is the same for all",
        "release_floor": "says who may run on the schema",
    }
)
"""Small tables, read by all and seldom written: the same on every node, and why."""

OF_A_NODE: Mapping[str, str] = MappingProxyType(
    {
        "executor_session": "an executor has a session on each node that it claims from",
        "retention_turn": "each node is cleaned by itself",
        "retiring": "its partitions are the node's own",
        "lineage": "feed positions are the node's own",
    }
)
"""Tables that each node has for itself, with rows of its own, and why."""


def by_tenant() -> list[sa.Table]:
    """All others: a row is where its tenant is. Raises ValueError where a table cannot be so."""
    found = []
    for table in sorted(metadata.tables.values(), key=lambda one: one.name):
        if table.name in EVERYWHERE or table.name in OF_A_NODE:
            continue
        keys = [table.primary_key.columns, *(one.columns for one in table.indexes if one.unique)]
        keys += [one.columns for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
        for key in keys:
            if "tenant_id" not in key:
                raise ValueError(
                    f"{table.name} has a key without tenant_id, which no node could hold alone; put"
                    " the tenant into it, or say in bench/scaling/distribution.py where it goes"
                )
        for one in table.foreign_keys:
            if one.column.table.name not in EVERYWHERE:
                raise ValueError(
                    f"{table.name} refers to {one.column.table.name}, which is not on every node"
                )
        found.append(table)
    return found


def told() -> str:
    """As a table in Markdown."""
    lines = ["| table | rows are | as |", "|---|---|---|"]
    for table in by_tenant():
        key = ", ".join(f"`{column.name}`" for column in table.primary_key.columns)
        lines.append(f"| `{table.name}` | where `tenant_id` is | its key is {key} |")
    for where, tables in (("on every node", EVERYWHERE), ("of each node", OF_A_NODE)):
        lines += [f"| `{name}` | {where} | {why} |" for name, why in sorted(tables.items())]
    return "\n".join(lines)
