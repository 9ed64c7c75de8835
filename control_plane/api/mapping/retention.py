"""Retentions, in and out of the wire."""

from datetime import timedelta

from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import retention_pb2

from control_plane.api.mapping.times import duration, length_of, timestamp
from control_plane.ports.retention import Retention


def keep_from(request: pb.SetRetentionRequest) -> timedelta | None:
    """Raises InvalidRequest for a length that there is not."""
    return (
        length_of(request.retention_window, "retention_window")
        if request.HasField("retention_window")
        else None
    )


def retention_to(retention: Retention) -> retention_pb2.Retention:
    return retention_pb2.Retention(
        definition_key=retention.definition_key,
        retention_window=duration(retention.keep),
        discards=not retention.archives,
        update_time=timestamp(retention.updated_at),
    )
