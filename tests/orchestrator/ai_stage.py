"""What a test does with AI tasks: policies, calls that were made, outcomes, decisions of people."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from control_plane.access.principal import Principal
from control_plane.orchestrator.request import Resolve
from control_plane.ports.ai_policies import PLATFORM_POLICY
from control_plane.ports.ai_records import Suggestion
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.people import Person
from control_plane.ports.records import Task
from control_plane.use_cases.record_call import Told, record_call
from control_plane.use_cases.report_outcomes import Ack, Reported, Succeeded, report_outcomes
from control_plane.use_cases.reserve_budget import BudgetAnswer, Wanted, reserve_budget
from shared import json
from shared.guardrails.reading import parse_policy
from shared.guardrails.writing import dump_policy, policy_sha256
from shared.ids import task_id
from shared.json import Json
from shared.tasks import ClaimedTask
from tests.contract.worlds import ACME
from tests.orchestrator.stage import Stage

TRIAGE: dict[str, Any] = {
    "id": "claim",
    "initial": "triage",
    "context": {"amount": 12, "by": None},
    "states": {
        "triage": {
            "invoke": {
                "id": "decide",
                "src": "ai",
                "input": {"amount": {"@expr": "context.amount"}, "text": "please"},
                "events": ["APPROVE", "DENY"],
                "policy": "triage",
                "onError": {
                    "target": "desk",
                    "actions": {
                        "type": "@assign",
                        "context": {"by": {"@expr": "event.error.kind"}},
                    },
                },
            },
            "on": {
                "APPROVE": {
                    "target": "accepted",
                    "actions": {"type": "@assign", "context": {"by": {"@expr": "event.by"}}},
                },
                "DENY": {"target": "denied", "guard": {"@expr": "context.amount < 100"}},
                "RAISE": {
                    "actions": {
                        "type": "@assign",
                        "context": {"amount": {"@expr": "context.amount + 100"}},
                    }
                },
            },
        },
        "accepted": {
            "invoke": {"id": "send", "src": "system.noop", "input": {"@expr": "context.amount"}}
        },
        "denied": {"type": "final"},
        "desk": {"on": {"APPROVE": "accepted"}},
    },
}

POLICY: dict[str, Any] = {
    "mode": "act",
    "models": [
        {"provider": "anthropic", "model": "large", "input_price": 1_000_000, "output_price": 0}
    ],
    "decisions": {
        "APPROVE": {"risk": "low", "act": "auto", "min_confidence": 0.9},
        "DENY": {"risk": "low", "act": "auto", "min_confidence": 0.9},
    },
    "send": ["/amount"],
    "output": {
        "type": "object",
        "properties": {"note": {"type": "string"}},
        "additionalProperties": False,
    },
    "approval": {"roles": ["desk"], "expires_in": "PT24H", "four_eyes": True},
}

EXECUTOR = Principal(
    name="workers",
    tenant_id=None,
    role="executor",
    permissions=frozenset(),
    expires_at=None,
    credential_id="k1",
)

REVIEWER = Person(name="user:bea", user="bea", roles=frozenset({"desk"}))


def answer(choice: str = "APPROVE", confidence: float = 0.95, **data: Json) -> str:
    """What a model that keeps to its form answers."""
    return json.dump(
        {"choice": choice, "confidence": confidence, "reason": "as the rules say", "data": data}
    )


def claim(
    choice: str | None = "APPROVE", confidence: float = 0.95, **more: Json
) -> dict[str, Json]:
    """What an honest executor reports of that."""
    said: dict[str, Json] = {"call": 1, "choice": choice, "data": {}, "confidence": confidence}
    return {**said, **more}


class AiStage(Stage):
    async def allow(self, name: str = "triage", **values: Any) -> None:
        """Put a policy into force."""
        policy = parse_policy(json.dump({**POLICY, **values}))
        made = await self.world.ai_policies.create(
            ACME, name, dump_policy(policy), policy_sha256(policy), by="ada", max_versions=99
        )
        await self.world.ai_policies.activate(ACME, name, made.version)

    async def allow_everywhere(self, **values: Any) -> None:
        """Put the platform's policy into force."""
        text = json.dump(values)
        policies = self.world.ai_policies
        made = await policies.create(None, PLATFORM_POLICY, text, text, by="root", max_versions=99)
        await policies.activate(None, PLATFORM_POLICY, made.version)

    async def asked(self, spec: Mapping[str, Any] = TRIAGE, **policy: Any) -> ClaimedTask:
        """The AI task of an instance that has just begun."""
        await self.allow(**policy)
        await self.define(dict(spec))
        await self.start()
        (task,) = await self.claim()
        return task

    async def reserve(self, task: ClaimedTask, number: int = 1, **values: Any) -> BudgetAnswer:
        wanted: dict[str, Any] = {
            "tenant_id": task.tenant_id,
            "task_id": task_id(task.instance_id, task.ordinal),
            "epoch": task.epoch,
            "call_number": number,
            "request_sha256": str(number) * 64,
            "provider": "anthropic",
            "model": "large",
            "max_input_tokens": 1_000,
            "max_output_tokens": 100,
        }
        return await reserve_budget(self.world.ai_desk, Wanted(**{**wanted, **values}))

    async def call(self, task: ClaimedTask, output: str, number: int = 1, **values: Any) -> None:
        """A call of the model that was granted, made and recorded."""
        granted = await self.reserve(task, number)
        assert granted.refusal is None
        told: dict[str, Any] = {
            "tenant_id": task.tenant_id,
            "task_id": task_id(task.instance_id, task.ordinal),
            "epoch": task.epoch,
            "call_number": number,
            "request_sha256": str(number) * 64,
            "classification": "ok",
            "output": output,
            "tool_requests": [],
            "reported_model": "large-2",
            "usage": (100, 10),
            "latency": timedelta(seconds=2),
            "prompt_sha256": "b" * 64,
            "redacted_prompt": "",
            "context_manifest": None,
            "verdicts": [],
        }
        await record_call(self.world.ai_desk, Told(**{**told, **values}))

    async def tell(self, task: ClaimedTask, output: Json) -> Ack:
        """The executor says that the task succeeded."""
        told = await report_outcomes(
            self.orchestrator,
            self.world.ai_desk,
            [
                Reported(
                    tenant_id=task.tenant_id,
                    task_id=task_id(task.instance_id, task.ordinal),
                    epoch=task.epoch,
                    result=Succeeded(output=json.dump(output)),
                )
            ],
            by=EXECUTOR,
        )
        return told.acks[0]

    async def chosen(
        self, task: ClaimedTask, choice: str = "APPROVE", confidence: float = 0.95
    ) -> Ack:
        """A model chose, and an honest executor says so."""
        await self.call(task, answer(choice, confidence))
        said = None if choice == "abstain" else choice
        return await self.tell(task, claim(said, confidence, data={} if said else None))

    async def review(self, task: ClaimedTask) -> tuple[Task, Suggestion]:
        """The human task by which a person decides, and what they are asked."""
        tasks = await self.tasks(task.instance_id)
        (found,) = [one for one in tasks if one.name == "review decide" and not one.is_closed]
        key = TaskKey(ACME, task.instance_id, found.ordinal)
        suggestion = await self.world.ai_records.suggestion(key)
        assert suggestion is not None
        return found, suggestion

    async def decide(
        self,
        task: ClaimedTask,
        decision: Any = "APPROVE",
        shown: tuple[Task, Suggestion] | None = None,
        **values: Any,
    ) -> None:
        """What a person decides, as a caller asks for it, by what they were shown or are now."""
        review, suggestion = shown or await self.review(task)
        asked: dict[str, Any] = {
            "ordinal": review.ordinal,
            "suggestion": suggestion,
            "hash": suggestion.hash,
            "decision": decision,
            "event": "",
            "data": None,
            "reason": "",
            "person": REVIEWER,
        }
        await self.ask(task.instance_id, Resolve(**{**asked, **values}))
