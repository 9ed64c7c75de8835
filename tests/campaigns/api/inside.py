"""
Any method called with any bytes, without a network: what a server offers and the gate before it
are the ones that serve, the connection is not there.

A call takes a tenth of what it takes through a socket, so that many more can be made. What this
leaves out is gRPC itself, and what it does before the gate: bounds on messages and metadata.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.descriptor import MethodDescriptor

from control_plane.api.gate import WAITING_DEADLINES_S, Gate
from control_plane.server import Server
from shared.rpc import AUTHORIZATION, BEARER
from tests.campaigns.api.calling import ANSWER_WITHIN_S, READ_AT_MOST, Answer, judged

WAIT_S: Final = 0.252
"""The deadline of calls that are asked to wait: they answer a quarter of a second before it."""

SILENT_TURNS: Final = 60
"""After so many turns of the loop, a stream that says nothing is taken to wait."""

Metadata = tuple[tuple[str, str], ...]


class Inside:
    """What a server answers, asked from within its process."""

    def __init__(self, gate: Gate, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._gate = gate
        self._handlers = handlers

    @classmethod
    def of(cls, server: Server) -> "Inside":
        """Of a control plane's server, whose loops have to run."""
        offered = _Offered()
        server.offer(offered)  # type: ignore[arg-type]  # all of a server that is asked for here
        return cls(server.gate, offered.handlers)

    async def call(
        self,
        method: MethodDescriptor,
        sent: Sequence[bytes],
        key: str,
        metadata: Metadata = (),
    ) -> Answer:
        """As `calling.call`; `metadata` comes after the key, and so instead of it."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        context = _Context(
            ((AUTHORIZATION, BEARER + key), *metadata),
            WAIT_S if path in WAITING_DEADLINES_S else None,
        )
        called = _Called(path, context.invocation_metadata())
        handler: Any = await self._gate.intercept_service(self._found, called)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if not method.server_streaming and handler.stream_stream is not None:
                    # Who is not known yet is answered on a stream, of one message.
                    await handler.stream_stream(_each(sent), context)
                elif handler.stream_stream is not None:
                    await _some_of(handler.stream_stream(_each(sent), context), context)
                elif method.server_streaming:
                    await _some_of(handler.unary_stream(sent[0], context), context)
                else:
                    context.said = await handler.unary_unary(sent[0], context)
        except grpc.aio.AbortError:
            assert context.error is not None
            return judged(method, context.error)
        except TimeoutError:
            return Answer(
                method=method.full_name,
                code=grpc.StatusCode.DEADLINE_EXCEEDED,
                complaint=f"no answer within {ANSWER_WITHIN_S:g} s",
            )
        except Exception as error:  # noqa: BLE001 - gRPC answers UNKNOWN to whatever comes here
            return Answer(
                method=method.full_name,
                code=grpc.StatusCode.UNKNOWN,
                complaint=f"what the gate did not catch: {error!r}",
            )
        return Answer(method=method.full_name, code=grpc.StatusCode.OK, said=context.said)

    async def _found(self, called: grpc.HandlerCallDetails) -> Any:
        offers = (handler.service(called) for handler in self._handlers)
        return next(found for found in offers if found is not None)


class _Called:
    """What gRPC tells an interceptor, as far as ours asks."""

    def __init__(self, method: str, metadata: Metadata) -> None:
        self.method = method
        self.invocation_metadata: tuple[tuple[str, str | bytes], ...] = metadata


class _Offered:
    """A server's side of registration: who finds handlers by the names of their methods."""

    def __init__(self) -> None:
        self.handlers: list[grpc.GenericRpcHandler] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self.handlers.extend(handlers)


class _Context:
    """What gRPC gives a handler, as far as ours asks, without a connection behind it."""

    def __init__(self, metadata: Metadata, left_s: float | None) -> None:
        self._metadata = metadata
        self._left_s = left_s
        self.error: grpc.aio.AioRpcError | None = None
        self.said = b""
        self.written = 0
        self.has_enough = asyncio.Event()

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def time_remaining(self) -> float | None:
        return self._left_s

    def auth_context(self) -> Mapping[str, Any]:
        return {}

    def peer(self) -> str:
        return "unix:"

    def code(self) -> grpc.StatusCode | int:
        """0 until the call was aborted, as gRPC has it."""
        return 0 if self.error is None else self.error.code()

    def set_trailing_metadata(self, trailing: Sequence[tuple[str, str | bytes]]) -> None:
        """Of what went well it is the correlation id, which nobody here asks for."""

    async def write(self, message: bytes) -> None:
        self.said += message
        self.written += 1
        if self.written >= READ_AT_MOST:
            # Whoever has read enough goes away; until that is heard, writing waits.
            self.has_enough.set()
            await asyncio.Event().wait()

    async def abort(
        self, code: grpc.StatusCode, details: str, trailing: Sequence[tuple[str, str | bytes]]
    ) -> NoReturn:
        self.error = grpc.aio.AioRpcError(
            code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details
        )
        raise grpc.aio.AbortError


async def _some_of(answering: Any, context: _Context) -> None:
    """Let a stream say a little, until it has ended or waits for something; then leave it."""
    task = asyncio.ensure_future(answering)
    try:
        silent, written = 0, 0
        while silent < SILENT_TURNS and not task.done() and not context.has_enough.is_set():
            await asyncio.sleep(0)
            silent = silent + 1 if context.written == written else 0
            written = context.written
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _each(sent: Sequence[bytes]) -> AsyncIterator[bytes]:
    for one in sent:
        yield one
