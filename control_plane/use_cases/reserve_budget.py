"""Set aside what a call of a model can cost, before it is made."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from control_plane.ports.ai_desk import AiCall, AiDesk, Refusal, Reservation
from control_plane.use_cases import fields
from control_plane.use_cases.get_ai_task import get_ai_task
from shared.errors import InvalidRequest, NotFound
from shared.guardrails import gates
from shared.guardrails.policy import MAX_NAME, Mode

MAX_TOKENS = 100_000_000
MAX_CALL_NUMBER = 1_000
SHA256_LENGTH = 64

WhyNot: TypeAlias = Refusal | Literal["tokens", "model", "no_policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A call as its executor means to make it, not looked at yet."""

    tenant_id: str
    task_id: str
    epoch: int
    call_number: int
    request_sha256: str
    provider: str
    model: str
    max_input_tokens: int
    max_output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAnswer:
    """Granted where there is neither a refusal nor a call that was recorded already."""

    cost: int = 0
    refusal: WhyNot | None = None
    call: AiCall | None = None


async def reserve_budget(desk: AiDesk, wanted: Wanted) -> BudgetAnswer:
    """
    The price is the pinned policy's, the tokens are at their most. What cannot be priced is not
    granted. Raises NotFound, NotHeld, AlreadyExists and InvalidRequest, as the RPC says.
    """
    _check(wanted)
    held = await get_ai_task(desk, wanted.tenant_id, wanted.task_id, wanted.epoch)
    policy = held.policy
    if policy is None:
        return BudgetAnswer(refusal="no_policy")
    entry = gates.listed(policy, wanted.provider, wanted.model)
    if entry is None:
        return BudgetAnswer(refusal="model")
    limits = policy.limits
    if policy.mode is Mode.OFF:
        return BudgetAnswer(refusal="switched_off")
    is_within = wanted.max_input_tokens <= (limits.input_tokens or 0)
    if not is_within or wanted.max_output_tokens > (limits.output_tokens or 0):
        return BudgetAnswer(refusal="tokens")
    answer = await desk.reserve(
        Reservation(
            key=held.task.key,
            epoch=wanted.epoch,
            call_number=wanted.call_number,
            request_sha256=wanted.request_sha256,
            provider=wanted.provider,
            model=wanted.model,
            worst_cost=gates.worst_cost(entry, wanted.max_input_tokens, wanted.max_output_tokens),
            max_calls=limits.iterations or 0,
            cost_per_task=limits.cost_per_task or 0,
            cost_per_instance=limits.cost_per_instance or 0,
            cost_per_day=limits.cost_per_day or 0,
        )
    )
    if answer is None:
        raise NotFound("task", wanted.task_id)
    return BudgetAnswer(cost=answer.cost, refusal=answer.refusal, call=answer.call)


def check_call(call_number: int, request_sha256: str) -> None:
    """Raises InvalidRequest for what names no call."""
    if not 0 < call_number <= MAX_CALL_NUMBER:
        raise InvalidRequest(
            f"call_number {call_number} is not from 1 to {MAX_CALL_NUMBER}", field="call_number"
        )
    check_sha256(request_sha256, "request_sha256")


def check_sha256(value: str, field: str) -> None:
    """Raises InvalidRequest for what is no SHA-256 in hexadecimal."""
    if len(value) != SHA256_LENGTH or not set(value) <= set("0123456789abcdef"):
        raise InvalidRequest(
            f"{field} is not the {SHA256_LENGTH} hexadecimal digits of a SHA-256, in lower case",
            field=field,
        )


def _check(wanted: Wanted) -> None:
    check_call(wanted.call_number, wanted.request_sha256)
    fields.required(wanted.provider, "provider", longest=MAX_NAME)
    fields.required(wanted.model, "model", longest=MAX_NAME)
    for field in ("max_input_tokens", "max_output_tokens"):
        value = getattr(wanted, field)
        if not 0 < value <= MAX_TOKENS:
            raise InvalidRequest(f"{field} {value} is not from 1 to {MAX_TOKENS}", field=field)
