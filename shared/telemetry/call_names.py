"""
By which names the call under way is known: in its answer, in every log line, in traces.

They stand in context variables, so that whatever a call leads to within its own task has them
without being told. What another task does for many calls at once has none.
"""

from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

_CORRELATION: ContextVar[str] = ContextVar("foliot_correlation_id", default="")
_TRACE: ContextVar[str | None] = ContextVar("foliot_trace_id", default=None)


def enter_call(correlation_id: str, trace_id: str | None) -> None:
    """From here on, this task works for that call."""
    _CORRELATION.set(correlation_id)
    _TRACE.set(trace_id)


def correlation_id() -> str:
    """This call's name in logs and answers; empty outside of calls."""
    return _CORRELATION.get()


def trace_id() -> str | None:
    """The W3C trace that this call belongs to, if its caller said so."""
    return _TRACE.get()


def with_call(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Give a log line the names of the call that it is about, where it has none yet."""
    if name := correlation_id():
        event.setdefault("correlation_id", name)
    if (trace := trace_id()) is not None:
        event.setdefault("trace_id", trace)
    return event
