"""Instants as text: RFC 3339 in UTC, to the microsecond."""

from datetime import UTC, datetime


def write_instant(instant: datetime) -> str:
    """`2030-01-31T12:00:00Z`; equal instants have equal texts."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_instant(text: str) -> datetime | None:
    """The instant a text with an offset names, in UTC; None when it names none."""
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
