"""
Rows as the control plane knows them: definitions, instances, tasks, history entries.

JSON columns are canonical text here: they are parsed where somebody looks inside, and
otherwise passed on as they are stored.
"""

from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from shared.frozen import frozen
from shared.ids import DefinitionId, InstanceId, SessionId, TenantId
from shared.ids import task_id as make_task_id
from shared.tasks import TaskType

DefinitionStatus: TypeAlias = Literal["inactive", "active", "archived"]
InstanceStatus: TypeAlias = Literal[
    "pending", "running", "waiting", "completed", "failed", "cancelled"
]
TaskStatus: TypeAlias = Literal["pending", "running", "succeeded", "failed", "cancelled", "skipped"]
JsonText: TypeAlias = str

CLOSED_INSTANCE: frozenset[InstanceStatus] = frozenset({"completed", "failed", "cancelled"})
CLOSED_TASK: frozenset[TaskStatus] = frozenset({"succeeded", "failed", "cancelled", "skipped"})


class InstanceKey(NamedTuple):
    """Which instance, in which tenant; never one without the other."""

    tenant_id: TenantId
    instance_id: InstanceId


@frozen
class Definition:
    tenant_id: TenantId
    definition_id: DefinitionId
    key: str
    version: int
    status: DefinitionStatus
    spec: JsonText
    """As it was sent: the order of its states is the document order."""
    spec_hash: bytes
    description: str
    created_by: str
    created_at: datetime
    activated_at: datetime | None = None


@frozen
class Instance:
    """
    An instance as its row holds it, between two events.

    `snapshot` is the engine's without the context. `idle` are the open tasks that no
    executor can claim: those with people, and those due later. `seq` and `history_hash`
    are those of its newest history entry.
    """

    tenant_id: TenantId
    instance_id: InstanceId
    definition_id: DefinitionId
    definition_key: str
    definition_version: int
    business_key: str | None
    status: InstanceStatus
    paused_at: datetime | None
    revision: int
    seq: int
    history_hash: bytes
    current_state: JsonText
    context: JsonText
    snapshot: JsonText
    idle: JsonText
    output: JsonText | None
    last_error: JsonText | None
    labels: JsonText
    parent_instance_id: InstanceId | None
    parent_ordinal: int | None
    depth: int
    """How many instances are above it: 0 for one that is nobody's child."""
    on_parent_close: str | None
    """Of a child: `cancel`, `terminate` or `abandon`."""
    started_by: str
    started_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    schedule_id: str | None = None
    """The schedule that started it, if one did."""
    trace_parent: str | None = None
    """The W3C traceparent of what started it; None if nobody follows that."""

    @property
    def key(self) -> InstanceKey:
        return InstanceKey(self.tenant_id, self.instance_id)

    @property
    def is_closed(self) -> bool:
        return self.completed_at is not None

    @property
    def paused(self) -> bool:
        return self.paused_at is not None


@frozen
class Lease:
    """Who has a task now. `epoch` fences everything that holder says about it."""

    session_id: SessionId
    attempt: int
    epoch: int
    claimed_at: datetime
    silent_at: datetime | None = None
    """When the attempt has been silent for too long; None where its task sets no such time."""

    progress: JsonText | None = None
    """What the attempt said of itself last, where it was asked for."""


@frozen
class Task:
    """
    A task as its row holds it, and the lease it is under, if any.

    `status`, `attempt`, `epoch` and the holder are what the last commit knew; where there
    is a `lease` it is newer, and `status_now` counts it in.
    """

    tenant_id: TenantId
    instance_id: InstanceId
    ordinal: int
    name: str
    type: TaskType
    function: str | None
    queue: str
    priority: int
    status: TaskStatus
    run_at: datetime
    attempt: int
    max_attempts: int
    epoch: int
    lost_epoch: int
    """The newest hand-out of which nothing was heard; `epoch` is the newest that was heard of."""
    session_id: SessionId | None
    held_since: datetime | None
    idempotency_key: UUID
    input: JsonText
    output: JsonText | None
    error: JsonText | None
    retry: JsonText | None
    timeout_s: float | None
    schedule_to_start_s: float | None
    heartbeat_s: float | None
    child: JsonText | None
    """Of a child instance: its version, its business key, and what closing its parent does."""
    detached: bool
    limit_key: str | None
    """What it counts against, beside its tenant: the key of a limit that there may be."""
    trace_parent: str | None
    """The W3C traceparent of what asked for it; None if nobody follows that."""
    created_at: datetime
    completed_at: datetime | None
    lease: Lease | None = None
    terms: JsonText | None = None
    """What people may do with it (see people.py). None where its definition says nothing of that,
    and, with the three below, in what a turn reads for requests that have no need of it."""
    due_at: datetime | None = None
    """When it should be done; nothing happens by itself then."""
    assignee: str | None = None
    """Who has taken it, of the people it was offered to or by assignment."""
    standing: JsonText | None = None
    """What people have done with it, and its time (see standing.py). None for nothing yet."""

    @property
    def task_id(self) -> str:
        return make_task_id(self.instance_id, self.ordinal)

    @property
    def is_closed(self) -> bool:
        return self.completed_at is not None

    @property
    def status_now(self) -> TaskStatus:
        """`running` for a pending task that a lease names."""
        return "running" if self.lease is not None and not self.is_closed else self.status


@frozen
class HistoryEntry:
    """One line of an instance's past. `hash` continues the one before over the stored bytes."""

    seq: int
    type: str
    ordinal: int | None
    payload: JsonText
    hash: bytes
    created_at: datetime
