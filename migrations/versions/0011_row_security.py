"""
Row-level security: the second net under every statement's own tenant.

The control plane's role sees the rows of the one tenant that its transaction names, and fails
where none is named. What works for many tenants at once does so in a role of its own, which has
rights to what it needs, or in a function of the owner's (foliot.claim and its siblings). The
owner is held to policies as well, and has one that lets it through.
"""

from importlib import resources

from alembic import op

from migrations.protecting import protect, tables_of_tenants, unprotect
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCOPE = "foliot.scope()"

ACROSS = {
    "tenant": "SELECT, INSERT, UPDATE",
    "api_key": "SELECT, INSERT, UPDATE",
    "definition": "SELECT",
    "instance": "SELECT, INSERT, UPDATE",
    "business_key": "SELECT, INSERT, UPDATE",
    "task": "SELECT, INSERT, UPDATE",
    "task_terms": "SELECT, INSERT, UPDATE, DELETE",
    "decider": "SELECT, INSERT, DELETE",
    "task_comment": "SELECT, INSERT, DELETE",
    "offer": "SELECT, INSERT, UPDATE, DELETE",
    "label": "SELECT, INSERT, DELETE",
    "ready": "SELECT, INSERT, DELETE",
    "delayed": "SELECT, INSERT, UPDATE, DELETE",
    "executor_session": "SELECT, DELETE",
    "lease": "SELECT, INSERT, UPDATE, DELETE",
    "task_limit": "SELECT, UPDATE, DELETE",
    "timer": "SELECT, INSERT, UPDATE, DELETE",
    "inbox": "SELECT, INSERT, UPDATE, DELETE",
    "accepted": "SELECT, DELETE",
    "rejected": "SELECT, INSERT",
    "outbox": "SELECT, INSERT, DELETE",
    "idempotency": "SELECT, INSERT",
    "history": "SELECT, INSERT",
    "schedule": "SELECT, UPDATE",
    "feed": "SELECT, INSERT, DELETE",
    "feed_floor": "SELECT, INSERT, UPDATE",
    "retention": "SELECT",
    "retention_turn": "SELECT, INSERT, UPDATE",
    "quota": "SELECT",
    "paused_queue": "SELECT, INSERT, UPDATE, DELETE",
    "audit": "SELECT, INSERT",
    "clock": "SELECT",
}
"""What the statements of turns, of the feed and of the loops need, table by table."""

ONLY_ACROSS = {
    "instance": "INSERT, UPDATE, DELETE",
    "business_key": "INSERT, UPDATE, DELETE",
    "task": "INSERT, UPDATE, DELETE",
    "task_terms": "INSERT, UPDATE, DELETE",
    "decider": "INSERT, UPDATE, DELETE",
    "task_comment": "INSERT, UPDATE, DELETE",
    "offer": "INSERT, UPDATE, DELETE",
    "label": "INSERT, UPDATE, DELETE",
    "delayed": "INSERT, UPDATE, DELETE",
    "executor_session": "INSERT, UPDATE, DELETE",
    "lease": "INSERT, UPDATE, DELETE",
    "timer": "INSERT, UPDATE, DELETE",
    "inbox": "INSERT, UPDATE, DELETE",
    "accepted": "INSERT, UPDATE, DELETE",
    "rejected": "INSERT, UPDATE, DELETE",
    "outbox": "INSERT, UPDATE, DELETE",
    "history": "INSERT",
    "feed": "INSERT, DELETE",
    "feed_floor": "INSERT, UPDATE",
    "paused_queue": "INSERT, UPDATE, DELETE",
    "retention_turn": "INSERT, UPDATE, DELETE",
}
"""
What turns and loops write and no request does by itself: the control plane's role had these
rights, and is left with reading.
"""

ONLY_ACROSS_FUNCTIONS = (
    "extend_session(uuid, text, text, double precision)",
    "close_session(uuid)",
    "claim(uuid, text[], text[], integer, text)",
    "release(uuid, text[], uuid[], integer[], integer[])",
    "release_unknown(uuid, uuid[], integer[], integer[])",
    "retire_partitions()",
    "forget_audit(interval, integer)",
)
"""What the control plane's role could execute and has no need to any more."""

ACROSS_FUNCTIONS = (
    "now()",
    "precedence(timestamptz, integer)",
    "flow(text, text)",
    "tokens_at(foliot.task_limit, timestamptz)",
    "extend_session(uuid, text, text, double precision)",
    "close_session(uuid)",
    "claim(uuid, text[], text[], integer, text)",
    "ensure_history_partitions(integer)",
    "retire_partitions()",
    "forget_audit(interval, integer)",
    "forget_answers(interval, integer)",
)


def upgrade() -> None:
    op.execute(resources.files("migrations").joinpath("sql", "0011_scope.sql").read_text())
    op.execute(f"REVOKE ALL ON FUNCTION {SCOPE} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SCOPE} TO {CONTROL_PLANE_ROLE}")
    _create_role()
    op.execute(f"GRANT USAGE ON SCHEMA foliot TO {ACROSS_ROLE}")
    for table, rights in ACROSS.items():
        op.execute(f"GRANT {rights} ON foliot.{table} TO {ACROSS_ROLE}")
    for function in ACROSS_FUNCTIONS:
        op.execute(f"GRANT EXECUTE ON FUNCTION foliot.{function} TO {ACROSS_ROLE}")
    for table, rights in ONLY_ACROSS.items():
        op.execute(f"REVOKE {rights} ON foliot.{table} FROM {CONTROL_PLANE_ROLE}")
    for function in ONLY_ACROSS_FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION foliot.{function} FROM {CONTROL_PLANE_ROLE}")
    for table in tables_of_tenants(op.get_bind()):
        protect(table)


def downgrade() -> None:
    for table in tables_of_tenants(op.get_bind()):
        unprotect(table)
    for table, rights in ONLY_ACROSS.items():
        op.execute(f"GRANT {rights} ON foliot.{table} TO {CONTROL_PLANE_ROLE}")
    for function in ONLY_ACROSS_FUNCTIONS:
        op.execute(f"GRANT EXECUTE ON FUNCTION foliot.{function} TO {CONTROL_PLANE_ROLE}")
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA foliot FROM {ACROSS_ROLE}")
    op.execute(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA foliot FROM {ACROSS_ROLE}")
    op.execute(f"REVOKE ALL ON SCHEMA foliot FROM {ACROSS_ROLE}")
    op.execute(f"DROP FUNCTION {SCOPE}")


def _create_role() -> None:
    # Nobody logs in as this role: the control plane's connections become it. That role does not
    # inherit (0003), so being a member gives it nothing but SET ROLE. A database beside this one
    # may be doing the same at this moment.
    op.execute(
        f"""
        DO $$ BEGIN
          CREATE ROLE {ACROSS_ROLE} NOLOGIN NOINHERIT;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    op.execute(
        f"""
        DO $$ BEGIN
          IF NOT pg_has_role('{CONTROL_PLANE_ROLE}', '{ACROSS_ROLE}', 'MEMBER') THEN
            GRANT {ACROSS_ROLE} TO {CONTROL_PLANE_ROLE};
          END IF;
        EXCEPTION WHEN unique_violation THEN NULL;
          WHEN OTHERS THEN
          IF SQLERRM NOT LIKE '%concurrently updated%' THEN RAISE; END IF;
        END $$
        """
    )
