"""
What an AI task's success may come to: the gates, once more, on what was recorded.

An executor that says what a model chose is not believed. Its outcome names the call; the answer to
that is judged here, by the policy that binds the task, and is to come to the same.
"""

from control_plane.ports.ai_desk import AiCall, AiDesk, AiTask
from control_plane.ports.ai_tasks import NOT_BELIEVED, Judged
from control_plane.ports.instance_store import TaskKey
from control_plane.use_cases.ai_meter import count_verdicts
from control_plane.use_cases.binding_policy import binding_policy
from shared import json
from shared.guardrails.gates import Classification
from shared.guardrails.judging import Judgement, TaskFacts, judge
from shared.guardrails.policy import Policy
from shared.guardrails.writing import policy_sha256
from shared.json import Json
from shared.tasks import Failure, Outcome
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

MOST_WORDS = 2_000
"""Characters of a model's own words that go to people."""

_log = get_logger(__name__)


def may_be_choice(outcome: Outcome) -> bool:
    """Whether it has to be asked if the task is an AI task: of no other outcome it is."""
    output = outcome.output
    return outcome.state == "succeeded" and isinstance(output, dict) and "call" in output


async def judge_outcome(desk: AiDesk, key: TaskKey, outcome: Outcome) -> Judged | None:
    """None of what is no AI task's. Raises what the store raises."""
    task = await desk.task(key)
    if task is None:
        return None
    policy = binding_policy(task)
    if policy is None:
        return _failed("ai.no_policy", "no policy was active under the name that it was to obey")
    claimed = outcome.output if isinstance(outcome.output, dict) else {}
    call = _call(task, claimed.get("call"))
    if call is None or call.record is None:
        return _lied(task, "it names no recorded call, or not the last one")
    judgement = judge(policy, _facts(task, call), call.record.output)
    count_verdicts(judgement.verdicts)
    if judgement.failure is not None:
        return _failed(judgement.failure, _why(judgement))
    if not _is_same(claimed, judgement):
        return _lied(task, "what it says was chosen is not what the recorded answer comes to")
    return _judged(task, policy, call, judgement)


def _call(task: AiTask, number: Json) -> AiCall | None:
    """The last call: an executor does not pick the answer that it likes best."""
    if type(number) is not int or number != task.last_call_number:
        return None
    return next((one for one in task.calls if one.call_number == number), None)


def _facts(task: AiTask, call: AiCall) -> TaskFacts:
    assert call.record is not None
    return TaskFacts(
        events=task.events,
        input=json.load(task.input),
        provider=call.provider,
        model=call.model,
        classification=Classification(call.record.classification),
        has_tool_results=bool(task.tool_calls),
        is_killed=task.is_off,
    )


def _is_same(claimed: dict[str, Json], judgement: Judgement) -> bool:
    said: list[Json] = [claimed.get(name) for name in ("choice", "data", "confidence")]
    found: list[Json] = [judgement.choice, judgement.data, judgement.confidence]
    return json.dump(said) == json.dump(found)


def _judged(task: AiTask, policy: Policy, call: AiCall, judgement: Judgement) -> Judged:
    record = call.record
    assert record is not None
    lowered = [one.reason for one in judgement.verdicts if one.result == "lowered"]
    return Judged(
        autonomy=judgement.autonomy,
        choice=judgement.choice,
        data=judgement.data,
        confidence=judgement.confidence,
        reason=judgement.reason[:MOST_WORDS].replace("\0", ""),
        lowered_by=lowered[-1] if lowered else "",
        call_number=call.call_number,
        model=f"{call.provider}/{call.model}",
        cost=sum(one.record.cost for one in task.calls if one.record is not None),
        events=task.events,
        policy_name=task.policy_name,
        policy_version=task.policy_version or 0,
        policy_sha256=policy_sha256(policy),
        approval=policy.approval,
    )


def _why(judgement: Judgement) -> str:
    last = judgement.verdicts[-1]
    return f"the gate {last.gate} refused it: {last.detail or last.reason}"


def _lied(task: AiTask, why: str) -> Judged:
    key = task.key
    _log.warning(
        LogEvent.AI_OUTCOME_NOT_BELIEVED,
        tenant_id=key.tenant_id,
        instance_id=str(key.instance_id),
        ordinal=key.ordinal,
        why=why,
    )
    return _failed(NOT_BELIEVED, f"the executor's outcome was not believed: {why}")


def _failed(kind: str, message: str) -> Judged:
    return Judged(failure=Failure(kind=kind, message=message, retryable=False))
