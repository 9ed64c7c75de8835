"""Keep what came of a call of a model, and settle what it cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from control_plane.ports.ai_desk import AiCall, AiDesk, Recording
from control_plane.use_cases import fields
from control_plane.use_cases.ai_meter import count_call
from control_plane.use_cases.get_ai_task import ai_task_key, get_ai_task
from control_plane.use_cases.reserve_budget import (
    MAX_TOKENS,
    check_call,
    check_sha256,
)
from shared import json
from shared.errors import InvalidRequest, LimitExceeded, NotFound
from shared.guardrails import gates
from shared.guardrails.policy import MAX_NAME, PromptRecord
from shared.json import Json

MAX_OUTPUT_BYTES = 256 * 1024
MAX_PROMPT_BYTES = 256 * 1024
MAX_MANIFEST_BYTES = 64 * 1024
MAX_ARGUMENTS_BYTES = 64 * 1024
MAX_TOOL_REQUESTS = 16
MAX_VERDICTS = 32
MAX_WORD = 64
MAX_DETAIL = 1_000
MAX_LATENCY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    tool_use_id: str
    server: str
    name: str
    arguments: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an executor says of a call, not looked at yet."""

    tenant_id: str
    task_id: str
    epoch: int
    call_number: int
    request_sha256: str
    classification: str
    output: str
    tool_requests: Sequence[ToolRequest]
    reported_model: str
    usage: tuple[int, int] | None
    latency: timedelta
    prompt_sha256: str
    redacted_prompt: str
    context_manifest: str | None
    verdicts: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecorded:
    """`cost_over` is by how much it cost more than was set aside for it."""

    call: AiCall
    is_duplicate: bool
    cost_over: int


async def record_call(desk: AiDesk, told: Told) -> CallRecorded:
    """The first record stands. Raises NotFound, NotHeld, InvalidRequest and LimitExceeded."""
    recording = _checked(told)
    held = await get_ai_task(desk, told.tenant_id, told.task_id, told.epoch)
    policy = held.policy
    reserved = next((one for one in held.task.calls if one.call_number == told.call_number), None)
    if reserved is None or policy is None:
        raise NotFound("task", told.task_id)
    entry = gates.listed(policy, reserved.provider, reserved.model)
    cost = None
    if told.usage is not None and entry is not None:
        cost = gates.worst_cost(entry, *told.usage)
    keeps = policy.record.prompt is PromptRecord.REDACTED and told.redacted_prompt
    kept = await desk.record(
        replace(
            recording,
            cost=cost,
            redacted_prompt=told.redacted_prompt if keeps else None,
            keep_s=None if policy.record.keep is None else policy.record.keep.total_seconds(),
        )
    )
    if kept is None:
        raise NotFound("task", told.task_id)
    call, is_duplicate = kept
    assert call.record is not None
    if not is_duplicate:
        count_call(told.tenant_id, call, call.record)
    over = max(0, call.record.cost - call.reserved_last)
    return CallRecorded(call=call, is_duplicate=is_duplicate, cost_over=over)


def _checked(told: Told) -> Recording:
    """All of it but what the policy says."""
    check_call(told.call_number, told.request_sha256)
    check_sha256(told.prompt_sha256, "prompt_sha256")
    if not told.classification:
        raise InvalidRequest("classification is required", field="classification")
    _text(told.output, "output", MAX_OUTPUT_BYTES)
    _text(told.redacted_prompt, "redacted_prompt", MAX_PROMPT_BYTES)
    fields.text(told.reported_model, "reported_model", longest=MAX_NAME)
    if not timedelta(0) <= told.latency <= MAX_LATENCY:
        raise InvalidRequest(
            f"latency_duration {told.latency} is not from 0 to {MAX_LATENCY}",
            field="latency_duration",
        )
    for tokens in told.usage or ():
        if not 0 <= tokens <= MAX_TOKENS:
            raise InvalidRequest(f"usage {tokens} is not from 0 to {MAX_TOKENS}", field="usage")
    manifest = fields.json_value(
        told.context_manifest, "context_manifest", max_bytes=MAX_MANIFEST_BYTES
    )
    return Recording(
        key=ai_task_key(told.tenant_id, told.task_id, told.epoch),
        epoch=told.epoch,
        call_number=told.call_number,
        request_sha256=told.request_sha256,
        classification=told.classification,
        output=told.output,
        tool_requests=json.dump(_tool_requests(told.tool_requests)),
        reported_model=told.reported_model,
        input_tokens=told.usage[0] if told.usage else None,
        output_tokens=told.usage[1] if told.usage else None,
        latency_ms=told.latency // timedelta(milliseconds=1),
        prompt_sha256=told.prompt_sha256,
        context_manifest=json.dump(manifest),
        verdicts=json.dump(_verdicts(told.verdicts)),
        cost=None,
        redacted_prompt=None,
        keep_s=None,
    )


def _tool_requests(asked: Sequence[ToolRequest]) -> list[Json]:
    if len(asked) > MAX_TOOL_REQUESTS:
        raise LimitExceeded(
            "tool requests", actual=len(asked), maximum=MAX_TOOL_REQUESTS, field="tool_requests"
        )
    found: list[Json] = []
    for number, one in enumerate(asked):
        at = f"tool_requests[{number}]"
        for name in ("tool_use_id", "server", "name"):
            fields.text(getattr(one, name), f"{at}.{name}", longest=MAX_NAME)
        arguments = fields.json_value(
            one.arguments, f"{at}.arguments", max_bytes=MAX_ARGUMENTS_BYTES
        )
        found.append(
            {
                "tool_use_id": one.tool_use_id,
                "server": one.server,
                "name": one.name,
                "arguments": arguments,
            }
        )
    return found


def _verdicts(told: Sequence[tuple[str, str, str, str]]) -> list[Json]:
    if len(told) > MAX_VERDICTS:
        raise LimitExceeded("verdicts", actual=len(told), maximum=MAX_VERDICTS, field="verdicts")
    found: list[Json] = []
    for number, (gate, result, reason, detail) in enumerate(told):
        at = f"verdicts[{number}]"
        fields.required(gate, f"{at}.gate", longest=MAX_WORD)
        fields.required(result, f"{at}.result", longest=MAX_WORD)
        fields.text(reason, f"{at}.reason", longest=MAX_WORD)
        fields.text(detail, f"{at}.detail", longest=MAX_DETAIL)
        found.append({"gate": gate, "result": result, "reason": reason, "detail": detail})
    return found


def _text(value: str, field: str, max_bytes: int) -> None:
    size = len(value.encode())
    if size > max_bytes:
        raise LimitExceeded(f"{field} in bytes", actual=size, maximum=max_bytes, field=field)
    fields.text(value, field, longest=max_bytes)
