"""Retention: for how long instances are kept after their end, and how they go."""

from importlib import resources

import sqlalchemy as sa
from alembic import op

from shared.postgres.session import CONTROL_PLANE_ROLE

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FUNCTIONS = {
    "has_instances": "foliot.has_instances(uuid, uuid)",
    "remove_instances": "foliot.remove_instances(text, uuid[], bigint[])",
    "retire_partitions": "foliot.retire_partitions()",
}
CALLED = ("remove_instances", "retire_partitions")


def upgrade() -> None:
    op.create_table(
        "retention",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("definition_key", sa.Text(), nullable=False),
        sa.Column("keep", sa.Interval(), nullable=True),
        sa.Column("archives", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["foliot.tenant.tenant_id"], name=op.f("retention_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "definition_key", name=op.f("retention_pkey")),
        schema="foliot",
    )
    op.create_table(
        "retention_turn",
        sa.Column("only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("holder", sa.UUID(), nullable=False),
        sa.Column("until", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("retention_turn_only_row_check")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("retention_turn_pkey")),
        schema="foliot",
    )
    op.create_table(
        "retiring",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lower", sa.UUID(), nullable=False),
        sa.Column("upper", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("retiring_pkey")),
        schema="foliot",
    )
    for name, signature in FUNCTIONS.items():
        op.execute(resources.files("migrations").joinpath("sql", f"0007_{name}.sql").read_text())
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    for name in CALLED:
        op.execute(f"GRANT EXECUTE ON FUNCTION {FUNCTIONS[name]} TO {CONTROL_PLANE_ROLE}")
    for table in ("retention", "retention_turn"):
        op.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON foliot.{table} TO {CONTROL_PLANE_ROLE}"
        )
    op.execute(f"GRANT SELECT ON foliot.retiring TO {CONTROL_PLANE_ROLE}")


def downgrade() -> None:
    for signature in reversed(FUNCTIONS.values()):
        op.execute(f"DROP FUNCTION {signature}")
    for table in ("retiring", "retention_turn", "retention"):
        op.drop_table(table, schema="foliot")
