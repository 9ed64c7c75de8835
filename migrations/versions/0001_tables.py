"""The tables of the ring; shared/postgres/tables.py says what each is for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "business_key",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("definition_key", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("takings", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "definition_key", "business_key", name=op.f("business_key_pkey")
        ),
        schema="foliot",
    )
    op.create_table(
        "clock",
        sa.Column("only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("moved_by", sa.Interval(), server_default=sa.text("'0'"), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("clock_only_row_check")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("clock_pkey")),
        schema="foliot",
    )
    op.create_table(
        "delayed",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("run_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "ordinal", name=op.f("delayed_pkey")),
        schema="foliot",
    )
    op.create_index("delayed_run_at_idx", "delayed", ["run_at"], unique=False, schema="foliot")
    op.create_index(
        "delayed_tenant_run_at_idx",
        "delayed",
        ["tenant_id", "run_at", "instance_id", "ordinal"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("run_at > '-infinity'"),
    )
    op.create_table(
        "executor_session",
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("resume_after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", name=op.f("executor_session_pkey")),
        schema="foliot",
    )
    op.create_index(
        "executor_session_expires_at_idx",
        "executor_session",
        ["expires_at"],
        unique=False,
        schema="foliot",
    )
    op.create_table(
        "history",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.Column("payload", postgresql.JSON(), nullable=False),
        sa.Column("hash", postgresql.BYTEA(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "seq", name=op.f("history_pkey")),
        schema="foliot",
        postgresql_partition_by="RANGE (instance_id)",
    )
    op.create_table(
        "idempotency",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", postgresql.BYTEA(), nullable=False),
        sa.Column("answer", postgresql.JSON(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "scope", "key", name=op.f("idempotency_pkey")),
        schema="foliot",
    )
    op.create_index(
        "idempotency_request_idx",
        "idempotency",
        ["created_at"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("scope = 'request'"),
    )
    op.create_table(
        "inbox",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSON(), nullable=False),
        sa.Column("accepted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("deferred_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "position", name=op.f("inbox_pkey")),
        schema="foliot",
    )
    op.create_index(
        "inbox_untried_idx",
        "inbox",
        ["accepted_at"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("deferred_at IS NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSON(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('START_CHILD', 'STOP_CHILD', 'TELL_PARENT')", name=op.f("outbox_kind_check")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "position", name=op.f("outbox_pkey")),
        schema="foliot",
    )
    op.create_index("outbox_position_idx", "outbox", ["position"], unique=False, schema="foliot")
    op.create_table(
        "instance",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=False),
        sa.Column("definition_key", sa.Text(), nullable=False),
        sa.Column("definition_version", sa.Integer(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("history_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("current_state", postgresql.JSON(), nullable=False),
        sa.Column("context", postgresql.JSON(), nullable=False),
        sa.Column("snapshot", postgresql.JSON(), nullable=False),
        sa.Column("idle", postgresql.JSON(), nullable=False),
        sa.Column("output", postgresql.JSON(), nullable=True),
        sa.Column("last_error", postgresql.JSON(), nullable=True),
        sa.Column("labels", postgresql.JSON(), nullable=False),
        sa.Column("parent_instance_id", sa.UUID(), nullable=True),
        sa.Column("parent_ordinal", sa.Integer(), nullable=True),
        sa.Column("depth", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("on_parent_close", sa.Text(), nullable=True),
        sa.Column("trace_parent", sa.Text(), nullable=True),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("completed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "closed_as",
            sa.Text(),
            sa.Computed("CASE WHEN completed_at IS NOT NULL THEN status END", persisted=True),
        ),
        sa.CheckConstraint(
            "(status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)",
            name=op.f("instance_closed_check"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled')",
            name=op.f("instance_status_check"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", name=op.f("instance_pkey")),
        schema="foliot",
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "instance_business_key_idx",
        "instance",
        ["tenant_id", "business_key", "started_at", "instance_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("business_key IS NOT NULL"),
    )
    op.create_index(
        "instance_closed_definition_idx",
        "instance",
        ["tenant_id", "definition_key", "closed_as", "started_at", "instance_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    )
    op.create_index(
        "instance_closed_idx",
        "instance",
        ["tenant_id", "closed_as", "started_at", "instance_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    )
    op.create_index(
        "instance_open_definition_idx",
        "instance",
        ["tenant_id", "definition_key", "started_at", "instance_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_index(
        "instance_open_idx",
        "instance",
        ["tenant_id", "started_at", "instance_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_table(
        "lease",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("claimed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("limit_key", sa.Text(), nullable=True),
        sa.Column("silent_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "ordinal", name=op.f("lease_pkey")),
        schema="foliot",
    )
    op.create_index(
        "lease_silent_at_idx",
        "lease",
        ["silent_at"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("silent_at IS NOT NULL"),
    )
    op.create_index("lease_session_id_idx", "lease", ["session_id"], unique=False, schema="foliot")
    op.create_index(
        "lease_limit_key_idx",
        "lease",
        ["tenant_id", "limit_key"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("limit_key IS NOT NULL"),
    )
    op.create_table(
        "ready",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("run_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("precedence", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "run_at", "instance_id", "ordinal", name=op.f("ready_pkey")
        ),
        schema="foliot",
    )
    op.create_index(
        "ready_claim_idx",
        "ready",
        ["queue", "type", sa.text('tenant_id COLLATE "C"'), "flow", "precedence"],
        unique=False,
        schema="foliot",
    )
    op.create_table(
        "task",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("function", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("run_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lost_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=True),
        sa.Column("held_since", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("idempotency_key", sa.UUID(), nullable=False),
        sa.Column("input", postgresql.JSON(), nullable=False),
        sa.Column("output", postgresql.JSON(), nullable=True),
        sa.Column("error", postgresql.JSON(), nullable=True),
        sa.Column("retry", postgresql.JSON(), nullable=True),
        sa.Column("timeout_s", sa.Double(), nullable=True),
        sa.Column("schedule_to_start_s", sa.Double(), nullable=True),
        sa.Column("heartbeat_s", sa.Double(), nullable=True),
        sa.Column("child", postgresql.JSON(), nullable=True),
        sa.Column("detached", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("limit_key", sa.Text(), nullable=True),
        sa.Column("repeated_as", sa.Integer(), nullable=True),
        sa.Column("trace_parent", sa.Text(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("completed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('succeeded', 'failed', 'cancelled', 'skipped'))"
            " = (completed_at IS NOT NULL)",
            name=op.f("task_closed_check"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')",
            name=op.f("task_status_check"),
        ),
        sa.CheckConstraint(
            "type IN ('HUMAN', 'TIMER', 'HTTP', 'EMAIL', 'AI', 'SYSTEM', 'WORKFLOW')",
            name=op.f("task_type_check"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "ordinal", name=op.f("task_pkey")),
        schema="foliot",
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "task_dead_idx",
        "task",
        ["tenant_id", "type", "run_at", "instance_id", "ordinal"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("status = 'failed' AND repeated_as IS NULL"),
    )
    op.create_index(
        "task_page_idx",
        "task",
        ["tenant_id", "status", "type", "run_at", "instance_id", "ordinal"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("run_at > '-infinity'"),
    )
    op.create_index(
        "task_parked_idx",
        "task",
        ["tenant_id", "type", "instance_id", "ordinal"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "task_limit",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("limit_key", sa.Text(), nullable=False),
        sa.Column("max_running", sa.Integer(), nullable=True),
        sa.Column("rate_per_s", sa.Double(), nullable=True),
        sa.Column("burst", sa.Integer(), nullable=True),
        sa.Column("tokens", sa.Double(), nullable=True),
        sa.Column("filled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("wake_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("waiting_queues", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("is_suspended", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint("max_running >= 0", name=op.f("task_limit_max_running_check")),
        sa.CheckConstraint("rate_per_s > 0 AND burst > 0", name=op.f("task_limit_rate_check")),
        sa.CheckConstraint(
            "num_nulls(rate_per_s, burst, tokens, filled_at) IN (0, 4)",
            name=op.f("task_limit_bucket_check"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "limit_key", name=op.f("task_limit_pkey")),
        schema="foliot",
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(
        "task_limit_wake_at_idx",
        "task_limit",
        ["wake_at"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_table(
        "paused_queue",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("paused_queue_pkey")),
        schema="foliot",
    )
    op.create_table(
        "tenant",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("suspended_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("suspend_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'", name=op.f("tenant_tenant_id_check")
        ),
        sa.CheckConstraint(
            "(suspended_at IS NULL) = (suspend_reason IS NULL)",
            name=op.f("tenant_suspension_check"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("tenant_pkey")),
        schema="foliot",
    )
    op.create_index(
        "tenant_suspended_idx",
        "tenant",
        ["tenant_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("suspended_at IS NOT NULL"),
    )
    op.create_index(
        "tenant_active_idx",
        "tenant",
        ["tenant_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("suspended_at IS NULL"),
    )
    op.create_table(
        "timer",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.UUID(), nullable=False),
        sa.Column("timer_id", sa.Text(), nullable=False),
        sa.Column("due", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "instance_id", "timer_id", name=op.f("timer_pkey")),
        schema="foliot",
    )
    op.create_index("timer_due_idx", "timer", ["due"], unique=False, schema="foliot")
    op.create_table(
        "api_key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("secret_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), server_default="", nullable=False),
        sa.Column("groups", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("fingerprint", postgresql.BYTEA(), nullable=True),
        sa.CheckConstraint(
            "(request_id IS NULL) = (fingerprint IS NULL)", name=op.f("api_key_request_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["foliot.tenant.tenant_id"], name=op.f("api_key_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("api_key_pkey")),
        schema="foliot",
    )
    op.create_index(
        "api_key_tenant_idx", "api_key", ["tenant_id", "key_id"], unique=False, schema="foliot"
    )
    op.create_index(
        "api_key_role_idx",
        "api_key",
        ["tenant_id", "role", "key_id"],
        unique=False,
        schema="foliot",
    )
    op.create_index(
        "api_key_platform_idx",
        "api_key",
        ["key_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("tenant_id IS NULL"),
    )
    op.create_index(
        "api_key_platform_role_idx",
        "api_key",
        ["role", "key_id"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("tenant_id IS NULL"),
    )
    op.create_index(
        "api_key_request_idx",
        "api_key",
        ["tenant_id", "request_id"],
        unique=True,
        schema="foliot",
        postgresql_where=sa.text("request_id IS NOT NULL"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "definition",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("definition_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("spec", postgresql.JSON(), nullable=False),
        sa.Column("spec_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("activated_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('inactive', 'active', 'archived')", name=op.f("definition_status_check")
        ),
        sa.CheckConstraint("version > 0", name=op.f("definition_version_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["foliot.tenant.tenant_id"], name=op.f("definition_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "definition_id", name=op.f("definition_pkey")),
        sa.UniqueConstraint("tenant_id", "key", "version", name="definition_version_key"),
        schema="foliot",
    )
    op.create_index(
        "definition_active_key",
        "definition",
        ["tenant_id", "key"],
        unique=True,
        schema="foliot",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "definition_status_idx",
        "definition",
        ["tenant_id", "status", "key", "version"],
        unique=False,
        schema="foliot",
        postgresql_where=sa.text("version > 0"),
    )


def downgrade() -> None:
    op.drop_table("definition", schema="foliot")
    op.drop_table("api_key", schema="foliot")
    op.drop_table("timer", schema="foliot")
    op.drop_table("tenant", schema="foliot")
    op.drop_table("paused_queue", schema="foliot")
    op.drop_table("task_limit", schema="foliot")
    op.drop_table("task", schema="foliot")
    op.drop_table("ready", schema="foliot")
    op.drop_table("lease", schema="foliot")
    op.drop_table("instance", schema="foliot")
    op.drop_table("outbox", schema="foliot")
    op.drop_table("inbox", schema="foliot")
    op.drop_table("idempotency", schema="foliot")
    op.drop_table("history", schema="foliot")
    op.drop_table("executor_session", schema="foliot")
    op.drop_table("delayed", schema="foliot")
    op.drop_table("clock", schema="foliot")
    op.drop_table("business_key", schema="foliot")
