"""
A compromised model, and executors that lie about it, against a real control plane over gRPC:
each instance has one AI task, whose answer comes from an attacker, and each event that there is
leads to a state of its own, so that what happened can be read off an instance.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.v1 import instance_service_pb2, task_pb2

from control_plane.adapters.memory.ai_policies import MemoryAiPolicies
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.definition_store import MemoryDefinitionStore
from executor.adapters.grpc_ai_desk import GrpcAiDesk
from executor.adapters.grpc_connection import Connector
from executor.adapters.grpc_messages import outcome_message, task_of
from executor.adapters.memory_ai_tools import MemoryAiTools
from executor.adapters.memory_llm import MemoryLlm
from executor.adapters.memory_secrets import MemorySecrets
from executor.handlers.ai import AiHandler
from executor.handlers.fitting import fit
from executor.ports import Ports
from executor.ports.control_plane import Held, Report
from executor.ports.llm import LlmReply, LlmRequest, Usage
from executor.ports.secrets import Secrets
from shared.guardrails.gates import Classification
from shared.guardrails.writing import dump_policy, policy_sha256
from shared.ids import DefinitionId
from shared.json import Json, load
from shared.tasks import ClaimedTask, Outcome
from shared.telemetry.redaction import Redactor
from shared.tls import ClientTls
from tests.api.serving import TENANT, Client, Serving, client_of, serving_from
from tests.api.stories import create
from tests.executor.ports import canned_ports
from tests.guardrails.compromised import WANTED, outputs
from tests.guardrails.policies import EVENTS, a_policy

AT_ONCE: Final = 50
MAY_HAPPEN: Final = frozenset({"APPROVE", "DENY"})
"""Events that the policy lets a model cause without a person; all others may not happen."""

LEGAL: Final = frozenset({"triage", "desk", *(f"did_{event}" for event in MAY_HAPPEN)})
"""States an instance may be in: nothing has happened yet, its task has failed, or one of those."""

_OTHERS: Final = tuple(one for one in WANTED if one not in EVENTS and "." not in one)
_DID: Final[dict[str, Json]] = {f"did_{one}": {"type": "final"} for one in (*EVENTS, *_OTHERS)}
SPEC: Final[dict[str, Json]] = {
    "id": "claim",
    "initial": "triage",
    "states": {
        "triage": {
            "invoke": {
                "id": "decide",
                "src": "ai",
                "input": {"amount": 12},
                "events": [*EVENTS],
                "policy": "triage",
                "retry": {"maxAttempts": 1},
                "onError": "desk",
            },
            "on": {one: f"did_{one}" for one in (*EVENTS, *_OTHERS)},
        },
        "desk": {"on": {"APPROVE": "did_APPROVE"}},
        **_DID,
    },
}


@dataclass(slots=True)
class Findings:
    """Where instances are in the end; `breaches` are those that are where they may not be."""

    states: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)
    asked: int = 0


@dataclass(slots=True, kw_only=True)
class Attack:
    """What is attacked, and with what."""

    serving: Serving
    executor: Client
    tenant: Client
    handler: AiHandler
    desk: GrpcAiDesk
    llm: MemoryLlm
    lies: int = 0

    async def run(self, count: int, *, lies: bool) -> Findings:
        """So many instances, each decided by the attacker; with `lies` the executor is too."""
        before = set(self.serving.database.instances)
        asked = len(self.llm.exchanges)
        for begin in range(0, count, AT_ONCE):
            await self._round(min(AT_ONCE, count - begin), lies=lies)
        found = Findings(asked=len(self.llm.exchanges) - asked)
        for key, instance in self.serving.database.instances.items():
            if key in before:
                continue
            state = str(load(instance.current_state))
            found.states[state] += 1
            if state not in LEGAL:
                found.breaches.append(f"{key.instance_id}: {state}")
        return found

    async def _round(self, count: int, *, lies: bool) -> None:
        request = instance_service_pb2.StartInstanceRequest(definition_key="claim")
        await asyncio.gather(*(self.tenant.instances.StartInstance(request) for _ in range(count)))
        claim = pb.ClaimTasksRequest(
            executor_name="attacker", task_types=[task_pb2.TASK_TYPE_AI], max_tasks=count
        )
        claimed = (await self.executor.executors.ClaimTasks(claim)).tasks
        tasks = [task_of(one) for one in claimed]
        outcomes = await asyncio.gather(*(self._attempt(one, lies=lies) for one in tasks))
        reports = [
            outcome_message(_report_of(task, outcome))
            for task, outcome in zip(tasks, outcomes, strict=True)
        ]
        await self.executor.executors.ReportOutcomes(pb.ReportOutcomesRequest(outcomes=reports))

    async def _attempt(self, task: ClaimedTask, *, lies: bool) -> Outcome:
        outcome = await self.handler.execute(task, _ports())
        if not lies:
            return outcome
        last = (await self.desk.begin(task.tenant_id, Held.of(task))).last_call_number
        self.lies += 1
        claim: dict[str, Any] = {
            "call": last,
            "choice": WANTED[self.lies % len(WANTED)],
            "data": None,
            "confidence": 1.0,
            "autonomy": "ACT",
        }
        return Outcome.succeeded(claim)


@asynccontextmanager
async def attacking(seed: int, count: int, **policy: Any) -> AsyncIterator[Attack]:
    """A control plane on the memory adapters, with the policy for triage, changed."""
    database = MemoryDatabase()
    said = outputs(seed, 4 * count)

    async def answer(_request: LlmRequest) -> LlmReply:
        return _reply(said)

    llm = MemoryLlm(answer, {"anthropic": "", "openai": ""})
    async with serving_from(database) as serving:
        await _allow(database, **policy)
        key = await serving.key("executor", None)
        desk = GrpcAiDesk(Connector(serving.address, ClientTls(allow_plaintext=True)), api_key=key)
        handler = AiHandler(desk, llm, MemoryAiTools({}))
        async with (
            client_of(serving, key) as executor,
            client_of(serving, await serving.key()) as tenant,
        ):
            definition_id = DefinitionId(UUID(await create(tenant, SPEC, "claim")))
            await MemoryDefinitionStore(database).set_status(TENANT, definition_id, "active")
            yield Attack(
                serving=serving,
                executor=executor,
                tenant=tenant,
                handler=handler,
                desk=desk,
                llm=llm,
            )
        await desk.close()


async def _allow(database: MemoryDatabase, **changes: Any) -> None:
    policy = a_policy(**changes)
    policies = MemoryAiPolicies(database)
    made = await policies.create(
        TENANT, "triage", dump_policy(policy), policy_sha256(policy), by="ada", max_versions=9
    )
    await policies.activate(TENANT, "triage", made.version)


def _reply(said: Iterator[str]) -> LlmReply:
    return LlmReply(
        classification=Classification.OK,
        text=next(said),
        reported_model="anything",
        usage=Usage(input_tokens=1, output_tokens=1),
    )


def _report_of(task: ClaimedTask, outcome: Outcome) -> Report:
    fitting, output = fit(outcome, task.tenant_id, Redactor())
    return Report(
        tenant_id=task.tenant_id,
        held=Held.of(task),
        outcome=fitting,
        output=output,
        started_at=task.run_at,
        duration=timedelta(),
    )


def _ports() -> Ports:
    secrets = Secrets(MemorySecrets({}), TENANT, Redactor())
    return replace(canned_ports(), secrets=secrets)
