"""How calls carry the key, what their errors mean, and when one is made again."""

import random
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Detail = TypeVar("Detail", bound=Message)

ATTEMPTS = 8
TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class Key(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Puts the key on every call."""

    def __init__(self, key: str) -> None:
        self._metadata = ("authorization", f"Bearer {key}")

    def _with_key(self, call: grpc.ClientCallDetails) -> grpc.ClientCallDetails:
        metadata = [*(call.metadata or ()), self._metadata]
        return _Details(
            call.method,
            call.timeout,
            metadata,
            call.credentials,
            call.wait_for_ready,
            call.compression,
        )

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return continuation(self._with_key(client_call_details), request)

    def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return continuation(self._with_key(client_call_details), request)


def reason_of(error: grpc.RpcError) -> str:
    """
    What a program branches on: the name of an ErrorReason. Empty where the error is not foliot's,
    but the network's or a proxy's.
    """
    info = _detail(error, ErrorInfo)
    return info.reason if info is not None and info.domain == "foliot" else ""


def explain(error: grpc.RpcError) -> str:
    info = _detail(error, ErrorInfo)
    if info is None:
        return f"{error.code().name}: {error.details()}"
    return f"{info.reason}: {error.details()} (correlation id {info.metadata['correlation_id']})"


def may_pass(error: grpc.RpcError) -> bool:
    """Whether the same call may succeed in a while. Whether it was done, it does not say."""
    return error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def repeating(call: Callable[..., Answer], request: Request) -> Answer:
    """
    Make a call until it is answered. Only for calls that may be made twice: those that change
    nothing, and those that carry an id by which foliot knows a repeat.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return call(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            if not may_pass(error):
                raise
            pause(attempt, error)
    return call(request, timeout=TIMEOUT_S)


def pause(attempt: int, error: grpc.RpcError, stop: threading.Event | None = None) -> None:
    """
    Wait longer the more attempts have failed, at random, so that not all come back at once, and at
    least as long as the server asks for. Told to stop, wait no longer.
    """
    wait_s = random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt))
    retry = _detail(error, RetryInfo)
    if retry is not None:
        wait_s += retry.retry_delay.ToTimedelta().total_seconds()
    (stop or threading.Event()).wait(wait_s)


def _detail(error: grpc.RpcError, kind: type[Detail]) -> Detail | None:
    status = rpc_status.from_call(error)
    for packed in status.details if status is not None else ():
        detail = kind()
        if packed.Unpack(detail):
            return detail
    return None
