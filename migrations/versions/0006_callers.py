"""
The way in for callers who share the database: functions that take in events and starts as part
of the caller's own transaction, and a role that may call them and do nothing else.
"""

from importlib import resources

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.postgres.session import CALLER_ROLE, CONTROL_PLANE_ROLE

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INTERNAL = {
    "check_caller": "foliot.check_caller(text)",
    "check_text": "foliot.check_text(text, text, integer)",
    "check_object": "foliot.check_object(jsonb, text)",
    "accept": "foliot.accept(text, text, text, jsonb, uuid)",
    "forget_answers": "foliot.forget_answers(interval, integer)",
}
FUNCTIONS = {
    "enqueue_event": "foliot.enqueue_event(text, uuid, text, text, jsonb)",
    "start_instance": ("foliot.start_instance(text, text, text, jsonb, text, jsonb, text, text)"),
    "rejections": "foliot.rejections(text, bigint, integer)",
}


def upgrade() -> None:
    _create_tables()
    for name, signature in {**INTERNAL, **FUNCTIONS}.items():
        op.execute(resources.files("migrations").joinpath("sql", f"0006_{name}.sql").read_text())
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    # Nobody logs in as this role: logins are made members of it. A database beside this one may
    # be creating it at this moment.
    op.execute(
        f"""
        DO $$ BEGIN
          CREATE ROLE {CALLER_ROLE} NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    op.execute(f"GRANT USAGE ON SCHEMA foliot TO {CALLER_ROLE}")
    for signature in FUNCTIONS.values():
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {CALLER_ROLE}")
    for table in ("accepted", "rejected"):
        op.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON foliot.{table} TO {CONTROL_PLANE_ROLE}"
        )


def downgrade() -> None:
    op.execute(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA foliot FROM {CALLER_ROLE}")
    op.execute(f"REVOKE ALL ON SCHEMA foliot FROM {CALLER_ROLE}")
    for signature in reversed([*INTERNAL.values(), *FUNCTIONS.values()]):
        op.execute(f"DROP FUNCTION {signature}")
    for table in ("rejected", "accepted", "caller_tenant"):
        op.drop_table(table, schema="foliot")


def _create_tables() -> None:
    op.create_table(
        "caller_tenant",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["foliot.tenant.tenant_id"], name=op.f("caller_tenant_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "role_name", name=op.f("caller_tenant_pkey")),
        schema="foliot",
    )
    op.create_table(
        "accepted",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", postgresql.BYTEA(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("accepted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "scope", "key", name=op.f("accepted_pkey")),
        schema="foliot",
    )
    op.create_index(
        "accepted_accepted_at_idx", "accepted", ["accepted_at"], unique=False, schema="foliot"
    )
    op.create_table(
        "rejected",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("rejected_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "position", name=op.f("rejected_pkey")),
        schema="foliot",
    )
    op.create_index(
        "rejected_rejected_at_idx", "rejected", ["rejected_at"], unique=False, schema="foliot"
    )
