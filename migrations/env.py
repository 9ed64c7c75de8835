"""Alembic's entry: runs on the connection that migrations/__init__.py hands over."""

import time
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationInfo
from sqlalchemy import Connection, text

from migrations import Tell, steps
from shared.postgres.tables import SCHEMA, metadata


def migrate(connection: Connection, tell: Tell, *, one_by_one: bool) -> None:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    if one_by_one:
        connection.commit()
    what = {step.revision: step.what for step in steps()}
    began = time.monotonic()

    def applied(ctx: Any, step: MigrationInfo, heads: Any, run_args: Any) -> None:  # noqa: ARG001 -- Alembic's names
        nonlocal began
        if step.is_upgrade:
            number = step.up_revision_id or ""
            tell(f"{number} · {time.monotonic() - began:.2f} s · {what[number]}")
            began = time.monotonic()

    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        transaction_per_migration=one_by_one,
        on_version_apply=applied,
    )
    context.run_migrations()
    connection.commit()


given = context.config.attributes
migrate(given["connection"], given["tell"], one_by_one=given["one_by_one"])
