"""The functions an executor's database role may call, and those that keep time and partitions."""

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
    op.execute("DELETE FROM foliot.clock")
