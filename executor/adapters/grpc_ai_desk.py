"""
The desk of AI tasks at the control plane, by plain calls beside the stream of outcomes. Each is
idempotent, and is made again while the control plane is away for a moment.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeAlias, TypedDict, TypeVar

import grpc
from foliot.executor.v1 import ai_pb2, executor_service_pb2_grpc
from foliot.executor.v1 import executor_service_pb2 as pb

from executor.adapters.grpc_connection import Connector
from executor.ports.ai_desk import (
    AskedTool,
    CallRecord,
    DeskLost,
    DeskMismatch,
    DeskRefused,
    Granted,
    RecordedCall,
    RecordedToolCall,
    Refusal,
    Refused,
    Reservation,
    Terms,
)
from executor.ports.control_plane import Held
from shared.errors import FoliotError, InvalidRequest, Unavailable
from shared.guardrails.gates import Classification, Verdict
from shared.ids import TenantId
from shared.json import dump, load
from shared.retry import RetryPolicy, backoff

CALL_WITHIN_S: Final = 10.0
TRIES: Final = 8
"""How often a call is made, within about twenty seconds, before the attempt is given up."""

RETRY: Final = RetryPolicy(
    initial=timedelta(milliseconds=100), cap=timedelta(seconds=5), jitter=0.5
)

MAX_DETAIL: Final = 1_000
_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})

_Stub: TypeAlias = executor_service_pb2_grpc.ExecutorServiceStub
_Answer = TypeVar("_Answer")


class _CallTerms(TypedDict):
    metadata: tuple[tuple[str, str], ...]
    timeout: float


class GrpcAiDesk:
    def __init__(self, connector: Connector, *, api_key: str) -> None:
        self._connector = connector
        metadata = (("authorization", f"Bearer {api_key}"),) if api_key else ()
        self._terms = _CallTerms(metadata=metadata, timeout=CALL_WITHIN_S)
        self._channel: grpc.aio.Channel | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def begin(self, tenant_id: TenantId, held: Held) -> Terms:
        request = pb.GetAiTaskRequest(tenant_id=tenant_id, task_id=held.task_id, epoch=held.epoch)
        answer = await self._call(lambda stub: stub.GetAiTask(request, **self._terms))
        return Terms(
            policy=answer.policy.json if answer.HasField("policy") else None,
            policy_sha256=answer.policy_sha256,
            events=tuple(answer.events),
            is_switched_off=answer.is_switched_off,
            calls=tuple(_call_of(one) for one in answer.calls),
            tool_calls=tuple(_tool_call_of(one) for one in answer.tool_calls),
            last_call_number=answer.last_call_number,
        )

    async def reserve(
        self, tenant_id: TenantId, held: Held, reservation: Reservation
    ) -> Granted | Refused | RecordedCall:
        request = pb.ReserveBudgetRequest(
            tenant_id=tenant_id,
            task_id=held.task_id,
            epoch=held.epoch,
            call_number=reservation.number,
            request_sha256=reservation.request_sha256,
            provider=reservation.provider,
            model=reservation.model,
            max_input_tokens=reservation.max_input_tokens,
            max_output_tokens=reservation.max_output_tokens,
        )
        answer = await self._call(lambda stub: stub.ReserveBudget(request, **self._terms))
        match answer.verdict:
            case ai_pb2.AI_BUDGET_VERDICT_GRANTED:
                return Granted()
            case ai_pb2.AI_BUDGET_VERDICT_RECORDED:
                return _call_of(answer.call)
            case _:
                name = ai_pb2.AiRefusal.Name(answer.refusal).removeprefix("AI_REFUSAL_").lower()
                return Refused(Refusal(name))

    async def record(self, tenant_id: TenantId, held: Held, record: CallRecord) -> RecordedCall:
        request = pb.RecordCallRequest(
            tenant_id=tenant_id,
            task_id=held.task_id,
            epoch=held.epoch,
            call_number=record.number,
            request_sha256=record.request_sha256,
            classification=ai_pb2.AiCallClassification.Value(
                f"AI_CALL_CLASSIFICATION_{record.classification.upper()}"
            ),
            output=record.output,
            tool_requests=[_tool_request(one) for one in record.asks],
            reported_model=record.reported_model,
            prompt_sha256=record.prompt_sha256,
            redacted_prompt=record.redacted_prompt or "",
            verdicts=[_verdict(one) for one in record.verdicts],
        )
        request.latency_duration.FromTimedelta(record.latency)
        request.context_manifest.json = dump(record.manifest)
        if record.usage is not None:
            request.usage.input_tokens = record.usage.input_tokens
            request.usage.output_tokens = record.usage.output_tokens
        answer = await self._call(lambda stub: stub.RecordCall(request, **self._terms))
        return _call_of(answer.call)

    async def journal(
        self, tenant_id: TenantId, held: Held, tool_call: RecordedToolCall
    ) -> RecordedToolCall:
        request = pb.RecordToolCallRequest(
            tenant_id=tenant_id,
            task_id=held.task_id,
            epoch=held.epoch,
            tool_call=ai_pb2.AiToolCall(
                tool_call_number=tool_call.number,
                call_number=tool_call.call_number,
                server=tool_call.server,
                name=tool_call.name,
                arguments_sha256=tool_call.arguments_sha256,
                result=tool_call.result,
                is_error=tool_call.is_error,
            ),
        )
        answer = await self._call(lambda stub: stub.RecordToolCall(request, **self._terms))
        return _tool_call_of(answer.tool_call)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def _call(self, made: Callable[[_Stub], Awaitable[_Answer]]) -> _Answer:
        """Make a call, and make it again while nobody is there. Raises as the port says."""
        for failures in range(1, TRIES + 1):
            try:
                return await made(_Stub(self._connected()))
            except InvalidRequest as error:
                raise Unavailable(error.message) from error
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AWAY or failures == TRIES:
                    raise _error_of(error) from error
            await asyncio.sleep(backoff(RETRY, failures).total_seconds())
        raise AssertionError("the last try either answers or raises")

    def _connected(self) -> grpc.aio.Channel:
        """The channel, or a new one when certificates have changed; calls on the old one end."""
        if self._channel is None or self._connector.is_outdated:
            old, self._channel = self._channel, self._connector.channel()
            if old is not None:
                self._closing.add(closing := asyncio.create_task(old.close(CALL_WITHIN_S)))
                closing.add_done_callback(self._closing.discard)
        return self._channel


def _error_of(error: grpc.aio.AioRpcError) -> FoliotError:
    message = (error.details() or "")[:MAX_DETAIL]
    match error.code():
        case grpc.StatusCode.ABORTED | grpc.StatusCode.NOT_FOUND:
            return DeskLost(message)
        case grpc.StatusCode.ALREADY_EXISTS:
            return DeskMismatch(message)
        case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.RESOURCE_EXHAUSTED:
            return DeskRefused(message)
        case code:
            return Unavailable(f"the control plane did not answer for an AI task: {code.name}")


def _call_of(message: ai_pb2.AiCall) -> RecordedCall:
    name = ai_pb2.AiCallClassification.Name(message.classification)
    return RecordedCall(
        number=message.call_number,
        request_sha256=message.request_sha256,
        provider=message.provider,
        model=message.model,
        classification=Classification(name.removeprefix("AI_CALL_CLASSIFICATION_").lower()),
        output=message.output,
        asks=tuple(
            AskedTool(
                tool_use_id=one.tool_use_id,
                server=one.server,
                name=one.name,
                arguments=load(one.arguments.json) if one.arguments.json else None,
            )
            for one in message.tool_requests
        ),
        cost=message.cost,
    )


def _tool_call_of(message: ai_pb2.AiToolCall) -> RecordedToolCall:
    return RecordedToolCall(
        number=message.tool_call_number,
        call_number=message.call_number,
        server=message.server,
        name=message.name,
        arguments_sha256=message.arguments_sha256,
        result=message.result,
        is_error=message.is_error,
    )


def _tool_request(ask: AskedTool) -> ai_pb2.AiToolRequest:
    found = ai_pb2.AiToolRequest(tool_use_id=ask.tool_use_id, server=ask.server, name=ask.name)
    found.arguments.json = dump(ask.arguments)
    return found


def _verdict(verdict: Verdict) -> ai_pb2.AiGateVerdict:
    return ai_pb2.AiGateVerdict(
        gate=verdict.gate,
        result=ai_pb2.AiGateResult.Value(f"AI_GATE_RESULT_{verdict.result.upper()}"),
        reason=verdict.reason,
        detail=verdict.detail[:MAX_DETAIL],
    )
