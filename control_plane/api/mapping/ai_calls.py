"""Calls of models and tools on the wire."""

from foliot.executor.v1 import ai_pb2 as pb
from foliot.executor.v1 import executor_service_pb2
from foliot.v1 import json_pb2

from control_plane.api.mapping.texts import text_of
from control_plane.api.mapping.times import length_of, timestamp
from control_plane.ports.ai_desk import AiCall, AiToolCall
from control_plane.use_cases.get_ai_task import HeldAiTask
from control_plane.use_cases.record_call import Told, ToolRequest
from control_plane.use_cases.reserve_budget import BudgetAnswer, Wanted
from shared import json
from shared.errors import InvalidRequest
from shared.guardrails.writing import dump_policy, policy_sha256

_CLASSIFICATION = "AI_CALL_CLASSIFICATION_"
_RESULT = "AI_GATE_RESULT_"
_REFUSAL = "AI_REFUSAL_"


def wanted_from(request: executor_service_pb2.ReserveBudgetRequest) -> Wanted:
    return Wanted(
        tenant_id=request.tenant_id,
        task_id=request.task_id,
        epoch=request.epoch,
        call_number=request.call_number,
        request_sha256=request.request_sha256,
        provider=request.provider,
        model=request.model,
        max_input_tokens=request.max_input_tokens,
        max_output_tokens=request.max_output_tokens,
    )


def budget_to(answer: BudgetAnswer) -> executor_service_pb2.ReserveBudgetResponse:
    if answer.refusal is not None:
        refusal = pb.AiRefusal.Value(f"{_REFUSAL}{answer.refusal.upper()}")
        return executor_service_pb2.ReserveBudgetResponse(
            verdict=pb.AI_BUDGET_VERDICT_REFUSED, refusal=refusal
        )
    if answer.call is not None:
        return executor_service_pb2.ReserveBudgetResponse(
            verdict=pb.AI_BUDGET_VERDICT_RECORDED,
            call=call_to(answer.call),
            reserved_cost=answer.cost,
        )
    return executor_service_pb2.ReserveBudgetResponse(
        verdict=pb.AI_BUDGET_VERDICT_GRANTED, reserved_cost=answer.cost
    )


def told_from(request: executor_service_pb2.RecordCallRequest) -> Told:
    classification = _word(
        pb.AiCallClassification, request.classification, _CLASSIFICATION, "classification"
    )
    return Told(
        tenant_id=request.tenant_id,
        task_id=request.task_id,
        epoch=request.epoch,
        call_number=request.call_number,
        request_sha256=request.request_sha256,
        classification=classification,
        output=request.output,
        tool_requests=[
            ToolRequest(
                tool_use_id=one.tool_use_id,
                server=one.server,
                name=one.name,
                arguments=text_of(one, "arguments"),
            )
            for one in request.tool_requests
        ],
        reported_model=request.reported_model,
        usage=(request.usage.input_tokens, request.usage.output_tokens)
        if request.HasField("usage")
        else None,
        latency=length_of(request.latency_duration, "latency_duration"),
        prompt_sha256=request.prompt_sha256,
        redacted_prompt=request.redacted_prompt,
        context_manifest=text_of(request, "context_manifest"),
        verdicts=[
            (
                one.gate,
                _word(pb.AiGateResult, one.result, _RESULT, f"verdicts[{number}].result"),
                one.reason,
                one.detail,
            )
            for number, one in enumerate(request.verdicts)
        ],
    )


def tool_call_from(call: pb.AiToolCall) -> AiToolCall:
    return AiToolCall(
        tool_call_number=call.tool_call_number,
        call_number=call.call_number,
        server=call.server,
        name=call.name,
        arguments_sha256=call.arguments_sha256,
        result=call.result,
        is_error=call.is_error,
    )


def tool_call_to(call: AiToolCall) -> pb.AiToolCall:
    return pb.AiToolCall(
        tool_call_number=call.tool_call_number,
        call_number=call.call_number,
        server=call.server,
        name=call.name,
        arguments_sha256=call.arguments_sha256,
        result=call.result,
        is_error=call.is_error,
    )


def call_to(call: AiCall) -> pb.AiCall:
    """A call that was recorded; of one that was only reserved, what was asked."""
    record = call.record
    told = pb.AiCall(
        call_number=call.call_number,
        request_sha256=call.request_sha256,
        provider=call.provider,
        model=call.model,
        record_time=None if record is None else timestamp(record.recorded_at),
    )
    if record is None:
        return told
    told.reported_model = record.reported_model
    told.classification = pb.AiCallClassification.Value(
        f"{_CLASSIFICATION}{record.classification.upper()}"
    )
    told.output = record.output
    told.cost = record.cost
    if record.input_tokens is not None:
        told.usage.input_tokens = record.input_tokens
        told.usage.output_tokens = record.output_tokens or 0
    asked = json.load(record.tool_requests)
    for one in asked if isinstance(asked, list) else []:
        assert isinstance(one, dict)
        told.tool_requests.add(
            tool_use_id=str(one["tool_use_id"]),
            server=str(one["server"]),
            name=str(one["name"]),
            arguments=json_pb2.Json(json=json.dump(one["arguments"])),
        )
    return told


def ai_task_to(held: HeldAiTask) -> executor_service_pb2.GetAiTaskResponse:
    task, policy = held.task, held.policy
    told = executor_service_pb2.GetAiTaskResponse(
        policy_name=task.policy_name,
        policy_version=task.policy_version or 0,
        events=task.events,
        definition_key=task.definition_key,
        definition_version=task.definition_version,
        is_switched_off=task.is_off,
        calls=[call_to(one) for one in task.calls if one.record is not None],
        tool_calls=[tool_call_to(one) for one in task.tool_calls],
        last_call_number=task.last_call_number,
    )
    if policy is not None:
        told.policy.json = dump_policy(policy)
        told.policy_sha256 = policy_sha256(policy)
    return told


def _word(enum: object, value: int, prefix: str, field: str) -> str:
    """A value's name in lower case without its prefix; "" for one that is not set."""
    if value not in enum.values():  # type: ignore[attr-defined]  # of an enum of protobuf
        raise InvalidRequest(f"{field} {value} is none there is", field=field)
    name: str = enum.Name(value)  # type: ignore[attr-defined]  # the same
    return "" if value == 0 else name.removeprefix(prefix).lower()
