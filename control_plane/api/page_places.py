"""Places in lists of instances and tasks as page tokens, and back."""

from datetime import UTC, datetime

from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.reader import InstancePlace, TaskPlace
from shared.ids import InstanceId, parse_uuid


def instance_token(place: InstancePlace | None, *, of: str) -> str:
    """Empty where there is no next page."""
    if place is None:
        return ""
    return make_token([place.started_at.isoformat(), str(place.instance_id)], of=of)


def instance_place(token: str, *, of: str) -> InstancePlace | None:
    """None for the first page. Raises InvalidRequest for a token that is not of this list."""
    match read_token(token, of=of):
        case None:
            return None
        case [str() as at, str() as instance_id]:
            return InstancePlace(_instant(at), InstanceId(parse_uuid(instance_id, "page_token")))
        case _:
            raise invalid_token()


def task_token(place: TaskPlace | None, *, of: str) -> str:
    """Empty where there is no next page."""
    if place is None:
        return ""
    at = place.at.isoformat() if place.at is not None else None
    return make_token([at, str(place.instance_id), place.ordinal], of=of)


def task_place(token: str, *, of: str, is_timed: bool) -> TaskPlace | None:
    """
    None for the first page; `is_timed` where the list goes by a time that every task has. Raises
    InvalidRequest for a token that is not of this list.
    """
    match read_token(token, of=of):
        case None:
            return None
        case [str() | None as at, str() as instance_id, int() as ordinal] if at or not is_timed:
            return TaskPlace(
                _instant(at) if at is not None else None,
                InstanceId(parse_uuid(instance_id, "page_token")),
                ordinal,
            )
        case _:
            raise invalid_token()


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise invalid_token()
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid_token() from None
