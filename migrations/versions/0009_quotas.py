"""Quotas: how much a tenant may have and ask for, where that is not the platform's default."""

import sqlalchemy as sa
from alembic import op

from shared.postgres.session import CONTROL_PLANE_ROLE

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quota",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("open_instances", sa.BigInteger(), nullable=True),
        sa.Column("open_tasks", sa.BigInteger(), nullable=True),
        sa.Column("definitions", sa.BigInteger(), nullable=True),
        sa.Column("streams", sa.BigInteger(), nullable=True),
        sa.Column("calls_per_second", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "least(open_instances, open_tasks, definitions, streams, calls_per_second) >= 0",
            name=op.f("quota_limits_check"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["foliot.tenant.tenant_id"], name=op.f("quota_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("quota_pkey")),
        schema="foliot",
    )
    op.create_index(
        "quota_updated_at_idx",
        "quota",
        ["updated_at", "tenant_id"],
        unique=False,
        schema="foliot",
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON foliot.quota TO {CONTROL_PLANE_ROLE}")


def downgrade() -> None:
    op.drop_table("quota", schema="foliot")
