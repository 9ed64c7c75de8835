"""A stage for AI tasks: the handler on a desk, models and tools in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from executor.adapters.memory_ai_desk import DeskTask, MemoryAiDesk
from executor.adapters.memory_ai_tools import MemoryAiTools, MemoryTool
from executor.adapters.memory_llm import MemoryLlm
from executor.adapters.memory_secrets import MemorySecrets
from executor.handlers.ai import AiHandler
from executor.ports import Ports
from executor.ports.ai_desk import AiDesk
from executor.ports.ai_tools import Manifest, ToolResult
from executor.ports.llm import LlmReply, LlmRequest, ToolRequest, Usage
from executor.ports.secrets import Secrets
from shared.guardrails.gates import Classification
from shared.guardrails.policy import Policy
from shared.guardrails.tightening import settled
from shared.json import Json, dump
from shared.tasks import ClaimedTask, Outcome, TaskType
from shared.telemetry.redaction import Redactor
from tests.executor.ports import canned_ports
from tests.executor.work import a_task
from tests.guardrails.policies import EVENTS, a_policy

KEY = "sk-canary-key-of-acme"
INPUT: Json = {
    "amount": 12,
    "text": "please",
    "customer": {"name": "Ann", "email": "canary@example.com"},
    "internal": "canary-internal",
}
USED = Usage(input_tokens=100, output_tokens=10)

Said = LlmReply | BaseException | Callable[[LlmRequest], LlmReply]


def says(choice: str, confidence: float = 0.99, **more: Json) -> LlmReply:
    """A model that chooses."""
    body = {"choice": choice, "confidence": confidence, "reason": "because", **more}
    return raw(dump(body))


def raw(text: str) -> LlmReply:
    """A model that says this, whatever it is."""
    return LlmReply(
        classification=Classification.OK, text=text, reported_model="large-1", usage=USED
    )


def asks(*requests: ToolRequest) -> LlmReply:
    """A model that asks for tools."""
    return LlmReply(classification=Classification.OK, asks=requests, usage=USED)


def fails(problem: str = "down", *, is_lasting: bool = False) -> LlmReply:
    """A provider that has no answer."""
    return LlmReply(
        classification=Classification.PROVIDER_ERROR, problem=problem, is_lasting=is_lasting
    )


def a_tool(
    answer: Callable[[Json], ToolResult], *, name: str = "look", **changes: Any
) -> MemoryTool:
    """A tool for reading, of one argument."""
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {"id": {"type": "string", "maxLength": 10}},
        "required": ["id"],
        "additionalProperties": False,
    }
    known: dict[str, Any] = {
        "name": name,
        "description": "looks something up",
        "schema": schema,
        "is_read_only": True,
        "declared": {"name": name},
        **changes,
    }
    return MemoryTool(manifest=Manifest(**known), call=answer)


def pinned(tool: MemoryTool, max_calls: int = 2) -> dict[str, Json]:
    """The entry of a policy for a tool of the server "crm"."""
    return {
        "server": "crm",
        "name": tool.manifest.name,
        "manifest_sha256": tool.manifest.sha256,
        "max_calls": max_calls,
    }


@dataclass
class Stage:
    """One task; each `run` is an attempt of a new process, which knows what the desk knows."""

    policy: Policy | None
    said: list[Said]
    desk: MemoryAiDesk = field(default_factory=MemoryAiDesk)
    task: ClaimedTask = field(default_factory=lambda: a_task(TaskType.AI, input=INPUT))
    tools: MemoryAiTools = field(default_factory=lambda: MemoryAiTools({}))
    llm: MemoryLlm = field(init=False)
    wrapped: AiDesk | None = None
    secrets: dict[str, str] = field(
        default_factory=lambda: {"anthropic_api_key": KEY, "openai_api_key": "sk-of-openai"}
    )

    def __post_init__(self) -> None:
        self.llm = MemoryLlm(
            self._answer, {"anthropic": "anthropic_api_key", "openai": "openai_api_key"}
        )
        self.at_desk = DeskTask(policy=self.policy, events=EVENTS)
        self.desk.tasks[self.task.tenant_id, self.task.task_id] = self.at_desk

    @property
    def ports(self) -> Ports:
        """Ports of a process that has just begun."""
        held = {name: SecretStr(value) for name, value in self.secrets.items()}
        tenant_id = self.task.tenant_id
        return replace(
            canned_ports(),
            secrets=Secrets(MemorySecrets({tenant_id: held}), tenant_id, Redactor()),
        )

    @property
    def requests(self) -> list[LlmRequest]:
        """What models were asked."""
        return [one.request for one in self.llm.exchanges]

    async def run(self) -> Outcome:
        """One attempt."""
        handler = AiHandler(self.wrapped or self.desk, self.llm, self.tools)
        return await handler.execute(self.task, self.ports)

    async def _answer(self, request: LlmRequest) -> LlmReply:
        found = self.said.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found if isinstance(found, LlmReply) else found(request)


def staged(*said: Said, **changes: Any) -> Stage:
    """A stage with the policy for triage, changed."""
    return Stage(policy=settled(a_policy(**changes)), said=list(said))


def brief(outcome: Outcome) -> Sequence[Any]:
    """What an outcome comes to: its choice, or its failure and whether it is tried again."""
    if outcome.failure is not None:
        return [outcome.failure.kind, outcome.failure.retryable]
    assert isinstance(outcome.output, dict)
    return [outcome.output["call"], outcome.output["choice"]]
