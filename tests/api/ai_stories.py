"""An AI task over the wire: a policy, an executor that calls a model, a person who decides."""

import hashlib
import json
from typing import Any

from foliot.executor.v1 import ai_pb2, claimed_task_pb2, executor_service_pb2
from foliot.v1 import ai_policy_pb2, ai_service_pb2, json_pb2, task_pb2, task_service_pb2
from google.protobuf.duration_pb2 import Duration

from tests.api.serving import Client
from tests.api.stories import activate, start

TRIAGE: dict[str, Any] = {
    "id": "triage",
    "initial": "triage",
    "states": {
        "triage": {
            "invoke": {
                "id": "decide",
                "src": "ai",
                "input": {"amount": 12},
                "events": ["APPROVE", "DENY"],
                "policy": "triage",
                "onError": "desk",
            },
            "on": {"APPROVE": "accepted", "DENY": "denied"},
        },
        "accepted": {"type": "final"},
        "denied": {"type": "final"},
        "desk": {"on": {"APPROVE": "accepted"}},
    },
}

POLICY: dict[str, Any] = {
    "mode": "suggest",
    "models": [
        {"provider": "anthropic", "model": "large", "input_price": 1_000_000, "output_price": 0}
    ],
    "decisions": {"APPROVE": {"risk": "low", "act": "auto", "min_confidence": 0.9}},
    "send": ["/amount"],
    "approval": {"roles": ["desk"]},
}

ANSWER = json.dumps({"choice": "APPROVE", "confidence": 0.95, "reason": "it is small"})
REQUEST = hashlib.sha256(b"what the model is sent").hexdigest()


async def allowed(client: Client, **values: Any) -> ai_policy_pb2.AiPolicy:
    """A policy in force."""
    document = json_pb2.Json(json=json.dumps({**POLICY, **values}))
    made = await client.ai.CreateAiPolicy(
        ai_service_pb2.CreateAiPolicyRequest(name="triage", document=document)
    )
    active = await client.ai.ActivateAiPolicy(
        ai_service_pb2.ActivateAiPolicyRequest(name="triage", version=made.policy.version)
    )
    return active.policy


async def claimed(client: Client, executor: Client) -> claimed_task_pb2.ClaimedTask:
    """The AI task of an instance that has just begun."""
    await activate(client, TRIAGE, "triage")
    await start(client, "triage")
    answer = await executor.executors.ClaimTasks(
        executor_service_pb2.ClaimTasksRequest(
            executor_name="w", task_types=[task_pb2.TASK_TYPE_AI]
        )
    )
    return answer.tasks[0]


async def called(executor: Client, task: claimed_task_pb2.ClaimedTask) -> None:
    """One call of a model, reserved and recorded."""
    of: Any = {"tenant_id": task.tenant_id, "task_id": task.task_id, "epoch": task.epoch}
    granted = await executor.executors.ReserveBudget(
        executor_service_pb2.ReserveBudgetRequest(
            **of,
            call_number=1,
            request_sha256=REQUEST,
            provider="anthropic",
            model="large",
            max_input_tokens=1_000,
            max_output_tokens=100,
        )
    )
    assert ai_pb2.AI_BUDGET_VERDICT_GRANTED == granted.verdict
    await executor.executors.RecordCall(
        executor_service_pb2.RecordCallRequest(
            **of,
            call_number=1,
            request_sha256=REQUEST,
            classification=ai_pb2.AI_CALL_CLASSIFICATION_OK,
            output=ANSWER,
            reported_model="large-2",
            usage=ai_pb2.AiUsage(input_tokens=100, output_tokens=10),
            latency_duration=Duration(seconds=1),
            prompt_sha256=REQUEST,
            context_manifest=json_pb2.Json(json='[{"pointer":"/amount"}]'),
            verdicts=[ai_pb2.AiGateVerdict(gate="switch", result=ai_pb2.AI_GATE_RESULT_PASSED)],
        )
    )


async def told(executor: Client, task: claimed_task_pb2.ClaimedTask, **said: Any) -> None:
    """The executor's outcome: what was chosen by that call, or what it says that was."""
    output = {"call": 1, "choice": "APPROVE", "data": None, "confidence": 0.95, **said}
    request = executor_service_pb2.ReportOutcomesRequest()
    one = request.outcomes.add(task_id=task.task_id, epoch=task.epoch, tenant_id=task.tenant_id)
    one.succeeded.output.json = json.dumps(output)
    await executor.executors.ReportOutcomes(request)


async def suggested(client: Client, executor: Client) -> task_pb2.Task:
    """The task by which a person decides on what a model suggested."""
    await allowed(client)
    task = await claimed(client, executor)
    await called(executor, task)
    await told(executor, task)
    review = task.task_id.rpartition(":")[0] + ":2"
    request = task_service_pb2.GetTaskRequest(task_id=review)
    return (await client.tasks.GetTask(request)).task


def suggestion_hash(review: task_pb2.Task) -> str:
    """What names the suggestion, as whoever reads the task finds it."""
    found: str = json.loads(review.input.json)["hash"]
    return found
