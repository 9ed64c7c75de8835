"""
The desk at the control plane where an AI task asks for its terms, for budget, and hands in what
came of each call. It believes nothing it is told, and this executor decides nothing by itself.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol

from executor.ports.control_plane import Held
from executor.ports.llm import Usage
from shared.errors import FoliotError
from shared.guardrails.gates import Classification, Verdict
from shared.ids import TenantId
from shared.json import Json

MAX_OUTPUT_BYTES: Final = 256 * 1024
"""Of a raw output in UTF-8."""

MAX_PROMPT_BYTES: Final = 256 * 1024
"""Of a prompt that is kept, in UTF-8."""

MAX_TOOL_RESULT_BYTES: Final = 64 * 1024
MAX_REPORTED_MODEL: Final = 200


class DeskLost(FoliotError):
    """The task is not this hand-out's any more: whatever comes of it is not applied."""

    reason = "LEASE_LOST"


class DeskMismatch(FoliotError):
    """The number of a call was taken by another request: what was decided before has changed."""

    reason = "IDEMPOTENCY_MISMATCH"


class DeskRefused(FoliotError):
    """The desk does not take what it was handed: it is over a limit, or badly formed."""

    reason = "LIMIT_EXCEEDED"


class Refusal(StrEnum):
    """Why a model may not be called."""

    TASK_COST = "task_cost"
    INSTANCE_COST = "instance_cost"
    DAY_COST = "day_cost"
    ITERATIONS = "iterations"
    TOKENS = "tokens"
    MODEL = "model"
    SWITCHED_OFF = "switched_off"
    NO_POLICY = "no_policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTool:
    """
    A tool that a model asked for, as it is recorded: by its server and name if the policy knows
    it, else by the model's name for it and no server.
    """

    tool_use_id: str
    server: str
    name: str
    arguments: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A call as it stands in the record."""

    number: int
    request_sha256: str
    provider: str
    model: str
    classification: Classification
    output: str
    asks: tuple[AskedTool, ...] = ()
    cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedToolCall:
    """A call of a tool as it stands in the record. `number` is the task's, from 1."""

    number: int
    call_number: int
    server: str
    name: str
    arguments_sha256: str
    result: str
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms the task may ask a model, and what there is of earlier attempts."""

    policy: str | None
    policy_sha256: str
    events: tuple[str, ...]
    is_switched_off: bool
    calls: tuple[RecordedCall, ...] = ()
    tool_calls: tuple[RecordedToolCall, ...] = ()
    last_call_number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What is to be called. Tokens are the most that it can come to."""

    number: int
    request_sha256: str
    provider: str
    model: str
    max_input_tokens: int
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class Granted:
    """The call may be made, once, and is to be recorded."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The call may not be made."""

    refusal: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """What came of a call. `redacted_prompt` is None where the policy keeps hashes only."""

    number: int
    request_sha256: str
    classification: Classification
    output: str
    asks: tuple[AskedTool, ...]
    reported_model: str
    usage: Usage | None
    latency: timedelta
    prompt_sha256: str
    redacted_prompt: str | None
    manifest: Json
    verdicts: tuple[Verdict, ...]


class AiDesk(Protocol):
    """
    Every method raises DeskLost if the hand-out is not the task's current one, and Unavailable
    if there was no answer: then it is not known whether the call had its effect, and it can be
    made again, as it is.
    """

    async def begin(self, tenant_id: TenantId, held: Held) -> Terms:
        """The terms of the task. Changes nothing."""

    async def reserve(
        self, tenant_id: TenantId, held: Held, reservation: Reservation
    ) -> Granted | Refused | RecordedCall:
        """
        Set aside the most that a call can cost. A call that is in the record already is given
        back as it is: it must not be made again.

        Idempotent by number and request. Raises DeskMismatch if the number has another request.
        """

    async def record(self, tenant_id: TenantId, held: Held, record: CallRecord) -> RecordedCall:
        """
        Keep what came of a call that was granted, for good; gives what stands in the record,
        which is the first that was kept. Raises DeskRefused.
        """

    async def journal(
        self, tenant_id: TenantId, held: Held, tool_call: RecordedToolCall
    ) -> RecordedToolCall:
        """
        Keep what a tool answered, likewise. Raises DeskMismatch if the number has another tool or
        other arguments, and DeskRefused.
        """
