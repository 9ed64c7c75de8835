"""What makes two calls with one request id the same call."""

from control_plane.orchestrator.request import Repeatable
from control_plane.use_cases import fields
from shared import json
from shared.json import Json


def repeatable(request_id: str, verb: str, asked: Json) -> Repeatable | None:
    """
    The request id with a fingerprint of the verb and of all that it asks for.

    None where the caller gave no id: every call is a new one then.
    """
    fields.request_id(request_id)
    if not request_id:
        return None
    return Repeatable(request_id=request_id, fingerprint=json.digest(json.dump([verb, asked])))
