"""
One instance while a turn changes it: what it was, what it is becoming, what is to be written.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from control_plane.engine import (
    ArmTimer,
    CancelTask,
    CreateTask,
    Decision,
    DisarmTimer,
    Entry,
    Event,
    Machine,
    RepeatTask,
    Snapshot,
    StartChild,
    decide,
    dump_snapshot,
    load_snapshot,
    value_of,
)
from control_plane.lifecycles import may_become
from control_plane.orchestrator import messages
from control_plane.orchestrator.answer import Answer, Verdict
from control_plane.orchestrator.chain import link
from control_plane.orchestrator.deadlines import next_nudge, start_deadline
from control_plane.orchestrator.retrying import dump_policy
from control_plane.ports.ai_tasks import DEFAULT_POLICY, Decided, NewAiTask, NewSuggestion
from control_plane.ports.audit import Noted, NotedChange, Target
from control_plane.ports.instance_store import (
    Change,
    Dealt,
    Decider,
    DeferredEvent,
    InboxEvent,
    NewAnswer,
    NewComment,
    NewOffer,
    NewTask,
    OutboxMessage,
    Release,
    Requeued,
    TakenBusinessKey,
    TaskUpdate,
)
from control_plane.ports.people import Offer, OfferKind, Terms, offers_of
from control_plane.ports.records import (
    HistoryEntry,
    Instance,
    InstanceStatus,
    Task,
    TaskStatus,
)
from control_plane.ports.standing import Standing
from shared import json
from shared.ids import child_instance_id, idempotency_key
from shared.json import Json
from shared.tasks import DEFAULT_QUEUE, TaskType

_STATUS_OF_CLOSED: dict[str, InstanceStatus] = {
    "done": "completed",
    "error": "failed",
    "cancelled": "cancelled",
}


_HOLDERS = ("attempt", "epoch", "lost_epoch", "session_id", "held_since")
"""The columns of a task that say who has had it."""


class Draft:
    """
    Mutable for the length of one turn; `change()` is what comes of it.

    With `traced` decisions carry their traces, and `told` holds those of `tell`.
    """

    def __init__(
        self,
        instance: Instance,
        machine: Machine,
        now: datetime,
        snapshot: Snapshot | None = None,
        *,
        traced: bool = False,
    ) -> None:
        self.told: list[Decision] = []
        self._traced = traced
        self.before = instance
        self.machine = machine
        self.now = now
        self.revision = instance.revision
        self.paused_at = instance.paused_at
        self.inbox: list[InboxEvent] = []
        self.trace_parent = instance.trace_parent
        """Where what is asked for now belongs: to the trace of the call, or of what it follows."""
        self.cause = instance.trace_parent
        """What the call follows: what started the instance, or asked for the task it is about."""
        self.stops_children_by: messages.StopBy = "cancel"
        self.repeats: Mapping[int, Task] = {}
        """The tasks that this turn may repeat, by their numbers."""
        self.snapshot: Snapshot | None = snapshot
        # Who remembers the snapshot has not asked the store, and so not for the inbox either.
        self._expects_empty_inbox = snapshot is not None
        self._told: tuple[Snapshot, str] | None = None
        if instance.revision and snapshot is None:
            self.snapshot = load_snapshot(machine, instance.snapshot, instance.context)
        self._idle = {int(str(ordinal)) for ordinal in _array(instance.idle)}
        self._seq = instance.seq
        self._hash = instance.history_hash
        self._entries: list[HistoryEntry] = []
        self._new_tasks: dict[int, NewTask] = {}
        self._begun: dict[int, TaskUpdate] = {}
        self._updates: dict[int, TaskUpdate] = {}
        self._requeued: dict[int, Requeued] = {}
        self._fences: dict[int, int] = {}
        self._cleared: set[int] = set()
        self._withdrawn: set[int] = set()
        self._armed: dict[str, datetime] = {}
        self._disarmed: set[str] = set()
        self._answers: list[NewAnswer] = []
        self._deferred: dict[int, InboxEvent] = {}
        self._deferrals = 0
        self._applied: list[int] = []
        self._put_off: list[int] = []
        self._business_key: TakenBusinessKey | None = None
        self._outbox: list[OutboxMessage] = []
        self._release: Release | None = None
        self._noted: list[NotedChange] = []
        self._dealt: dict[int, tuple[Task, Dealt]] = {}
        self._added_offers: list[NewOffer] = []
        self._comments: list[NewComment] = []
        self._new_deciders: dict[Decider, None] = {}
        self.known_deciders: frozenset[Decider] = frozenset()
        """As far as the requests of this turn are about them."""
        self._ended_offers: list[int] = []
        self._labels: dict[str, Json] | None = None
        self._repeated: dict[int, int] = {}
        self._ai_tasks: list[NewAiTask] = []
        self._suggested: list[NewSuggestion] = []
        self._decided: list[Decided] = []

    # --- what it is becoming ------------------------------------------------------------

    @property
    def status(self) -> InstanceStatus:
        if self.snapshot is None:
            return "pending"
        closed = _STATUS_OF_CLOSED.get(self.snapshot.status)
        if closed is not None:
            return closed
        return "running" if self.snapshot.tasks.keys() - self._idle else "waiting"

    @property
    def is_closed(self) -> bool:
        return self.snapshot is not None and self.snapshot.status != "active"

    @property
    def paused(self) -> bool:
        return self.paused_at is not None

    @property
    def state(self) -> str:
        snapshot = self.snapshot
        if snapshot is None:
            return "null"
        if self._told is None or self._told[0] is not snapshot:
            self._told = snapshot, json.dump(value_of(self.machine, snapshot))
        return self._told[1]

    def is_touched(self, ordinal: int) -> bool:
        """Whether this turn has already ended, parked or handed back the task."""
        return ordinal in self._updates

    def settled_epoch(self, ordinal: int) -> int | None:
        """The epoch whose outcome this turn has taken in, if it has one of the task."""
        update = self._updates.get(ordinal)
        return None if update is None else update.epoch

    def ended_as(self, task: Task) -> TaskStatus | None:
        """How the task has ended, before this turn or in it; None if it is open."""
        update = self._updates.get(task.ordinal)
        if update is not None and update.completed_at is not None:
            return update.status
        return task.status if task.is_closed else None

    def is_parked(self, task: Task) -> bool:
        """Whether the task waits for somebody who is not an executor."""
        update = self._updates.get(task.ordinal)
        if update is not None:
            return update.status == "running"
        return task.status == "running" and task.lease is None

    def has_begun(self, task: Task) -> bool:
        """Whether the start of the task's present attempt is recorded already."""
        return task.ordinal in self._begun or (
            task.status == "running"
            and task.lease is not None
            and (task.session_id, task.attempt) == (task.lease.session_id, task.lease.attempt)
        )

    def answer(
        self,
        *,
        disposition: str = "APPLIED",
        created: bool = False,
        duplicate: bool = False,
        verdict: Verdict | None = None,
        reason: str = "",
    ) -> Answer:
        return Answer(
            instance_id=self.before.instance_id,
            revision=self.revision,
            status=self.status,
            # Who reports an outcome is not told, and in many regions it takes a while to say.
            state="null" if verdict is not None else self.state,
            disposition=disposition,  # type: ignore[arg-type]  # one of the engine's
            created=created,
            duplicate=duplicate,
            verdict=verdict,
            reason=reason,
            cause=self.cause,
        )

    def follow(self, task: Task) -> None:
        """What is asked for now comes of the task."""
        self.cause = self.trace_parent = task.trace_parent or self.before.trace_parent

    # --- changing it --------------------------------------------------------------------

    def tell(self, event: Event, *, by: str = "", reason: str = "") -> Decision:
        """Let the engine decide, and keep what it decided; `by` is who asked for it, and why."""
        decision = self.consider(event)
        if self._traced:
            self.told.append(decision)
        if by:
            decision.history[0].payload["by"] = by
        if reason:
            decision.history[0].payload["reason"] = reason
        self.keep(decision)
        return decision

    def consider(self, event: Event) -> Decision:
        """What the engine would decide, if it were kept."""
        return decide(self.machine, self.snapshot, event, self.now, trace=self._traced)

    def keep(self, decision: Decision) -> None:
        before = self.snapshot
        if decision.disposition in ("APPLIED", "IGNORED"):
            self.snapshot = decision.snapshot
        for command in decision.commands:
            match command:
                case CreateTask():
                    self._create(command)
                case StartChild():
                    self._start_child(command)
                case RepeatTask():
                    self._repeat(command)
                case CancelTask():
                    assert before is not None
                    task = before.tasks[command.ordinal]
                    self._cancel(command.ordinal, task.type, task.name)
                case ArmTimer():
                    self.arm(command.timer_id, command.due)
                case DisarmTimer():
                    self.disarm(command.timer_id)
        for entry in decision.history:
            self.record(entry)
        self.touch()

    def touch(self) -> None:
        """Something happened that the engine has no part in."""
        self.revision += 1

    def record(self, entry: Entry) -> None:
        """Append to the history."""
        payload = json.dump(entry.payload)
        self._seq += 1
        self._hash = link(self._hash, self._seq, entry.type, payload)
        self._entries.append(
            HistoryEntry(
                seq=self._seq,
                type=entry.type,
                ordinal=entry.ordinal,
                payload=payload,
                hash=self._hash,
                created_at=self.now,
            )
        )

    @property
    def history_hash(self) -> bytes:
        """Of the newest entry so far."""
        return self._hash

    def note(self, noted: Noted, target: Target, before: bytes) -> None:
        """Have the audit log say who did what has happened since the history was at `before`."""
        self._noted.append(NotedChange(noted, target, before, self._hash))

    def disarm(self, timer_id: str) -> None:
        self._armed.pop(timer_id, None)
        self._disarmed.add(timer_id)

    def consume_lease(self, ordinal: int, epoch: int) -> None:
        """This change stands only if the lease is still held at that epoch; it ends with it."""
        self._fences[ordinal] = epoch

    def pause(self) -> None:
        """Nothing moves the instance any more: its timers rest, and what comes is kept."""
        self.paused_at = self.now
        if self.snapshot is not None:
            for timer_id in self.snapshot.timers:
                self.disarm(timer_id)

    def end_pause(self, shift: timedelta) -> None:
        """Tasks can be claimed again. The timers are armed by what the engine is told."""
        self.paused_at = None
        self._release = Release(shift=shift)

    def clear(self, ordinal: int) -> None:
        """Nobody is to claim or hold the task any more, whatever its epoch."""
        self._requeued.pop(ordinal, None)
        self._cleared.add(ordinal)

    def withdraw(self, ordinal: int) -> None:
        """Nobody is to claim the task any more, and whoever has it is to stop by itself."""
        self._requeued.pop(ordinal, None)
        self._withdrawn.add(ordinal)

    def begin(self, update: TaskUpdate) -> None:
        """The task's attempt is under way; whatever else comes of it follows."""
        self._begun[update.ordinal] = update

    def update_task(self, update: TaskUpdate) -> None:
        """What this turn has already taken in of the task's holders stays, unless it says more."""
        before = self._updates.get(update.ordinal)
        if before is not None:
            known = {name: getattr(before, name) for name in _HOLDERS}
            kept = {name: value for name, value in known.items() if getattr(update, name) is None}
            update = replace(update, **kept)
        self._updates[update.ordinal] = update
        self._idle.discard(update.ordinal)

    def park(self, update: TaskUpdate) -> None:
        """The task stays open, with somebody who is not an executor."""
        self.update_task(update)
        self._idle.add(update.ordinal)

    def requeue(
        self, task: Task, update: TaskUpdate, delay: timedelta, *, attempt: int, epoch: int
    ) -> None:
        """Hand the task back, to be claimed again after `delay`, with the hand-outs it had."""
        self.update_task(replace(update, run_at=self.now + delay))
        self._requeued[task.ordinal] = Requeued(
            ordinal=task.ordinal,
            type=task.type,
            queue=task.queue,
            priority=task.priority,
            run_at=self.now + delay,
            attempt=attempt,
            epoch=epoch,
            limit_key=task.limit_key,
        )
        if task.schedule_to_start_s is not None:
            limit = timedelta(seconds=task.schedule_to_start_s)
            self.arm(start_deadline(task.ordinal), self.now + delay + limit)
        if delay:
            self._idle.add(task.ordinal)

    def assignee_of(self, task: Task) -> str | None:
        """Who has taken the task, before this turn or in it."""
        known = self._dealt.get(task.ordinal)
        return task.assignee if known is None else known[1].assignee

    def as_dealt(self, task: Task) -> Task:
        """The task as people find it, with what this turn has done to it."""
        known = self._dealt.get(task.ordinal)
        if known is None:
            return task
        dealt = known[1]
        return replace(
            task,
            assignee=dealt.assignee,
            standing=dealt.standing or task.standing,
            terms=dealt.terms or task.terms,
        )

    def assign(self, task: Task, to: str | None) -> None:
        """The task is somebody's now, or nobody's."""
        before, dealt = self._dealt.get(task.ordinal) or (task, Dealt(task.assignee))
        self._dealt[task.ordinal] = before, dealt._replace(assignee=to)

    def stand(self, task: Task, standing: Standing) -> None:
        """What people have done with the task, or its time, is this by now."""
        before, dealt = self._dealt.get(task.ordinal) or (task, Dealt(task.assignee))
        self._dealt[task.ordinal] = before, dealt._replace(standing=standing.text())

    def offer_more(self, task: Task, terms: Terms) -> None:
        """The task is offered to others as well, and its terms are these by now."""
        found = self.as_dealt(task)
        had = offers_of(found.terms, found.assignee, found.due_at)
        before, dealt = self._dealt.get(task.ordinal) or (task, Dealt(task.assignee))
        text = terms.text()
        self._dealt[task.ordinal] = before, dealt._replace(terms=text)
        has = offers_of(text, found.assignee, found.due_at)
        self._added_offers += [
            NewOffer(task.ordinal, one, task.due_at) for one in sorted(has - had)
        ]

    def comment(self, task: Task, author: str, text: str) -> None:
        """What the newest history entry says was said of the task."""
        self._comments.append(NewComment(task.ordinal, self._seq, author, text))

    def has_decided(self, name: str, user: str) -> bool:
        """Whether this user has decided a task of that name, before this turn or in it."""
        decider = Decider(name, user)
        return decider in self.known_deciders or decider in self._new_deciders

    def decide_by(self, name: str, user: str) -> None:
        """This user has decided a task of that name; STARTER, has started the instance."""
        self._new_deciders[Decider(name, user)] = None

    def end_offers(self, ordinal: int) -> None:
        """The task has ended: people look for it no more, if they did."""
        task = None if self.snapshot is None else self.snapshot.tasks.get(ordinal)
        if task is not None and task.type == TaskType.HUMAN:
            self._ended_offers.append(ordinal)
            if self._has_nudges(task.name):
                self.disarm(next_nudge(ordinal))

    def arm_nudges(self, ordinal: int, terms: Terms) -> None:
        """The task is new, and people are to be reminded of it, or it is to be escalated."""
        if terms.nudges:
            self.arm(next_nudge(ordinal), terms.nudges[0].at)

    def disarm_nudge(self, task: Task) -> None:
        if Terms.of(task.terms).nudges:
            self.disarm(next_nudge(task.ordinal))

    def _has_nudges(self, name: str) -> bool:
        """Whether the definition lets time bring anything to its human tasks of that name."""
        return any(
            plan.name == name and plan.people is not None and plan.people.nudges
            for plan in self.machine.task_plans
        )

    @property
    def labels(self) -> dict[str, Json]:
        """The instance's labels, with what this turn has done to them."""
        return self._labels_before() if self._labels is None else self._labels

    def _labels_before(self) -> dict[str, Json]:
        kept = json.load(self.before.labels)
        return kept if isinstance(kept, dict) else {}

    def relabel(self, labels: dict[str, Json]) -> None:
        self._labels = labels

    def reviewed_by(self, ordinal: int) -> int | None:
        """The AI task about whose suggestion this open task asks a person; None for another."""
        task = None if self.snapshot is None else self.snapshot.tasks.get(ordinal)
        return None if task is None else task.reviews

    def suggest(self, suggestion: NewSuggestion) -> None:
        """Keep what a person was asked about."""
        self._suggested.append(suggestion)

    def decide_suggestion(self, decided: Decided) -> None:
        """Keep what became of that."""
        self._decided.append(decided)

    def remember(self, answer: NewAnswer) -> None:
        self._answers.append(answer)

    def remembered(self, scope: str, key: str) -> NewAnswer | None:
        """What this turn has already answered to the same id."""
        return next((a for a in self._answers if (a.scope, a.key) == (scope, key)), None)

    def take_business_key(self, taken: TakenBusinessKey) -> None:
        self._business_key = taken

    def defer(self, event_id: str, type_: str, payload: Json) -> None:
        """Keep an event for later, behind those already kept. It has no position yet but ours."""
        event = InboxEvent(
            position=-1 - self._deferrals,
            event_id=event_id,
            type=type_,
            payload=json.dump(payload),
            accepted_at=self.now,
            deferred_at=self.revision,
        )
        self._deferrals += 1
        self.inbox.append(event)
        self._deferred[event.position] = event

    def put_by(self, outcome: dict[str, Json]) -> None:
        """Keep how a task has ended until the instance goes on."""
        self.defer("", messages.OUTCOME, outcome)

    def has_outcome_of(self, ordinal: int) -> bool:
        """Whether an outcome of the task is kept until the instance goes on."""
        return any(
            event.type == messages.OUTCOME and messages.ordinal_of(event.payload) == ordinal
            for event in self.inbox
        )

    def put_off(self, event: InboxEvent) -> None:
        """The event has to wait on; the first time it does, that is written down."""
        if event.deferred_at is None:
            self._put_off.append(event.position)
            self.inbox[self.inbox.index(event)] = replace(event, deferred_at=self.revision)

    def read_from_inbox(self, position: int) -> None:
        """The instance was started by a row of the inbox, which is done with."""
        self._applied.append(position)

    def arm(self, timer_id: str, due: datetime) -> None:
        self._armed[timer_id] = due
        self._disarmed.discard(timer_id)

    def take_from_inbox(self, event: InboxEvent) -> None:
        self.inbox.remove(event)
        if self._deferred.pop(event.position, None) is None:
            self._applied.append(event.position)

    # --- what comes of it ---------------------------------------------------------------

    def change(self) -> Change | None:
        """Everything to be written, or None if nothing happened."""
        if self.revision == self.before.revision:
            return None
        if self.is_closed:
            self._turn_away_the_rest()
            if self.before.completed_at is None:
                self._tell_parent()
        return Change(
            after=self._after(),
            expected_revision=self.before.revision,
            entries=self._entries,
            new_tasks=list(self._new_tasks.values()),
            updated_tasks=list({**self._begun, **self._updates}.values()),
            requeued=list(self._requeued.values()),
            fences=list(self._fences.items()),
            cleared=sorted(self._cleared),
            withdrawn=sorted(self._withdrawn - self._cleared),
            armed=self._armed,
            disarmed=sorted(self._disarmed),
            answers=self._answers,
            business_key=self._business_key,
            deferred=[
                DeferredEvent(
                    event_id=event.event_id,
                    type=event.type,
                    payload=event.payload,
                    deferred_at=event.deferred_at or self.revision,
                )
                for event in self._deferred.values()
            ],
            applied=self._applied,
            put_off=self._put_off,
            expects_empty_inbox=self._expects_empty_inbox,
            outbox=self._outbox,
            release=self._release,
            dealt={ordinal: dealt for ordinal, (_, dealt) in self._dealt.items()},
            deciders=list(self._new_deciders),
            comments=self._comments,
            offered=self._offered(),
            unoffered=self._unoffered(),
            repeated=self._repeated,
            labels_changed=self._labels is not None,
            labelled=_difference(self.labels, self._labels_before()) if self._labels else {},
            unlabelled=_difference(self._labels_before(), self._labels)
            if self._labels is not None
            else {},
            ai_tasks=self._ai_tasks,
            suggested=self._suggested,
            decided=self._decided,
            noted=self._noted,
        )

    def _offered(self) -> list[NewOffer]:
        """Where open tasks are found from now on that were not found there before."""
        found = [
            NewOffer(new.ordinal, offer, new.due_at)
            for new in self._new_tasks.values()
            if (new.terms or new.due_at or new.assignee)
            and new.type is TaskType.HUMAN
            and not new.is_cancelled
            for offer in sorted(offers_of(new.terms, new.assignee, new.due_at))
        ]
        for ordinal, (task, dealt) in self._dealt.items():
            to = dealt.assignee
            if to is not None and to != task.assignee and ordinal not in self._ended_offers:
                found.append(NewOffer(ordinal, Offer("assignee", to), task.due_at))
        if self._added_offers:
            found += [one for one in self._added_offers if one.ordinal not in self._ended_offers]
        return found

    def _unoffered(self) -> list[tuple[int, OfferKind | None]]:
        found: list[tuple[int, OfferKind | None]] = [(one, None) for one in self._ended_offers]
        for ordinal, (task, dealt) in self._dealt.items():
            is_left = task.assignee not in {None, dealt.assignee}
            if is_left and ordinal not in self._ended_offers:
                found.append((ordinal, "assignee"))
        return found

    def _turn_away_the_rest(self) -> None:
        """The instance has ended with events in its inbox: nothing accepted goes without a word."""
        for event in tuple(self.inbox):
            if event.type == messages.OUTCOME:
                self.record(messages.stopped(event.payload))
                self.take_from_inbox(event)
                continue
            self.record(
                Entry(
                    type="EVENT_REJECTED",
                    payload={
                        "event_id": event.event_id,
                        "type": event.type,
                        "payload": json.load(event.payload),
                        "reason": "INSTANCE_CLOSED",
                        "message": f"the instance was {self.status} before it could take the event",
                    },
                )
            )
            self.take_from_inbox(event)

    def _tell_parent(self) -> None:
        assert self.snapshot is not None
        message = messages.tell_parent(self.before, self.snapshot)
        if message is not None:
            self._outbox.append(message)

    def _after(self) -> Instance:
        snapshot = self.snapshot
        if snapshot is None:
            return replace(self.before, revision=self.revision, seq=self._seq)
        if not may_become(self.before.status, self.status):
            raise RuntimeError(
                f"an instance that is {self.before.status} cannot become {self.status}"
            )
        return replace(
            self.before,
            status=self.status,
            paused_at=None if self.is_closed else self.paused_at,
            revision=self.revision,
            seq=self._seq,
            history_hash=self._hash,
            current_state=self.state,
            labels=self.before.labels if self._labels is None else json.dump(self._labels),
            context=json.dump(snapshot.context),
            snapshot=dump_snapshot(snapshot, with_context=False).decode(),
            idle=json.dump(list[Json](sorted(self._idle & snapshot.tasks.keys()))),
            output=None if snapshot.output is None else json.dump(snapshot.output),
            last_error=None if snapshot.error is None else json.dump(snapshot.error),
            updated_at=self.now,
            completed_at=(self.before.completed_at or self.now) if self.is_closed else None,
        )

    def _create(self, command: CreateTask) -> None:
        run_at = max(command.run_at or self.now, self.now)
        timeout = command.timeout
        self._new_tasks[command.ordinal] = NewTask(
            ordinal=command.ordinal,
            name=command.name,
            type=command.type,
            function=command.function,
            queue=command.queue,
            priority=command.priority,
            run_at=run_at,
            max_attempts=command.retry.max_attempts,
            idempotency_key=idempotency_key(self.before.instance_id, command.ordinal),
            input=json.dump(command.input),
            retry=dump_policy(command.retry),
            timeout_s=_seconds(timeout.start_to_close),
            schedule_to_start_s=_seconds(timeout.schedule_to_start),
            heartbeat_s=_seconds(timeout.heartbeat),
            child=None,
            detached=command.detached,
            limit_key=command.limit_key,
            trace_parent=self.trace_parent,
            terms=None if command.terms is None else json.dump(command.terms),
            due_at=command.due,
        )
        if command.type is TaskType.AI:
            policy = command.policy or DEFAULT_POLICY
            self._ai_tasks.append(
                NewAiTask(command.ordinal, policy, command.events, command.guardrails)
            )
        if run_at > self.now:
            self._idle.add(command.ordinal)
        if timeout.schedule_to_start is not None:
            self.arm(start_deadline(command.ordinal), run_at + timeout.schedule_to_start)
        if command.terms is not None and "nudges" in command.terms:
            self.arm_nudges(command.ordinal, Terms.of(self._new_tasks[command.ordinal].terms))

    def _start_child(self, command: StartChild) -> None:
        self._new_tasks[command.ordinal] = NewTask(
            ordinal=command.ordinal,
            name=command.name,
            type=TaskType.WORKFLOW,
            function=command.definition,
            queue=DEFAULT_QUEUE,
            priority=0,
            run_at=self.now,
            max_attempts=1,
            idempotency_key=idempotency_key(self.before.instance_id, command.ordinal),
            input=json.dump(command.input),
            retry=None,
            timeout_s=None,
            schedule_to_start_s=None,
            heartbeat_s=None,
            child=messages.dump_child(command),
            detached=command.detached,
            trace_parent=self.trace_parent,
        )
        self._say_start(self._new_tasks[command.ordinal])

    def _say_start(self, task: NewTask) -> None:
        self._idle.add(task.ordinal)
        self._outbox.append(messages.start_child(self.before, task))

    def _repeat(self, command: RepeatTask) -> None:
        """The same work under a new number: the outside world takes it for another attempt."""
        was = self.repeats[command.of]
        self._repeated[command.of] = command.ordinal
        run_at = max(was.run_at, self.now)
        terms = Terms.of(was.terms).after(self.now)
        self._new_tasks[command.ordinal] = NewTask(
            ordinal=command.ordinal,
            name=was.name,
            type=was.type,
            function=was.function,
            queue=was.queue,
            priority=was.priority,
            run_at=run_at,
            max_attempts=was.max_attempts,
            idempotency_key=was.idempotency_key,
            input=was.input,
            retry=was.retry,
            timeout_s=was.timeout_s,
            schedule_to_start_s=was.schedule_to_start_s,
            heartbeat_s=was.heartbeat_s,
            child=was.child,
            detached=was.detached,
            limit_key=was.limit_key,
            trace_parent=self.trace_parent,
            terms=None if was.terms is None else terms.text(),
            due_at=was.due_at,
            assignee=was.assignee,
        )
        if was.type is TaskType.AI:
            self._ai_tasks.append(NewAiTask(command.ordinal, repeats=command.of))
        if was.type is TaskType.WORKFLOW:
            self._say_start(self._new_tasks[command.ordinal])
        elif run_at > self.now:
            self._idle.add(command.ordinal)
        if was.schedule_to_start_s is not None:
            limit = timedelta(seconds=was.schedule_to_start_s)
            self.arm(start_deadline(command.ordinal), run_at + limit)
        if terms.nudges:
            self.arm_nudges(command.ordinal, terms)

    def _cancel(self, ordinal: int, type_: str, name: str) -> None:
        """
        Nobody can claim the task any more. Whoever has it keeps the lease for as long as it
        takes to stop, and may say how it ended.
        """
        self._idle.discard(ordinal)
        if type_ == TaskType.HUMAN and self._has_nudges(name):
            self.disarm(next_nudge(ordinal))
        if type_ == TaskType.WORKFLOW:
            child = child_instance_id(self.before.instance_id, ordinal)
            self._outbox.append(messages.stop_child(child, self.stops_children_by))
        if ordinal in self._new_tasks:
            self._new_tasks[ordinal] = replace(self._new_tasks[ordinal], is_cancelled=True)
            return
        self.withdraw(ordinal)
        if type_ == TaskType.HUMAN:
            self._ended_offers.append(ordinal)
        self.update_task(
            TaskUpdate(ordinal=ordinal, status="cancelled", type=type_, completed_at=self.now)
        )


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _difference(one: dict[str, Json], other: dict[str, Json]) -> dict[str, str]:
    """The labels of one that the other has not, or with another value."""
    return {name: str(value) for name, value in one.items() if other.get(name) != value}


def _array(text: str) -> list[Json]:
    value = json.load(text)
    if not isinstance(value, list):
        raise TypeError("an instance's idle tasks are a list")
    return value
