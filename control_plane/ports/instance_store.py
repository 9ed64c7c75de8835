"""
What the orchestrator reads before a turn and writes after it.

A turn is optimistic: `read` takes no lock, `write` keeps a change only if the instance
is still at the revision that was read and every lease the change settles is still
held at its epoch. What is not kept was overtaken; the orchestrator reads it afresh.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol, TypeAlias
from uuid import UUID

from control_plane.ports.ai_tasks import Decided, NewAiTask, NewSuggestion
from control_plane.ports.audit import NotedChange
from control_plane.ports.people import Offer, OfferKind
from control_plane.ports.records import (
    DefinitionStatus,
    HistoryEntry,
    Instance,
    InstanceKey,
    InstanceStatus,
    JsonText,
    Lease,
    Task,
    TaskStatus,
)
from shared.errors import Conflict, Unavailable
from shared.frozen import frozen
from shared.ids import DefinitionId, InstanceId, SessionId, TenantId
from shared.tasks import TaskType


class TaskKey(NamedTuple):
    tenant_id: TenantId
    instance_id: InstanceId
    ordinal: int


class Decider(NamedTuple):
    """Who decided a human task of that name in an instance; STARTER is of who started it."""

    task: str
    user: str


REQUEST_SCOPE = "request"
"""The scope of request ids."""


class IdempotencyKey(NamedTuple):
    """Scope is REQUEST_SCOPE for request ids, and the instance's id for event ids."""

    tenant_id: TenantId
    scope: str
    key: str


class BusinessKey(NamedTuple):
    tenant_id: TenantId
    definition_key: str
    business_key: str


class DefinitionName(NamedTuple):
    """A definition by its id, or by its key: that version of it, or the active one."""

    tenant_id: TenantId
    definition_id: DefinitionId | None
    key: str
    version: int | None = None


@frozen
class DefinitionRef:
    """As much of a definition as a start needs."""

    definition_id: DefinitionId
    key: str
    version: int
    status: DefinitionStatus
    spec_hash: bytes


@frozen
class StoredAnswer:
    """What a request id or event id was answered, and the hash of what had been asked."""

    fingerprint: bytes
    answer: JsonText


@frozen
class InboxEvent:
    """
    An event accepted and not applied yet. `deferred_at`: the revision that put it off. `known`:
    of one that nobody has tried, the fingerprint of what was answered under its id, if anything.
    """

    position: int
    event_id: str
    type: str
    payload: JsonText
    accepted_at: datetime
    deferred_at: int | None
    known: bytes | None = None


class KeyHolder(NamedTuple):
    """The newest instance of a business key, how it stands, and how often the key was taken."""

    instance_id: InstanceId
    status: InstanceStatus
    revision: int
    current_state: JsonText
    takings: int


@frozen
class Wanted:
    """What a turn's requests need to know."""

    instances: Sequence[InstanceKey] = ()
    tasks: Sequence[TaskKey] = ()
    with_people: Sequence[TaskKey] = ()
    """Those of the tasks of which it has to be known what people may do with them."""
    definitions: Sequence[DefinitionName] = ()
    idempotency: Sequence[IdempotencyKey] = ()
    business_keys: Sequence[BusinessKey] = ()
    exactly_now: bool = True
    """Whether it matters if the time that is told is some milliseconds ahead."""

    @property
    def is_nothing(self) -> bool:
        """Whether about what time it is is all."""
        return not (self.exactly_now or self.instances or self.tasks or self.has_names)

    @property
    def has_names(self) -> bool:
        """Whether anything is to be found by name."""
        return bool(self.definitions or self.idempotency or self.business_keys)


@frozen
class Read:
    """
    What was found; what is absent does not exist. `now` is the database's clock.

    `inbox` has the events of every instance that was read, in accepted order.
    """

    now: datetime
    instances: Mapping[InstanceKey, Instance] = field(default_factory=dict)
    tasks: Mapping[TaskKey, Task] = field(default_factory=dict)
    definitions: Mapping[DefinitionName, DefinitionRef] = field(default_factory=dict)
    answers: Mapping[IdempotencyKey, StoredAnswer] = field(default_factory=dict)
    holders: Mapping[BusinessKey, KeyHolder] = field(default_factory=dict)
    inbox: Mapping[InstanceKey, Sequence[InboxEvent]] = field(default_factory=dict)
    deciders: Mapping[InstanceKey, frozenset[Decider]] = field(default_factory=dict)
    """Of the tasks `with_people` whose terms keep some from deciding them: those it may concern."""


@frozen
class NewTask:
    """
    A task that a decision creates. It is ready at once, or delayed until `run_at`; a child
    instance (WORKFLOW) is running from the start, and never handed out.

    `is_cancelled` is for one that a later decision of the same turn took back: its row is
    written as cancelled, and nobody can claim it.
    """

    ordinal: int
    name: str
    type: TaskType
    function: str | None
    queue: str
    priority: int
    run_at: datetime
    max_attempts: int
    idempotency_key: UUID
    input: JsonText
    retry: JsonText | None
    timeout_s: float | None
    schedule_to_start_s: float | None
    heartbeat_s: float | None
    child: JsonText | None
    detached: bool
    trace_parent: str | None
    limit_key: str | None = None
    is_cancelled: bool = False
    terms: JsonText | None = None
    due_at: datetime | None = None
    assignee: str | None = None

    @property
    def status(self) -> TaskStatus:
        """What it begins with."""
        if self.is_cancelled:
            return "cancelled"
        return "running" if self.type is TaskType.WORKFLOW else "pending"

    def created(self, key: InstanceKey, at: datetime, lease: Lease | None = None) -> Task:
        """The task of that instance as it is read from the store once it is kept."""
        return Task(
            tenant_id=key.tenant_id,
            instance_id=key.instance_id,
            ordinal=self.ordinal,
            name=self.name,
            type=self.type,
            function=self.function,
            queue=self.queue,
            priority=self.priority,
            status=self.status,
            run_at=self.run_at,
            attempt=0,
            max_attempts=self.max_attempts,
            epoch=0,
            lost_epoch=0,
            session_id=None,
            held_since=None,
            idempotency_key=self.idempotency_key,
            input=self.input,
            output=None,
            error=None,
            retry=self.retry,
            timeout_s=self.timeout_s,
            schedule_to_start_s=self.schedule_to_start_s,
            heartbeat_s=self.heartbeat_s,
            child=self.child,
            detached=self.detached,
            limit_key=self.limit_key,
            trace_parent=self.trace_parent,
            created_at=at,
            completed_at=at if self.is_cancelled else None,
            lease=lease,
            terms=self.terms,
            due_at=self.due_at,
            assignee=self.assignee,
        )


@frozen
class TaskUpdate:
    """
    What became of a task: it ended, was parked with people, or is to be tried again.

    None leaves a column as it is, `completed_at` apart: it is set when the task ended.
    """

    ordinal: int
    status: TaskStatus
    type: str | None = None
    """The task's, where it ended and that is known: it is counted, and not written."""
    attempt: int | None = None
    epoch: int | None = None
    lost_epoch: int | None = None
    session_id: SessionId | None = None
    held_since: datetime | None = None
    output: JsonText | None = None
    error: JsonText | None = None
    run_at: datetime | None = None
    completed_at: datetime | None = None


@frozen
class Requeued:
    """A task handed back: claimable from `run_at` on, with the hand-outs it has had."""

    ordinal: int
    type: TaskType
    queue: str
    priority: int
    run_at: datetime
    attempt: int
    epoch: int
    limit_key: str | None = None


class Dealt(NamedTuple):
    """
    How a task stands with people from now on: who has it, and, where not None, what they have
    done with it and what is said of it.
    """

    assignee: str | None
    standing: JsonText | None = None
    terms: JsonText | None = None


class NewComment(NamedTuple):
    """Something that somebody said of a task. `seq` is that of its history entry."""

    ordinal: int
    seq: int
    author: str
    text: str


class NewOffer(NamedTuple):
    """Where an open human task is found from now on."""

    ordinal: int
    offer: Offer
    due_at: datetime | None


@frozen
class NewAnswer:
    scope: str
    key: str
    fingerprint: bytes
    answer: JsonText


@frozen
class DeferredEvent:
    event_id: str
    type: str
    payload: JsonText
    deferred_at: int


@frozen
class TakenBusinessKey:
    """
    The instance takes a business key: a free one, or the one of `previous`, if nobody has
    taken it since. One that comes to life again takes its own.
    """

    business_key: str
    previous: KeyHolder | None


OutboxKind: TypeAlias = Literal["START_CHILD", "STOP_CHILD", "TELL_PARENT"]


@frozen
class OutboxMessage:
    """What an instance has to say to another, to be delivered after the commit."""

    kind: OutboxKind
    payload: JsonText


@frozen
class Release:
    """
    The end of a pause: withheld tasks can be claimed again. TIMER tasks that nobody has yet
    are due `shift` later than they were.
    """

    shift: timedelta


@frozen
class Change:
    """
    Everything one turn does to one instance. Kept in whole or not at all.

    `after` is the instance's row from now on; `expected_revision` the one that must be
    there, 0 for an instance that must not exist yet. `fences` are the leases (ordinal,
    epoch) that must be held, and end. `cleared` are tasks that nobody is to claim or hold
    any more, whatever their epoch.

    While `after` is paused, what becomes claimable is withheld until a `release`; so is what
    was claimable before, from the moment somebody tries to claim it.
    """

    after: Instance
    expected_revision: int
    entries: Sequence[HistoryEntry] = ()
    new_tasks: Sequence[NewTask] = ()
    handed: Mapping[int, SessionId] = field(default_factory=dict)
    """
    New tasks that an executor's session has from the start, by attempt 1 and epoch 1. They are
    never ready. One whose session has ended meanwhile is rescued like any other. Of a tenant
    that has limits, which claims alone count, a change that has any is not kept.
    """
    updated_tasks: Sequence[TaskUpdate] = ()
    requeued: Sequence[Requeued] = ()
    fences: Sequence[tuple[int, int]] = ()
    cleared: Sequence[int] = ()
    withdrawn: Sequence[int] = ()
    """Tasks that nobody is to claim any more, and whose holder is to stop by itself."""
    armed: Mapping[str, datetime] = field(default_factory=dict)
    disarmed: Sequence[str] = ()
    answers: Sequence[NewAnswer] = ()
    business_key: TakenBusinessKey | None = None
    deferred: Sequence[DeferredEvent] = ()
    applied: Sequence[int] = ()
    """Positions of the inbox events that are done with."""
    put_off: Sequence[int] = ()
    """Positions of the inbox events that were tried and have to wait on."""
    expects_empty_inbox: bool = False
    """Whether it was made without a look at the inbox: it is not kept if something is there."""
    outbox: Sequence[OutboxMessage] = ()
    release: Release | None = None
    dealt: Mapping[int, Dealt] = field(default_factory=dict)
    """How tasks that were there before stand with people."""
    deciders: Sequence[Decider] = ()
    """Who has decided what, to be kept once each."""
    comments: Sequence[NewComment] = ()
    offered: Sequence[NewOffer] = ()
    unoffered: Sequence[tuple[int, OfferKind | None]] = ()
    """Tasks that are found no more as what kind of offer; as none at all without one."""
    repeated: Mapping[int, int] = field(default_factory=dict)
    """Tasks that had ended, whose work is begun anew; by the number of the new task."""
    labels_changed: bool = False
    """Whether the labels of `after` are others than they were."""
    labelled: Mapping[str, str] = field(default_factory=dict)
    """Those that are new, or have another value, of an instance that was there before."""
    unlabelled: Mapping[str, str] = field(default_factory=dict)
    """What is no longer so of its labels, as it was."""
    ai_tasks: Sequence[NewAiTask] = ()
    """Those of the new tasks that a model is to be asked for."""
    suggested: Sequence[NewSuggestion] = ()
    decided: Sequence[Decided] = ()
    """What became of suggestions; of an AI task without one it says nothing."""
    noted: Sequence[NotedChange] = ()
    """What the audit log is to say of it."""

    @property
    def key(self) -> InstanceKey:
        return self.after.key


class KeyTaken(Conflict):
    """
    A request id, event id or business key of the batch was taken by another writer
    since it was read. Nothing of the batch was kept; one instance at a time will tell whose.
    """


class WriteRefused(Exception):
    """The store cannot take what it was given, and keeps nothing of it: a bug in the changes."""


class StoreUnavailable(Unavailable):
    """The store cannot be reached. After a `write`, what was to be kept may have been kept."""

    reason = "OUTCOME_UNKNOWN"


class InstanceStore(Protocol):
    async def read(self, wanted: Wanted) -> Read:
        """Everything asked for, as committed, without a lock. Raises StoreUnavailable."""

    async def write(self, changes: Sequence[Change]) -> frozenset[InstanceKey]:
        """
        Keep the changes in one transaction, and tell which were kept.

        A change is left out if its instance is at another revision or is being written
        at this moment, or if one of its fences is gone. Never waits for a lock. Raises KeyTaken,
        keeping nothing, if an idempotency or business key exists by now, WriteRefused, keeping
        nothing, and StoreUnavailable, with the outcome unknown.
        """
