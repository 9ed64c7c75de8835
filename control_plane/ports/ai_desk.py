"""
What executors of AI tasks ask before a model is called, and what they say afterwards.

Money is set aside before a call, by the price at its worst, and settled thereafter. What was set
aside and never settled stays spent: the model may have been called.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from control_plane.ports.instance_store import TaskKey
from control_plane.ports.records import JsonText
from shared.errors import AlreadyExists, Conflict, InvalidRequest

Refusal: TypeAlias = Literal["task_cost", "instance_cost", "day_cost", "iterations", "switched_off"]


class NotHeld(Conflict):
    """The task is not held at that epoch, or not any more."""

    reason = "LEASE_LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class AiRecord:
    """What came of a call. The texts go when `keep_until` has come; tokens None: not counted."""

    classification: str
    output: str
    tool_requests: JsonText
    reported_model: str
    input_tokens: int | None
    output_tokens: int | None
    cost: int
    latency_ms: int
    prompt_sha256: str
    redacted_prompt: str | None
    context_manifest: JsonText
    verdicts: JsonText
    keep_until: datetime | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AiCall:
    """
    A call as it was reserved, at `epoch`, and recorded. `reserved` is all that was ever set aside
    for it, `reserved_last` what was at the last time.
    """

    key: TaskKey
    call_number: int
    request_sha256: str
    provider: str
    model: str
    epoch: int
    reserved: int
    reserved_last: int
    reserved_at: datetime
    record: AiRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AiToolCall:
    tool_call_number: int
    call_number: int
    server: str
    name: str
    arguments_sha256: str
    result: str
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AiTask:
    """
    An AI task, what binds it, and what was recorded for it.

    `platform`, `default` and `policy` are the documents of the versions that were active when it
    was created, each None where there was none; `guardrails` are those of its definition, and its
    own. `is_off` tells of now. `epoch` is that of its lease, None without one.
    """

    key: TaskKey
    policy_name: str
    policy_version: int | None
    platform: JsonText | None
    default: JsonText | None
    policy: JsonText | None
    guardrails: tuple[JsonText, ...]
    events: tuple[str, ...]
    input: JsonText
    definition_key: str
    definition_version: int
    is_off: bool
    epoch: int | None
    last_call_number: int
    calls: tuple[AiCall, ...]
    tool_calls: tuple[AiToolCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What is to be called, what it costs at worst, and how much there may be in all."""

    key: TaskKey
    epoch: int
    call_number: int
    request_sha256: str
    provider: str
    model: str
    worst_cost: int
    max_calls: int
    cost_per_task: int
    cost_per_instance: int
    cost_per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """Granted without a `refusal`; with a `call` it was recorded already, and is not to be made."""

    cost: int = 0
    refusal: Refusal | None = None
    call: AiCall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """`cost` is what the call came to by the policy's prices, None where usage is not known."""

    key: TaskKey
    epoch: int
    call_number: int
    request_sha256: str
    classification: str
    output: str
    tool_requests: JsonText
    reported_model: str
    input_tokens: int | None
    output_tokens: int | None
    cost: int | None
    latency_ms: int
    prompt_sha256: str
    redacted_prompt: str | None
    context_manifest: JsonText
    verdicts: JsonText
    keep_s: float | None


class AiDesk(Protocol):
    async def task(self, key: TaskKey) -> AiTask | None:
        """All that is known of an AI task; None if it is none, or not there."""

    async def reserve(self, asked: Reservation) -> Reserved | None:
        """
        Set the worst cost aside, unless that would be more than there may be of the task, of its
        instance, or of its tenant today; never more, however many ask at once. None if there is
        no such AI task.

        Repeated with the same epoch it changes nothing. Raises NotHeld, AlreadyExists for a
        number that another request has, and InvalidRequest for one that leaves a gap.
        """

    async def record(self, told: Recording) -> tuple[AiCall, bool] | None:
        """
        Keep what came of a call, and settle it; True if it had been recorded before, and stands.
        Of unknown cost it costs what was set aside for it. None if no such call was reserved.

        Raises NotHeld.
        """

    async def record_tool(
        self, key: TaskKey, epoch: int, call: AiToolCall
    ) -> tuple[AiToolCall, bool] | None:
        """
        Keep what a tool answered; True if it had been kept before, and stands. None if no such
        call of the model was recorded. Raises NotHeld, AlreadyExists for a number that another
        call of a tool has, and InvalidRequest for one that leaves a gap.
        """


def not_held(epoch: int) -> NotHeld:
    """For who asks with an old epoch."""
    return NotHeld(
        f"epoch {epoch} is not the one that the task is held at; stop the attempt",
        metadata={"epoch": str(epoch)},
    )


def gap(field: str, number: int) -> InvalidRequest:
    """For a number that is not the next."""
    return InvalidRequest(
        f"{number} leaves a gap: take the number after the last one there is", field=field
    )


def check_same_call(known: AiCall, asked: Reservation) -> None:
    """Raises AlreadyExists for a number that another request has."""
    if known.request_sha256 != asked.request_sha256:
        raise AlreadyExists(
            f"call {known.call_number} was reserved for another request; take the number after the"
            " last one there is",
            reason="IDEMPOTENCY_MISMATCH",
            metadata={"call_number": str(known.call_number)},
        )


def check_same_tool(known: AiToolCall, call: AiToolCall) -> None:
    """Raises AlreadyExists for a number that another call of a tool has."""
    same = ("call_number", "server", "name", "arguments_sha256")
    if any(getattr(known, one) != getattr(call, one) for one in same):
        raise AlreadyExists(
            f"tool call {known.tool_call_number} was another one; take the number after the last"
            " one there is",
            reason="IDEMPOTENCY_MISMATCH",
            metadata={"tool_call_number": str(known.tool_call_number)},
        )
