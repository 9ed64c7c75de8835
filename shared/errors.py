"""
Every error foliot raises on purpose.

    FoliotError
     x  NotFound             no such thing in this tenant
     x  InvalidRequest       a field is wrong, and which
         .  FormNotKept      each place of an output that its form does not allow
         .  InvalidJson
     x  DefinitionInvalid    a spec was refused; carries diagnostics
     x  PreconditionFailed   right request, wrong moment
     x  AlreadyExists        the id or key is taken by something else
     x  Conflict             somebody else was faster; read again and retry
     x  LimitExceeded        a named limit
     x  QuotaExceeded        a tenant has, or asks for, as much as it may
     x  Overloaded           a queue is full; retry later
     x  Unavailable          cannot answer now; says whether the outcome is unknown
     x  Unauthenticated      no credential, or a bad one
     x  PermissionDenied     a good credential, not for this

Each carries the `reason` a program branches on (the ErrorReason of the wire, without
its prefix), the values in its message, and what to do about it. Which gRPC status one
becomes is decided in control_plane/api/errors.py and nowhere else.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal


class FoliotError(Exception):
    """Something went wrong in a way we know."""

    reason = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        field: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or type(self).reason
        self.field = field
        self.metadata = dict(metadata or {})


class NotFound(FoliotError):
    """There is no such thing in this tenant. A foreign id answers exactly like an unknown one."""

    def __init__(self, what: str, identifier: str, *, by: Literal["id", "key"] = "id") -> None:
        super().__init__(
            f"there is no {what} {identifier!r} in this tenant",
            reason=f"{what.upper().replace(' ', '_')}_NOT_FOUND",
            metadata={f"{what.replace(' ', '_')}_{by}": identifier},
        )


class InvalidRequest(FoliotError):
    """A field of the request is wrong."""

    reason = "FIELD_INVALID"


class FormNotKept(InvalidRequest):
    """
    What a human task came to is not as its form asks; `violations` say where, by the field, and
    what is wanted there.
    """

    reason = "FORM_NOT_KEPT"

    def __init__(self, task_id: str, violations: Mapping[str, str]) -> None:
        field, message = next(iter(violations.items()))
        super().__init__(
            f"the output is not as the form of task {task_id} asks: {field} {message}",
            field=field,
            metadata={"task_id": task_id, "violations": str(len(violations))},
        )
        self.violations = dict(violations)


class InvalidJson(InvalidRequest):
    """A text that should be JSON is not."""


class DefinitionInvalid(FoliotError):
    """A spec was refused; `diagnostics` say where and what to do."""

    reason = "DEFINITION_INVALID"

    def __init__(self, message: str, diagnostics: tuple[object, ...]) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics


class PreconditionFailed(FoliotError):
    """The request is right, the moment is wrong."""


class AlreadyExists(FoliotError):
    """The id or key belongs to something else already."""


class Conflict(FoliotError):
    """Somebody else was faster: read again, then retry."""

    reason = "REVISION_MISMATCH"


class LimitExceeded(FoliotError):
    """
    A limit was reached; the message names it, how much was asked, and how much there is.

    With a `field` it is on what the request says, without one on what there may be already.
    """

    reason = "LIMIT_EXCEEDED"

    def __init__(self, limit: str, *, actual: int, maximum: int, field: str | None = None) -> None:
        super().__init__(
            f"{limit}: {actual} is over the limit of {maximum}",
            field=field,
            metadata={"limit": limit, "actual": str(actual), "maximum": str(maximum)},
        )
        self.limit = limit


class QuotaExceeded(FoliotError):
    """
    Somebody (`subject`) has, or asks for, as much as it may. With `retry_in` waiting helps: so
    long, then send the same request again.
    """

    reason = "QUOTA_EXCEEDED"

    def __init__(
        self,
        message: str,
        *,
        quota: str,
        subject: str,
        limit: int,
        retry_in: timedelta | None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata={"quota": quota, "limit": str(limit)})
        self.subject = subject
        self.retry_in = retry_in


class Overloaded(FoliotError):
    """A queue of ours is full: wait `retry_in`, then send the same request again."""

    reason = "OVERLOADED"

    def __init__(self, message: str, *, retry_in: timedelta) -> None:
        super().__init__(message)
        self.retry_in = retry_in


class Unavailable(FoliotError):
    """We cannot answer now. With OUTCOME_UNKNOWN the request may have been carried out."""

    reason = "SERVER_DRAINING"
    retry_in = timedelta(seconds=1)


class Unauthenticated(FoliotError):
    """No credential, or one that is not good."""

    reason = "CREDENTIAL_INVALID"


class PermissionDenied(FoliotError):
    """The credential is good, but not for this."""

    reason = "PERMISSION_DENIED"
