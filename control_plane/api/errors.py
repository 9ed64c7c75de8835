"""
The one table from errors to statuses.

The reason decides: each comes with exactly one code, as its comment in the proto says. An
error that is not ours is a bug; its text stays in the log, under the correlation id.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import quote

from foliot.v1 import diagnostic_pb2
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from control_plane.api.mapping.diagnostics import diagnostic_to
from control_plane.engine import Diagnostic
from shared.errors import (
    DefinitionInvalid,
    FoliotError,
    FormNotKept,
    InvalidJson,
    InvalidRequest,
    LimitExceeded,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    Unauthenticated,
    Unavailable,
)
from shared.rpc import ERROR_DOMAIN
from shared.telemetry.call_names import trace_id
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

_log = get_logger(__name__)

CODES: Mapping[str, StatusCode] = {
    "DEFINITION_NOT_FOUND": StatusCode.NOT_FOUND,
    "INSTANCE_NOT_FOUND": StatusCode.NOT_FOUND,
    "TASK_NOT_FOUND": StatusCode.NOT_FOUND,
    "SCHEDULE_NOT_FOUND": StatusCode.NOT_FOUND,
    "SCHEDULE_EXISTS": StatusCode.ALREADY_EXISTS,
    "SCHEDULE_RUNNING": StatusCode.FAILED_PRECONDITION,
    "DEFINITION_INVALID": StatusCode.INVALID_ARGUMENT,
    "DEFINITION_NOT_ACTIVE": StatusCode.FAILED_PRECONDITION,
    "DEFINITION_ACTIVE": StatusCode.FAILED_PRECONDITION,
    "DEFINITION_ARCHIVED": StatusCode.FAILED_PRECONDITION,
    "TASK_TYPE_NOT_AVAILABLE": StatusCode.FAILED_PRECONDITION,
    "EVENT_NOT_ACCEPTED": StatusCode.FAILED_PRECONDITION,
    "EXPRESSION_FAILED": StatusCode.FAILED_PRECONDITION,
    "INSTANCE_CLOSED": StatusCode.FAILED_PRECONDITION,
    "TASK_CLOSED": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_COMPLETABLE": StatusCode.FAILED_PRECONDITION,
    "INSTANCE_NOT_FAILED": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_DEAD": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_REDRIVABLE": StatusCode.FAILED_PRECONDITION,
    "TASK_TAKEN": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_OFFERED": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_CLAIMED": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_HUMAN": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_SKIPPABLE": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_RETRYABLE": StatusCode.FAILED_PRECONDITION,
    "TASK_SEPARATED": StatusCode.FAILED_PRECONDITION,
    "TASK_VOTED_ON": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_VOTED_ON": StatusCode.FAILED_PRECONDITION,
    "TASK_VOTED_ALREADY": StatusCode.FAILED_PRECONDITION,
    "TASK_NOT_DELEGATED": StatusCode.FAILED_PRECONDITION,
    "FORM_NOT_KEPT": StatusCode.INVALID_ARGUMENT,
    "TASK_NOT_REVIEW": StatusCode.FAILED_PRECONDITION,
    "SUGGESTION_STALE": StatusCode.FAILED_PRECONDITION,
    "INSTANCE_PAUSED": StatusCode.FAILED_PRECONDITION,
    "AI_POLICY_NOT_FOUND": StatusCode.NOT_FOUND,
    "AI_CALL_NOT_FOUND": StatusCode.NOT_FOUND,
    "DRAWING_NOT_AVAILABLE": StatusCode.FAILED_PRECONDITION,
    "INSTANCE_OF_OTHER_DEFINITION": StatusCode.FAILED_PRECONDITION,
    "IDEMPOTENCY_MISMATCH": StatusCode.ALREADY_EXISTS,
    "BUSINESS_KEY_IN_USE": StatusCode.ALREADY_EXISTS,
    "REVISION_MISMATCH": StatusCode.ABORTED,
    "LEASE_LOST": StatusCode.ABORTED,
    "LIMIT_EXCEEDED": StatusCode.RESOURCE_EXHAUSTED,
    "QUOTA_EXCEEDED": StatusCode.RESOURCE_EXHAUSTED,
    "TOO_MANY_BAD_CREDENTIALS": StatusCode.RESOURCE_EXHAUSTED,
    "MALFORMED_REQUEST": StatusCode.INVALID_ARGUMENT,
    "FIELD_INVALID": StatusCode.INVALID_ARGUMENT,
    "PAGE_TOKEN_INVALID": StatusCode.INVALID_ARGUMENT,
    "FILTER_INVALID": StatusCode.INVALID_ARGUMENT,
    "POSITION_OUT_OF_RANGE": StatusCode.OUT_OF_RANGE,
    "POSITION_INVALID": StatusCode.INVALID_ARGUMENT,
    "CREDENTIAL_MISSING": StatusCode.UNAUTHENTICATED,
    "CREDENTIAL_INVALID": StatusCode.UNAUTHENTICATED,
    "PERMISSION_DENIED": StatusCode.PERMISSION_DENIED,
    "TENANT_SUSPENDED": StatusCode.PERMISSION_DENIED,
    "TENANT_NOT_FOUND": StatusCode.NOT_FOUND,
    "TENANT_EXISTS": StatusCode.ALREADY_EXISTS,
    "API_KEY_NOT_FOUND": StatusCode.NOT_FOUND,
    "SERVER_DRAINING": StatusCode.UNAVAILABLE,
    "OVERLOADED": StatusCode.UNAVAILABLE,
    "OUTCOME_UNKNOWN": StatusCode.UNAVAILABLE,
    "INTERNAL": StatusCode.INTERNAL,
}

# What an error says whose own reason is for the inside only.
_ON_THE_WIRE: tuple[tuple[type[FoliotError], str], ...] = (
    (InvalidRequest, "FIELD_INVALID"),
    (LimitExceeded, "LIMIT_EXCEEDED"),
    (Overloaded, "OVERLOADED"),
    (Unavailable, "OUTCOME_UNKNOWN"),
    (Unauthenticated, "CREDENTIAL_INVALID"),
    (PermissionDenied, "PERMISSION_DENIED"),
)

_BUG = "this is a bug of the server's; report it with the correlation id"
_NO_CONNECTION = (
    "the server has lost a connection it needs; whether the request was carried out is not"
    " known: send it again with the same business_key, event_id or request_id"
)

MAX_MESSAGE_BYTES = 800
MAX_VALUE_BYTES = 256
"""Of one value of an ErrorInfo's metadata: what a caller sent comes back shortened."""

MAX_STATUS_BYTES = 7 * 1024
"""As a status travels, in trailers: clients of several languages take 8 KiB of those in all."""

_OUTCOMES: Mapping[str, str] = {
    "SERVER_DRAINING": "not_done",
    "OVERLOADED": "not_done",
    "OUTCOME_UNKNOWN": "unknown",
}
"""What UNAVAILABLE says of what was asked, in the metadata's `outcome`."""

_CUT = "…"
_WRAPPING = 64
"""What a detail's own name takes, and the length before it."""

_LENGTH = 4

_BY_CODE: Mapping[int, StatusCode] = {code.value[0]: code for code in StatusCode}


def code_of(status: status_pb2.Status) -> StatusCode:
    return _BY_CODE[status.code]


def status_of(error: BaseException, correlation_id: str) -> status_pb2.Status:
    """The status a caller gets, with one ErrorInfo always and what else says more."""
    known = _known(error, correlation_id)
    reason = reason_of(known)
    message = shortened(known.message, MAX_MESSAGE_BYTES)
    metadata = {**known.metadata, "correlation_id": correlation_id}
    if known.field is not None:
        metadata.setdefault("field", known.field)
    if reason in _OUTCOMES:
        metadata["outcome"] = _OUTCOMES[reason]
    if (trace := trace_id()) is not None:
        metadata["trace_id"] = trace
    details = list(_details(known, message, metadata))
    info = error_details_pb2.ErrorInfo(
        reason=reason,
        domain=ERROR_DOMAIN,
        metadata={name: shortened(value, MAX_VALUE_BYTES) for name, value in metadata.items()},
    )
    status = status_pb2.Status(
        code=CODES[reason].value[0],
        message=message,
        details=[_packed(detail) for detail in (info, *details)],
    )
    if isinstance(known, DefinitionInvalid):
        _tell(status, known)
    return status


def shortened(text: str, most_bytes: int) -> str:
    """A text that takes no more room in UTF-8, its end left out if it must be."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= most_bytes:
        return encoded.decode()
    return encoded[: most_bytes - len(_CUT.encode())].decode("utf-8", "ignore") + _CUT


def reason_of(error: FoliotError) -> str:
    """The reason on the wire: one of ErrorReason, without its prefix."""
    if isinstance(error, InvalidJson) and error.reason == "FIELD_INVALID":
        return "MALFORMED_REQUEST"
    if error.reason in CODES:
        return error.reason
    for kind, reason in _ON_THE_WIRE:
        if isinstance(error, kind):
            return reason
    return "INTERNAL"


def _details(error: FoliotError, message: str, metadata: dict[str, str]) -> Iterator[Message]:
    """What says more than the ErrorInfo does. May add to its metadata."""
    match error:
        case DefinitionInvalid():
            errors = [one for one in _diagnostics(error) if one.severity == "error"]
            metadata["error_count"] = str(len(errors))
            if errors:
                metadata["json_pointer"] = errors[0].json_pointer
        case Overloaded() | Unavailable():
            yield _retry_info(error.retry_in)
        case QuotaExceeded():
            yield _quota_failure(error.subject, message)
            if error.retry_in is not None:
                yield _retry_info(error.retry_in)
        case LimitExceeded(field=None):
            yield _quota_failure(error.limit, message)
        case FormNotKept():
            yield _bad_request(error.violations)
        case LimitExceeded(field=str() as field) | InvalidRequest(field=str() as field):
            yield _bad_request({field: message})
        case _:
            pass


def _tell(status: status_pb2.Status, error: DefinitionInvalid) -> None:
    """Add the diagnostics, errors first, as far as there is room."""
    left = MAX_STATUS_BYTES - len(quote(status.message)) - _encoded(status.ByteSize() + _WRAPPING)
    told = diagnostic_pb2.DiagnosticList()
    for one in map(diagnostic_to, _diagnostics(error)):
        if _encoded(told.ByteSize() + one.ByteSize() + _LENGTH) > left:
            break
        told.diagnostics.append(one)
    status.details.append(_packed(told))


def _encoded(size: int) -> int:
    """What bytes come to in metadata, where they travel as base64."""
    return -(-size // 3) * 4


def _known(error: BaseException, correlation_id: str) -> FoliotError:
    if isinstance(error, FoliotError):
        if reason_of(error) != "INTERNAL":
            return error
        _log.error(LogEvent.RPC_BUG, correlation_id=correlation_id, exc_info=error)
        return FoliotError(_BUG)
    if isinstance(error, OSError | TimeoutError):
        _log.warning(LogEvent.RPC_CONNECTION_LOST, correlation_id=correlation_id, exc_info=error)
        return Unavailable(_NO_CONNECTION, reason="OUTCOME_UNKNOWN")
    _log.error(LogEvent.RPC_BUG, correlation_id=correlation_id, exc_info=error)
    return FoliotError(_BUG)


def _diagnostics(error: DefinitionInvalid) -> list[Diagnostic]:
    return [one for one in error.diagnostics if isinstance(one, Diagnostic)]


def _retry_info(retry_in: timedelta) -> error_details_pb2.RetryInfo:
    milliseconds = max(0, math.ceil(retry_in.total_seconds() * 1_000))
    delay = duration_pb2.Duration(
        seconds=milliseconds // 1_000, nanos=milliseconds % 1_000 * 1_000_000
    )
    return error_details_pb2.RetryInfo(retry_delay=delay)


def _quota_failure(subject: str, description: str) -> error_details_pb2.QuotaFailure:
    violation = error_details_pb2.QuotaFailure.Violation(
        subject=shortened(subject, MAX_VALUE_BYTES), description=description
    )
    return error_details_pb2.QuotaFailure(violations=[violation])


def _bad_request(violations: Mapping[str, str]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=shortened(field, MAX_VALUE_BYTES), description=description
            )
            for field, description in violations.items()
        ]
    )


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
