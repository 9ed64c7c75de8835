"""Schedules: what is to be started again and again, and which instances one has started."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.postgres.session import CONTROL_PLANE_ROLE

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("schedule_id", sa.Text(collation="C"), nullable=False),
        sa.Column("incarnation", sa.UUID(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("definition_key", sa.Text(), nullable=False),
        sa.Column("input", postgresql.JSON(), nullable=False),
        sa.Column("labels", postgresql.JSON(), nullable=False),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("catch_up", sa.Interval(), nullable=False),
        sa.Column("jitter", sa.Interval(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=False),
        sa.Column("next_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("buffered_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("firing", postgresql.JSON(), nullable=True),
        sa.Column("wakes_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_instance_id", sa.UUID(), nullable=True),
        sa.Column("last_error", postgresql.JSON(), nullable=True),
        sa.Column("last_missed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("skips", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "overlap IN ('skip', 'buffer_one', 'allow', 'cancel_other', 'terminate_other')",
            name=op.f("schedule_overlap_check"),
        ),
        sa.CheckConstraint("(next_at IS NULL) = (due_at IS NULL)", name=op.f("schedule_due_check")),
        sa.CheckConstraint(
            "paused_at IS NULL OR next_at IS NULL", name=op.f("schedule_paused_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["foliot.tenant.tenant_id"], name=op.f("schedule_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "schedule_id", name=op.f("schedule_pkey")),
        schema="foliot",
    )
    op.create_index(
        "schedule_wakes_at_idx",
        "schedule",
        ["wakes_at"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("wakes_at IS NOT NULL"),
    )
    op.create_index(
        "schedule_buffered_idx",
        "schedule",
        ["tenant_id", "schedule_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("buffered_at IS NOT NULL"),
    )
    op.create_index(
        "schedule_definition_idx",
        "schedule",
        ["tenant_id", "definition_key", "schedule_id"],
        unique=False,
        schema="foliot",
    )
    op.create_index(
        "schedule_paused_idx",
        "schedule",
        ["tenant_id", "schedule_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("paused_at IS NOT NULL"),
    )
    op.create_index(
        "schedule_running_idx",
        "schedule",
        ["tenant_id", "schedule_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("paused_at IS NULL"),
    )
    op.add_column("instance", sa.Column("schedule_id", sa.Text(), nullable=True), schema="foliot")
    op.create_index(
        "instance_schedule_idx",
        "instance",
        ["tenant_id", "schedule_id", "started_at", "instance_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("schedule_id IS NOT NULL"),
    )
    op.create_index(
        "instance_open_schedule_idx",
        "instance",
        ["tenant_id", "schedule_id", "started_at", "instance_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("schedule_id IS NOT NULL AND completed_at IS NULL"),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON foliot.schedule TO {CONTROL_PLANE_ROLE}")


def downgrade() -> None:
    op.drop_index("instance_open_schedule_idx", "instance", schema="foliot")
    op.drop_index("instance_schedule_idx", "instance", schema="foliot")
    op.drop_column("instance", "schedule_id", schema="foliot")
    op.drop_table("schedule", schema="foliot")
