"""How a table with tenants' data is protected: a migration that makes one calls `protect`."""

from alembic import op
from sqlalchemy import Connection, text

from shared.postgres.session import ACROSS_ROLE, CALLER_ROLE, CONTROL_PLANE_ROLE, EXECUTOR_ROLE

# The sub-select is evaluated once a statement. The planner sees that a statement's own
# `tenant_id = $1` must be the same, finds rows by the statement's, and compares the two once.
POLICIES = {
    "tenants": (CONTROL_PLANE_ROLE, "tenant_id = (SELECT foliot.scope())"),
    "across": (ACROSS_ROLE, "true"),
    "owners": ("CURRENT_USER", "true"),
}
"""By name: whom it is for, and which rows it lets that one read and write. All others see none."""

DEFINERS = {
    "now": (CONTROL_PLANE_ROLE, ACROSS_ROLE, EXECUTOR_ROLE),
    "ensure_history_partitions": (CONTROL_PLANE_ROLE, ACROSS_ROLE),
    "extend_session": (ACROSS_ROLE, EXECUTOR_ROLE),
    "close_session": (ACROSS_ROLE, EXECUTOR_ROLE),
    "claim": (ACROSS_ROLE, EXECUTOR_ROLE),
    "release": (EXECUTOR_ROLE,),
    "release_unknown": (EXECUTOR_ROLE,),
    "check_caller": (),
    "accept": (),
    "enqueue_event": (CALLER_ROLE,),
    "start_instance": (CALLER_ROLE,),
    "rejections": (CALLER_ROLE,),
    "has_instances": (),
    "remove_instances": (CONTROL_PLANE_ROLE,),
    "retire_partitions": (ACROSS_ROLE,),
    "forget_audit": (ACROSS_ROLE,),
    "forget_answers": (ACROSS_ROLE,),
}
"""
The functions that act with the owner's rights, past the policies of whoever executes them, and who
may. A test holds the database to this list, and each function to its search path.
"""

TABLES = """
SELECT c.relname
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
 WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind IN ('r', 'p')
 ORDER BY c.relispartition DESC, c.relname
"""


def tables_of_tenants(connection: Connection) -> list[str]:
    """All tables that have tenants' data, the partitions of one of them included."""
    return list(connection.scalars(text(TABLES)))


def protect(table: str) -> None:
    """
    Show each role no rows of the table but those that the policies above let it see.

    A partition needs no policy, and has none: it is reached through its table, by that one's
    policies, and by itself shows nothing to anybody.
    """
    op.execute(f"ALTER TABLE foliot.{table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE foliot.{table} FORCE ROW LEVEL SECURITY")
    is_partition = op.get_bind().scalar(
        text("SELECT c.relispartition FROM pg_class c WHERE c.oid = CAST(:name AS regclass)"),
        {"name": f"foliot.{table}"},
    )
    if is_partition:
        return
    for name, (role, rows) in POLICIES.items():
        op.execute(f"CREATE POLICY {name} ON foliot.{table} TO {role} USING ({rows})")


def unprotect(table: str) -> None:
    """Take that back."""
    op.execute(f"ALTER TABLE foliot.{table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE foliot.{table} DISABLE ROW LEVEL SECURITY")
    for name in POLICIES:
        op.execute(f"DROP POLICY IF EXISTS {name} ON foliot.{table}")
