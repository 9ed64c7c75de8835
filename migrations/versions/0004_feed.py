"""The feed: what was committed, tenant by tenant, in an order that can be followed."""

import sqlalchemy as sa
from alembic import op

from shared.postgres.session import CONTROL_PLANE_ROLE

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("xid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.Column("instance_ids", sa.ARRAY(sa.UUID()), nullable=False),
        sa.Column("seqs", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("counts", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "xid", "part", name=op.f("feed_pkey")),
        schema="foliot",
    )
    op.create_table(
        "feed_floor",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("feed_floor_pkey")),
        schema="foliot",
    )
    op.execute(f"GRANT SELECT, INSERT, DELETE ON foliot.feed TO {CONTROL_PLANE_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON foliot.feed_floor TO {CONTROL_PLANE_ROLE}")


def downgrade() -> None:
    op.drop_table("feed_floor", schema="foliot")
    op.drop_table("feed", schema="foliot")
