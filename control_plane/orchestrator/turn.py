"""
One turn of the orchestrator: what was asked while the last commit ran becomes one read,
one decision an event, and one write. Nobody else commits a decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from control_plane.engine import Machine
from control_plane.orchestrator import (
    fold,
    fold_ai,
    fold_comments,
    fold_delegation,
    fold_nudges,
    fold_people,
    fold_tasks,
    fold_votes,
)
from control_plane.orchestrator.answer import Answer
from control_plane.orchestrator.chain import GENESIS
from control_plane.orchestrator.continuations import Continuation, Continuations
from control_plane.orchestrator.deadlines import task_of_deadline, task_of_nudge
from control_plane.orchestrator.draft import Draft
from control_plane.orchestrator.hands import Hands
from control_plane.orchestrator.machines import MachineKey, Machines
from control_plane.orchestrator.request import (
    ApplyInbox,
    Assign,
    Begin,
    Cancel,
    CastVote,
    ChildEnded,
    Claim,
    CommentOn,
    Delegate,
    Expire,
    FallSilent,
    Fire,
    GiveBack,
    Hasten,
    OnClosed,
    OnRunning,
    ParentClosed,
    Pause,
    Redrive,
    Relabel,
    Report,
    Request,
    Resolve,
    Resume,
    Retry,
    Send,
    Settle,
    Skip,
    Start,
    Terminate,
    Unclaim,
)
from control_plane.ports.audit import Target
from control_plane.ports.duties import STARTER
from control_plane.ports.instance_store import (
    REQUEST_SCOPE,
    BusinessKey,
    Change,
    DefinitionName,
    DefinitionRef,
    IdempotencyKey,
    InstanceStore,
    KeyHolder,
    KeyTaken,
    NewAnswer,
    Read,
    TakenBusinessKey,
    TaskKey,
    Wanted,
    WriteRefused,
)
from control_plane.ports.records import CLOSED_INSTANCE, Instance, InstanceKey, Task
from shared import json
from shared.errors import AlreadyExists, FoliotError, NotFound, PreconditionFailed
from shared.failpoints import failpoint
from shared.frozen import frozen
from shared.ids import SessionId
from shared.ids import task_id as make_task_id
from shared.json import Json

_BY_PEOPLE = frozenset({"HUMAN", "AI"})
"""Tasks that may have to know who started their instance."""

STILL_NOW = timedelta(seconds=2)
"""For so long after a timer's instant, what was decided as of it may be kept."""


@frozen
class Turn:
    """
    What came of a batch, in its order: an answer or an error for each request that is settled,
    and the requests whose instance somebody else was writing, to be tried again with fresh state.
    """

    answers: Sequence[tuple[Request, Answer | FoliotError]]
    again: Sequence[Request]
    kept: Sequence[Change]
    now: datetime


async def take_turn(
    store: InstanceStore,
    machines: Machines,
    hands: Hands,
    continuations: Continuations,
    requests: Sequence[Request],
) -> Turn:
    """
    Decide a batch of requests and keep what was decided, in one transaction.

    An instance that somebody else is writing is skipped, not waited for. Raises what the
    store raises: KeyTaken, WriteRefused and StoreUnavailable, with no request answered. What
    `kept` hands out is still to be delivered.
    """
    recalled = continuations.recall(requests)
    read = await store.read(_wanted(requests, recalled))
    batch = _Batch(read, recalled, await machines.load(_machines_of(read, recalled)))
    for request in requests:
        batch.apply(request)
    changes = hands.hand_out(batch.changes(), _reporters(requests))
    kept = await _keep(store, hands, changes)
    for change in changes:
        if change.key in kept:
            draft = batch.draft(change.key)
            if draft is not None:
                continuations.remember(draft, change, recalled.get(change.key))
    overtaken = {change.key for change in changes} - kept
    born = {change.key: change.after for change in changes if not change.expected_revision}
    return Turn(
        answers=[
            (r, replace(a, instance=born[r.key]) if isinstance(a, Answer) and r.key in born else a)
            for r, a in batch.answers
            if r.key not in overtaken
        ],
        again=[r for r, _ in batch.answers if r.key in overtaken],
        kept=[change for change in changes if change.key in kept],
        now=read.now,
    )


async def _keep(
    store: InstanceStore, hands: Hands, changes: Sequence[Change]
) -> frozenset[InstanceKey]:
    kept = frozenset[InstanceKey]()
    try:
        await failpoint("turn.decided")
        if changes:
            kept = await store.write(changes)
        await failpoint("turn.committed")
    except (KeyTaken, WriteRefused):
        hands.take_back(changes)
        raise
    except BaseException:
        hands.doubt(changes)
        raise
    hands.refused(change for change in changes if change.key not in kept)
    return kept


def _reporters(requests: Sequence[Request]) -> dict[InstanceKey, SessionId]:
    return {
        request.key: request.asked.session_id
        for request in requests
        if isinstance(request.asked, Report) and request.asked.session_id is not None
    }


class _Batch:
    """The drafts of one turn, and what each request came to."""

    def __init__(
        self,
        read: Read,
        recalled: Mapping[InstanceKey, Continuation],
        machines: Mapping[MachineKey, Machine],
    ) -> None:
        self._read = read
        self._recalled = recalled
        self._foreseen: list[Change] = []
        self._machines = machines
        self._drafts: dict[InstanceKey, Draft] = {}
        self._remembered: dict[IdempotencyKey, NewAnswer] = {}
        self.answers: list[tuple[Request, Answer | FoliotError]] = []

    def draft(self, key: InstanceKey) -> Draft | None:
        """None of an instance whose change was foreseen."""
        return self._drafts.get(key)

    def changes(self) -> list[Change]:
        drafted = [change for draft in self._drafts.values() if (change := draft.change())]
        return self._foreseen + drafted

    def apply(self, request: Request) -> None:
        try:
            answer: Answer | FoliotError = (
                self._once(request) if request.noted is None else self._noted(request)
            )
        except FoliotError as error:
            answer = error
        self.answers.append((request, answer))

    def _noted(self, request: Request) -> Answer:
        """As `_once`, for an audited call: what came of it is written down, if anything did."""
        draft = None if isinstance(request.asked, Start) else self._draft(request.key)
        before = None if draft is None else draft.history_hash
        answer = self._once(request)
        if draft is not None and before is not None and not answer.duplicate:
            assert request.noted is not None
            draft.note(request.noted, _target(request), before)
        return answer

    def _once(self, request: Request) -> Answer:
        """Answer a request, or give the answer its request id got before."""
        repeatable = request.repeatable
        if repeatable is None:
            return self._answer(request)
        key = IdempotencyKey(request.tenant_id, REQUEST_SCOPE, repeatable.request_id)
        known = self._read.answers.get(key) or self._remembered.get(key)
        if known is not None:
            if known.fingerprint != repeatable.fingerprint:
                raise AlreadyExists(
                    f"request id {repeatable.request_id!r} was used for another request; give"
                    " each request its own id, and repeat a request unchanged",
                    reason="IDEMPOTENCY_MISMATCH",
                    metadata={"request_id": repeatable.request_id},
                )
            return Answer.repeated(known.answer)
        answer = self._answer(request)
        draft = self._drafts.get(request.key)
        if draft is not None:
            self._remembered[key] = NewAnswer(
                scope=REQUEST_SCOPE,
                key=repeatable.request_id,
                fingerprint=repeatable.fingerprint,
                answer=answer.stored(),
            )
            draft.touch()
            draft.remember(self._remembered[key])
        return answer

    def _answer(self, request: Request) -> Answer:
        asked = request.asked
        if isinstance(asked, Start):
            return self._start(request, asked)
        known_ahead = self._recalled.get(request.key)
        foreseen = None if known_ahead is None else known_ahead.foreseen
        if foreseen is not None and foreseen.asked == asked and self._is_time_for(foreseen.asked):
            self._foreseen.append(foreseen.change)
            return foreseen.answer
        draft = self._draft(request.key)
        if draft is None:
            raise NotFound("instance", str(request.instance_id))
        draft.cause = draft.before.trace_parent
        draft.trace_parent = request.trace_parent or draft.cause
        match asked:
            case Send():
                known = self._read.answers.get(_event_key(request.key, asked.event_id))
                return fold.send(draft, asked, known)
            case Begin():
                return fold_tasks.begin(draft, asked, self._task(request.key, asked.ordinal))
            case Report():
                return fold_tasks.report(draft, asked, self._task(request.key, asked.ordinal))
            case Resolve():
                return fold_ai.resolve(draft, asked, self._task(request.key, asked.ordinal))
            case Settle():
                return fold_tasks.settle(draft, asked, self._task(request.key, asked.ordinal))
            case Claim():
                return fold_people.claim(draft, asked, self._task(request.key, asked.ordinal))
            case Unclaim():
                return fold_people.unclaim(draft, asked, self._task(request.key, asked.ordinal))
            case Assign():
                return fold_people.assign(draft, asked, self._task(request.key, asked.ordinal))
            case CastVote():
                return fold_votes.vote(draft, asked, self._task(request.key, asked.ordinal))
            case Delegate():
                task = self._task(request.key, asked.ordinal)
                return fold_delegation.delegate(draft, asked, task)
            case GiveBack():
                task = self._task(request.key, asked.ordinal)
                return fold_delegation.give_back(draft, asked, task)
            case CommentOn():
                return fold_comments.comment(draft, asked, self._task(request.key, asked.ordinal))
            case Skip():
                return fold_people.skip_task(draft, asked, self._task(request.key, asked.ordinal))
            case Hasten():
                return fold_people.hasten(draft, asked, self._task(request.key, asked.ordinal))
            case Relabel():
                return fold.relabel(draft, asked)
            case Expire():
                return fold_tasks.expire(draft, asked, self._task(request.key, asked.ordinal))
            case Fire(due=due) if due > self._read.now:
                # Whoever asks goes by a clock that is ahead of the database's.
                return draft.answer(disposition="DEFERRED")
            case FallSilent():
                return fold_tasks.fall_silent(draft, asked, self._task(request.key, asked.ordinal))
            case Fire():
                ordinal = task_of_deadline(asked.timer_id)
                task = None if ordinal is None else self._task(request.key, ordinal)
                if task is not None:
                    return fold_tasks.miss_start(draft, asked, task)
                ordinal = task_of_nudge(asked.timer_id)
                task = None if ordinal is None else self._task(request.key, ordinal)
                if task is not None:
                    return fold_nudges.nudge(draft, asked, task)
                return fold.fire(draft, asked)
            case Cancel():
                return fold.cancel(draft, asked)
            case Terminate():
                return fold.terminate(draft, asked)
            case Pause():
                return fold.pause(draft, asked)
            case Resume():
                return fold.resume(draft, asked)
            case Retry():
                return self._retry(request, draft, asked)
            case Redrive():
                return fold_tasks.redrive(draft, asked, self._task(request.key, asked.ordinal))
            case ParentClosed():
                return fold.close_with_parent(draft, asked)
            case ChildEnded():
                task = self._task(request.key, asked.ordinal)
                return fold_tasks.hear_of_child(draft, asked, task)
            case ApplyInbox():
                fold.apply_inbox(draft)
                if draft.is_closed and draft.inbox:
                    draft.touch()
                return draft.answer()

    def _is_time_for(self, asked: Fire) -> bool:
        """Whether the timer's instant has come, and is not long gone: it is told as its time."""
        return timedelta(0) <= self._read.now - asked.due <= STILL_NOW

    def _start(self, request: Request, asked: Start) -> Answer:
        before = self._read.instances.get(request.key)
        if before is not None:
            # Its commit's outcome had been unknown; now it is known to have happened.
            if asked.then is not None:
                return self._answer(replace(request, asked=asked.then))
            return _as_it_stands(before, created=True)
        name = _definition_name(request, asked)
        definition = self._read.definitions.get(name)
        if definition is None:
            if asked.definition_id is not None:
                raise NotFound("definition", str(asked.definition_id))
            raise NotFound("definition", asked.definition_key, by="key")
        is_pinned = asked.version is not None and definition.status == "inactive"
        if definition.status != "active" and not is_pinned:
            raise PreconditionFailed(
                f"definition {definition.key!r} version {definition.version} is"
                f" {definition.status}; activate it, then start instances of it",
                reason="DEFINITION_NOT_ACTIVE",
                metadata={
                    "definition_id": str(definition.definition_id),
                    "definition_key": definition.key,
                },
            )
        taken = None
        if asked.business_key is not None:
            holder = self._read.holders.get(
                BusinessKey(request.tenant_id, asked.definition_key, asked.business_key)
            )
            if holder is not None and not _may_follow(holder, asked):
                return _instead(holder, asked)
            taken = TakenBusinessKey(
                business_key=asked.business_key,
                previous=holder,
            )
        machine = self._machines[request.tenant_id, definition.definition_id]
        draft = Draft(_newborn(request, asked, definition, self._read.now), machine, self._read.now)
        answer = fold.start(draft, asked)
        if asked.starter not in {"", asked.started_by} and machine.task_types & _BY_PEOPLE:
            draft.decide_by(STARTER, asked.starter)
        if taken is not None:
            draft.take_business_key(taken)
        self._drafts[request.key] = draft
        return answer

    def _retry(self, request: Request, draft: Draft, asked: Retry) -> Answer:
        """A failed instance comes to life again only while its business key is its own."""
        holder = None
        business_key = draft.before.business_key
        if business_key is not None and draft.is_closed:
            name = BusinessKey(request.tenant_id, draft.before.definition_key, business_key)
            holder = self._read.holders.get(name)
            if holder is None or holder.instance_id != request.instance_id:
                raise AlreadyExists(
                    f"business key {business_key!r} belongs to a newer instance; this one stays"
                    " as it ended",
                    reason="BUSINESS_KEY_IN_USE",
                    metadata={"business_key": business_key},
                )
        found = {one: self._task(request.key, one) for one in asked.ordinals}
        answer = fold.retry(draft, asked, {o: t for o, t in found.items() if t is not None})
        if holder is not None:
            assert business_key is not None
            draft.take_business_key(TakenBusinessKey(business_key=business_key, previous=holder))
        return answer

    def _draft(self, key: InstanceKey) -> Draft | None:
        draft = self._drafts.get(key)
        if draft is not None:
            return draft
        known = self._recalled.get(key)
        instance = self._read.instances.get(key) if known is None else known.instance
        if instance is None:
            return None
        machine = self._machines[key.tenant_id, instance.definition_id]
        snapshot = None if known is None else known.snapshot
        draft = Draft(instance, machine, self._read.now, snapshot)
        draft.inbox = list(self._read.inbox.get(key, ()))
        draft.known_deciders = self._read.deciders.get(key, draft.known_deciders)
        self._drafts[key] = draft
        # What was accepted before this request goes first.
        fold.apply_inbox(draft, only_untried=True)
        return draft

    def _task(self, key: InstanceKey, ordinal: int) -> Task | None:
        known = self._recalled.get(key)
        if known is not None:
            return known.tasks.get(ordinal)
        return self._read.tasks.get(TaskKey(*key, ordinal))


def _wanted(requests: Sequence[Request], recalled: Mapping[InstanceKey, Continuation]) -> Wanted:
    """What the requests need to know beside what is recalled, each thing once."""
    instances: dict[InstanceKey, None] = {}
    tasks: dict[TaskKey, None] = {}
    people: dict[TaskKey, None] = {}
    definitions: dict[DefinitionName, None] = {}
    answers: dict[IdempotencyKey, None] = {}
    business_keys: dict[BusinessKey, None] = {}
    for request in requests:
        if request.key in recalled:
            continue
        if not request.is_new:
            instances[request.key] = None
        if request.repeatable is not None:
            key = request.repeatable.request_id
            answers[IdempotencyKey(request.tenant_id, REQUEST_SCOPE, key)] = None
        match request.asked:
            case Start(business_key=business_key) as asked:
                definitions[_definition_name(request, asked)] = None
                if business_key is not None:
                    business_keys[
                        BusinessKey(request.tenant_id, asked.definition_key, business_key)
                    ] = None
                if asked.then is not None:
                    answers[_event_key(request.key, asked.then.event_id)] = None
            case Send(event_id=event_id) if event_id:
                answers[_event_key(request.key, event_id)] = None
            case (
                Begin(ordinal=ordinal)
                | Report(ordinal=ordinal)
                | Expire(ordinal=ordinal)
                | FallSilent(ordinal=ordinal)
                | Hasten(ordinal=ordinal)
                | ChildEnded(ordinal=ordinal)
            ):
                tasks[TaskKey(*request.key, ordinal)] = None
            case (
                Settle(ordinal=ordinal)
                | Resolve(ordinal=ordinal)
                | Claim(ordinal=ordinal)
                | Unclaim(ordinal=ordinal)
                | Assign(ordinal=ordinal)
                | CastVote(ordinal=ordinal)
                | Delegate(ordinal=ordinal)
                | GiveBack(ordinal=ordinal)
                | CommentOn(ordinal=ordinal)
                | Skip(ordinal=ordinal)
                | Redrive(ordinal=ordinal)
            ):
                tasks[TaskKey(*request.key, ordinal)] = None
                people[TaskKey(*request.key, ordinal)] = None
            case Retry(ordinals=ordinals, business_key=business_key) as retried:
                tasks.update({TaskKey(*request.key, one): None for one in ordinals})
                people.update({TaskKey(*request.key, one): None for one in ordinals})
                if business_key is not None:
                    name = BusinessKey(request.tenant_id, retried.definition_key, business_key)
                    business_keys[name] = None
            case Fire(timer_id=timer_id):
                task = task_of_deadline(timer_id)
                if task is not None:
                    tasks[TaskKey(*request.key, task)] = None
                elif (task := task_of_nudge(timer_id)) is not None:
                    tasks[TaskKey(*request.key, task)] = None
                    people[TaskKey(*request.key, task)] = None
    return Wanted(
        instances=list(instances),
        tasks=list(tasks),
        with_people=list(people),
        definitions=list(definitions),
        idempotency=list(answers),
        business_keys=list(business_keys),
        # A timer fires by the clock that armed it, and by no guess at it.
        exactly_now=any(isinstance(request.asked, Fire) for request in requests),
    )


def _machines_of(read: Read, recalled: Mapping[InstanceKey, Continuation]) -> set[MachineKey]:
    running = {(key.tenant_id, found.definition_id) for key, found in read.instances.items()}
    running |= {(key.tenant_id, one.instance.definition_id) for key, one in recalled.items()}
    starting = {
        (name.tenant_id, found.definition_id)
        for name, found in read.definitions.items()
        if found.status != "archived"
    }
    return running | starting


def _target(request: Request) -> Target:
    """The task that it is about, or else the instance."""
    ordinal = getattr(request.asked, "ordinal", None)
    if isinstance(ordinal, int):
        return Target("task", make_task_id(request.instance_id, ordinal))
    return Target("instance", str(request.instance_id))


def _definition_name(request: Request, asked: Start) -> DefinitionName:
    key = "" if asked.definition_id else asked.definition_key
    return DefinitionName(request.tenant_id, asked.definition_id, key, asked.version)


def _event_key(key: InstanceKey, event_id: str) -> IdempotencyKey:
    return IdempotencyKey(key.tenant_id, str(key.instance_id), event_id)


def _may_follow(holder: KeyHolder, asked: Start) -> bool:
    """Whether a new instance may take the business key of this one."""
    if holder.status not in CLOSED_INSTANCE:
        return False
    if asked.on_closed is OnClosed.ALLOW_IF_FAILED:
        return holder.status != "completed"
    return asked.on_closed is OnClosed.ALLOW


def _instead(holder: KeyHolder, asked: Start) -> Answer:
    """The instance that has the business key, for a start that may not have another."""
    if asked.on_running is OnRunning.USE_EXISTING:
        return Answer(
            instance_id=holder.instance_id,
            revision=holder.revision,
            status=holder.status,
            state=holder.current_state,
            duplicate=True,
        )
    raise AlreadyExists(
        f"business key {asked.business_key!r} belongs to instance {holder.instance_id}, which is"
        f" {holder.status}; see on_running and on_closed for what else a start can do",
        reason="BUSINESS_KEY_IN_USE",
        metadata={"instance_id": str(holder.instance_id), "status": holder.status},
    )


def _as_it_stands(instance: Instance, *, created: bool) -> Answer:
    return Answer(
        instance_id=instance.instance_id,
        revision=instance.revision,
        status=instance.status,
        state=instance.current_state,
        created=created,
    )


def _newborn(request: Request, asked: Start, definition: DefinitionRef, now: datetime) -> Instance:
    """The row an instance begins with, before it has been told anything."""
    return Instance(
        tenant_id=request.tenant_id,
        instance_id=request.instance_id,
        definition_id=definition.definition_id,
        definition_key=definition.key,
        definition_version=definition.version,
        business_key=asked.business_key,
        status="pending",
        paused_at=None,
        revision=0,
        seq=0,
        history_hash=GENESIS,
        current_state="null",
        context="{}",
        snapshot="null",
        idle="[]",
        output=None,
        last_error=None,
        labels=json.dump(dict[str, Json](asked.labels)),
        parent_instance_id=asked.parent.instance_id if asked.parent else None,
        parent_ordinal=asked.parent.ordinal if asked.parent else None,
        depth=asked.parent.depth if asked.parent else 0,
        on_parent_close=asked.parent.on_close if asked.parent else None,
        started_by=asked.started_by,
        started_at=now,
        updated_at=now,
        completed_at=None,
        schedule_id=asked.schedule_id,
        trace_parent=request.trace_parent,
    )
