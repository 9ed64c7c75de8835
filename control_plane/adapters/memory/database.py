"""The tables of shared/postgres/tables.py as dictionaries, and the clock they are judged by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple
from uuid import UUID

from control_plane.ports.ai_desk import AiCall, AiToolCall
from control_plane.ports.ai_policies import AiPolicy, AiSwitch
from control_plane.ports.ai_records import AiSpend, Suggestion
from control_plane.ports.audit import AuditEntry
from control_plane.ports.credentials import StoredKey
from control_plane.ports.instance_store import (
    BusinessKey,
    Decider,
    IdempotencyKey,
    InboxEvent,
    Requeued,
    StoredAnswer,
    TaskKey,
)
from control_plane.ports.limit_store import TaskLimit
from control_plane.ports.outbox import Delivery
from control_plane.ports.people import Offer
from control_plane.ports.queues import PausedQueue
from control_plane.ports.quotas import OwnQuotas
from control_plane.ports.records import (
    Definition,
    HistoryEntry,
    Instance,
    InstanceKey,
    JsonText,
    Lease,
    Task,
)
from control_plane.ports.retention import Retention
from control_plane.ports.schedule_store import Schedule, ScheduleKey
from control_plane.ports.standing import Comment
from control_plane.ports.tenant_store import Tenant
from shared import json
from shared.clock import Clock, SystemClock
from shared.ids import DefinitionId, InstanceId, SessionId, TenantId

WITHHELD = datetime.max.replace(tzinfo=UTC)
"""When a task of a paused instance can be claimed: not before it is resumed."""


class DefinitionKey(NamedTuple):
    tenant_id: TenantId
    definition_id: DefinitionId


class TimerKey(NamedTuple):
    tenant_id: TenantId
    instance_id: InstanceId
    timer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPart:
    """What one commit did to a tenant's instances: the seq each is at, by how many entries."""

    xid: int
    changed: Sequence[tuple[InstanceKey, int, int]]
    weight: int
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`tenant_id` None works for every tenant."""

    name: str
    tenant_id: TenantId | None
    opened_at: datetime
    expires_at: datetime


@dataclass(slots=True, kw_only=True)
class StoredLimit:
    """`queues` are those in which it has held tasks back; `wake_at` is when they are to be rung."""

    limit: TaskLimit
    tokens: float
    filled_at: datetime
    updated_at: datetime
    wake_at: datetime | None = None
    queues: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class BoundAiTask:
    """What binds an AI task, as its row of `ai_task` has it."""

    policy_name: str
    policy_version: int | None
    default_version: int | None
    platform_version: int | None
    events: tuple[str, ...]
    guardrails: tuple[JsonText, ...]
    calls: int = 0
    committed: int = 0


@dataclass(slots=True, kw_only=True)
class MemoryDatabase:
    """
    What all the memory adapters of one database share.

    Its clock is the given one plus what it was moved by, as `foliot.now()` is. `ready` and
    `delayed` hold the same rows: claimable now, claimable later. A business key's instance
    comes with how often the key was taken.
    """

    clock: Clock = field(default_factory=SystemClock)
    moved_by: timedelta = timedelta(0)
    tenants: dict[TenantId, str] = field(default_factory=dict)
    tenant_rows: dict[TenantId, Tenant] = field(default_factory=dict)
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    api_keys: dict[str, StoredKey] = field(default_factory=dict)
    key_origins: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    key_requests: dict[tuple[TenantId | None, str], tuple[bytes, str]] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    definitions: dict[DefinitionKey, Definition] = field(default_factory=dict)
    instances: dict[InstanceKey, Instance] = field(default_factory=dict)
    business_keys: dict[BusinessKey, tuple[InstanceId, int]] = field(default_factory=dict)
    tasks: dict[TaskKey, Task] = field(default_factory=dict)
    ready: dict[TaskKey, Requeued] = field(default_factory=dict)
    delayed: dict[TaskKey, Requeued] = field(default_factory=dict)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    leases: dict[TaskKey, Lease] = field(default_factory=dict)
    progress: dict[TaskKey, str] = field(default_factory=dict)
    repeated: dict[TaskKey, int] = field(default_factory=dict)
    offers: dict[TaskKey, dict[Offer, datetime]] = field(default_factory=dict)
    deciders: dict[InstanceKey, set[Decider]] = field(default_factory=dict)
    comments: dict[TaskKey, list[Comment]] = field(default_factory=dict)
    limits: dict[tuple[TenantId, str], StoredLimit] = field(default_factory=dict)
    paused_queues: dict[str, PausedQueue] = field(default_factory=dict)
    timers: dict[TimerKey, datetime] = field(default_factory=dict)
    inbox: dict[InstanceKey, list[InboxEvent]] = field(default_factory=dict)
    inbox_positions: Iterator[int] = field(default_factory=lambda: count(1))
    outbox: dict[int, Delivery] = field(default_factory=dict)
    outbox_positions: Iterator[int] = field(default_factory=lambda: count(1))
    retentions: dict[tuple[TenantId, str], Retention] = field(default_factory=dict)
    retention_turn: tuple[UUID, datetime] | None = None
    quotas: dict[TenantId, OwnQuotas] = field(default_factory=dict)
    ai_policies: dict[TenantId | None, dict[tuple[str, int], AiPolicy]] = field(
        default_factory=dict
    )
    ai_switches: dict[tuple[TenantId | None, str], AiSwitch] = field(default_factory=dict)
    ai_tasks: dict[TaskKey, BoundAiTask] = field(default_factory=dict)
    ai_calls: dict[TaskKey, list[AiCall]] = field(default_factory=dict)
    ai_call_days: dict[tuple[TaskKey, int], str] = field(default_factory=dict)
    ai_tool_calls: dict[TaskKey, list[AiToolCall]] = field(default_factory=dict)
    ai_spend: dict[tuple[TenantId, str], AiSpend] = field(default_factory=dict)
    ai_suggestions: dict[TaskKey, Suggestion] = field(default_factory=dict)
    rejected: list[tuple[InstanceKey, InboxEvent, str, str]] = field(default_factory=list)
    answers: dict[IdempotencyKey, StoredAnswer] = field(default_factory=dict)
    answered_at: dict[IdempotencyKey, datetime] = field(default_factory=dict)
    schedules: dict[ScheduleKey, Schedule] = field(default_factory=dict)
    history: dict[InstanceKey, list[HistoryEntry]] = field(default_factory=dict)
    xids: Iterator[int] = field(default_factory=lambda: count(1))
    feed: dict[TenantId, list[FeedPart]] = field(default_factory=dict)
    feed_floors: dict[TenantId, int] = field(default_factory=dict)

    def now(self) -> datetime:
        """What time it is for every deadline, lease and timer in here."""
        return self.clock.now() + self.moved_by

    def move_clock(self, by: timedelta) -> None:
        """Move the clock on, or back."""
        self.moved_by += by

    def active_ai_policy(self, tenant_id: TenantId | None, name: str) -> AiPolicy | None:
        known = self.ai_policies.get(tenant_id, {}).values()
        return next((one for one in known if one.name == name and one.is_active), None)

    def tenant_row(self, tenant_id: TenantId) -> Tenant | None:
        """The tenant; of one that was there from the beginning, little more than its name."""
        name = self.tenants.get(tenant_id)
        if name is None:
            return None
        return self.tenant_rows.get(tenant_id) or Tenant(
            tenant_id=tenant_id, display_name=name, created_at=self.opened_at
        )

    def is_suspended(self, tenant_id: TenantId) -> bool:
        tenant = self.tenant_rows.get(tenant_id)
        return tenant is not None and tenant.suspended_at is not None

    def task_with_lease(self, key: TaskKey) -> Task | None:
        task = self.tasks.get(key)
        return None if task is None else replace(task, lease=self.leases.get(key))

    def release_delayed(self, limit: int) -> Mapping[TaskKey, Requeued]:
        """Make up to `limit` delayed tasks whose instant has come ready, earliest first."""
        now = self.now()
        due = sorted(
            (key for key, row in self.delayed.items() if row.run_at <= now),
            key=lambda key: self.delayed[key].run_at,
        )
        moved = {key: self.delayed.pop(key) for key in due[:limit]}
        self.ready.update(moved)
        return moved

    def is_alive(self, session_id: SessionId) -> bool:
        session = self.sessions.get(session_id)
        return session is not None and session.expires_at > self.now()


def hash_of(row: object) -> bytes:
    """Tells two states of a row apart."""
    return json.digest(repr(row))


def silent_at(since: datetime, heartbeat_s: float | None) -> datetime | None:
    """When an attempt that was last heard of then has been silent for too long."""
    return None if heartbeat_s is None else since + timedelta(seconds=heartbeat_s)
