"""Positions in a tenant's feed, as callers keep them: opaque, and good in that tenant alone."""

from control_plane.api.page_tokens import make_token, read_token
from control_plane.ports.feed import Position
from shared.errors import InvalidRequest
from shared.ids import TenantId


def position_to(tenant_id: TenantId, position: Position) -> str:
    return make_token(list(position), of=_of(tenant_id))


def position_from(tenant_id: TenantId, text: str) -> Position | None:
    """None for an empty text. Raises InvalidRequest for what is no position of this tenant's."""
    try:
        found = read_token(text, of=_of(tenant_id))
    except InvalidRequest:
        found = []
    if found is None:
        return None
    numbers = [one for one in found if isinstance(one, int) and 0 <= one < 2**63]
    if len(found) != len(Position._fields) or len(numbers) != len(found):
        raise InvalidRequest(
            "after is not a position in this tenant's feed; send one back as it came, or none to"
            " begin anew",
            field="after",
            reason="POSITION_INVALID",
        )
    position = Position(*numbers)
    return position._replace(
        **{
            name: min(value, 2**31 - 1)
            for name, value in position._asdict().items()
            if name != "xid"
        }
    )


def _of(tenant_id: TenantId) -> str:
    return f"feed\n{tenant_id}"
