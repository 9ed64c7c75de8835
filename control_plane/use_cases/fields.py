"""
The limits that the protos promise for fields, each kept here and nowhere else.

Every function takes the name of the field it looks at, so that an error is located.
"""

import re
from collections.abc import Mapping

from control_plane.orchestrator import fold
from shared import json
from shared.errors import InvalidJson, InvalidRequest, LimitExceeded
from shared.json import Json
from shared.tasks import MAX_QUEUE_NAME

MAX_TENANT_ID = 63
MAX_REQUEST_ID = 128
MAX_EVENT_ID = 128
MAX_EVENT_TYPE = 128
MAX_BUSINESS_KEY = 256
MAX_REASON = 1_000
MAX_DESCRIPTION = 2_000
MAX_DEFINITION_KEY = 128
MAX_EXECUTOR_NAME = 128
MAX_QUEUE = MAX_QUEUE_NAME
MAX_FAILURE_KIND = 64
MAX_FAILURE_MESSAGE = 2_000
MAX_FAILURE_DETAILS_BYTES = 64 * 1024
MAX_LABELS = fold.MAX_LABELS
MAX_LABEL_NAME = 63
MAX_LABEL_VALUE = 128

RESERVED_EVENTS = ("xstate.", "task.")

_DEFINITION_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FAILURE_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*")


def text(value: str, field: str, *, longest: int) -> str:
    """A text that may be empty. PostgreSQL stores no NUL, so none is let in."""
    if len(value) > longest:
        raise InvalidRequest(
            f"{field} has {len(value)} characters; it may have {longest}", field=field
        )
    if "\0" in value:
        raise InvalidRequest(f"{field} holds a NUL character; leave it out", field=field)
    return value


def required(value: str, field: str, *, longest: int) -> str:
    if not value:
        raise InvalidRequest(f"{field} is required", field=field)
    return text(value, field, longest=longest)


def request_id(value: str) -> str:
    return text(value, "request_id", longest=MAX_REQUEST_ID)


def definition_key(value: str, field: str = "key") -> str:
    required(value, field, longest=MAX_DEFINITION_KEY)
    if not _DEFINITION_KEY.fullmatch(value):
        raise InvalidRequest(
            f"{field} {value!r} is not a key: letters, digits, '.', '_' and '-', first a letter"
            " or digit",
            field=field,
        )
    return value


def business_key(value: str) -> str | None:
    return text(value, "business_key", longest=MAX_BUSINESS_KEY) or None


def event_type(value: str, field: str) -> str:
    required(value, field, longest=MAX_EVENT_TYPE)
    if value.startswith(RESERVED_EVENTS):
        raise InvalidRequest(
            f"{field} {value!r} is one of the engine's own; send types that do not begin with"
            f" {' or '.join(RESERVED_EVENTS)}",
            field=field,
        )
    return value


def json_object(value: str | None, field: str) -> dict[str, Json]:
    """A JSON object within the limits; an empty one if there is none."""
    if value is None:
        return {}
    parsed = json_value(value, field)
    if not isinstance(parsed, dict):
        raise InvalidRequest(f"{field} is {_kind(parsed)}; it must be a JSON object", field=field)
    return parsed


def json_value(value: str | None, field: str, *, max_bytes: int = json.MAX_PAYLOAD_BYTES) -> Json:
    """Any JSON within the limits; null if there is none."""
    if value is None:
        return None
    if not value.strip():
        raise InvalidJson(
            f"{field} is empty text, which is not JSON; leave the Json unset", field=field
        )
    parsed = json.parse(value, field, max_bytes=max_bytes)
    if "\\u0000" in value and _holds_nul(parsed):
        raise InvalidRequest(f"{field} holds a NUL character; leave it out", field=field)
    return parsed


def labels(value: Mapping[str, str], field: str = "labels") -> dict[str, str]:
    if len(value) > MAX_LABELS:
        raise LimitExceeded("labels", actual=len(value), maximum=MAX_LABELS, field=field)
    for name, label in value.items():
        required(name, field, longest=MAX_LABEL_NAME)
        text(label, f"{field}[{name!r}]", longest=MAX_LABEL_VALUE)
    return dict(value)


def failure_kind(value: str, field: str) -> str:
    required(value, field, longest=MAX_FAILURE_KIND)
    if not _FAILURE_KIND.fullmatch(value):
        raise InvalidRequest(
            f"{field} {value!r} is not a kind: dotted words in lower case, as 'payment.declined'",
            field=field,
        )
    return value


def revision(value: int | None) -> int | None:
    if value is not None and value < 0:
        raise InvalidRequest(
            f"expected_revision {value} is negative; leave it unset to accept any",
            field="expected_revision",
        )
    return value


def _holds_nul(value: Json) -> bool:
    """Iterative: the depth is bounded, the breadth by the size of the text."""
    waiting: list[Json] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
    return False


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case _:
            return "an array"
