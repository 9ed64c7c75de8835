"""Tasks and outcomes as they are on the wire."""

from datetime import UTC, timedelta

from foliot.executor.v1 import claimed_task_pb2, executor_service_pb2, outcome_pb2
from foliot.v1 import task_pb2

from executor.ports.control_plane import Held, Report, RunningAttempt
from shared.ids import TenantId, parse_task_id, parse_uuid
from shared.json import dump, load
from shared.tasks import ClaimedTask, Failure, TaskType


def outcome_message(report: Report) -> outcome_pb2.Outcome:
    message = outcome_pb2.Outcome(
        tenant_id=report.tenant_id, task_id=report.held.task_id, epoch=report.held.epoch
    )
    message.started_time.FromDatetime(report.started_at)
    message.duration.FromTimedelta(report.duration)
    match report.outcome.state:
        case "succeeded":
            message.succeeded.output.json = report.output
        case "failed":
            _fill_failed(message.failed, report.outcome.failure)
        case "awaiting":
            message.awaiting.SetInParent()
        case "cancelled":
            message.cancelled.SetInParent()
    return message


def running_message(attempt: RunningAttempt) -> executor_service_pb2.RunningAttempt:
    message = executor_service_pb2.RunningAttempt(
        tenant_id=attempt.tenant_id, task_id=attempt.held.task_id, epoch=attempt.held.epoch
    )
    message.started_time.FromDatetime(attempt.started_at)
    message.has_beaten = attempt.has_beaten
    if attempt.progress is not None:
        message.progress.json = attempt.progress
    return message


def held_of(message: claimed_task_pb2.HeldTask) -> Held:
    return Held(message.task_id, message.epoch)


def task_of(message: claimed_task_pb2.ClaimedTask) -> ClaimedTask:
    """Raises InvalidRequest or ValueError for what no control plane of this version sends."""
    instance_id, ordinal = parse_task_id(message.task_id)
    type_name = task_pb2.TaskType.Name(message.type).removeprefix("TASK_TYPE_")
    return ClaimedTask(
        tenant_id=TenantId(message.tenant_id),
        instance_id=instance_id,
        ordinal=ordinal,
        epoch=message.epoch,
        attempt=message.attempt,
        max_attempts=message.max_attempts,
        definition_key=message.definition_key,
        name=message.name,
        type=TaskType(type_name),
        function=message.function or None,
        queue=message.queue,
        input=load(message.input.json) if message.HasField("input") else None,
        idempotency_key=parse_uuid(message.idempotency_key, "idempotency_key"),
        run_at=message.run_time.ToDatetime(tzinfo=UTC),
        timeout=_timedelta_of(message),
        trace_parent=message.trace_parent or None,
        last_progress=load(message.last_progress.json)
        if message.HasField("last_progress")
        else None,
    )


def task_type_message(type_: TaskType) -> task_pb2.TaskType.ValueType:
    return task_pb2.TaskType.Value(f"TASK_TYPE_{type_}")


def _timedelta_of(message: claimed_task_pb2.ClaimedTask) -> timedelta | None:
    return message.timeout.ToTimedelta() if message.HasField("timeout") else None


def _fill_failed(message: outcome_pb2.Outcome.Failed, failure: Failure | None) -> None:
    message.SetInParent()
    if failure is None:
        return
    message.failure.kind = failure.kind
    message.failure.message = failure.message
    message.failure.retryable = failure.retryable
    if failure.details is not None:
        message.failure.details.json = dump(failure.details)
    if failure.retry_after is not None:
        message.retry_after.FromTimedelta(failure.retry_after)
