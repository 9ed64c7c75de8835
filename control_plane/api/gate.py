"""
The one chain that every call goes through, in dev mode too:

    metadata → admission → authentication → rate → authorization → parse → deadline → servicer

and back: the answer with its correlation id, or the status that the error becomes. Bytes
are parsed here and not by gRPC, so that nobody's bytes are looked at before their
credential, and a message that cannot be read gets a proper status.

Each method's handler is wrapped once, when it is first called. Measured around an empty
handler, on two shared cores, the whole chain adds 9 µs to a call, 4 of them the key's.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from control_plane.access import principal as access
from control_plane.access.principal import Principal
from control_plane.access.refusal import CredentialRefused
from control_plane.access.roles import PAYLOAD_READ
from control_plane.api.admission import Admission
from control_plane.api.authorization import Rule, authorize, hold_to_task
from control_plane.api.call_metadata import CallMetadata, credential_in
from control_plane.api.errors import code_of, status_of
from control_plane.api.guesses import Guesses
from control_plane.api.lasting import Authenticated, Deadline
from control_plane.api.measuring import (
    measured_stream,
    measured_unary,
    note_refusal,
    note_stranger,
)
from control_plane.api.noting import note_call
from control_plane.api.rate_limits import RateLimits
from control_plane.api.strangers import for_strangers
from control_plane.api.tracing_calls import traced_unary
from control_plane.api.withholding import withhold
from control_plane.use_cases.quotas import Quotas
from shared.clock import Clock, SystemClock
from shared.errors import InvalidRequest
from shared.rpc import CORRELATION_ID, STATUS_DETAILS
from shared.telemetry.call_names import enter_message, enter_tenant
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent

DEFAULT_DEADLINE_S = 30.0
"""For a unary call whose caller set none."""

MAX_DEADLINE_S = 300.0
"""The longest deadline that a caller may set; a later one counts as this."""

WAITING_DEADLINES_S: Mapping[str, float] = {"/foliot.v1.InstanceService/WaitInstance": 75.0}
"""As that, for calls that are asked to wait: longer than they may be asked to."""

REAUTHENTICATE_S = 60.0
"""How often the credential of a stream is looked at again."""

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Found: TypeAlias = "Handler | None"
Authenticate: TypeAlias = Callable[[str], Awaitable[Principal]]
"""From the text after `Bearer` to who that is. Raises Unauthenticated."""

Certified: TypeAlias = Callable[[bytes], Principal]
"""From a verified certificate, as PEM, to who that is. Raises Unauthenticated."""

REFUSALS_EVERY_S = 1.0
"""How often a refused credential is logged at most: many of them must not fill a disk."""

_CERTIFICATE = "x509_pem_cert"

_log = get_logger(__name__)


class Gate(grpc.aio.ServerInterceptor):
    """`rules` has every method there is; one without a rule is let through as it is."""

    def __init__(
        self,
        authenticate: Authenticate,
        rules: Mapping[str, Rule],
        admission: Admission,
        *,
        certified: Certified | None = None,
        rates: RateLimits | None = None,
        guesses: Guesses | None = None,
        default_deadline_s: float = DEFAULT_DEADLINE_S,
        reauthenticate_s: float = REAUTHENTICATE_S,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._authenticate = authenticate
        self._certified = certified
        self._refusals = Throttle(REFUSALS_EVERY_S)
        self._rules = rules
        self._admission = admission
        self._rates = rates or RateLimits(Quotas())
        self._guesses = guesses or Guesses()
        self._default_deadline_s = default_deadline_s
        self._reauthenticate_s = reauthenticate_s
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._wrapped: dict[str, Handler] = {}
        self._for_strangers: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Found]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Found:
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            rule = self._rules.get(method)
            if handler is None or rule is None:
                return handler
            deadline_s = WAITING_DEADLINES_S.get(method, self._default_deadline_s)
            wrapped = self._wrapped[method] = self._wrap(method, handler, rule, deadline_s)
            self._for_strangers[method] = for_strangers(
                wrapped, partial(self._let_in, method), partial(_end, method)
            )
        if self._guesses.knows(credential_in(handler_call_details.invocation_metadata)):
            return self._wrapped[method]
        return self._for_strangers[method]

    async def _let_in(self, method: str, context: Context) -> None:
        """Who calls is looked at again when there is a message: the second time costs nothing."""
        metadata = CallMetadata(context.invocation_metadata() or ())
        try:
            metadata.enter()
            await self._identify(metadata, context)
        except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
            note_stranger(method, error)
            await _abort(context, error, metadata)

    def _wrap(self, method: str, handler: Handler, rule: Rule, deadline_s: float) -> Handler:
        if not handler.request_streaming and not handler.response_streaming:
            unary = measured_unary(method, self._unary(handler, rule, deadline_s))
            return grpc.unary_unary_rpc_method_handler(traced_unary(method, unary))
        if handler.response_streaming:
            stream = measured_stream(method, self._streaming(handler, rule))
            if handler.request_streaming:
                return grpc.stream_stream_rpc_method_handler(stream)
            return grpc.unary_stream_rpc_method_handler(stream)
        raise TypeError("no method of ours streams requests for one response; wrap it here first")

    def _unary(
        self, handler: Handler, rule: Rule, deadline_s: float
    ) -> Callable[[bytes, Context], Any]:
        # Their types are those of the blocking API.
        serve: Any = handler.unary_unary
        parse: Any = handler.request_deserializer
        serialize: Any = handler.response_serializer
        admission = self._admission

        async def call(raw: bytes, context: Context) -> bytes:
            metadata = CallMetadata(context.invocation_metadata() or ())
            try:
                admission.begin_call()
                try:
                    caller = await self._admit(metadata, rule, context)
                    request = _parsed(parse, raw)
                    enter_message(request)
                    hold_to_task(caller, request)
                    if rule.is_audited:
                        note_call(rule, caller, request, metadata.correlation_id)
                    ends_in_s = _own_end(context.time_remaining(), deadline_s)
                    if ends_in_s is not None:
                        async with Deadline(ends_in_s, is_read=rule.is_read):
                            response = await serve(request, context)
                    else:
                        response = await serve(request, context)
                    if PAYLOAD_READ not in caller.permissions:
                        response = withhold(response)
                    answer: bytes = serialize(response)
                finally:
                    admission.end_call()
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
                await _abort(context, error, metadata)
            context.set_trailing_metadata(((CORRELATION_ID, metadata.correlation_id),))
            return answer

        return call

    def _streaming(self, handler: Handler, rule: Rule) -> Callable[[Any, Context], Any]:
        serve: Any = handler.stream_stream or handler.unary_stream
        parse: Any = handler.request_deserializer
        serialize: Any = handler.response_serializer
        admission = self._admission

        async def call(incoming: Any, context: Context) -> None:
            metadata = CallMetadata(context.invocation_metadata() or ())
            try:
                admission.begin_stream()
                try:
                    caller = await self._admit(metadata, rule, context)
                    request = (
                        _parsed(parse, incoming)
                        if isinstance(incoming, bytes)
                        else _all_parsed(parse, incoming)
                    )
                    sees_payloads = PAYLOAD_READ in caller.permissions
                    with self._rates.stream(caller.tenant_id):
                        async with (
                            self._authenticated(metadata, rule, context, caller) as authenticated,
                            aclosing(serve(request, context)) as responses,
                        ):
                            async for response in responses:
                                if not sees_payloads:
                                    response = withhold(response)  # noqa: PLW2901 - less of it
                                message = serialize(response)
                                await authenticated.written(partial(context.write, message))
                finally:
                    admission.end_stream()
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
                await _abort(context, error, metadata)
            context.set_trailing_metadata(((CORRELATION_ID, metadata.correlation_id),))

        return call

    async def _admit(self, metadata: CallMetadata, rule: Rule, context: Context) -> Principal:
        metadata.enter()
        caller = await self._identify(metadata, context)
        self._rates.take(caller.tenant_id, rule.weight)
        authorize(caller, rule)
        access.enter(caller)
        enter_tenant(caller.tenant_id)
        return caller

    async def _identify(self, metadata: CallMetadata, context: Context) -> Principal:
        """
        Who calls. What the metadata say is final: a bad key is not made good by a certificate
        beside it.
        """
        try:
            if self._certified is not None and not metadata.authorization:
                for shown in context.auth_context().get(_CERTIFICATE, ()):
                    return self._certified(shown)
            return await self._guesses.look(metadata.key, context.peer, self._authenticate)
        except CredentialRefused as refused:
            if self._refusals.allows():
                _log.warning(
                    LogEvent.CREDENTIAL_REFUSED,
                    correlation_id=metadata.correlation_id,
                    peer=context.peer(),
                    credential=refused.credential,
                    why=refused.why,
                )
            raise

    def _authenticated(
        self, metadata: CallMetadata, rule: Rule, context: Context, caller: Principal
    ) -> Authenticated:
        async def again() -> float | None:
            found = await self._identify(metadata, context)
            if (found.tenant_id, found.name) != (caller.tenant_id, caller.name):
                raise CredentialRefused("it is somebody else's now", credential=found.name)
            authorize(found, rule)
            return self._left_s(found)

        return Authenticated(
            again, self._reauthenticate_s, expires_in_s=self._left_s(caller), sleep=self._sleep
        )

    def _left_s(self, caller: Principal) -> float | None:
        """Seconds until the credential expires, None if it does not."""
        if caller.expires_at is None:
            return None
        return (caller.expires_at - self._clock.now()).total_seconds()


def _own_end(left_s: float | None, default_s: float) -> float | None:
    """Seconds until we end a call ourselves, None if its caller's deadline will do."""
    if left_s is None:
        return default_s
    return MAX_DEADLINE_S if left_s > MAX_DEADLINE_S else None


def _parsed(parse: Callable[[bytes], Any], raw: bytes) -> Any:
    try:
        return parse(raw)
    except DecodeError:
        raise InvalidRequest(
            "these bytes are not the message they should be; generate your client from the protos"
            " of this server",
            reason="MALFORMED_REQUEST",
        ) from None


async def _all_parsed(
    parse: Callable[[bytes], Any], incoming: AsyncIterator[bytes]
) -> AsyncIterator[Any]:
    async for raw in incoming:
        yield _parsed(parse, raw)


async def _end(method: str, context: Context, error: Exception) -> None:
    note_stranger(method, error)
    await _abort(context, error, CallMetadata(context.invocation_metadata() or ()))


async def _abort(context: Context, error: Exception, metadata: CallMetadata) -> NoReturn:
    status = status_of(error, metadata.correlation_id)
    note_refusal(error, status)
    await context.abort(
        code_of(status),
        status.message,
        (
            (STATUS_DETAILS, status.SerializeToString()),
            (CORRELATION_ID, metadata.correlation_id),
        ),
    )
