"""
What outlives a release and a server: which releases may run on this schema, and of which server
the data is, so that a copy of it that goes on elsewhere is known for what it is.
"""

from importlib import resources

import sqlalchemy as sa
from alembic import op

from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

EXTEND_SESSION = "0013_extend_session.sql"
EXTEND_SESSION_BEFORE = "0002_extend_session.sql"


def upgrade() -> None:
    op.create_table(
        "release_floor",
        sa.Column("only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("release_floor_only_row_check")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("release_floor_pkey")),
        schema="foliot",
    )
    op.create_table(
        "lineage",
        sa.Column("only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("since", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sessions_from", sa.UUID(), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("lineage_only_row_check")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("lineage_pkey")),
        schema="foliot",
    )
    op.execute("INSERT INTO foliot.release_floor (revision) VALUES ('0013')")
    for table in ("release_floor", "lineage"):
        op.execute(f"GRANT SELECT ON foliot.{table} TO {CONTROL_PLANE_ROLE}, {ACROSS_ROLE}")
    op.execute(f"GRANT INSERT, UPDATE ON foliot.lineage TO {ACROSS_ROLE}")
    op.execute(_text(EXTEND_SESSION))


def downgrade() -> None:
    op.execute(_text(EXTEND_SESSION_BEFORE).replace("CREATE FUNC", "CREATE OR REPLACE FUNC", 1))
    op.drop_table("lineage", schema="foliot")
    op.drop_table("release_floor", schema="foliot")


def _text(name: str) -> str:
    return resources.files("migrations").joinpath("sql", name).read_text()
