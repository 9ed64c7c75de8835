"""
The schema in one read. Alembic compares itself with this file; SQLAlchemy Core queries through it.

Three rules run through it:

- `tenant_id` leads the primary key of every table with tenants' data, and row security holds
  requests to theirs (migrations/protecting.py).
- Hot tables are narrow. A task's wide row is written when the task is created and when
  it ends; what happens in between moves small rows: `delayed` (due later), `ready`
  (claimable now), `lease` (an executor has it). No status that changes on the ring is
  in an index, so its updates stay heap-only.
- No foreign keys among the tables of the ring: one statement of one writer keeps them
  whole, and a trigger per row would cost more than that statement (docs/decisions/0004).
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSON, UUID

from shared.postgres.statuses import CLOSED_INSTANCE, CLOSED_TASK, OPEN_INSTANCE, OPEN_TASK

SCHEMA = "foliot"

metadata = sa.MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    },
)

TIME = sa.TIMESTAMP(timezone=True)
NOW = sa.text("clock_timestamp()")

OVERLAPS = ("skip", "buffer_one", "allow", "cancel_other", "terminate_other")
AI_DECISIONS = ("APPROVE", "EDIT", "REJECT", "EXPIRE")
OFFER_KINDS = ("user", "role", "assignee", "due")
TASK_TYPES = ("HUMAN", "TIMER", "HTTP", "EMAIL", "AI", "SYSTEM", "WORKFLOW")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _if_and_only_if(left: str, right: str) -> str:
    return f"({left}) = ({right})"


# --- who --------------------------------------------------------------------------------

tenant = sa.Table(
    "tenant",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("created_at", TIME, nullable=False, server_default=NOW),
    # Set while it is suspended. Its row '' of task_limit says the same to the claims.
    sa.Column("suspended_at", TIME),
    sa.Column("suspend_reason", sa.Text),
    sa.CheckConstraint("tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'", name="tenant_id"),
    sa.CheckConstraint(
        _if_and_only_if("suspended_at IS NULL", "suspend_reason IS NULL"), name="suspension"
    ),
    sa.Index(
        "tenant_suspended_idx",
        "tenant_id",
        postgresql_where=sa.text("suspended_at IS NOT NULL"),
    ),
    sa.Index("tenant_active_idx", "tenant_id", postgresql_where=sa.text("suspended_at IS NULL")),
)

# Looked up by key id before any tenant is known: the one table that tells the tenant.
# tenant_id is null for credentials of the platform itself, such as an executor's.
api_key = sa.Table(
    "api_key",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("tenant_id", sa.Text, sa.ForeignKey(tenant.c.tenant_id)),
    sa.Column("secret_hash", BYTEA, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    # Who its holder is to human tasks: a user, '' for the key itself, with roles of the tenant's.
    sa.Column("user_name", sa.Text, nullable=False, server_default=""),
    sa.Column("groups", sa.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("label", sa.Text, nullable=False, server_default=""),
    sa.Column("created_by", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", TIME, nullable=False, server_default=NOW),
    sa.Column("expires_at", TIME),
    sa.Column("revoked_at", TIME),
    # The request that made it, for a repeat of that request.
    sa.Column("request_id", sa.Text),
    sa.Column("fingerprint", BYTEA),
    sa.CheckConstraint(
        _if_and_only_if("request_id IS NULL", "fingerprint IS NULL"), name="request"
    ),
    sa.Index("api_key_tenant_idx", "tenant_id", "key_id"),
    sa.Index("api_key_role_idx", "tenant_id", "role", "key_id"),
    # The platform's own: what IS NULL finds in an index does not count as being in its order.
    sa.Index("api_key_platform_idx", "key_id", postgresql_where=sa.text("tenant_id IS NULL")),
    sa.Index(
        "api_key_platform_role_idx",
        *("role", "key_id"),
        postgresql_where=sa.text("tenant_id IS NULL"),
    ),
    sa.Index(
        "api_key_request_idx",
        "tenant_id",
        "request_id",
        unique=True,
        postgresql_where=sa.text("request_id IS NOT NULL"),
        postgresql_nulls_not_distinct=True,
    ),
)

# --- what ------------------------------------------------------------------------------

definition = sa.Table(
    "definition",
    metadata,
    sa.Column("tenant_id", sa.Text, sa.ForeignKey(tenant.c.tenant_id), primary_key=True),
    sa.Column("definition_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    # json, never jsonb: the order of `states` is the document order.
    sa.Column("spec", JSON, nullable=False),
    sa.Column("spec_hash", BYTEA, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("activated_at", TIME),
    sa.UniqueConstraint("tenant_id", "key", "version", name="definition_version_key"),
    sa.CheckConstraint(_one_of("status", ("inactive", "active", "archived")), name="status"),
    sa.CheckConstraint("version > 0", name="version"),
    sa.Index(
        "definition_active_key",
        "tenant_id",
        "key",
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    ),
    sa.Index(
        "definition_status_idx",
        *("tenant_id", "status", "key", "version"),
        # True of every row, and said by pages alone (see `task`).
        postgresql_where=sa.text("version > 0"),
    ),
)

# --- the ring --------------------------------------------------------------------------

instance = sa.Table(
    "instance",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("definition_id", UUID(as_uuid=True), nullable=False),
    sa.Column("definition_key", sa.Text, nullable=False),
    sa.Column("definition_version", sa.Integer, nullable=False),
    sa.Column("business_key", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("paused_at", TIME),
    sa.Column("revision", sa.BigInteger, nullable=False),
    # Of the newest history entry: its number, and the hash that the next one continues.
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("history_hash", BYTEA, nullable=False),
    sa.Column("current_state", JSON, nullable=False),
    sa.Column("context", JSON, nullable=False),
    # The rest of the engine's snapshot: configuration, remembered history, open tasks, timers.
    sa.Column("snapshot", JSON, nullable=False),
    # Open tasks that no executor can claim: those with people, and those due later.
    sa.Column("idle", JSON, nullable=False),
    sa.Column("output", JSON),
    sa.Column("last_error", JSON),
    sa.Column("labels", JSON, nullable=False),
    # Of a child: the instance and the task it was started for. How deep it is: 0 for the others.
    sa.Column("parent_instance_id", UUID(as_uuid=True)),
    sa.Column("parent_ordinal", sa.Integer),
    sa.Column("depth", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("on_parent_close", sa.Text),
    # The schedule that started it, if one did. Schedules are deleted; this stays.
    sa.Column("schedule_id", sa.Text),
    # The W3C traceparent of what started it, as of a task that of what asked for it.
    sa.Column("trace_parent", sa.Text),
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("started_at", TIME, nullable=False),
    sa.Column("updated_at", TIME, nullable=False),
    sa.Column("completed_at", TIME),
    # For its index alone: an index on `status` itself would end heap-only updates, because
    # an open instance changes its status all the time.
    sa.Column(
        "closed_as",
        sa.Text,
        sa.Computed("CASE WHEN completed_at IS NOT NULL THEN status END", persisted=True),
    ),
    sa.CheckConstraint(_one_of("status", OPEN_INSTANCE + CLOSED_INSTANCE), name="status"),
    sa.CheckConstraint(
        _if_and_only_if(_one_of("status", CLOSED_INSTANCE), "completed_at IS NOT NULL"),
        name="closed",
    ),
    # Open instances by start; closed ones by status and start; both again by definition. None
    # holds a column that changes while an instance lives, so a step updates the heap alone.
    sa.Index(
        "instance_open_idx",
        "tenant_id",
        "started_at",
        "instance_id",
        postgresql_where=sa.text("completed_at IS NULL"),
    ),
    sa.Index(
        "instance_closed_idx",
        "tenant_id",
        "closed_as",
        "started_at",
        "instance_id",
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    ),
    sa.Index(
        "instance_open_definition_idx",
        "tenant_id",
        "definition_key",
        "started_at",
        "instance_id",
        postgresql_where=sa.text("completed_at IS NULL"),
    ),
    sa.Index(
        "instance_closed_definition_idx",
        "tenant_id",
        "definition_key",
        "closed_as",
        "started_at",
        "instance_id",
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    ),
    sa.Index(
        "instance_business_key_idx",
        "tenant_id",
        "business_key",
        "started_at",
        "instance_id",
        postgresql_where=sa.text("business_key IS NOT NULL"),
    ),
    # What no schedule started is in neither of these two.
    sa.Index(
        "instance_schedule_idx",
        "tenant_id",
        "schedule_id",
        "started_at",
        "instance_id",
        postgresql_where=sa.text("schedule_id IS NOT NULL"),
    ),
    sa.Index(
        "instance_open_schedule_idx",
        "tenant_id",
        "schedule_id",
        "started_at",
        "instance_id",
        postgresql_where=sa.text("schedule_id IS NOT NULL AND completed_at IS NULL"),
    ),
    postgresql_with={"fillfactor": 80},
)

# The newest instance of every business key, so that "one ever" needs no search and no race.
business_key = sa.Table(
    "business_key",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("definition_key", sa.Text, primary_key=True),
    sa.Column("business_key", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), nullable=False),
    # How often it was taken: whoever takes it from an instance saw this number.
    sa.Column("takings", sa.Integer, nullable=False, server_default="1"),
)

task = sa.Table(
    "task",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("function", sa.Text),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    # What the last commit of a control plane knew. Whoever reads a task says `running`
    # for a pending one that a lease names: a claim does not touch this row.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("run_at", TIME, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    # The newest hand-out whose outcome was taken in, and the newest that was lost instead.
    sa.Column("epoch", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lost_epoch", sa.Integer, nullable=False, server_default="0"),
    sa.Column("session_id", UUID(as_uuid=True)),
    sa.Column("held_since", TIME),
    # Derived from the task's own key, so it needs no index to be unique (the doctor sees to that).
    sa.Column("idempotency_key", UUID(as_uuid=True), nullable=False),
    sa.Column("input", JSON, nullable=False),
    sa.Column("output", JSON),
    sa.Column("error", JSON),
    # Null where the definition sets none: the defaults of shared/retry.py hold.
    sa.Column("retry", JSON),
    # Null for no limit: of one attempt, of the wait for it to begin, of its silence.
    sa.Column("timeout_s", sa.Double),
    sa.Column("schedule_to_start_s", sa.Double),
    sa.Column("heartbeat_s", sa.Double),
    # Of a child instance: which version, by which business key, and what its parent's end does.
    sa.Column("child", JSON),
    # Its instance does not wait for it, nor fail with it: what can be redriven by itself.
    sa.Column("detached", sa.Boolean, nullable=False, server_default=sa.text("false")),
    # What it counts against, beside its tenant: the key of a limit that there may be.
    sa.Column("limit_key", sa.Text),
    # The task under whose number its work was begun anew, once it was redriven or retried.
    sa.Column("repeated_as", sa.Integer),
    sa.Column("trace_parent", sa.Text),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("completed_at", TIME),
    sa.CheckConstraint(_one_of("status", OPEN_TASK + CLOSED_TASK), name="status"),
    sa.CheckConstraint(_one_of("type", TASK_TYPES), name="type"),
    sa.CheckConstraint(
        _if_and_only_if(_one_of("status", CLOSED_TASK), "completed_at IS NOT NULL"),
        name="closed",
    ),
    sa.Index(
        "task_parked_idx",
        *("tenant_id", "type", "instance_id", "ordinal"),
        postgresql_where=sa.text("status = 'running'"),
    ),
    # For pages: of a status and type each a range of its own, so that what hardly any task is is
    # found as soon as what most are.
    sa.Index(
        "task_page_idx",
        *("tenant_id", "status", "type", "run_at", "instance_id", "ordinal"),
        # True of every row, and said by pages alone: a turn must not look for a task here.
        postgresql_where=sa.text("run_at > '-infinity'"),
    ),
    # Dead letters: what has failed for good, and was not begun anew.
    sa.Index(
        "task_dead_idx",
        *("tenant_id", "type", "run_at", "instance_id", "ordinal"),
        postgresql_where=sa.text("status = 'failed' AND repeated_as IS NULL"),
    ),
    postgresql_with={"fillfactor": 80},
)

# What people may do with a task, where its definition says (terms: candidates, form, whether it
# may be skipped) or somebody has taken it; and how far it had come. Most tasks have no such row.
task_terms = sa.Table(
    "task_terms",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("terms", JSON),
    sa.Column("due_at", TIME),
    sa.Column("assignee", sa.Text),
    # What the attempt before said last that it was at: the next one is told.
    sa.Column("progress", JSON),
    # What people have done with it: votes, whose it was; and what its time has brought.
    sa.Column("standing", JSON),
)

# Who decided the human tasks of an instance, by their names: others' definitions keep them from
# deciding more. Under the name '' it is who started the instance, where `started_by` has another
# name for them.
decider = sa.Table(
    "decider",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("task", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
)

# What people said of a task, append-only. `seq` is that of the history entry that says so too.
task_comment = sa.Table(
    "task_comment",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
)

# Where people find an open human task: as offered to a user or a role, as theirs, as due. The
# time is 'infinity' for a task that has none. An index that a page can be read from.
offer = sa.Table(
    "offer",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("due_at", TIME, nullable=False),
    sa.CheckConstraint(_one_of("kind", OFFER_KINDS), name="kind"),
    sa.Index(
        "offer_page_idx",
        *("tenant_id", "kind", "name", "due_at", "instance_id", "ordinal"),
        # True of every row, and said by pages alone: a turn must not look for a task's offers here.
        postgresql_where=sa.text("due_at > '-infinity'"),
    ),
)

# Under which labels an instance is found, the newest start first. An index that a page can be read
# from; what the instance says of its labels stands in its own row.
label = sa.Table(
    "label",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("started_at", TIME, nullable=False),
    sa.Index(
        "label_page_idx",
        *("tenant_id", "name", "value", "started_at", "instance_id"),
        # As of offers: for pages, and not for a turn.
        postgresql_where=sa.text("started_at > '-infinity'"),
    ),
)

# Claimable now. `epoch` and `attempt` are those of the last hand-out; a claim adds one.
# `precedence` is what a tenant's tasks are claimed in the order of: the instant they were ready,
# ten minutes earlier for each point of priority (foliot.precedence). `flow` is the task's
# limit_key if that key has a limit, so that what a limit holds back is in nobody else's way; ''
# is the flow of all others. The claim's index leads with queue and type, as claims run across
# tenants and what nobody asks for must cost nothing; listings and look-ups go by the key.
ready = sa.Table(
    "ready",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("run_at", TIME, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("flow", sa.Text, nullable=False),
    sa.Column("precedence", TIME, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    # By another collation than the column's, so that no look-up by key is planned through it:
    # to a planner that believes the table empty it looks as good as the key (see `task`).
    sa.Index(
        "ready_claim_idx",
        "queue",
        "type",
        sa.text('tenant_id COLLATE "C"'),
        "flow",
        "precedence",
    ),
)

# Claimable later: a TIMER task before its instant, a failed attempt before its retry.
delayed = sa.Table(
    "delayed",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("flow", sa.Text, nullable=False),
    sa.Column("priority", sa.SmallInteger, nullable=False),
    sa.Column("run_at", TIME, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Index("delayed_run_at_idx", "run_at"),
    # For listings, which say the condition; not for a look-up by key (see above).
    sa.Index(
        "delayed_tenant_run_at_idx",
        "tenant_id",
        "run_at",
        "instance_id",
        "ordinal",
        postgresql_where=sa.text("run_at > '-infinity'"),
    ),
)

# An executor that is alive until `expires_at`, whatever the number of tasks it holds.
executor_session = sa.Table(
    "executor_session",
    metadata,
    sa.Column("session_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    # Null: works for every tenant.
    sa.Column("tenant_id", sa.Text),
    sa.Column("opened_at", TIME, nullable=False),
    sa.Column("expires_at", TIME, nullable=False),
    # The tenant at which its last claim gave up looking past those whose limits were reached.
    sa.Column("resume_after", sa.Text),
    sa.Index("executor_session_expires_at_idx", "expires_at"),
)

# The right to try one task, while its session lives.
lease = sa.Table(
    "lease",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("session_id", UUID(as_uuid=True), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("claimed_at", TIME, nullable=False),
    # The task's own, whether that key has a limit or will have one.
    sa.Column("limit_key", sa.Text),
    # When its attempt has been silent for too long. Null where the task sets no such time.
    sa.Column("silent_at", TIME),
    # What the attempt said of itself last.
    sa.Column("progress", JSON),
    sa.Index("lease_silent_at_idx", "silent_at", postgresql_where=sa.text("silent_at IS NOT NULL")),
    sa.Index("lease_session_id_idx", "session_id"),
    sa.Index(
        "lease_limit_key_idx",
        "tenant_id",
        "limit_key",
        postgresql_where=sa.text("limit_key IS NOT NULL"),
    ),
)

# How many of a tenant's tasks may run at once, and how many may begin in a time: in all
# (limit_key ''), and of those that name a key. Every tenant with any limit has the row for '',
# whose lock whoever claims from the tenant holds; a tenant without one has no row here.
#
# The rate is a bucket of tokens, `burst` at most, that fills by the database's clock: `tokens`
# were in it at `filled_at`. `wake_at` is when claimers that found it empty look again, and
# `waiting_queues` the queues they asked.
task_limit = sa.Table(
    "task_limit",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("limit_key", sa.Text, primary_key=True),
    sa.Column("max_running", sa.Integer),
    sa.Column("rate_per_s", sa.Double),
    sa.Column("burst", sa.Integer),
    sa.Column("tokens", sa.Double),
    sa.Column("filled_at", TIME),
    sa.Column("wake_at", TIME),
    sa.Column("waiting_queues", sa.ARRAY(sa.Text)),
    sa.Column("updated_at", TIME, nullable=False),
    # Of the row for '': the tenant is suspended, and none of its tasks begin.
    sa.Column("is_suspended", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("max_running >= 0", name="max_running"),
    sa.CheckConstraint("rate_per_s > 0 AND burst > 0", name="rate"),
    sa.CheckConstraint("num_nulls(rate_per_s, burst, tokens, filled_at) IN (0, 4)", name="bucket"),
    sa.Index("task_limit_wake_at_idx", "wake_at", postgresql_where=sa.text("wake_at IS NOT NULL")),
    postgresql_with={"fillfactor": 50},
)

# Queues of which nothing is claimed, of any tenant. There are few at any time.
paused_queue = sa.Table(
    "paused_queue",
    metadata,
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("paused_by", sa.Text, nullable=False),
    sa.Column("paused_at", TIME, nullable=False),
)

# Instants at which an instance is to be told something: `after` and delayed raises.
timer = sa.Table(
    "timer",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("timer_id", sa.Text, primary_key=True),
    sa.Column("due", TIME, nullable=False),
    sa.Index("timer_due_idx", "due"),
)

# Events accepted and not applied yet, in accepted order. `deferred_at` is the revision
# that could not take the event, null while no control plane has tried.
inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("payload", JSON, nullable=False),
    sa.Column("accepted_at", TIME, nullable=False),
    sa.Column("deferred_at", sa.BigInteger),
    sa.Index("inbox_untried_idx", "accepted_at", postgresql_where=sa.text("deferred_at IS NULL")),
)

# Which tenants a login may act for that calls the functions for callers, or a role it is in.
caller_tenant = sa.Table(
    "caller_tenant",
    metadata,
    sa.Column("tenant_id", sa.Text, sa.ForeignKey(tenant.c.tenant_id), primary_key=True),
    sa.Column("role_name", sa.Text, primary_key=True),
)

# What those functions have taken in, by the ids that callers gave: request ids (scope
# 'request'), event ids (scope: the instance) and business keys (scope: their definition's).
accepted = sa.Table(
    "accepted",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", BYTEA, nullable=False),
    sa.Column("instance_id", UUID(as_uuid=True), nullable=False),
    sa.Column("accepted_at", TIME, nullable=False),
    sa.Index("accepted_accepted_at_idx", "accepted_at"),
)

# Rows of the inbox that could not be applied, and why.
rejected = sa.Table(
    "rejected",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("instance_id", UUID(as_uuid=True), nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("payload", JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("accepted_at", TIME, nullable=False),
    sa.Column("rejected_at", TIME, nullable=False),
    sa.Index("rejected_rejected_at_idx", "rejected_at"),
)

# What an instance has to say to others, written with the decision that says it and delivered
# after: a child to start or to stop, a parent to tell of an end.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", JSON, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    sa.CheckConstraint(_one_of("kind", ("START_CHILD", "STOP_CHILD", "TELL_PARENT")), name="kind"),
    sa.Index("outbox_position_idx", "position"),
)

# What was answered to a request id (scope 'request') or an event id (scope: the instance).
idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", BYTEA, nullable=False),
    sa.Column("answer", JSON, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    # What is forgotten by its age; ids of events go with their instance.
    sa.Index(
        "idempotency_request_idx", "created_at", postgresql_where=sa.text("scope = 'request'")
    ),
)

# Append-only. Partitioned by the instance's id, whose first 48 bits are its start, so that
# a partition holds whole lives and can be dropped once they are all over.
history = sa.Table(
    "history",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("ordinal", sa.Integer),
    sa.Column("payload", JSON, nullable=False),
    # SHA-256 of the hash before, then seq, type and payload as stored.
    sa.Column("hash", BYTEA, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    postgresql_partition_by="RANGE (instance_id)",
)

# What is to be started again and again. `step` grows with every write and guards it; `revision`
# with those that a caller asked for. `firing` is the start that was decided, until it is done;
# `wakes_at` the instant at which somebody has to look, null while there is nothing to do.
schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("tenant_id", sa.Text, sa.ForeignKey(tenant.c.tenant_id), primary_key=True),
    sa.Column("schedule_id", sa.Text(collation="C"), primary_key=True),
    # Another one for the next schedule of the same id, so that it starts instances of its own.
    sa.Column("incarnation", UUID(as_uuid=True), nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("cron", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("definition_key", sa.Text, nullable=False),
    sa.Column("input", JSON, nullable=False),
    sa.Column("labels", JSON, nullable=False),
    sa.Column("overlap", sa.Text, nullable=False),
    sa.Column("catch_up", sa.Interval, nullable=False),
    sa.Column("jitter", sa.Interval, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("paused_at", TIME),
    sa.Column("pause_reason", sa.Text, nullable=False),
    # The next time by the calendar, and that with its jitter.
    sa.Column("next_at", TIME),
    sa.Column("due_at", TIME),
    sa.Column("buffered_at", TIME),
    sa.Column("firing", JSON),
    sa.Column("wakes_at", TIME),
    sa.Column("last_at", TIME),
    sa.Column("last_instance_id", UUID(as_uuid=True)),
    sa.Column("last_error", JSON),
    sa.Column("last_missed_at", TIME),
    sa.Column("starts", sa.BigInteger, nullable=False),
    sa.Column("skips", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("updated_at", TIME, nullable=False),
    sa.CheckConstraint(_one_of("overlap", OVERLAPS), name="overlap"),
    sa.CheckConstraint("(next_at IS NULL) = (due_at IS NULL)", name="due"),
    sa.CheckConstraint("paused_at IS NULL OR next_at IS NULL", name="paused"),
    sa.Index("schedule_wakes_at_idx", "wakes_at", postgresql_where=sa.text("wakes_at IS NOT NULL")),
    sa.Index("schedule_definition_idx", "tenant_id", "definition_key", "schedule_id"),
    sa.Index(
        "schedule_paused_idx",
        *("tenant_id", "schedule_id"),
        postgresql_where=sa.text("paused_at IS NOT NULL"),
    ),
    sa.Index(
        "schedule_running_idx",
        *("tenant_id", "schedule_id"),
        postgresql_where=sa.text("paused_at IS NULL"),
    ),
    sa.Index(
        "schedule_buffered_idx",
        "tenant_id",
        "schedule_id",
        postgresql_where=sa.text("buffered_at IS NOT NULL"),
    ),
)

# What was committed, in the order in which it may be read: a row of a commit and tenant (more than
# one where much was committed), so that following a tenant costs its writers about 30 bytes an
# instance. `xid` is the transaction's; whoever reads below the oldest one that is still under way
# misses nothing. Beside each instance the seq it is at since, and how many entries led there.
feed = sa.Table(
    "feed",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("xid", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("part", sa.SmallInteger, primary_key=True, autoincrement=False),
    # Left to chance. A position carries it: one of a database that was since restored to an
    # earlier day finds another here, or no row.
    sa.Column("mark", sa.Integer, nullable=False),
    sa.Column("instance_ids", sa.ARRAY(UUID(as_uuid=True)), nullable=False),
    sa.Column("seqs", sa.ARRAY(sa.BigInteger), nullable=False),
    sa.Column("counts", sa.ARRAY(sa.Integer), nullable=False),
    # About how many bytes reading the entries gives.
    sa.Column("weight", sa.Integer, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
)

# Of a tenant whose oldest rows of the feed were removed: the newest one that was.
feed_floor = sa.Table(
    "feed_floor",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("xid", sa.BigInteger, nullable=False),
    sa.Column("part", sa.SmallInteger, nullable=False),
    sa.Column("mark", sa.Integer, nullable=False),
)

# For how long instances are kept after their end: those of a definition, or ('') all others of
# the tenant. Null is for ever.
retention = sa.Table(
    "retention",
    metadata,
    sa.Column("tenant_id", sa.Text, sa.ForeignKey(tenant.c.tenant_id), primary_key=True),
    sa.Column("definition_key", sa.Text, primary_key=True),
    sa.Column("keep", sa.Interval),
    sa.Column("archives", sa.Boolean, nullable=False),
    sa.Column("updated_at", TIME, nullable=False),
)

# How much a tenant may have and ask for, where that is not the platform's default. Null is the
# default; the row stays when the last number goes, so that replicas see it go. `updated_at` is of
# the wall clock, as replicas poll by it.
quota = sa.Table(
    "quota",
    metadata,
    sa.Column("tenant_id", sa.Text, sa.ForeignKey(tenant.c.tenant_id), primary_key=True),
    sa.Column("open_instances", sa.BigInteger),
    sa.Column("open_tasks", sa.BigInteger),
    sa.Column("definitions", sa.BigInteger),
    sa.Column("streams", sa.BigInteger),
    sa.Column("calls_per_second", sa.BigInteger),
    sa.Column("updated_at", TIME, nullable=False),
    sa.CheckConstraint(
        "least(open_instances, open_tasks, definitions, streams, calls_per_second) >= 0",
        name="limits",
    ),
    sa.Index("quota_updated_at_idx", "updated_at", "tenant_id"),
)

# One row: which replica removes what is past its retention, and until when it is taken to.
retention_turn = sa.Table(
    "retention_turn",
    metadata,
    sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    sa.Column("holder", UUID(as_uuid=True), nullable=False),
    sa.Column("until", TIME, nullable=False),
    sa.CheckConstraint("only_row", name="only_row"),
)

# Months of history that are dropped as soon as the last of their instances is removed.
retiring = sa.Table(
    "retiring",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("lower", UUID(as_uuid=True), nullable=False),
    sa.Column("upper", UUID(as_uuid=True), nullable=False),
)

# Who did what to what: a row of each change that was asked for by a call that is audited, written
# with the change. Nobody changes one, and only the function foliot.forget_audit removes any.
# tenant_id is '' where it is the platform's own.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("at", TIME, primary_key=True),
    sa.Column("entry_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("credential_id", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("target_kind", sa.Text, nullable=False),
    sa.Column("target_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("correlation_id", sa.Text, nullable=False),
    # Of what was changed: an instance's are those of its history. Null: there was, is, nothing.
    sa.Column("before_hash", BYTEA),
    sa.Column("after_hash", BYTEA),
    sa.Index("audit_target_idx", "tenant_id", "target_id", "at", "entry_id"),
    sa.Index("audit_principal_idx", "tenant_id", "principal", "at", "entry_id"),
    sa.Index("audit_method_idx", "tenant_id", "method", "at", "entry_id"),
    sa.Index("audit_target_kind_idx", "tenant_id", "target_kind", "at", "entry_id"),
    sa.Index("audit_at_idx", "at"),
)

# --- AI tasks -----------------------------------------------------------------------------

# Versions of policies, each as its canonical text. One version of a name is active at most.
ai_policy = sa.Table(
    "ai_policy",
    metadata,
    sa.Column("tenant_id", sa.Text, sa.ForeignKey(tenant.c.tenant_id), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.CheckConstraint("version > 0", name="version"),
    sa.Index(
        "ai_policy_active_idx",
        "tenant_id",
        "name",
        unique=True,
        postgresql_where=sa.text("is_active"),
    ),
)

# What is switched off: a tenant's AI tasks, or, with a name, those under that policy.
ai_switch = sa.Table(
    "ai_switch",
    metadata,
    sa.Column("tenant_id", sa.Text, sa.ForeignKey(tenant.c.tenant_id), primary_key=True),
    sa.Column("policy_name", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("switched_by", sa.Text, nullable=False),
    sa.Column("switched_at", TIME, nullable=False),
)

# One row while all AI tasks are switched off.
ai_halt = sa.Table(
    "ai_halt",
    metadata,
    sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("switched_by", sa.Text, nullable=False),
    sa.Column("switched_at", TIME, nullable=False),
    sa.CheckConstraint("only_row", name="only_row"),
)

# The platform's own policy, which binds the AI tasks of all tenants.
ai_platform_policy = sa.Table(
    "ai_platform_policy",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("created_at", TIME, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.CheckConstraint("version > 0", name="version"),
)
sa.Index(
    "ai_platform_policy_active_idx",
    ai_platform_policy.c.is_active,
    unique=True,
    postgresql_where=ai_platform_policy.c.is_active,
)

# What binds an AI task, from its creation on: the versions that were active then, null where there
# was none, and what its definition says itself. `committed` is what it may have spent at most, in
# millionths of the currency unit.
ai_task = sa.Table(
    "ai_task",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("policy_name", sa.Text, nullable=False),
    sa.Column("policy_version", sa.Integer),
    sa.Column("default_version", sa.Integer),
    sa.Column("platform_version", sa.Integer),
    sa.Column("events", JSON, nullable=False),
    sa.Column("guardrails", JSON, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("committed", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.CheckConstraint("committed >= 0 AND calls >= 0", name="spend"),
)

# The same of an instance (`scope` is its id) and of a tenant's day in UTC (2030-01-31).
ai_spend = sa.Table(
    "ai_spend",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("committed", sa.BigInteger, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("output_tokens", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.CheckConstraint("committed >= 0", name="committed"),
)

# A call of a model: reserved before it, and recorded once thereafter. One that was never recorded
# and was reserved again by a later attempt has been reserved that often: `reserved` is the sum.
ai_call = sa.Table(
    "ai_call",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("call_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("request_sha256", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    sa.Column("reserved_last", sa.BigInteger, nullable=False),
    sa.Column("reserved_at", TIME, nullable=False),
    sa.Column("classification", sa.Text),
    sa.Column("output", sa.Text),
    sa.Column("tool_requests", JSON),
    sa.Column("reported_model", sa.Text),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("cost", sa.BigInteger),
    sa.Column("latency_ms", sa.BigInteger),
    sa.Column("prompt_sha256", sa.Text),
    sa.Column("redacted_prompt", sa.Text),
    sa.Column("context_manifest", JSON),
    sa.Column("verdicts", JSON),
    sa.Column("recorded_at", TIME),
    # Until when its texts are kept; then they go, and what it cost stays.
    sa.Column("keep_until", TIME),
    sa.CheckConstraint(
        _if_and_only_if("classification IS NULL", "recorded_at IS NULL"), name="recorded"
    ),
    sa.Index("ai_call_reserved_at_idx", "tenant_id", "reserved_at"),
    sa.Index(
        "ai_call_keep_until_idx", "keep_until", postgresql_where=sa.text("keep_until IS NOT NULL")
    ),
)

# What tools answered, so that none is called again after a crash.
ai_tool_call = sa.Table(
    "ai_tool_call",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("tool_call_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("call_number", sa.Integer, nullable=False),
    sa.Column("server", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("arguments_sha256", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("is_error", sa.Boolean, nullable=False),
    sa.Column("recorded_at", TIME, nullable=False),
)

# What an AI task came to and a person was asked about, and what they decided. `review` is the
# number of the human task; `body` is all that was suggested, and `hash` that body's.
ai_suggestion = sa.Table(
    "ai_suggestion",
    metadata,
    sa.Column("tenant_id", sa.Text, primary_key=True),
    sa.Column("instance_id", UUID(as_uuid=True), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("review", sa.Integer, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("body", JSON, nullable=False),
    sa.Column("policy_name", sa.Text, nullable=False),
    sa.Column("policy_version", sa.Integer, nullable=False),
    # The event, where there is one: a model may abstain.
    sa.Column("proposed", sa.Text),
    sa.Column("is_shadow", sa.Boolean, nullable=False),
    sa.Column("suggested_at", TIME, nullable=False),
    sa.Column("decision", sa.Text),
    sa.Column("decided_event", sa.Text),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", TIME),
    sa.CheckConstraint(_one_of("decision", AI_DECISIONS), name="decision"),
    sa.CheckConstraint(_if_and_only_if("decision IS NULL", "decided_at IS NULL"), name="decided"),
    # Partial, so that a turn, which looks for its row by the primary key, cannot take it instead.
    sa.Index(
        "ai_suggestion_decided_idx",
        "tenant_id",
        "policy_name",
        "decided_at",
        postgresql_where=sa.text("decided_at IS NOT NULL"),
    ),
)

# One row: how far the database's clock is moved, for tests and simulations. The server
# refuses a moved clock outside dev mode.
clock = sa.Table(
    "clock",
    metadata,
    sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    sa.Column("moved_by", sa.Interval, nullable=False, server_default=sa.text("'0'")),
    sa.CheckConstraint("only_row", name="only_row"),
)

# One row: the newest revision that the oldest release which may run on this schema knows. A
# migration that takes something away raises it.
release_floor = sa.Table(
    "release_floor",
    metadata,
    sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    sa.Column("revision", sa.Text, nullable=False),
    sa.CheckConstraint("only_row", name="only_row"),
)

# One row, written by the first control plane: the server and its timeline by which this data is
# written, since when, and the least id of a session that may hold anything there.
lineage = sa.Table(
    "lineage",
    metadata,
    sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    sa.Column("server", sa.Text, nullable=False),
    sa.Column("since", TIME, nullable=False),
    sa.Column("sessions_from", UUID(as_uuid=True), nullable=False),
    sa.CheckConstraint("only_row", name="only_row"),
)
