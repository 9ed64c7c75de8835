"""
AI tasks: a model chooses one of the task's events, or leaves it to a person.

    output  {"call": 2, "choice": "APPROVE", "data": …, "confidence": 0.9}

`call` is the number of the recorded call that the choice comes from; the control plane judges
that record again, and believes nothing else of this. A choice of null is an abstention.
"""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from executor.handlers.ai_dialogue import Candidate, Dialogue, Stopped, too_slow
from executor.handlers.ai_prompts import context_text, repair_text, system_text
from executor.handlers.ai_tool_use import ToolUse
from executor.ports import Ports
from executor.ports.ai_desk import AiDesk, DeskLost, DeskMismatch, DeskRefused, RecordedCall, Terms
from executor.ports.ai_tools import AiTools
from executor.ports.control_plane import Held
from executor.ports.llm import (
    LlmPort,
    LlmRequest,
    Message,
    ProviderMissing,
    ToolRequest,
)
from executor.ports.secrets import SecretMissing, Secrets, SecretsUnavailable
from shared.errors import FoliotError, InvalidRequest, Unavailable
from shared.guardrails import gates
from shared.guardrails.answers import answer_schema
from shared.guardrails.context import Context, select_context
from shared.guardrails.gates import Autonomy
from shared.guardrails.judging import Judgement, TaskFacts, judge
from shared.guardrails.policy import Policy
from shared.guardrails.reading import parse_effective
from shared.json import digest
from shared.tasks import ClaimedTask, Failure, Outcome, TaskType

NO_ANSWER: Final = "(no answer)"
"""What stands for an empty answer when a model is shown what it said."""


class AiHandler:
    """Lets models answer by what the desk allows. Holds nothing between two attempts."""

    def __init__(self, desk: AiDesk, llm: LlmPort, tools: AiTools) -> None:
        self._desk = desk
        self._llm = llm
        self._tools = tools

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        return type is TaskType.AI

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        """
        Succeeds with a choice or an abstention, which is no decision yet: what comes of it is
        for the control plane to say. An answer that was recorded is never paid for twice.
        """
        try:
            async with AsyncExitStack() as exits:
                return await self._attempt(task, ports.secrets, exits)
        except Stopped as stopped:
            return Outcome.failed(stopped.failure)
        except (DeskLost, DeskMismatch) as error:
            return _failed("ai.lease_lost", error.message)
        except DeskRefused as error:
            return _failed("ai.record", error.message, retryable=False)
        except Unavailable as error:
            return _failed("ai.unavailable", error.message)

    async def _attempt(self, task: ClaimedTask, secrets: Secrets, exits: AsyncExitStack) -> Outcome:
        terms = await self._desk.begin(task.tenant_id, Held.of(task))
        policy = _policy_of(terms)
        deadline = time.monotonic() + (policy.limits.seconds or 0)
        context = select_context(policy, task.input)
        _pass(gates.switch(policy, is_killed=terms.is_switched_off), "ai.off")
        _pass(context.verdict, "ai.context")
        # Before anything is rendered, so that no key could be in it.
        candidates = await self._candidates(policy, secrets)
        dialogue = Dialogue(self._desk, task, terms, policy, candidates, secrets, deadline=deadline)
        tools = ToolUse(self._desk, self._tools, task, terms, secrets)
        await tools.connect(policy, exits)
        return await _converse(task, terms, policy, context, dialogue, tools, secrets)

    async def _candidates(self, policy: Policy, secrets: Secrets) -> Sequence[Candidate]:
        """The models that can be asked, in the policy's order. Raises Stopped if none can."""
        found, problems = [], list[FoliotError]()
        for entry in policy.models or ():
            try:
                llm = await self._llm.connect(entry.provider, entry.secret, secrets)
            except (ProviderMissing, SecretMissing, SecretsUnavailable) as error:
                problems.append(error)
            else:
                found.append(Candidate(entry=entry, llm=llm))
        if found:
            return found
        if not problems:
            raise Stopped(_failure("ai.model", "the policy lists no model", retryable=False))
        raise Stopped(
            _failure(
                "ai.provider",
                "; ".join(dict.fromkeys(one.message for one in problems)),
                retryable=not all(isinstance(one, SecretMissing) for one in problems),
            )
        )


async def _converse(
    task: ClaimedTask,
    terms: Terms,
    policy: Policy,
    context: Context,
    dialogue: Dialogue,
    tools: ToolUse,
    secrets: Secrets,
) -> Outcome:
    """Until there is an answer that can be taken, or nothing more may be asked."""
    messages = [Message(role="user", text=secrets.redacted(context_text(context)))]
    passed = [gates.switch(policy, is_killed=terms.is_switched_off), context.verdict]
    repairs, has_tool_results = 0, bool(terms.tool_calls)
    for _ in range(policy.limits.iterations or 0):
        call = await dialogue.ask(
            LlmRequest(
                model="",
                system=system_text(policy, terms.events),
                messages=tuple(messages),
                schema=answer_schema(policy, terms.events),
                tools=tools.offers,
                max_output_tokens=policy.limits.output_tokens or 0,
            ),
            dict(tools.names),
            context.manifest(),
            passed,
        )
        if call.asks:
            answers = []
            for asked in call.asks:
                answer, is_result = await tools.answer(call.number, asked)
                answers.append(answer)
                has_tool_results = has_tool_results or is_result
            messages += [
                Message(role="assistant", text=call.output, asks=_asks(call, tools)),
                Message(role="user", answers=tuple(answers)),
            ]
        else:
            judgement = judge(
                policy, _facts(task, terms, call, has_tool_results=has_tool_results), call.output
            )
            if not judgement.errors or repairs >= (policy.max_repair or 0):
                return _outcome_of(call, judgement)
            repairs += 1
            messages += [
                Message(role="assistant", text=call.output or NO_ANSWER),
                Message(role="user", text=repair_text(judgement.errors)),
            ]
        if dialogue.remaining().total_seconds() <= 0:
            return Outcome.failed(too_slow(policy))
    return _failed("ai.budget", "the policy allows the task no more calls", retryable=False)


def _asks(call: RecordedCall, tools: ToolUse) -> tuple[ToolRequest, ...]:
    """What the model asked for, by the names under which it knows the tools."""
    offered = {both: name for name, both in tools.names.items()}
    return tuple(
        ToolRequest(
            tool_use_id=one.tool_use_id,
            name=offered.get((one.server, one.name), one.name),
            arguments=one.arguments,
        )
        for one in call.asks
    )


def _facts(
    task: ClaimedTask, terms: Terms, call: RecordedCall, *, has_tool_results: bool
) -> TaskFacts:
    return TaskFacts(
        events=terms.events,
        input=task.input,
        provider=call.provider,
        model=call.model,
        classification=call.classification,
        has_tool_results=has_tool_results,
        is_killed=terms.is_switched_off,
    )


def _policy_of(terms: Terms) -> Policy:
    """Raises Stopped for a task without one, or with one that is not what it is said to be."""
    if terms.policy is None:
        raise Stopped(
            _failure(
                "ai.no_policy",
                "no policy was active when the task was created; activate one, and try it again",
                retryable=False,
            )
        )
    if digest(terms.policy).hex() != terms.policy_sha256:
        raise Stopped(_failure("ai.policy", "the policy is not the one that binds the task"))
    try:
        return parse_effective(terms.policy)
    except InvalidRequest as error:
        raise Stopped(
            _failure("ai.policy", f"this executor cannot read the policy: {error.message}")
        ) from None


def _outcome_of(call: RecordedCall, judgement: Judgement) -> Outcome:
    if judgement.autonomy is Autonomy.REFUSE:
        last = judgement.verdicts[-1]
        told = "; ".join(judgement.errors)
        return _failed(
            judgement.failure or "ai.invalid_output",
            f"{last.detail}: {told}" if told else last.detail,
            retryable=False,
        )
    return Outcome.succeeded(
        {
            "call": call.number,
            "choice": judgement.choice,
            "data": judgement.data,
            "confidence": judgement.confidence,
        }
    )


def _pass(verdict: gates.Verdict, kind: str) -> None:
    """Raises Stopped for a refusal."""
    if verdict.result == "refused":
        raise Stopped(_failure(kind, verdict.detail, retryable=False))


def _failure(kind: str, message: str, *, retryable: bool = True) -> Failure:
    return Failure(kind=kind, message=message, retryable=retryable)


def _failed(kind: str, message: str, *, retryable: bool = True) -> Outcome:
    return Outcome.failed(_failure(kind, message, retryable=retryable))
