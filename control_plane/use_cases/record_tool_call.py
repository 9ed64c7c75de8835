"""Keep what a tool answered, so that a crash does not repeat the call."""

from control_plane.ports.ai_desk import AiDesk, AiToolCall
from control_plane.use_cases import fields
from control_plane.use_cases.get_ai_task import get_ai_task
from control_plane.use_cases.reserve_budget import MAX_CALL_NUMBER, check_sha256
from shared.errors import InvalidRequest, LimitExceeded, NotFound
from shared.guardrails.policy import MAX_NAME

MAX_RESULT_BYTES = 64 * 1024


async def record_tool_call(
    desk: AiDesk, tenant_id: str, task_id: str, epoch: int, call: AiToolCall
) -> tuple[AiToolCall, bool]:
    """
    The first record stands; True if this one was not it. A tool that the policy does not list, or
    not as often, is not kept: LimitExceeded.
    """
    _check(call)
    held = await get_ai_task(desk, tenant_id, task_id, epoch)
    tools = () if held.policy is None else held.policy.tools or ()
    allowed = next(
        (one for one in tools if (one.server, one.name) == (call.server, call.name)),
        None,
    )
    so_far = sum(
        (one.server, one.name) == (call.server, call.name)
        for one in held.task.tool_calls
        if one.tool_call_number < call.tool_call_number
    )
    maximum = 0 if allowed is None else allowed.max_calls
    if so_far >= maximum:
        raise LimitExceeded(
            f"calls of the tool {call.name!r}",
            actual=so_far + 1,
            maximum=maximum,
            field="tool_call.name",
        )
    kept = await desk.record_tool(held.task.key, epoch, call)
    if kept is None:
        raise NotFound("task", task_id)
    return kept


def _check(call: AiToolCall) -> None:
    for field in ("tool_call_number", "call_number"):
        value = getattr(call, field)
        if not 0 < value <= MAX_CALL_NUMBER:
            raise InvalidRequest(
                f"{field} {value} is not from 1 to {MAX_CALL_NUMBER}", field=f"tool_call.{field}"
            )
    for field in ("server", "name"):
        fields.required(getattr(call, field), f"tool_call.{field}", longest=MAX_NAME)
    check_sha256(call.arguments_sha256, "tool_call.arguments_sha256")
    size = len(call.result.encode())
    if size > MAX_RESULT_BYTES:
        raise LimitExceeded(
            "result in bytes", actual=size, maximum=MAX_RESULT_BYTES, field="tool_call.result"
        )
    fields.text(call.result, "tool_call.result", longest=MAX_RESULT_BYTES)
