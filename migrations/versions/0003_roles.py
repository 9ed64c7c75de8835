"""
The two roles the planes act as, what each may touch, and the timeouts it lives under.

Roles belong to the server, not to the database: where other databases use them too they
stay when this is taken back. They can log in, but have no password until an operator sets one.
"""

from alembic import op

from shared.postgres.session import (
    CONTROL_PLANE_ROLE,
    EXECUTOR_ROLE,
    TIMEOUTS,
    TRANSACTION_TIMEOUT,
    TRANSACTION_TIMEOUT_SINCE,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

EXECUTOR_FUNCTIONS = (
    "now()",
    "extend_session(uuid, text, text, double precision)",
    "close_session(uuid)",
    "claim(uuid, text[], text[], integer, text)",
    "release(uuid, text[], uuid[], integer[], integer[])",
    "release_unknown(uuid, uuid[], integer[], integer[])",
)

CONTROL_PLANE_FUNCTIONS = (
    "ensure_history_partitions(integer)",
    "precedence(timestamptz, integer)",
    "flow(text, text)",
    "tokens_at(foliot.task_limit, timestamptz)",
)

CHANGED = (
    "tenant",
    "api_key",
    "definition",
    "instance",
    "business_key",
    "task",
    "ready",
    "delayed",
    "executor_session",
    "lease",
    "timer",
    "inbox",
    "outbox",
    "idempotency",
    "task_limit",
    "paused_queue",
)


def upgrade() -> None:
    for role in (CONTROL_PLANE_ROLE, EXECUTOR_ROLE):
        _create_role(role)
        op.execute(f"GRANT USAGE ON SCHEMA foliot TO {role}")
        for function in EXECUTOR_FUNCTIONS:
            op.execute(f"GRANT EXECUTE ON FUNCTION foliot.{function} TO {role}")
    for table in CHANGED:
        op.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON foliot.{table} TO {CONTROL_PLANE_ROLE}"
        )
    # History is append-only, its partitions are nobody's to reach around it, and time is not
    # a plane's to move.
    op.execute(f"GRANT SELECT, INSERT ON foliot.history TO {CONTROL_PLANE_ROLE}")
    op.execute(f"GRANT SELECT ON foliot.clock, foliot.alembic_version TO {CONTROL_PLANE_ROLE}")
    for function in CONTROL_PLANE_FUNCTIONS:
        op.execute(f"GRANT EXECUTE ON FUNCTION foliot.{function} TO {CONTROL_PLANE_ROLE}")


def downgrade() -> None:
    for role in (CONTROL_PLANE_ROLE, EXECUTOR_ROLE):
        op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA foliot FROM {role}")
        op.execute(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA foliot FROM {role}")
        op.execute(f"REVOKE ALL ON SCHEMA foliot FROM {role}")


def _create_role(role: str) -> None:
    # A database beside this one may be creating the same role at this moment.
    op.execute(
        f"""
        DO $$ BEGIN
          CREATE ROLE {role} LOGIN NOINHERIT;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    op.execute(
        f"""
        DO $$ BEGIN
          -- Since PostgreSQL 16 whoever makes a role administers it and may yet not become it.
          IF NOT pg_has_role(current_user, '{role}', CASE
               WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET'
               ELSE 'MEMBER' END) THEN
            EXECUTE format('GRANT {role} TO %I', current_user);
          END IF;
        END $$
        """
    )
    for name, value in TIMEOUTS.items():
        op.execute(_set_timeout(role, name, value))
    name, value = TRANSACTION_TIMEOUT
    op.execute(
        f"""
        DO $$ BEGIN
          IF current_setting('server_version_num')::integer >= {TRANSACTION_TIMEOUT_SINCE} THEN
            ALTER ROLE {role} SET {name} = '{value}';
          END IF;
        EXCEPTION WHEN OTHERS THEN
          IF SQLERRM NOT LIKE '%concurrently updated%' THEN RAISE; END IF;
        END $$
        """
    )


def _set_timeout(role: str, name: str, value: str) -> str:
    return f"""
        DO $$ BEGIN
          ALTER ROLE {role} SET {name} = '{value}';
        EXCEPTION WHEN OTHERS THEN
          IF SQLERRM NOT LIKE '%concurrently updated%' THEN RAISE; END IF;
        END $$
        """
