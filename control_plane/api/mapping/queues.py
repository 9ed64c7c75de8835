"""Queues, out to the wire."""

from datetime import datetime

from foliot.v1 import queue_pb2 as pb

from control_plane.api.mapping.tasks import type_to
from control_plane.api.mapping.times import duration, timestamp
from control_plane.ports.queues import Depth, Lane, PausedQueue


def stats_to(
    lane: Lane, now: datetime, paused: PausedQueue | None, *, in_full: bool
) -> pb.QueueStats:
    """`in_full` tells who paused a queue and why, which is not a tenant's to know."""
    return pb.QueueStats(
        queue=lane.queue,
        task_type=type_to(lane.type),
        ready=_count_to(lane.ready),
        delayed=_count_to(lane.delayed),
        leased=_count_to(lane.leased),
        oldest_ready_duration=None if lane.oldest_at is None else duration(now - lane.oldest_at),
        paused=None if paused is None else pause_to(paused, in_full=in_full),
    )


def pause_to(paused: PausedQueue, *, in_full: bool) -> pb.QueuePause:
    return pb.QueuePause(
        queue=paused.queue,
        reason=paused.reason if in_full else "",
        paused_by=paused.paused_by if in_full else "",
        pause_time=timestamp(paused.paused_at),
    )


def _count_to(depth: Depth) -> pb.TaskCount:
    return pb.TaskCount(count=depth.count, at_least=depth.at_least)
