"""
Every metric in one table. A name is an interface: dashboards and alerts ask for it.

Names are Prometheus's way: `foliot_`, what is measured, the base unit (seconds, bytes, ratios of
one), and `_total` where something is counted. The values of a label come from a closed set, or are
the first so many that were seen, and `other` from there on: `closed` says which. `tenant` is empty,
which Prometheus takes for absent, unless FOLIOT_METRICS_TENANTS names tenants.

`as_many` says what becomes of a gauge where several processes of one machine are read as one
(PROMETHEUS_MULTIPROC_DIR): the sum of those that live, the largest, or what was set last.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
Plane: TypeAlias = Literal["control plane", "executor", "both"]
AsMany: TypeAlias = Literal["livesum", "livemax", "livemostrecent"]

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; for what a caller waits for."""

LONG = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)
"""Seconds; for what may wait in a queue, or take its time."""

SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
"""Members of a batch."""


@dataclass(frozen=True, slots=True)
class Described:
    """A metric as it is exposed. `unit` is that of its values."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    plane: Plane
    says: str
    buckets: tuple[float, ...] = ()
    as_many: AsMany = "livesum"


class Metric(Enum):
    # --- both planes -------------------------------------------------------------------

    BUILD_INFO = Described(
        "foliot_build_info",
        "gauge",
        "1",
        ("version", "plane"),
        "both",
        "Always 1; which release runs, and as what.",
        as_many="livemax",
    )
    DATABASE_UP = Described(
        "foliot_database_up",
        "gauge",
        "0 or 1",
        ("plane",),
        "both",
        "Whether the database did what it was last asked for a sample (control plane), or kept the"
        " session alive (executor).",
        as_many="livemostrecent",
    )
    DATABASE_CONNECTIONS = Described(
        "foliot_database_connections",
        "gauge",
        "connections",
        ("pool", "state"),
        "both",
        "Connections of each pool, `idle` and `busy`.",
    )
    DATABASE_CONNECTIONS_MAX = Described(
        "foliot_database_connections_max",
        "gauge",
        "connections",
        ("pool",),
        "both",
        "How many connections each pool may have.",
    )

    # --- calls -------------------------------------------------------------------------

    RPC_HANDLED = Described(
        "foliot_rpc_handled_total",
        "counter",
        "calls",
        ("method", "code"),
        "control plane",
        "Calls that were answered, streams that have ended, by status code.",
    )
    RPC_SECONDS = Described(
        "foliot_rpc_seconds",
        "histogram",
        "seconds",
        ("method",),
        "control plane",
        "How long unary calls took, from their message to their answer.",
        buckets=SHORT,
    )
    RPC_IN_FLIGHT = Described(
        "foliot_rpc_in_flight",
        "gauge",
        "calls",
        (),
        "control plane",
        "Unary calls under way.",
    )
    STREAMS = Described(
        "foliot_streams",
        "gauge",
        "streams",
        ("method",),
        "control plane",
        "Streams that are open: executors' (`Connect`), watchers' (`Watch…`).",
    )
    REFUSALS = Described(
        "foliot_rpc_refusals_total",
        "counter",
        "calls",
        ("reason", "quota"),
        "control plane",
        "Calls and streams refused for want of room, by the error's reason: more at once than the"
        " server takes (OVERLOADED), a limit, or a quota (QUOTA_EXCEEDED), and which one.",
    )

    # --- turns -------------------------------------------------------------------------

    TURN_REQUESTS = Described(
        "foliot_turn_requests",
        "histogram",
        "requests",
        (),
        "control plane",
        "Requests that one committed turn answered: the size of a group commit.",
        buckets=SIZES,
    )
    COMMIT_SECONDS = Described(
        "foliot_commit_seconds",
        "histogram",
        "seconds",
        (),
        "control plane",
        "How long the write of a turn took, commit included.",
        buckets=SHORT,
    )
    READ_SECONDS = Described(
        "foliot_turn_read_seconds",
        "histogram",
        "seconds",
        (),
        "control plane",
        "How long the read before a turn took.",
        buckets=SHORT,
    )
    TURN_CHANGES = Described(
        "foliot_turn_changes_total",
        "counter",
        "changes",
        ("result",),
        "control plane",
        "Changes of instances that were decided: `kept`, or `overtaken` by another writer and"
        " decided again.",
    )
    REQUESTS_WAITING = Described(
        "foliot_turn_requests_waiting",
        "gauge",
        "requests",
        (),
        "control plane",
        "Requests that wait for a turn.",
    )
    OUTCOMES = Described(
        "foliot_outcomes_total",
        "counter",
        "outcomes",
        ("verdict",),
        "control plane",
        "Outcomes that were acknowledged, by what became of them; `lease_lost` came too late.",
    )
    OUTCOME_BATCH = Described(
        "foliot_outcome_batch_size",
        "histogram",
        "outcomes",
        (),
        "control plane",
        "Outcomes that came in one message.",
        buckets=SIZES,
    )

    # --- instances and tasks -----------------------------------------------------------

    INSTANCES_STARTED = Described(
        "foliot_instances_started_total",
        "counter",
        "instances",
        ("tenant",),
        "control plane",
        "Instances that were started.",
    )
    INSTANCES_ENDED = Described(
        "foliot_instances_ended_total",
        "counter",
        "instances",
        ("status", "tenant"),
        "control plane",
        "Instances that have ended, by how.",
    )
    TASKS_CREATED = Described(
        "foliot_tasks_created_total",
        "counter",
        "tasks",
        ("type", "tenant"),
        "control plane",
        "Tasks that were created.",
    )
    TASKS_HANDED = Described(
        "foliot_tasks_handed_out_total",
        "counter",
        "tasks",
        ("type",),
        "control plane",
        "Of those, the ones that an executor had from the start, by the stream.",
    )
    TASKS_ENDED = Described(
        "foliot_tasks_ended_total",
        "counter",
        "tasks",
        ("type", "outcome", "tenant"),
        "control plane",
        "Tasks that have ended: `succeeded`, `dead` (failed for good, and among the dead letters),"
        " `cancelled`, `skipped`.",
    )
    ATTEMPTS_FAILED = Described(
        "foliot_task_attempts_failed_total",
        "counter",
        "attempts",
        ("type", "tenant"),
        "control plane",
        "Attempts that failed, whether another one follows or not.",
    )
    TASKS_RETRIED = Described(
        "foliot_tasks_retried_total",
        "counter",
        "tasks",
        ("type", "tenant"),
        "control plane",
        "Tasks that are tried again after an attempt that failed.",
    )
    TASKS_RESCUED = Described(
        "foliot_tasks_rescued_total",
        "counter",
        "tasks",
        ("type", "tenant"),
        "control plane",
        "Tasks taken back from an executor whose lease ran out, and handed on.",
    )

    # --- what waits --------------------------------------------------------------------

    QUEUE_READY = Described(
        "foliot_queue_ready_tasks",
        "gauge",
        "tasks",
        ("queue", "type"),
        "control plane",
        "Tasks that can be claimed now; counting ends at 10,000.",
        as_many="livemostrecent",
    )
    QUEUE_DELAYED = Described(
        "foliot_queue_delayed_tasks",
        "gauge",
        "tasks",
        ("queue", "type"),
        "control plane",
        "Tasks that can be claimed later: retries, TIMER tasks; counting ends at 10,000.",
        as_many="livemostrecent",
    )
    QUEUE_LEASED = Described(
        "foliot_queue_leased_tasks",
        "gauge",
        "tasks",
        ("queue", "type"),
        "control plane",
        "Tasks that executors have; counting ends at 10,000.",
        as_many="livemostrecent",
    )
    QUEUE_OLDEST = Described(
        "foliot_queue_oldest_ready_seconds",
        "gauge",
        "seconds",
        ("queue", "type"),
        "control plane",
        "For how long the oldest of the ready tasks could have been claimed.",
        as_many="livemostrecent",
    )
    QUEUES_PAUSED = Described(
        "foliot_queue_paused",
        "gauge",
        "0 or 1",
        ("queue",),
        "control plane",
        "Whether the queue is paused.",
        as_many="livemostrecent",
    )
    INBOX_LAG = Described(
        "foliot_inbox_lag_seconds",
        "gauge",
        "seconds",
        (),
        "control plane",
        "Age of the oldest thing in the inbox that nobody has tried to apply.",
        as_many="livemostrecent",
    )
    OUTBOX = Described(
        "foliot_outbox_messages",
        "gauge",
        "messages",
        (),
        "control plane",
        "What instances have to say to one another and have not; counting ends at 10,000.",
        as_many="livemostrecent",
    )
    TIMER_LAG = Described(
        "foliot_timer_lag_seconds",
        "gauge",
        "seconds",
        (),
        "control plane",
        "How late the latest timer is that is due and has not fired.",
        as_many="livemostrecent",
    )
    DELAYED_LAG = Described(
        "foliot_delayed_lag_seconds",
        "gauge",
        "seconds",
        (),
        "control plane",
        "How late the latest delayed task is that could be claimed and is not ready yet.",
        as_many="livemostrecent",
    )
    FEED_LAG = Described(
        "foliot_feed_lag_seconds",
        "gauge",
        "seconds",
        (),
        "control plane",
        "Since when the feeds that watchers follow here were not looked at.",
        as_many="livemax",
    )
    SESSIONS = Described(
        "foliot_executor_sessions",
        "gauge",
        "sessions",
        ("state",),
        "control plane",
        "Sessions of executors: `live`, and `silent` ones whose lease has run out.",
        as_many="livemostrecent",
    )
    LOOP_FAILURES = Described(
        "foliot_loop_failures_total",
        "counter",
        "rounds",
        ("loop",),
        "control plane",
        "Rounds of a loop that met an error; the log says which.",
    )

    # --- AI ----------------------------------------------------------------------------

    AI_CALLS = Described(
        "foliot_ai_calls_total",
        "counter",
        "calls",
        ("model", "result"),
        "control plane",
        "Calls of models that were recorded, by how they ended.",
    )
    AI_SECONDS = Described(
        "foliot_ai_call_seconds",
        "histogram",
        "seconds",
        ("model",),
        "control plane",
        "How long models took to answer.",
        buckets=LONG,
    )
    AI_TOKENS = Described(
        "foliot_ai_tokens_total",
        "counter",
        "tokens",
        ("model", "direction"),
        "control plane",
        "Tokens that were read (`input`) and written (`output`) by models.",
    )
    AI_COST = Described(
        "foliot_ai_cost_total",
        "counter",
        "units of money",
        ("model", "tenant"),
        "control plane",
        "What calls cost, in the money in which policies tell prices.",
    )
    AI_REFUSALS = Described(
        "foliot_ai_budget_refusals_total",
        "counter",
        "calls",
        ("reason",),
        "control plane",
        "Calls of models that were not allowed: a budget is spent, or AI is switched off.",
    )
    AI_VERDICTS = Described(
        "foliot_ai_gate_verdicts_total",
        "counter",
        "verdicts",
        ("gate", "result"),
        "control plane",
        "What each gate came to where the control plane judged a choice: `passed`, `lowered`,"
        " `refused`.",
    )

    # --- executors ---------------------------------------------------------------------

    CLAIM_SECONDS = Described(
        "foliot_claim_seconds",
        "histogram",
        "seconds",
        (),
        "executor",
        "How long a claim took, empty ones included.",
        buckets=SHORT,
    )
    CLAIM_TASKS = Described(
        "foliot_claim_tasks",
        "histogram",
        "tasks",
        (),
        "executor",
        "Tasks that one claim brought; those that brought none are not counted.",
        buckets=SIZES,
    )
    QUEUE_SECONDS = Described(
        "foliot_task_queue_seconds",
        "histogram",
        "seconds",
        ("type",),
        "executor",
        "From the instant a task could be claimed until an executor had it. Of workers that claim"
        " by RPC the control plane tells.",
        buckets=LONG,
    )
    ATTEMPTS = Described(
        "foliot_attempts_total",
        "counter",
        "attempts",
        ("type", "state"),
        "executor",
        "Attempts that have ended here: `succeeded`, `failed`, `awaiting` somebody else,"
        " `cancelled`.",
    )
    ATTEMPT_SECONDS = Described(
        "foliot_attempt_seconds",
        "histogram",
        "seconds",
        ("type",),
        "executor",
        "How long attempts took.",
        buckets=LONG,
    )
    RUNNING = Described(
        "foliot_executor_running_tasks",
        "gauge",
        "tasks",
        (),
        "executor",
        "Attempts under way.",
    )
    SLOTS = Described(
        "foliot_executor_slots",
        "gauge",
        "tasks",
        (),
        "executor",
        "How many attempts may be under way: FOLIOT_CONCURRENCY.",
    )
    UNACKNOWLEDGED = Described(
        "foliot_executor_unacknowledged_outcomes",
        "gauge",
        "outcomes",
        (),
        "executor",
        "Outcomes that no control plane has acknowledged yet.",
    )
    CONNECTED = Described(
        "foliot_executor_connected",
        "gauge",
        "0 or 1",
        (),
        "executor",
        "Whether there is a stream to a control plane.",
    )
    SESSIONS_LOST = Described(
        "foliot_executor_sessions_lost_total",
        "counter",
        "sessions",
        (),
        "executor",
        "Leases that ran out while the executor lived: whatever it had went to others.",
    )
    TASKS_LOST = Described(
        "foliot_executor_tasks_lost_total",
        "counter",
        "tasks",
        (),
        "executor",
        "Attempts that were stopped because somebody else may have their task.",
    )


PROCESS = {
    "process_cpu_seconds_total": ("counter", "seconds", "CPU time of the process."),
    "process_resident_memory_bytes": ("gauge", "bytes", "Memory that it occupies."),
    "process_virtual_memory_bytes": ("gauge", "bytes", "Address space that it has."),
    "process_start_time_seconds": ("gauge", "seconds", "When it started, in Unix time."),
    "process_open_fds": ("gauge", "descriptors", "Files and sockets that it has open."),
    "process_max_fds": ("gauge", "descriptors", "How many it may have open."),
}
"""What prometheus-client tells of any process, where a process is read alone."""
