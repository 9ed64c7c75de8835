"""
The calls of one AI task: what is recorded is taken from the record, and everything else is
reserved before it is made, and recorded before anything is made of it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from executor.handlers.ai_prompts import max_input_tokens, prompt_text, request_sha256
from executor.ports.ai_desk import (
    MAX_OUTPUT_BYTES,
    MAX_PROMPT_BYTES,
    MAX_REPORTED_MODEL,
    AiDesk,
    AskedTool,
    CallRecord,
    RecordedCall,
    Refusal,
    Refused,
    Reservation,
    Terms,
)
from executor.ports.control_plane import Held
from executor.ports.llm import Llm, LlmReply, LlmRequest
from executor.ports.secrets import Secrets
from shared.failpoints import failpoint
from shared.guardrails import gates
from shared.guardrails.gates import Classification, Verdict
from shared.guardrails.policy import Model, Policy, PromptRecord
from shared.json import Json, digest
from shared.tasks import ClaimedTask, Failure
from shared.telemetry import gen_ai
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

MIN_CALL: Final = timedelta(seconds=1)
"""With less time left, no call is begun."""

NO_NAME: Final = "unknown"
"""What is recorded of a tool for which a model has no name that can be one."""

_CONCLUSIVE: Final = frozenset(
    {Classification.OK, Classification.REFUSAL, Classification.TRUNCATED}
)

_log = get_logger(__name__)


class Stopped(Exception):
    """The task ends here, with this failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that the policy lists, and the way to it."""

    entry: Model
    llm: Llm


class Dialogue:
    """Of one attempt. `deadline` is by time.monotonic."""

    def __init__(
        self,
        desk: AiDesk,
        task: ClaimedTask,
        terms: Terms,
        policy: Policy,
        candidates: Sequence[Candidate],
        secrets: Secrets,
        *,
        deadline: float,
    ) -> None:
        self._desk = desk
        self._task = task
        self._policy = policy
        self._candidates = candidates
        self._secrets = secrets
        self._deadline = deadline
        self._recorded = [one for one in terms.calls if one.classification in _CONCLUSIVE]
        self._last_number = terms.last_call_number
        self._spent = sum(one.cost for one in terms.calls)

    def remaining(self) -> timedelta:
        return timedelta(seconds=self._deadline - time.monotonic())

    async def ask(
        self,
        request: LlmRequest,
        tools: dict[str, tuple[str, str]],
        manifest: Json,
        passed: Sequence[Verdict],
    ) -> RecordedCall:
        """
        The first conclusive answer to a request, from the record or from a model. `tools` are
        the servers and names behind those that are offered.

        Raises Stopped where there is none, and what the desk raises.
        """
        asked = [(one, _for(one, request)) for one in self._candidates]
        known = {request_sha256(one.entry.provider, its, prompt_text(its)) for one, its in asked}
        for call in self._recorded:
            if call.request_sha256 in known:
                self._recorded.remove(call)
                return call
        troubles: list[LlmReply] = []
        for candidate, its in asked:
            call, reply = await self._call(candidate, its, tools, manifest, passed)
            if call.classification in _CONCLUSIVE:
                return call
            troubles.append(reply)
        raise Stopped(_failure_of(troubles))

    async def _call(
        self,
        candidate: Candidate,
        request: LlmRequest,
        tools: dict[str, tuple[str, str]],
        manifest: Json,
        passed: Sequence[Verdict],
    ) -> tuple[RecordedCall, LlmReply]:
        prompt = prompt_text(request)
        entry = candidate.entry
        wanted = Reservation(
            number=self._last_number + 1,
            request_sha256=request_sha256(entry.provider, request, prompt),
            provider=entry.provider,
            model=entry.model,
            max_input_tokens=max_input_tokens(request, prompt),
            max_output_tokens=request.max_output_tokens,
        )
        verdicts = [
            *passed,
            gates.model(self._policy, entry.provider, entry.model),
            gates.cost(
                self._policy,
                entry,
                wanted.max_input_tokens,
                wanted.max_output_tokens,
                spent=self._spent,
            ),
        ]
        if verdicts[-1].result == "refused":
            raise Stopped(_refused("ai.budget", verdicts[-1].detail))
        tenant_id, held = self._task.tenant_id, Held.of(self._task)
        if self.remaining() < MIN_CALL:
            raise Stopped(too_slow(self._policy))
        granted = await self._desk.reserve(tenant_id, held, wanted)
        if isinstance(granted, Refused):
            raise Stopped(_budget_failure(granted.refusal))
        self._last_number = wanted.number
        if isinstance(granted, RecordedCall):
            return granted, LlmReply(classification=granted.classification)
        await failpoint("ai.reserved")
        began = time.monotonic()
        reply = await self._made(candidate, request, wanted)
        await failpoint("ai.answered")
        verdicts.append(gates.classified(reply.classification))
        is_kept = self._policy.record.prompt is PromptRecord.REDACTED
        recorded = await self._desk.record(
            tenant_id,
            held,
            CallRecord(
                number=wanted.number,
                request_sha256=wanted.request_sha256,
                classification=reply.classification,
                output=reply.text,
                asks=tuple(
                    AskedTool(
                        tool_use_id=one.tool_use_id,
                        server=tools[one.name][0] if one.name in tools else "",
                        name=tools[one.name][1] if one.name in tools else one.name or NO_NAME,
                        arguments=one.arguments,
                    )
                    for one in reply.asks
                ),
                reported_model=reply.reported_model[:MAX_REPORTED_MODEL],
                usage=reply.usage,
                latency=timedelta(seconds=time.monotonic() - began),
                prompt_sha256=digest(prompt).hex(),
                redacted_prompt=prompt
                if is_kept and len(prompt.encode()) <= MAX_PROMPT_BYTES
                else None,
                manifest=manifest,
                verdicts=tuple(verdicts),
            ),
        )
        await failpoint("ai.recorded")
        self._spent += recorded.cost
        return recorded, reply

    async def _made(
        self, candidate: Candidate, request: LlmRequest, wanted: Reservation
    ) -> LlmReply:
        entry, task_id = candidate.entry, self._task.task_id
        with gen_ai.chat(task_id, entry.provider, entry.model, request.max_output_tokens) as span:
            reply = await candidate.llm.call(
                request,
                idempotency_key=f"{self._task.idempotency_key}-{wanted.number}",
                within=max(self.remaining(), MIN_CALL),
            )
            is_conclusive = reply.classification in _CONCLUSIVE
            usage = reply.usage
            gen_ai.replied(
                span,
                model=self._secrets.redacted(reply.reported_model),
                finish_reason=reply.finish_reason,
                tokens=None if usage is None else (usage.input_tokens, usage.output_tokens),
                error=None if is_conclusive else str(reply.classification),
            )
        if not is_conclusive:
            _log.warning(
                LogEvent.AI_PROVIDER_FAILED,
                task_id=task_id,
                provider=entry.provider,
                model=entry.model,
                problem=reply.problem,
            )
        return self._presentable(reply)

    def _presentable(self, reply: LlmReply) -> LlmReply:
        """The reply as it can be kept: without secrets, and without what cannot be stored."""
        text = self._secrets.redacted(reply.text).replace("\0", "\ufffd")
        classification = reply.classification
        if len(text.encode(errors="replace")) > MAX_OUTPUT_BYTES:
            text, classification = "", Classification.TRUNCATED
        return LlmReply(
            classification=classification,
            text=text.encode(errors="replace").decode(),
            asks=reply.asks,
            reported_model=self._secrets.redacted(reply.reported_model).replace("\0", ""),
            usage=reply.usage,
            problem=reply.problem,
            is_lasting=reply.is_lasting,
            retry_after=reply.retry_after,
        )


def too_slow(policy: Policy) -> Failure:
    return Failure(
        kind="ai.timeout",
        message=f"the policy's {policy.limits.seconds} s for an attempt are over",
    )


def _for(candidate: Candidate, request: LlmRequest) -> LlmRequest:
    return LlmRequest(
        model=candidate.entry.model,
        system=request.system,
        messages=request.messages,
        schema=request.schema,
        tools=request.tools,
        max_output_tokens=request.max_output_tokens,
    )


def _failure_of(troubles: Sequence[LlmReply]) -> Failure:
    """Whether it helps to wait: if any of those that were asked may answer later."""
    waits = [one.retry_after for one in troubles if one.retry_after is not None]
    return Failure(
        kind="ai.provider",
        message="; ".join(dict.fromkeys(one.problem for one in troubles if one.problem))
        or "no model gave an answer",
        retryable=not all(one.is_lasting for one in troubles),
        retry_after=min(waits) if waits else None,
    )


_BUDGETS: Final = {
    Refusal.TASK_COST: "the call could cost more than the policy leaves to the task",
    Refusal.INSTANCE_COST: "the call could cost more than the policy leaves to the instance",
    Refusal.DAY_COST: "the call could cost more than the tenant has left today",
    Refusal.ITERATIONS: "the policy allows the task no more calls",
    Refusal.TOKENS: "the call could take more tokens than the policy allows",
}


def _budget_failure(refusal: Refusal) -> Failure:
    match refusal:
        case Refusal.SWITCHED_OFF:
            return _refused("ai.off", "AI tasks are switched off here")
        case Refusal.NO_POLICY:
            return _refused("ai.no_policy", "no policy was active when the task was created")
        case Refusal.MODEL:
            return _refused("ai.model", "the policy does not list this model")
        case _:
            return _refused("ai.budget", _BUDGETS[refusal])


def _refused(kind: str, message: str) -> Failure:
    return Failure(kind=kind, message=message, retryable=False)
