"""Tasks on the wire."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from foliot.executor.v1 import claimed_task_pb2
from foliot.v1 import task_pb2 as pb

from control_plane.api.mapping.failures import failure_to
from control_plane.api.mapping.texts import to_json
from control_plane.api.mapping.times import duration, timestamp
from control_plane.engine.instants import read_instant
from control_plane.orchestrator import HandedOut
from control_plane.ports.duties import Quorum, Separation
from control_plane.ports.people import Terms
from control_plane.ports.records import Task, TaskStatus
from control_plane.ports.standing import Comment, Standing, Vote
from shared import json
from shared.errors import InvalidRequest
from shared.ids import task_id
from shared.tasks import ClaimedTask, TaskType
from shared.trace_parents import trace_id_of

_STATUSES: dict[TaskStatus, pb.TaskStatus.ValueType] = {
    "pending": pb.TASK_STATUS_PENDING,
    "running": pb.TASK_STATUS_RUNNING,
    "succeeded": pb.TASK_STATUS_SUCCEEDED,
    "failed": pb.TASK_STATUS_FAILED,
    "cancelled": pb.TASK_STATUS_CANCELLED,
    "skipped": pb.TASK_STATUS_SKIPPED,
}
STATUS_WORDS: dict[str, TaskStatus] = {status.upper(): status for status in _STATUSES}

_TYPES: dict[TaskType, pb.TaskType.ValueType] = {
    TaskType.HUMAN: pb.TASK_TYPE_HUMAN,
    TaskType.TIMER: pb.TASK_TYPE_TIMER,
    TaskType.HTTP: pb.TASK_TYPE_HTTP,
    TaskType.EMAIL: pb.TASK_TYPE_EMAIL,
    TaskType.AI: pb.TASK_TYPE_AI,
    TaskType.SYSTEM: pb.TASK_TYPE_SYSTEM,
    TaskType.WORKFLOW: pb.TASK_TYPE_WORKFLOW,
}
_TYPES_BACK: dict[int, TaskType] = {number: task_type for task_type, number in _TYPES.items()}


def task_to(task: Task, *, with_input: bool, with_output: bool) -> pb.Task:
    """A task as it stands now: a lease is newer than the row."""
    lease = task.lease if not task.is_closed else None
    terms, standing = Terms.of(task.terms), Standing.of(task.standing)
    holder = lease.session_id if lease is not None else None
    return pb.Task(
        task_id=task.task_id,
        instance_id=str(task.instance_id),
        ordinal=task.ordinal,
        name=task.name,
        type=_TYPES[task.type],
        function=task.function or "",
        queue=task.queue,
        status=_STATUSES[task.status_now],
        run_time=timestamp(task.run_at),
        attempt=lease.attempt if lease is not None else task.attempt,
        max_attempts=task.max_attempts,
        priority=task.priority if standing.priority is None else standing.priority,
        holder=str(holder) if holder is not None else "",
        held_since=timestamp(lease.claimed_at) if lease is not None else None,
        epoch=lease.epoch if lease is not None else task.epoch,
        idempotency_key=str(task.idempotency_key),
        input=to_json(task.input) if with_input else None,
        output=to_json(task.output) if with_output else None,
        error=failure_to(task.error),
        trace_id=trace_id_of(task.trace_parent) or "",
        create_time=timestamp(task.created_at),
        complete_time=timestamp(task.completed_at),
        progress=to_json(lease.progress) if lease is not None else None,
        candidate_users=terms.users,
        candidate_roles=terms.roles,
        assignee=task.assignee or "",
        due_time=timestamp(task.due_at),
        form=None if terms.form is None else to_json(json.dump(terms.form)),
        skippable=terms.is_skippable,
        quorum=_quorum_to(terms.quorum),
        votes=[_vote_to(one) for one in standing.votes],
        not_by=_separation_to(terms.not_by),
        delegated_by=standing.lenders[-1] if standing.lenders else "",
        comment_count=standing.comments,
    )


def comment_to(comment: Comment) -> pb.TaskComment:
    return pb.TaskComment(
        seq=comment.seq,
        author=comment.author,
        text=comment.text,
        create_time=timestamp(comment.created_at),
    )


def _vote_to(vote: Vote) -> pb.TaskVote:
    return pb.TaskVote(
        user=vote.by,
        by=vote.name,
        approves=vote.approves,
        output=None if vote.output is None else to_json(json.dump(vote.output)),
        comment=vote.comment,
        vote_time=timestamp(read_instant(vote.at)),
    )


def _quorum_to(quorum: Quorum | None) -> pb.TaskQuorum | None:
    return None if quorum is None else pb.TaskQuorum(approvals=quorum.approvals, of=quorum.of)


def _separation_to(not_by: Separation | None) -> pb.TaskSeparation | None:
    if not_by is None:
        return None
    return pb.TaskSeparation(task_names=not_by.tasks, starter=not_by.starter, users=not_by.users)


def type_to(task_type: TaskType) -> pb.TaskType.ValueType:
    return _TYPES[task_type]


def types_from(numbers: Sequence[int], field: str) -> tuple[TaskType, ...]:
    """Raises InvalidRequest for a number that this release has no type for."""
    unknown = [number for number in numbers if number not in _TYPES_BACK]
    if unknown:
        raise InvalidRequest(
            f"{field} holds {unknown[0]}, which is no task type this server knows", field=field
        )
    return tuple(dict.fromkeys(_TYPES_BACK[one] for one in numbers))


def handed_to(one: HandedOut) -> claimed_task_pb2.ClaimedTask:
    """A task that was handed out with the commit that created it."""
    task = one.task
    timeout = None if task.timeout_s is None else timedelta(seconds=task.timeout_s)
    return claimed_task_pb2.ClaimedTask(
        task_id=task_id(one.instance_id, task.ordinal),
        tenant_id=one.tenant_id,
        instance_id=str(one.instance_id),
        definition_key=one.definition_key,
        name=task.name,
        type=_TYPES[task.type],
        function=task.function or "",
        queue=task.queue,
        attempt=1,
        max_attempts=task.max_attempts,
        epoch=1,
        idempotency_key=str(task.idempotency_key),
        input=to_json(task.input),
        trace_id=trace_id_of(task.trace_parent) or "",
        trace_parent=task.trace_parent or "",
        run_time=timestamp(task.run_at),
        timeout=duration(timeout),
    )


def claimed_to(task: ClaimedTask, lease_expires_at: datetime) -> claimed_task_pb2.ClaimedTask:
    progress = task.last_progress
    return claimed_task_pb2.ClaimedTask(
        task_id=task.task_id,
        tenant_id=task.tenant_id,
        instance_id=str(task.instance_id),
        definition_key=task.definition_key,
        name=task.name,
        type=_TYPES[task.type],
        function=task.function or "",
        queue=task.queue,
        attempt=task.attempt,
        max_attempts=task.max_attempts,
        epoch=task.epoch,
        idempotency_key=str(task.idempotency_key),
        input=to_json(None if task.input is None else json.dump(task.input)),
        trace_id=task.trace_id or "",
        trace_parent=task.trace_parent or "",
        run_time=timestamp(task.run_at),
        timeout=duration(task.timeout),
        lease_expire_time=timestamp(lease_expires_at),
        last_progress=to_json(None if progress is None else json.dump(progress)),
    )
