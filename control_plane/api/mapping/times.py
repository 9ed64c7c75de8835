"""Instants and durations on the wire."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(instant: datetime | None) -> Timestamp | None:
    """None is a field that is not set."""
    if instant is None:
        return None
    # A third of what Timestamp.FromDatetime takes, which every answer pays twice.
    since = instant - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def instant_of(message: Timestamp, field: str) -> datetime:
    """The instant that a caller sent. Raises InvalidRequest for one that there is not."""
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{field} is no time there is", field=field) from error


def length_of(message: Duration, field: str) -> timedelta:
    """The length that a caller sent. Raises InvalidRequest for one that there is not."""
    try:
        return message.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{field} is no duration there is", field=field) from error


def duration(length: timedelta | None) -> Duration | None:
    if length is None:
        return None
    result = Duration()
    result.FromTimedelta(length)
    return result
