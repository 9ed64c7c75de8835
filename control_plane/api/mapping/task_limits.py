"""Limits on tasks, in and out of the wire."""

from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import task_limit_pb2

from control_plane.api.mapping.times import timestamp
from control_plane.ports.limit_store import LimitInForce, TaskLimit
from control_plane.use_cases.task_limits import rate_of


def task_limit_from(request: pb.SetTaskLimitRequest) -> TaskLimit:
    """Raises InvalidRequest for a rate that is out of bounds."""
    rate = None
    if request.HasField("rate"):
        rate = rate_of(request.rate.tasks_per_second, request.rate.burst)
    return TaskLimit(
        key=request.limit_key,
        max_running=request.max_running if request.HasField("max_running") else None,
        rate=rate,
    )


def task_limit_to(found: LimitInForce) -> task_limit_pb2.TaskLimit:
    limit = found.limit
    told = task_limit_pb2.TaskLimit(
        limit_key=limit.key,
        max_running=limit.max_running,
        running_count=found.running,
        update_time=timestamp(found.updated_at),
    )
    if limit.rate is not None:
        told.rate.tasks_per_second = limit.rate.per_second
        told.rate.burst = limit.rate.burst
    return told
