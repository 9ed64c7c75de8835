"""Instants and durations on the wire."""

from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(instant: datetime | None) -> Timestamp | None:
    """None is a field that is not set."""
    if instant is None:
        return None
    result = Timestamp()
    result.FromDatetime(instant)
    return result


def duration(length: timedelta | None) -> Duration | None:
    if length is None:
        return None
    result = Duration()
    result.FromTimedelta(length)
    return result
