"""The orchestrator's store in memory."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from control_plane.adapters.memory.database import (
    WITHHELD,
    BoundAiTask,
    DefinitionKey,
    FeedPart,
    MemoryDatabase,
    TimerKey,
    silent_at,
)
from control_plane.ports.ai_policies import PLATFORM_POLICY
from control_plane.ports.ai_records import Suggestion
from control_plane.ports.ai_tasks import DEFAULT_POLICY
from control_plane.ports.audit import AuditEntry
from control_plane.ports.instance_store import (
    BusinessKey,
    Change,
    Decider,
    DefinitionName,
    DefinitionRef,
    IdempotencyKey,
    InboxEvent,
    KeyHolder,
    KeyTaken,
    NewTask,
    Read,
    Requeued,
    StoredAnswer,
    TaskKey,
    TaskUpdate,
    Wanted,
)
from control_plane.ports.outbox import Delivery
from control_plane.ports.people import separated_from
from control_plane.ports.records import Definition, InstanceKey, Lease, Task
from control_plane.ports.standing import Comment
from shared.ids import new_uuid7
from shared.tasks import TaskType


class MemoryInstanceStore:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def read(self, wanted: Wanted) -> Read:
        database = self._database
        return Read(
            now=database.now(),
            instances={
                key: database.instances[key]
                for key in wanted.instances
                if key in database.instances
            },
            tasks={
                key: task if key in wanted.with_people else _without_people(task)
                for key in wanted.tasks
                if (task := database.task_with_lease(key)) is not None
            },
            definitions={
                name: _reference(definition)
                for name in wanted.definitions
                if (definition := self._definition(name)) is not None
            },
            answers={
                key: database.answers[key] for key in wanted.idempotency if key in database.answers
            },
            holders={
                key: self._holder(key)
                for key in wanted.business_keys
                if key in database.business_keys
            },
            inbox={
                key: tuple(self._with_known(key, event) for event in database.inbox[key])
                for key in wanted.instances
                if key in database.inbox
            },
            deciders=self._deciders(wanted.with_people),
        )

    async def write(self, changes: Sequence[Change]) -> frozenset[InstanceKey]:
        kept = [change for change in changes if self._still_holds(change)]
        self._refuse_taken_keys(kept)
        for change in kept:
            self._keep(change)
            for one in change.noted:
                self._database.audit.append(
                    AuditEntry(
                        entry_id=new_uuid7(),
                        tenant_id=change.key.tenant_id,
                        at=change.after.updated_at,
                        noted=one.noted,
                        target=one.target,
                        before_hash=one.before_hash,
                        after_hash=one.after_hash,
                    )
                )
        self._feed(kept)
        return frozenset(change.key for change in kept)

    def _deciders(self, wanted: Sequence[TaskKey]) -> dict[InstanceKey, frozenset[Decider]]:
        found: dict[InstanceKey, frozenset[Decider]] = {}
        for key in wanted:
            task = self._database.tasks.get(key)
            names = () if task is None else separated_from(task.terms)
            if names:
                of = InstanceKey(key.tenant_id, key.instance_id)
                known = self._database.deciders.get(of, set())
                concerned = frozenset(one for one in known if one.task in names)
                if concerned:
                    found[of] = found.get(of, frozenset()) | concerned
        return found

    def _with_known(self, key: InstanceKey, event: InboxEvent) -> InboxEvent:
        scoped = IdempotencyKey(key.tenant_id, str(key.instance_id), event.event_id)
        known = self._database.answers.get(scoped) if event.deferred_at is None else None
        return replace(event, known=None if known is None else known.fingerprint)

    def _definition(self, name: DefinitionName) -> Definition | None:
        if name.definition_id is not None:
            return self._database.definitions.get(DefinitionKey(name.tenant_id, name.definition_id))
        for found in self._database.definitions.values():
            if (found.tenant_id, found.key) != (name.tenant_id, name.key):
                continue
            if name.version in {None, found.version} and (name.version or found.status == "active"):
                return found
        return None

    def _holder(self, key: BusinessKey) -> KeyHolder:
        instance_id, takings = self._database.business_keys[key]
        instance = self._database.instances[InstanceKey(key.tenant_id, instance_id)]
        return KeyHolder(
            instance_id, instance.status, instance.revision, instance.current_state, takings
        )

    def _still_holds(self, change: Change) -> bool:
        found = self._database.instances.get(change.key)
        if change.expected_revision and (
            found is None or found.revision != change.expected_revision
        ):
            return False
        if change.expects_empty_inbox and self._database.inbox.get(change.key):
            return False
        if change.handed and any(one == change.key.tenant_id for one, _ in self._database.limits):
            return False
        for ordinal, epoch in change.fences:
            lease = self._database.leases.get(TaskKey(*change.key, ordinal))
            if lease is None or lease.epoch != epoch:
                return False
        taken = change.business_key
        return (
            taken is None
            or taken.previous is None
            or self._database.business_keys.get(_business_key(change))
            == (taken.previous.instance_id, taken.previous.takings)
        )

    def _refuse_taken_keys(self, kept: Sequence[Change]) -> None:
        """Raise KeyTaken for a key that another has, be it one of the same batch."""
        # With their kinds, as tuples of equal strings are equal whatever they are called.
        taken: set[tuple[type, object]] = set()
        for change in kept:
            for table, key in self._keys_to_be_free(change):
                if key in table or (type(key), key) in taken:
                    raise KeyTaken(f"{key} is taken by now; read it again to see by whom")
                taken.add((type(key), key))

    def _keys_to_be_free(self, change: Change) -> Iterator[tuple[Container[object], object]]:
        if not change.expected_revision:
            yield self._database.instances, change.key
        for answer in change.answers:
            yield (
                self._database.answers,
                IdempotencyKey(change.key.tenant_id, answer.scope, answer.key),
            )
        if change.business_key is not None and change.business_key.previous is None:
            yield self._database.business_keys, _business_key(change)

    def _feed(self, kept: Sequence[Change]) -> None:
        told = [change for change in kept if change.entries]
        xid = next(self._database.xids)
        for tenant_id in dict.fromkeys(change.key.tenant_id for change in told):
            of_tenant = [change for change in told if change.key.tenant_id == tenant_id]
            self._database.feed.setdefault(tenant_id, []).append(
                FeedPart(
                    xid=xid,
                    changed=[(one.key, one.after.seq, len(one.entries)) for one in of_tenant],
                    weight=sum(len(entry.payload) for one in of_tenant for entry in one.entries),
                    written_at=self._database.now(),
                )
            )

    def _keep(self, change: Change) -> None:
        database = self._database
        database.instances[change.key] = change.after
        database.history.setdefault(change.key, []).extend(change.entries)
        for answer in change.answers:
            name = IdempotencyKey(change.key.tenant_id, answer.scope, answer.key)
            database.answers[name] = StoredAnswer(
                fingerprint=answer.fingerprint, answer=answer.answer
            )
            database.answered_at[name] = change.after.updated_at
        if change.business_key is not None:
            previous = change.business_key.previous
            database.business_keys[_business_key(change)] = (
                change.key.instance_id,
                1 if previous is None else previous.takings + 1,
            )
        self._keep_tasks(change)
        self._keep_people(change)
        self._keep_ai(change)
        self._keep_timers(change)
        self._keep_inbox(change)
        for message in change.outbox:
            position = next(database.outbox_positions)
            database.outbox[position] = Delivery(
                position=position,
                tenant_id=change.key.tenant_id,
                instance_id=change.key.instance_id,
                kind=message.kind,
                payload=message.payload,
            )

    def _keep_tasks(self, change: Change) -> None:
        database = self._database
        again = {one.ordinal for one in change.requeued}
        for ordinal, _epoch in change.fences:
            lease = database.leases.pop(TaskKey(*change.key, ordinal))
            if ordinal in again and lease.progress is not None:
                database.progress[TaskKey(*change.key, ordinal)] = lease.progress
        if change.release is not None:
            self._release(change, change.release.shift)
        for ordinal in (*change.cleared, *change.withdrawn):
            key = TaskKey(*change.key, ordinal)
            for table in (database.ready, database.delayed):
                table.pop(key, None)
        for ordinal in change.cleared:
            database.leases.pop(TaskKey(*change.key, ordinal), None)
        for new in change.new_tasks:
            database.tasks[TaskKey(*change.key, new.ordinal)] = new.created(
                change.key, change.after.updated_at
            )
            if new.ordinal in change.handed:
                database.leases[TaskKey(*change.key, new.ordinal)] = Lease(
                    session_id=change.handed[new.ordinal],
                    attempt=1,
                    epoch=1,
                    claimed_at=change.after.updated_at,
                    silent_at=silent_at(change.after.updated_at, new.heartbeat_s),
                )
            elif not new.is_cancelled and new.type is not TaskType.WORKFLOW:
                self._make_claimable(change, _first_hand_out(new))
        for update in change.updated_tasks:
            key = TaskKey(*change.key, update.ordinal)
            database.tasks[key] = _updated(database.tasks[key], update)
        for requeued in change.requeued:
            self._make_claimable(change, requeued)

    def _keep_people(self, change: Change) -> None:
        database = self._database
        for ordinal, number in change.repeated.items():
            database.repeated[TaskKey(*change.key, ordinal)] = number
        for ordinal, dealt in change.dealt.items():
            key = TaskKey(*change.key, ordinal)
            task = database.tasks[key]
            database.tasks[key] = replace(
                task,
                assignee=dealt.assignee,
                standing=dealt.standing or task.standing,
                terms=dealt.terms or task.terms,
            )
        if change.deciders:
            database.deciders.setdefault(change.key, set()).update(change.deciders)
        for comment in change.comments:
            database.comments.setdefault(TaskKey(*change.key, comment.ordinal), []).append(
                Comment(
                    seq=comment.seq,
                    author=comment.author,
                    text=comment.text,
                    created_at=change.after.updated_at,
                )
            )
        for ordinal, kind in change.unoffered:
            found = database.offers.pop(TaskKey(*change.key, ordinal), {})
            left = {} if kind is None else {o: d for o, d in found.items() if o.kind != kind}
            database.offers[TaskKey(*change.key, ordinal)] = left
        for one in change.offered:
            key = TaskKey(*change.key, one.ordinal)
            database.offers.setdefault(key, {})[one.offer] = one.due_at or WITHHELD

    def _keep_ai(self, change: Change) -> None:
        database, tenant_id = self._database, change.key.tenant_id
        for new in change.ai_tasks:
            was = database.ai_tasks.get(TaskKey(*change.key, new.repeats or 0))
            policy = new.policy if was is None else was.policy_name
            named = database.active_ai_policy(tenant_id, policy)
            default = database.active_ai_policy(tenant_id, DEFAULT_POLICY)
            platform = database.active_ai_policy(None, PLATFORM_POLICY)
            database.ai_tasks[TaskKey(*change.key, new.ordinal)] = BoundAiTask(
                policy_name=policy,
                policy_version=None if named is None else named.version,
                default_version=None if default is None else default.version,
                platform_version=None if platform is None else platform.version,
                events=new.events if was is None else was.events,
                guardrails=new.guardrails if was is None else was.guardrails,
            )
        for one in change.suggested:
            database.ai_suggestions[TaskKey(*change.key, one.ordinal)] = Suggestion(
                key=TaskKey(*change.key, one.ordinal),
                review=one.review,
                hash=one.hash,
                body=one.body,
                policy_name=one.policy_name,
                policy_version=one.policy_version,
                proposed=one.proposed,
                is_shadow=one.is_shadow,
                suggested_at=change.after.updated_at,
            )
        for decided in change.decided:
            key = TaskKey(*change.key, decided.ordinal)
            if key in database.ai_suggestions:
                database.ai_suggestions[key] = replace(
                    database.ai_suggestions[key],
                    decision=decided.decision,
                    decided_event=decided.event,
                    decided_by=decided.by,
                    decided_at=change.after.updated_at,
                )

    def _release(self, change: Change, shift: timedelta) -> None:
        database = self._database
        for key, row in database.delayed.items():
            if (key.tenant_id, key.instance_id) != change.key:
                continue
            task = database.tasks[key]
            run_at = task.run_at + (shift if task.type is TaskType.TIMER else timedelta(0))
            database.tasks[key] = replace(task, run_at=run_at)
            database.delayed[key] = replace(row, run_at=run_at)

    def _make_claimable(self, change: Change, row: Requeued) -> None:
        if change.after.paused:
            self._database.delayed[TaskKey(*change.key, row.ordinal)] = replace(
                row, run_at=WITHHELD
            )
            return
        is_due = row.run_at <= change.after.updated_at
        table = self._database.ready if is_due else self._database.delayed
        table[TaskKey(*change.key, row.ordinal)] = row

    def _keep_timers(self, change: Change) -> None:
        for timer_id in change.disarmed:
            self._database.timers.pop(TimerKey(*change.key, timer_id), None)
        for timer_id, due in change.armed.items():
            self._database.timers[TimerKey(*change.key, timer_id)] = due

    def _keep_inbox(self, change: Change) -> None:
        events = [
            replace(event, deferred_at=change.after.revision)
            if event.position in change.put_off
            else event
            for event in self._database.inbox.pop(change.key, [])
            if event.position not in change.applied
        ]
        events += [
            InboxEvent(
                position=next(self._database.inbox_positions),
                event_id=deferred.event_id,
                type=deferred.type,
                payload=deferred.payload,
                accepted_at=change.after.updated_at,
                deferred_at=deferred.deferred_at,
            )
            for deferred in change.deferred
        ]
        if events:
            self._database.inbox[change.key] = events


def _without_people(task: Task) -> Task:
    return replace(task, terms=None, due_at=None, assignee=None, standing=None)


def _business_key(change: Change) -> BusinessKey:
    assert change.business_key is not None
    return BusinessKey(
        change.key.tenant_id, change.after.definition_key, change.business_key.business_key
    )


def _reference(definition: Definition) -> DefinitionRef:
    return DefinitionRef(
        definition_id=definition.definition_id,
        key=definition.key,
        version=definition.version,
        status=definition.status,
        spec_hash=definition.spec_hash,
    )


def _first_hand_out(new: NewTask) -> Requeued:
    return Requeued(
        ordinal=new.ordinal,
        type=new.type,
        queue=new.queue,
        priority=new.priority,
        run_at=new.run_at,
        attempt=0,
        epoch=0,
        limit_key=new.limit_key,
    )


def _updated(task: Task, update: TaskUpdate) -> Task:
    """None leaves a column as it is, `completed_at` apart."""
    return replace(
        task,
        status=update.status,
        attempt=task.attempt if update.attempt is None else update.attempt,
        epoch=task.epoch if update.epoch is None else update.epoch,
        lost_epoch=task.lost_epoch if update.lost_epoch is None else update.lost_epoch,
        session_id=task.session_id if update.session_id is None else update.session_id,
        held_since=task.held_since if update.held_since is None else update.held_since,
        output=task.output if update.output is None else update.output,
        error=task.error if update.error is None else update.error,
        run_at=task.run_at if update.run_at is None else update.run_at,
        completed_at=update.completed_at,
    )
