"""
By which names the work under way is known: in answers, in every log line, in traces.

They stand in context variables, so that whatever a call or an attempt leads to within its own task
has them without being told. What another task does for many calls at once has none.
"""

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

from shared.tasks import ClaimedTask
from shared.telemetry.log_fields import LogField
from shared.trace_parents import trace_id_of

_CORRELATION: ContextVar[str] = ContextVar("foliot_correlation_id", default="")
_TRACE: ContextVar[str | None] = ContextVar("foliot_trace_parent", default=None)
_TENANT: ContextVar[str | None] = ContextVar("foliot_tenant_id", default=None)
_MESSAGE: ContextVar[object] = ContextVar("foliot_message", default=None)
_ATTEMPT: ContextVar[ClaimedTask | None] = ContextVar("foliot_attempt", default=None)

_OF_MESSAGE = {
    LogField.REQUEST_ID: "request_id",
    LogField.DEFINITION: "definition_key",
    LogField.INSTANCE_ID: "instance_id",
    LogField.TASK_ID: "task_id",
}
"""What a request of the API says of itself, and the fields in which it does."""


def enter_call(correlation_id: str, trace_parent: str | None) -> None:
    """From here on, this task works for that call."""
    _CORRELATION.set(correlation_id)
    _TRACE.set(trace_parent)


def enter_tenant(tenant_id: str | None) -> None:
    """The call is this tenant's."""
    _TENANT.set(tenant_id)


def enter_message(message: object) -> None:
    """The call asks for this. It is looked at if there is something to log."""
    _MESSAGE.set(message)


def enter_attempt(task: ClaimedTask) -> None:
    """From here on, this task carries out that one."""
    _ATTEMPT.set(task)


def correlation_id() -> str:
    """This call's name in logs and answers; empty outside of calls."""
    return _CORRELATION.get()


def tenant_id() -> str | None:
    """Whose call it is; None before that is known."""
    return _TENANT.get()


def trace_parent() -> str | None:
    """Where in a trace this call is, if its caller said so or it is traced here."""
    return _TRACE.get()


def trace_id() -> str | None:
    """The W3C trace that this call belongs to."""
    return trace_id_of(_TRACE.get())


def with_call(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Give a log line the names of the call or attempt that it is about, where it has none yet."""
    if (task := _ATTEMPT.get()) is not None:
        event.setdefault(LogField.TENANT_ID, task.tenant_id)
        event.setdefault(LogField.DEFINITION, task.definition_key)
        event.setdefault(LogField.INSTANCE_ID, str(task.instance_id))
        event.setdefault(LogField.TASK_ID, task.task_id)
        event.setdefault(LogField.ATTEMPT, task.attempt)
        if (trace := task.trace_id) is not None:
            event.setdefault(LogField.TRACE_ID, trace)
        return event
    if name := correlation_id():
        event.setdefault(LogField.CORRELATION_ID, name)
    if (trace := trace_id()) is not None:
        event.setdefault(LogField.TRACE_ID, trace)
    if (tenant := _TENANT.get()) is not None:
        event.setdefault(LogField.TENANT_ID, tenant)
    if (message := _MESSAGE.get()) is not None:
        for field, name in _OF_MESSAGE.items():
            if said := getattr(message, name, None):
                event.setdefault(field, str(said))
    return event
