"""
The functions an executor's database role may call, those that keep time and partitions, and the
types in which a turn gives its statement what to keep.
"""

from importlib import resources

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FUNCTIONS = {
    "now": "foliot.now()",
    "ensure_history_partitions": "foliot.ensure_history_partitions(integer)",
    "extend_session": "foliot.extend_session(uuid, text, text, double precision)",
    "close_session": "foliot.close_session(uuid)",
    "precedence": "foliot.precedence(timestamptz, integer)",
    "flow": "foliot.flow(text, text)",
    "tokens_at": "foliot.tokens_at(foliot.task_limit, timestamptz)",
    "room_at": "foliot.room_at(foliot.task_limit, timestamptz)",
    "next_tenants": "foliot.next_tenants(text[], text[], text, text, integer)",
    "pick_limited": "foliot.pick_limited(text[], integer[], text[], text[], integer, timestamptz)",
    "claim": "foliot.claim(uuid, text[], text[], integer, text)",
    "release": "foliot.release(uuid, text[], uuid[], integer[], integer[])",
    "release_unknown": "foliot.release_unknown(uuid, uuid[], integer[], integer[])",
    "refuse_edge": "foliot.refuse_edge()",
}

RECORDS = {
    "turn_change": """
        tenant_id text, instance_id uuid, expected_revision bigint, fences int, status text,
        paused_at timestamptz, revision bigint, seq bigint, history_hash bytea,
        current_state text, context text, snapshot text, idle text, output text, last_error text,
        updated_at timestamptz, completed_at timestamptz, expects_empty_inbox bool
        """,
    "turn_birth": """
        definition_id uuid, definition_key text, definition_version int, business_key text,
        labels text, started_by text, started_at timestamptz, parent_instance_id uuid,
        parent_ordinal int, depth smallint, on_parent_close text, schedule_id text,
        trace_parent text
        """,
    "turn_entry": """
        n int, seq bigint, type text, ordinal int, payload text, hash bytea,
        created_at timestamptz
        """,
    "turn_creation": """
        n int, ordinal int, name text, type text, function text, queue text, priority smallint,
        run_at timestamptz, max_attempts int, idempotency_key uuid, input text, retry text,
        timeout_s float8, trace_parent text, is_cancelled bool, schedule_to_start_s float8,
        heartbeat_s float8, detached bool, child text, session_id uuid, limit_key text
        """,
    "turn_outcome": """
        n int, ordinal int, status text, attempt int, epoch int, lost_epoch int, session_id uuid,
        held_since timestamptz, output text, error text, run_at timestamptz,
        completed_at timestamptz
        """,
}
"""What tests/contract/test_turn_plans.py holds against the statement's own idea of them."""

ILLEGAL = {
    # A failed instance can be taken up again; nothing else that has ended changes its status.
    "instance": """
        OLD.status <> NEW.status AND (
          OLD.status IN ('completed', 'cancelled') OR NEW.status = 'pending'
          OR OLD.status = 'failed' AND NEW.status NOT IN ('running', 'waiting'))
        """,
    "task": """
        OLD.status <> NEW.status AND OLD.status IN ('succeeded', 'failed', 'cancelled', 'skipped')
        """,
}
"""Changes of status that tests/contract/test_edges.py holds against the lifecycles."""


def upgrade() -> None:
    for name, columns in RECORDS.items():
        op.execute(f"CREATE TYPE foliot.{name} AS ({columns})")
    for name, signature in FUNCTIONS.items():
        op.execute(resources.files("migrations").joinpath("sql", f"0002_{name}.sql").read_text())
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    for table, condition in ILLEGAL.items():
        op.execute(
            f"CREATE TRIGGER {table}_edge BEFORE UPDATE OF status ON foliot.{table}"
            f" FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION foliot.refuse_edge()"
        )
    op.execute("INSERT INTO foliot.clock DEFAULT VALUES")
    op.execute("CREATE TABLE foliot.history_default PARTITION OF foliot.history DEFAULT")
    op.execute("SELECT foliot.ensure_history_partitions(2)")


def downgrade() -> None:
    for table in ILLEGAL:
        op.execute(f"DROP TRIGGER {table}_edge ON foliot.{table}")
    for signature in reversed(FUNCTIONS.values()):
        op.execute(f"DROP FUNCTION {signature}")
    for name in RECORDS:
        op.execute(f"DROP TYPE foliot.{name}")
    op.execute("DELETE FROM foliot.clock")
