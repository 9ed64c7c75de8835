"""A span around each unary call, where this server records spans."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc
from grpc import StatusCode

from shared.telemetry import call_spans, tracing
from shared.trace_parents import TRACE_PARENT

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Call: TypeAlias = Callable[[bytes, Context], Awaitable[bytes]]


def traced_unary(method: str, call: Call) -> Call:
    """The same within a span; the very same where none are recorded."""
    if not tracing.is_on():
        return call
    service, _, name = method.removeprefix("/").partition("/")

    async def traced(raw: bytes, context: Context) -> bytes:
        with call_spans.call(service, name, _trace_parent(context)) as span:
            code = StatusCode.OK
            try:
                return await call(raw, context)
            except BaseException as error:
                code = _code(error, context)
                raise
            finally:
                span.ended(code.value[0], code.name)

    return traced


def _trace_parent(context: Context) -> str | None:
    """As the call brought it; of several the last, as elsewhere."""
    found: str | None = None
    for key, value in context.invocation_metadata() or ():
        if key == TRACE_PARENT and isinstance(value, str):
            found = value
    return found


def _code(error: BaseException, context: Context) -> StatusCode:
    if isinstance(error, asyncio.CancelledError):
        return StatusCode.CANCELLED
    code: Any = context.code()
    return code if isinstance(code, StatusCode) else StatusCode.UNKNOWN
