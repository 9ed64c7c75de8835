"""What of the audit log is asked for, in the words of a filter."""

from datetime import datetime
from uuid import UUID

from control_plane.api.filters import Field, check_order, parse_filter
from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.audit import AuditEntry, AuditFilter

FILTER = {
    "principal": Field(kind="text"),
    "method": Field(kind="text"),
    "target_kind": Field(kind="text"),
    "target_id": Field(kind="text"),
    "create_time": Field(kind="time"),
}


ORDERS = ("create_time desc",)


def filter_from(text: str, order_by: str) -> AuditFilter:
    """Raises InvalidRequest for a filter that cannot be read, and for any other order."""
    check_order(order_by, ORDERS)
    terms = parse_filter(text, FILTER)
    return AuditFilter(
        principal=terms.text("principal"),
        method=terms.text("method"),
        target_kind=terms.text("target_kind"),
        target_id=terms.text("target_id"),
        since=terms.time("create_time", ">="),
        until=terms.time("create_time", "<"),
    )


def token_of(last: AuditEntry | None, mark: str) -> str:
    return make_token([last.at.isoformat(), str(last.entry_id)], of=mark) if last else ""


def position_in(token: str, mark: str) -> tuple[datetime, UUID] | None:
    match read_token(token, of=mark):
        case None:
            return None
        case [str() as at, str() as entry_id]:
            try:
                instant = datetime.fromisoformat(at)
                position = instant, UUID(entry_id)
            except ValueError:
                raise invalid_token() from None
            if instant.tzinfo is not None:
                return position
    raise invalid_token()
