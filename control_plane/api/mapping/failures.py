"""Failures on the wire."""

from foliot.v1.failure_pb2 import Failure

from control_plane.api.mapping.texts import text_of, to_json
from control_plane.use_cases.fail_task import FailureOf
from shared import json


def failure_from(message: Failure) -> FailureOf:
    return FailureOf(
        kind=message.kind,
        message=message.message,
        retryable=message.retryable,
        details=text_of(message, "details"),
    )


def failure_to(stored: str | None) -> Failure | None:
    """A task's error as its row holds it; None where none failed."""
    if stored is None:
        return None
    error = json.load(stored)
    if not isinstance(error, dict):
        return Failure(kind="unknown", message=stored)
    details = error.get("details")
    return Failure(
        kind=str(error.get("kind", "unknown")),
        message=str(error.get("message", "")),
        details=to_json(None if details is None else json.dump(details)),
    )
