"""
How long calls take, how they end, and how many streams are open, method by method.

Each method has its series from its first call on, so that a call looks none up. Measured on 2
loaded cores: 2.6 µs a unary call.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, TypeAlias

import grpc
from google.rpc import status_pb2
from grpc import StatusCode

from control_plane.api.errors import CODES, code_of
from shared.errors import FoliotError
from shared.telemetry.metric_names import Metric
from shared.telemetry.metrics import Counts, gauge, histogram

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_handled = Counts(Metric.RPC_HANDLED)
_refusals = Counts(Metric.REFUSALS)


def measured_unary(
    method: str, call: Callable[[bytes, Context], Awaitable[bytes]]
) -> Callable[[bytes, Context], Awaitable[bytes]]:
    """The same, counted."""
    name = method.removeprefix("/")
    seconds = histogram(Metric.RPC_SECONDS).labels(name)

    async def measured(raw: bytes, context: Context) -> bytes:
        began = perf_counter()
        code = StatusCode.OK.name
        try:
            return await call(raw, context)
        except BaseException as error:
            code = _code(error, context)
            raise
        finally:
            seconds.observe(perf_counter() - began)
            _handled.add(name, code)

    return measured


def measured_stream(
    method: str, call: Callable[[Any, Context], Awaitable[None]]
) -> Callable[[Any, Context], Awaitable[None]]:
    """The same, counted while it is open and when it has ended."""
    name = method.removeprefix("/")
    streams = gauge(Metric.STREAMS).labels(name)

    async def measured(incoming: Any, context: Context) -> None:
        streams.inc()
        code = StatusCode.OK.name
        try:
            await call(incoming, context)
        except BaseException as error:
            code = _code(error, context)
            raise
        finally:
            streams.dec()
            _handled.add(name, code)

    return measured


def note_stranger(method: str, error: Exception) -> None:
    """Count a call that was ended before its method was asked for anything."""
    known = CODES.get(error.reason) if isinstance(error, FoliotError) else None
    _handled.add(method.removeprefix("/"), (known or StatusCode.INTERNAL).name)


def note_refusal(error: Exception, status: status_pb2.Status) -> None:
    """Count what was refused for want of room."""
    if isinstance(error, FoliotError) and code_of(status) is StatusCode.RESOURCE_EXHAUSTED:
        _refusals.add(error.reason, error.metadata.get("quota", ""))


def _code(error: BaseException, context: Context) -> str:
    if isinstance(error, asyncio.CancelledError):
        return StatusCode.CANCELLED.name
    code: Any = context.code()
    return code.name if isinstance(code, StatusCode) else StatusCode.UNKNOWN.name
