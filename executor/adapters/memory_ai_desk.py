"""The desk of AI tasks held in memory, with one budget a task."""

from dataclasses import dataclass, field, replace

from executor.ports.ai_desk import (
    MAX_OUTPUT_BYTES,
    MAX_PROMPT_BYTES,
    MAX_TOOL_RESULT_BYTES,
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
from shared.guardrails.gates import listed, worst_cost
from shared.guardrails.policy import Policy
from shared.guardrails.writing import dump_policy
from shared.ids import TenantId
from shared.json import digest


@dataclass(slots=True, kw_only=True)
class DeskTask:
    """A task as the desk knows it; `epoch` is that of its last hand-out."""

    policy: Policy | None
    events: tuple[str, ...]
    epoch: int = 1
    is_switched_off: bool = False
    reserved: dict[int, Reservation] = field(default_factory=dict)
    committed: dict[int, int] = field(default_factory=dict)
    """What each call is taken to have cost, or may cost."""

    recorded: dict[int, RecordedCall] = field(default_factory=dict)
    records: dict[int, CallRecord] = field(default_factory=dict)
    tool_calls: list[RecordedToolCall] = field(default_factory=list)

    @property
    def spent(self) -> int:
        """In millionths of a unit."""
        return sum(self.committed.values())


class MemoryAiDesk:
    def __init__(self) -> None:
        self.tasks: dict[tuple[TenantId, str], DeskTask] = {}

    async def begin(self, tenant_id: TenantId, held: Held) -> Terms:
        task = self._task(tenant_id, held)
        text = None if task.policy is None else dump_policy(task.policy)
        return Terms(
            policy=text,
            policy_sha256="" if text is None else digest(text).hex(),
            events=task.events,
            is_switched_off=task.is_switched_off,
            calls=tuple(task.recorded[number] for number in sorted(task.recorded)),
            tool_calls=tuple(task.tool_calls),
            last_call_number=max(task.reserved, default=0),
        )

    async def reserve(
        self, tenant_id: TenantId, held: Held, reservation: Reservation
    ) -> Granted | Refused | RecordedCall:
        task = self._task(tenant_id, held)
        number, known = reservation.number, task.reserved.get(reservation.number)
        if known is not None and known.request_sha256 != reservation.request_sha256:
            raise DeskMismatch(f"call {number} was another request; take the next number")
        if number in task.recorded:
            return task.recorded[number]
        if known is None and number != max(task.reserved, default=0) + 1:
            raise DeskRefused(f"call number {number} leaves a gap; take the next number")
        if task.policy is None:
            return Refused(Refusal.NO_POLICY)
        if task.is_switched_off:
            return Refused(Refusal.SWITCHED_OFF)
        entry = listed(task.policy, reservation.provider, reservation.model)
        if entry is None:
            return Refused(Refusal.MODEL)
        limits = task.policy.limits
        if number > (limits.iterations or 0):
            return Refused(Refusal.ITERATIONS)
        is_within = reservation.max_input_tokens <= (limits.input_tokens or 0)
        if not is_within or reservation.max_output_tokens > (limits.output_tokens or 0):
            return Refused(Refusal.TOKENS)
        cost = worst_cost(entry, reservation.max_input_tokens, reservation.max_output_tokens)
        if known is None and task.spent + cost > (limits.cost_per_task or 0):
            return Refused(Refusal.TASK_COST)
        task.reserved[number] = reservation
        task.committed.setdefault(number, cost)
        return Granted()

    async def record(self, tenant_id: TenantId, held: Held, record: CallRecord) -> RecordedCall:
        task = self._task(tenant_id, held)
        wanted = task.reserved.get(record.number)
        if wanted is None or wanted.request_sha256 != record.request_sha256:
            raise DeskLost(f"call {record.number} was not reserved; stop the attempt")
        if record.number in task.recorded:
            return task.recorded[record.number]
        if len(record.output.encode()) > MAX_OUTPUT_BYTES:
            raise DeskRefused(f"the output is over {MAX_OUTPUT_BYTES} bytes")
        if len((record.redacted_prompt or "").encode()) > MAX_PROMPT_BYTES:
            raise DeskRefused(f"the prompt is over {MAX_PROMPT_BYTES} bytes")
        entry = None if task.policy is None else listed(task.policy, wanted.provider, wanted.model)
        if record.usage is not None and entry is not None:
            used = record.usage
            cost = worst_cost(entry, used.input_tokens, used.output_tokens)
            task.committed[record.number] = cost
        task.records[record.number] = record
        task.recorded[record.number] = RecordedCall(
            number=record.number,
            request_sha256=record.request_sha256,
            provider=wanted.provider,
            model=wanted.model,
            classification=record.classification,
            output=record.output,
            asks=record.asks,
            cost=task.committed[record.number],
        )
        return task.recorded[record.number]

    async def journal(
        self, tenant_id: TenantId, held: Held, tool_call: RecordedToolCall
    ) -> RecordedToolCall:
        task = self._task(tenant_id, held)
        if tool_call.call_number not in task.recorded:
            raise DeskLost(f"call {tool_call.call_number} is not recorded; stop the attempt")
        if len(tool_call.result.encode()) > MAX_TOOL_RESULT_BYTES:
            raise DeskRefused(f"the result is over {MAX_TOOL_RESULT_BYTES} bytes")
        if tool_call.number <= len(task.tool_calls):
            known = task.tool_calls[tool_call.number - 1]
            if replace(known, result=tool_call.result, is_error=tool_call.is_error) != tool_call:
                raise DeskMismatch(f"tool call {tool_call.number} was another one")
            return known
        if tool_call.number != len(task.tool_calls) + 1:
            raise DeskRefused(f"tool call {tool_call.number} leaves a gap; take the next number")
        task.tool_calls.append(tool_call)
        return tool_call

    def _task(self, tenant_id: TenantId, held: Held) -> DeskTask:
        task = self.tasks.get((tenant_id, held.task_id))
        if task is None or task.epoch != held.epoch:
            raise DeskLost("the task is not held at this epoch; stop the attempt")
        return task
