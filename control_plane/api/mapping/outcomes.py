"""Outcomes and what a session hears, on the wire."""

from collections.abc import Sequence
from datetime import timedelta

from foliot.executor.v1 import claimed_task_pb2, executor_service_pb2
from foliot.executor.v1 import outcome_pb2 as pb

from control_plane.api.mapping.failures import failure_from
from control_plane.api.mapping.tasks import types_from
from control_plane.api.mapping.texts import text_of
from control_plane.api.mapping.times import length_of
from control_plane.ports.claims import HeldTask
from control_plane.use_cases.executor_session import Worker
from control_plane.use_cases.extend_leases import Running
from control_plane.use_cases.report_outcomes import Failed, Reported, Result, Succeeded
from shared.errors import InvalidRequest
from shared.ids import task_id


def reported_from(outcome: pb.Outcome) -> Reported:
    return Reported(
        tenant_id=outcome.tenant_id,
        task_id=outcome.task_id,
        epoch=outcome.epoch,
        result=_result(outcome),
    )


def running_from(attempts: Sequence[executor_service_pb2.RunningAttempt]) -> list[Running]:
    return [
        Running(one.tenant_id, one.task_id, one.epoch, one.has_beaten, text_of(one, "progress"))
        for one in attempts
    ]


def held_to(tasks: Sequence[Running]) -> list[claimed_task_pb2.HeldTask]:
    return [claimed_task_pb2.HeldTask(task_id=one.task_id, epoch=one.epoch) for one in tasks]


def recalled_to(tasks: Sequence[HeldTask]) -> list[claimed_task_pb2.HeldTask]:
    return [
        claimed_task_pb2.HeldTask(task_id=task_id(one.instance_id, one.ordinal), epoch=one.epoch)
        for one in tasks
    ]


def worker_from(
    message: executor_service_pb2.Hello | executor_service_pb2.ClaimTasksRequest,
    within: str = "",
) -> Worker:
    """`within` is where in the request the message stands, as `hello.`."""
    return Worker(
        name=message.executor_name,
        queues=tuple(dict.fromkeys(message.queues)),
        types=types_from(message.task_types, f"{within}task_types"),
        within=within,
    )


def _result(outcome: pb.Outcome) -> Result:
    match outcome.WhichOneof("result"):
        case "succeeded":
            return Succeeded(output=text_of(outcome.succeeded, "output"))
        case "failed":
            return Failed(
                failure=failure_from(outcome.failed.failure),
                retry_after=_retry_after(outcome.failed),
            )
        case "awaiting":
            return "awaiting"
        case "cancelled":
            return "cancelled"
        case _:
            return None


def _retry_after(failed: pb.Outcome.Failed) -> timedelta | InvalidRequest | None:
    """What is wrong with one outcome of a batch is that one's affair, and no reason to raise."""
    if not failed.HasField("retry_after"):
        return None
    try:
        return length_of(failed.retry_after, "failed.retry_after")
    except InvalidRequest as error:
        return error
