"""
Any method called with any bytes, and what is to be said of its answer.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.rpc import error_details_pb2, status_pb2

from control_plane.api.errors import CODES
from control_plane.api.gate import WAITING_DEADLINES_S
from shared.rpc import AUTHORIZATION, BEARER, ERROR_DOMAIN, STATUS_DETAILS

READ_AT_MOST: Final = 3
"""Messages of a stream; it may well have no end."""

SILENT_S: Final = 0.05
"""After so long, a stream that says nothing is taken to wait."""

ANSWER_WITHIN_S: Final = 20.0
"""Longer than any call may take to be answered."""

WAIT_S: Final = 1.0
"""The deadline of calls that are asked to wait: they answer before it."""

_KEY: Final = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\]]*"""
"""As Python writes a text, in which there may be brackets; or anything without."""

_STEP: Final = re.compile(rf"(\w+)(\[(?:{_KEY})\])?(?:\.|$)")

_NOT_OURS: Final = re.compile(
    rb"asyncpg|orjson|Traceback|\b[A-Z]\w*Error:|violates|sqlstate|relation \""
)

_LATE_WRITE: Final = "Internal error from Core"
"""What gRPC's own client says that wrote to a stream which the server had ended."""

_BUGS: Final = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    How a call ended: with OK, with a status, or not at all within the time for it. `said` is
    everything that came back, `correlation_id` what an error gave as its name.
    """

    method: str
    code: grpc.StatusCode
    reason: str = ""
    correlation_id: str = ""
    complaint: str = ""
    said: bytes = b""


async def call(
    channel: grpc.aio.Channel, method: MethodDescriptor, sent: Sequence[bytes], key: str
) -> Answer:
    """Call it, read a little of what comes, and judge. Raises nothing for what a server says."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = ((AUTHORIZATION, BEARER + key),)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            if method.server_streaming:
                said = await _stream(channel, method, path, sent, metadata)
            else:
                ask: Any = channel.unary_unary(path)
                waits = WAIT_S if path in WAITING_DEADLINES_S else None
                said = await ask(sent[0], metadata=metadata, timeout=waits)
    except grpc.aio.AioRpcError as error:
        return judged(method, error)
    except TimeoutError:
        return Answer(
            method=method.full_name,
            code=grpc.StatusCode.DEADLINE_EXCEEDED,
            complaint=f"no answer within {ANSWER_WITHIN_S:g} s",
        )
    return Answer(method=method.full_name, code=grpc.StatusCode.OK, said=said)


async def _stream(
    channel: grpc.aio.Channel,
    method: MethodDescriptor,
    path: str,
    sent: Sequence[bytes],
    metadata: tuple[tuple[str, str], ...],
) -> bytes:
    # Without a serializer, what is sent and read is bytes; their stubs know of messages only.
    ask: Any
    if method.client_streaming:
        ask = channel.stream_stream(path)
        stream = ask(_each(sent), metadata=metadata)
    else:
        ask = channel.unary_stream(path)
        stream = ask(sent[0], metadata=metadata)
    said = b""
    try:
        for _ in range(READ_AT_MOST):
            reading = asyncio.ensure_future(stream.read())
            done, _ = await asyncio.wait((reading,), timeout=SILENT_S)
            if not done:
                reading.cancel()
                await asyncio.wait((reading,))
                return said
            if reading.result() is grpc.aio.EOF:
                if await stream.code() is not grpc.StatusCode.OK:
                    raise grpc.aio.AioRpcError(
                        await stream.code(),
                        await stream.initial_metadata(),
                        await stream.trailing_metadata(),
                        await stream.details(),
                    )
                return said
            said += reading.result()
        return said
    finally:
        stream.cancel()


async def _each(sent: Sequence[bytes]) -> AsyncIterator[bytes]:
    for one in sent:
        yield one


def judged(method: MethodDescriptor, error: grpc.aio.AioRpcError) -> Answer:
    """
    What is wrong with a status, if anything is: each has one ErrorInfo that is ours.

    `error` may come from a connection, or from one of `inside`, which makes the same of what the
    server has said.
    """
    if error.details() == _LATE_WRITE:
        return Answer(method=method.full_name, code=grpc.StatusCode.CANCELLED)
    info: error_details_pb2.ErrorInfo | None = None
    fields: list[str] = []
    said = (error.details() or "").encode()
    for key, value in error.trailing_metadata() or ():
        said += value if isinstance(value, bytes) else value.encode()
        if key == STATUS_DETAILS and isinstance(value, bytes):
            for packed in status_pb2.Status.FromString(value).details:
                found = error_details_pb2.ErrorInfo()
                if packed.Unpack(found):
                    info = found
                request = error_details_pb2.BadRequest()
                if packed.Unpack(request):
                    fields += [one.field for one in request.field_violations]
    return Answer(
        method=method.full_name,
        code=error.code(),
        reason=info.reason if info is not None else "",
        correlation_id=info.metadata["correlation_id"] if info is not None else "",
        complaint=_complaint(method, error, info, fields) or _told(said),
        said=said,
    )


def _complaint(
    method: MethodDescriptor,
    error: grpc.aio.AioRpcError,
    info: error_details_pb2.ErrorInfo | None,
    fields: Sequence[str],
) -> str:
    if error.code() in _BUGS:
        return f"{error.code().name}: {error.details()}"
    if info is None:
        return f"{error.code().name} without an ErrorInfo: {error.details()}"
    if info.domain != ERROR_DOMAIN or CODES.get(info.reason) is not error.code():
        return f"{error.code().name} with {info.domain}/{info.reason}"
    if not info.metadata["correlation_id"]:
        return f"{info.reason} without a correlation id"
    if info.reason == "FIELD_INVALID" and not fields:
        return f"FIELD_INVALID without a field: {error.details()}"
    for field in fields:
        if not is_field(method, field):
            return f"{info.reason} of {field!r}, which the request does not have"
    return ""


def _told(said: bytes) -> str:
    """What of somebody else's words is in an error, a driver's or an exception's."""
    found = _NOT_OURS.search(said)
    return f"it says {found[0]!r}" if found is not None else ""


def is_field(method: MethodDescriptor, path: str) -> bool:
    """
    Whether a path of a BadRequest, as `items[3].event.type`, leads to a field of the request, or
    to a oneof of which none is set.
    """
    message: Descriptor | None = method.input_type
    at = 0
    if path.endswith("…"):
        return True  # of a long key, the end was left out
    while at < len(path):
        step = _STEP.match(path, at)
        if message is not None and path[at:] in message.oneofs_by_name:
            return True
        field = message.fields_by_name.get(step[1]) if step and message is not None else None
        if step is None or field is None or (step[2] and not field.is_repeated):
            return False
        message, at = field.message_type, step.end()
        if step[2] and message is not None and message.GetOptions().map_entry:
            message = message.fields_by_name["value"].message_type
    return at > 0
