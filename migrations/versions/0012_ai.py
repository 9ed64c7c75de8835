"""
AI tasks: policies and switches, what each task is bound by, what it called and what that cost, and
what was suggested to people.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protecting import protect
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = (
    "ai_policy",
    "ai_switch",
    "ai_task",
    "ai_spend",
    "ai_call",
    "ai_tool_call",
    "ai_suggestion",
)

RIGHTS = {
    "ai_policy": ("SELECT, INSERT, UPDATE", "SELECT"),
    "ai_switch": ("SELECT, INSERT, UPDATE, DELETE", "SELECT"),
    "ai_halt": ("SELECT", "SELECT, INSERT, UPDATE, DELETE"),
    "ai_platform_policy": ("SELECT", "SELECT, INSERT, UPDATE"),
    "ai_task": ("SELECT, UPDATE", "SELECT, INSERT"),
    "ai_spend": ("SELECT, INSERT, UPDATE", "SELECT"),
    "ai_call": ("SELECT, INSERT, UPDATE", "SELECT, UPDATE"),
    "ai_tool_call": ("SELECT, INSERT", "SELECT, UPDATE"),
    "ai_suggestion": ("SELECT", "SELECT, INSERT, UPDATE"),
}
"""Of each table what requests do with it, one tenant at a time, and what turns and loops do."""


def upgrade() -> None:
    op.create_table(
        "ai_policy",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ai_policy_version_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["foliot.tenant.tenant_id"], name=op.f("ai_policy_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "name", "version", name=op.f("ai_policy_pkey")),
        schema="foliot",
    )
    op.create_index(
        "ai_policy_active_idx",
        "ai_policy",
        ["tenant_id", "name"],
        unique=True,
        schema="foliot",
        postgresql_where=sa.text("is_active"),
    )
    op.create_table(
        "ai_switch",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("policy_name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("switched_by", sa.Text(), nullable=False),
        sa.Column("switched_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["foliot.tenant.tenant_id"], name=op.f("ai_switch_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "policy_name", name=op.f("ai_switch_pkey")),
        schema="foliot",
    )
    op.create_table(
        "ai_halt",
        sa.Column("only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("switched_by", sa.Text(), nullable=False),
        sa.Column("switched_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("ai_halt_only_row_check")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("ai_halt_pkey")),
        schema="foliot",
    )
    op.create_table(
        "ai_platform_policy",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ai_platform_policy_version_check")),
        sa.PrimaryKeyConstraint("version", name=op.f("ai_platform_policy_pkey")),
        schema="foliot",
    )
    op.create_index(
        "ai_platform_policy_active_idx",
        "ai_platform_policy",
        ["is_active"],
        unique=True,
        schema="foliot",
        postgresql_where=sa.text("is_active"),
    )
    op.create_table(
        "ai_task",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("policy_name", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("default_version", sa.Integer(), nullable=True),
        sa.Column("platform_version", sa.Integer(), nullable=True),
        sa.Column("events", postgresql.JSON(), nullable=False),
        sa.Column("guardrails", postgresql.JSON(), nullable=False),
        sa.Column("calls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("committed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("committed >= 0 AND calls >= 0", name=op.f("ai_task_spend_check")),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "ordinal", name=op.f("ai_task_pkey")),
        schema="foliot",
    )
    op.create_table(
        "ai_spend",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("committed >= 0", name=op.f("ai_spend_committed_check")),
        sa.PrimaryKeyConstraint("tenant_id", "scope", name=op.f("ai_spend_pkey")),
        schema="foliot",
    )
    op.create_table(
        "ai_call",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("call_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("reserved_last", sa.BigInteger(), nullable=False),
        sa.Column("reserved_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("classification", sa.Text(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("tool_requests", postgresql.JSON(), nullable=True),
        sa.Column("reported_model", sa.Text(), nullable=True),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("latency_ms", sa.BigInteger(), nullable=True),
        sa.Column("prompt_sha256", sa.Text(), nullable=True),
        sa.Column("redacted_prompt", sa.Text(), nullable=True),
        sa.Column("context_manifest", postgresql.JSON(), nullable=True),
        sa.Column("verdicts", postgresql.JSON(), nullable=True),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("keep_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(classification IS NULL) = (recorded_at IS NULL)", name=op.f("ai_call_recorded_check")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "instance_id", "ordinal", "call_number", name=op.f("ai_call_pkey")
        ),
        schema="foliot",
    )
    op.create_index(
        "ai_call_reserved_at_idx",
        "ai_call",
        ["tenant_id", "reserved_at"],
        unique=False,
        schema="foliot",
    )
    op.create_index(
        "ai_call_keep_until_idx",
        "ai_call",
        ["keep_until"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("keep_until IS NOT NULL"),
    )
    op.create_table(
        "ai_tool_call",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tool_call_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("call_number", sa.Integer(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("arguments_sha256", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("is_error", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id",
            "instance_id",
            "ordinal",
            "tool_call_number",
            name=op.f("ai_tool_call_pkey"),
        ),
        schema="foliot",
    )
    op.create_table(
        "ai_suggestion",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("review", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSON(), nullable=False),
        sa.Column("policy_name", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.Text(), nullable=True),
        sa.Column("is_shadow", sa.Boolean(), nullable=False),
        sa.Column("suggested_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_event", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "decision IN ('APPROVE', 'EDIT', 'REJECT', 'EXPIRE')",
            name=op.f("ai_suggestion_decision_check"),
        ),
        sa.CheckConstraint(
            "(decision IS NULL) = (decided_at IS NULL)", name=op.f("ai_suggestion_decided_check")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "instance_id", "ordinal", name=op.f("ai_suggestion_pkey")
        ),
        schema="foliot",
    )
    op.create_index(
        "ai_suggestion_decided_idx",
        "ai_suggestion",
        ["tenant_id", "policy_name", "decided_at"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("decided_at IS NOT NULL"),
    )
    for table, (of_requests, of_turns) in RIGHTS.items():
        op.execute(f"GRANT {of_requests} ON foliot.{table} TO {CONTROL_PLANE_ROLE}")
        op.execute(f"GRANT {of_turns} ON foliot.{table} TO {ACROSS_ROLE}")
    for table in TABLES:
        protect(table)


def downgrade() -> None:
    for table in (*TABLES, "ai_platform_policy", "ai_halt"):
        op.drop_table(table, schema="foliot")
