"""What is written down of a call that is audited, before anybody carries it out."""

from typing import Any

from control_plane.access import auditing
from control_plane.access.principal import Principal
from control_plane.api.authorization import Rule
from control_plane.ports.audit import Noted


def note_call(rule: Rule, caller: Principal, request: Any, correlation_id: str) -> None:
    """
    From here on, whatever this call changes leaves an entry. The reason and the request id are the
    request's, if it has such fields; whether they are within their limits is for the use case.
    """
    auditing.enter(
        Noted(
            principal=caller.name,
            credential_id=caller.credential_id or caller.name,
            method=rule.method,
            reason=getattr(request, "reason", ""),
            request_id=getattr(request, "request_id", ""),
            correlation_id=correlation_id,
        )
    )
