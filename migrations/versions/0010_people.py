"""
What people may do with a task, and where they find it; where instances are found by labels.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.postgres.session import CONTROL_PLANE_ROLE

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_terms",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("terms", postgresql.JSON(), nullable=True),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("progress", postgresql.JSON(), nullable=True),
        sa.Column("standing", postgresql.JSON(), nullable=True),
        sa.PrimaryKeyConstraint(
            "tenant_id", "instance_id", "ordinal", name=op.f("task_terms_pkey")
        ),
        schema="foliot",
    )
    op.create_table(
        "decider",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "instance_id", "task", "person", name=op.f("decider_pkey")
        ),
        schema="foliot",
    )
    op.create_table(
        "task_comment",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "instance_id", "ordinal", "seq", name=op.f("task_comment_pkey")
        ),
        schema="foliot",
    )
    op.create_table(
        "offer",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('user', 'role', 'assignee', 'due')", name=op.f("offer_kind_check")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "instance_id", "ordinal", "kind", "name", name=op.f("offer_pkey")
        ),
        schema="foliot",
    )
    op.create_index(
        "offer_page_idx",
        "offer",
        ["tenant_id", "kind", "name", "due_at", "instance_id", "ordinal"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("due_at > '-infinity'"),
    )
    op.create_table(
        "label",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("started_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "instance_id", "name", "value", name=op.f("label_pkey")
        ),
        schema="foliot",
    )
    op.create_index(
        "label_page_idx",
        "label",
        ["tenant_id", "name", "value", "started_at", "instance_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("started_at > '-infinity'"),
    )
    for table in ("task_terms", "decider", "task_comment", "offer", "label"):
        op.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON foliot.{table} TO {CONTROL_PLANE_ROLE}"
        )


def downgrade() -> None:
    for table in ("label", "offer", "task_comment", "decider", "task_terms"):
        op.drop_table(table, schema="foliot")
