"""Who did what: entries that are written with the change itself, and stay as they are."""

from importlib import resources

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.postgres.session import CONTROL_PLANE_ROLE

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FORGET = "foliot.forget_audit(interval, integer)"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("target_kind", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("before_hash", postgresql.BYTEA(), nullable=True),
        sa.Column("after_hash", postgresql.BYTEA(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "at", "entry_id", name=op.f("audit_pkey")),
        schema="foliot",
    )
    for name, column in (
        ("audit_target_idx", "target_id"),
        ("audit_principal_idx", "principal"),
        ("audit_method_idx", "method"),
        ("audit_target_kind_idx", "target_kind"),
    ):
        op.create_index(
            name,
            "audit",
            ["tenant_id", column, "at", "entry_id"],
            unique=False,
            schema="foliot",
        )
    op.create_index("audit_at_idx", "audit", ["at"], unique=False, schema="foliot")
    # Append-only: nobody who runs may change or remove an entry, but by the function, which
    # removes old ones only.
    op.execute(f"GRANT SELECT, INSERT ON foliot.audit TO {CONTROL_PLANE_ROLE}")
    op.execute(resources.files("migrations").joinpath("sql", "0008_forget_audit.sql").read_text())
    op.execute(f"REVOKE ALL ON FUNCTION {FORGET} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {FORGET} TO {CONTROL_PLANE_ROLE}")


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {FORGET}")
    op.drop_table("audit", schema="foliot")
