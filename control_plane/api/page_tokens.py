"""
Page tokens: the key of the last row seen, and a mark of the list it was seen in.

They are opaque and not secret: a token that was made up leads to rows of the caller's own
tenant at most, which a filter finds as well.
"""

import base64
import binascii

from shared import json
from shared.errors import FoliotError, InvalidRequest
from shared.json import Json

MAX_TOKEN = 1_000

_MARK_BYTES = 9


def make_token(position: list[Json], *, of: str) -> str:
    """A token for the list `of`: its name, filter and order, and whatever else fixes it."""
    text = json.dump([position, _mark(of)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_token(token: str, *, of: str) -> list[Json] | None:
    """The position in a token; None for the first page. Raises InvalidRequest otherwise."""
    if not token:
        return None
    if len(token) <= MAX_TOKEN:
        try:
            text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            content = json.parse(text, "page_token")
        except (binascii.Error, ValueError, FoliotError):
            content = None
        if isinstance(content, list) and len(content) == 2 and content[1] == _mark(of):
            position = content[0]
            if isinstance(position, list):
                return position
    raise invalid_token()


def invalid_token() -> InvalidRequest:
    return InvalidRequest(
        "page_token is not one of this list's, or came with another filter or order_by; begin"
        " at the first page",
        field="page_token",
        reason="PAGE_TOKEN_INVALID",
    )


def _mark(of: str) -> str:
    return base64.urlsafe_b64encode(json.digest(of)[:_MARK_BYTES]).decode()
