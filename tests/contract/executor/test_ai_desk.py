"""
What every desk of AI tasks promises an executor, kept by the one in memory and by the one over
gRPC, the latter with a real control plane and a task that it has handed out.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.v1 import instance_service_pb2, task_pb2

from control_plane.adapters.memory.ai_policies import MemoryAiPolicies
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.definition_store import MemoryDefinitionStore
from executor.adapters.grpc_ai_desk import GrpcAiDesk
from executor.adapters.grpc_connection import Connector
from executor.adapters.memory_ai_desk import DeskTask, MemoryAiDesk
from executor.ports.ai_desk import (
    AiDesk,
    AskedTool,
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
)
from executor.ports.control_plane import Held
from executor.ports.llm import Usage
from shared.guardrails.gates import Classification, Gate, Verdict
from shared.guardrails.reading import parse_effective, parse_policy
from shared.guardrails.tightening import effective, settled
from shared.guardrails.writing import dump_policy, policy_sha256
from shared.ids import DefinitionId, TenantId
from shared.json import Json, dump
from shared.tls import ClientTls
from tests.api.serving import TENANT, client_of, serving_from
from tests.api.stories import create

MODEL = {"provider": "p", "model": "m", "input_price": 1_000_000, "output_price": 1_000_000}
POLICY: dict[str, Any] = {
    "models": [MODEL],
    "tools": [{"server": "crm", "name": "look", "manifest_sha256": "0" * 64, "max_calls": 2}],
    "limits": {"iterations": 3, "cost_per_task": 1_000, "input_tokens": 900, "output_tokens": 900},
}
EVENTS = ("APPROVE", "DENY")
SPEC: dict[str, Json] = {
    "id": "claim",
    "initial": "triage",
    "states": {
        "triage": {
            "invoke": {
                "id": "decide",
                "src": "ai",
                "events": [*EVENTS],
                "policy": "triage",
                "onError": "desk",
            },
            "on": {"APPROVE": "desk", "DENY": "desk"},
        },
        "desk": {"type": "final"},
    },
}
FIRST = Reservation(
    number=1,
    request_sha256="a" * 64,
    provider="p",
    model="m",
    max_input_tokens=300,
    max_output_tokens=100,
)
RECORD = CallRecord(
    number=1,
    request_sha256="a" * 64,
    classification=Classification.OK,
    output='{"choice": "APPROVE"}\x01\u202e',
    asks=(
        AskedTool(tool_use_id="u1", server="crm", name="look", arguments={"id": [1, None]}),
        AskedTool(tool_use_id="u2", server="", name="unknown", arguments=None),
    ),
    reported_model="m-2",
    usage=Usage(input_tokens=100, output_tokens=10),
    latency=timedelta(seconds=1.5),
    prompt_sha256="b" * 64,
    redacted_prompt=None,
    manifest=[{"pointer": "/a"}],
    verdicts=(Verdict(gate=Gate.MODEL, result="passed"),),
)
TOOL = RecordedToolCall(
    number=1,
    call_number=1,
    server="crm",
    name="look",
    arguments_sha256="c" * 64,
    result="seen\u202e",
    is_error=True,
)


@dataclass
class World:
    """A desk, and a task that is held."""

    desk: AiDesk
    tenant_id: TenantId
    held: Held

    async def reserve(self, **changes: Any) -> Granted | Refused | RecordedCall:
        """Ask for the first call, or another one."""
        return await self.desk.reserve(self.tenant_id, self.held, replace(FIRST, **changes))

    async def record(self, **changes: Any) -> RecordedCall:
        """Record it."""
        return await self.desk.record(self.tenant_id, self.held, replace(RECORD, **changes))

    async def journal(self, **changes: Any) -> RecordedToolCall:
        """Keep what a tool answered."""
        return await self.desk.journal(self.tenant_id, self.held, replace(TOOL, **changes))


@pytest.fixture(params=["memory", "grpc"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Each desk in turn."""
    if request.param == "memory":
        desk = MemoryAiDesk()
        policy = settled(parse_effective(dump(POLICY)))
        held = Held("task", 3)
        desk.tasks[TENANT, "task"] = DeskTask(policy=policy, events=EVENTS, epoch=3)
        yield World(desk, TENANT, held)
        return
    database = MemoryDatabase()
    async with serving_from(database) as serving:
        policies = MemoryAiPolicies(database)
        policy = parse_policy(dump(POLICY))
        made = await policies.create(
            TENANT, "triage", dump_policy(policy), policy_sha256(policy), by="ada", max_versions=9
        )
        await policies.activate(TENANT, "triage", made.version)
        key = await serving.key("executor", None)
        async with client_of(serving, await serving.key()) as tenant:
            definition_id = await create(tenant, SPEC, "claim")
            store = MemoryDefinitionStore(database)
            await store.set_status(TENANT, DefinitionId(UUID(definition_id)), "active")
            await tenant.instances.StartInstance(
                instance_service_pb2.StartInstanceRequest(definition_key="claim")
            )
        async with client_of(serving, key) as executor:
            claimed = await executor.executors.ClaimTasks(
                pb.ClaimTasksRequest(
                    executor_name="tests", task_types=[task_pb2.TASK_TYPE_AI], max_tasks=1
                )
            )
        (task,) = claimed.tasks
        connector = Connector(serving.address, ClientTls(allow_plaintext=True))
        over_grpc = GrpcAiDesk(connector, api_key=key)
        yield World(over_grpc, TENANT, Held(task.task_id, task.epoch))
        await over_grpc.close()


class TestTheTerms:
    async def test_are_the_policy_the_events_and_what_there_is(self, world: World) -> None:
        """With a hash that the text has."""
        terms = await world.desk.begin(world.tenant_id, world.held)

        assert terms.policy is not None
        policy = parse_effective(terms.policy)
        assert effective([parse_policy(dump(POLICY))]) == policy
        assert policy_sha256(policy) == terms.policy_sha256
        assert (EVENTS, False, (), (), 0) == (
            terms.events,
            terms.is_switched_off,
            terms.calls,
            terms.tool_calls,
            terms.last_call_number,
        )

    async def test_tell_what_was_recorded_as_it_was(self, world: World) -> None:
        """An attempt after a crash goes by it, to the letter."""
        await world.reserve()
        recorded = await world.record()
        kept = await world.journal()
        await world.reserve(number=2, request_sha256="d" * 64)
        terms = await world.desk.begin(world.tenant_id, world.held)

        assert ((recorded,), (kept,), 2) == (
            terms.calls,
            terms.tool_calls,
            terms.last_call_number,
        )
        assert TOOL == kept
        assert (
            RecordedCall(
                number=1,
                request_sha256="a" * 64,
                provider="p",
                model="m",
                classification=Classification.OK,
                output=RECORD.output,
                asks=RECORD.asks,
                cost=110,
            )
            == recorded
        )

    async def test_are_not_for_who_holds_the_task_no_more(self, world: World) -> None:
        """Nor is anything else; a task of another tenant is nobody's."""
        old = Held(world.held.task_id, world.held.epoch + 1)
        calls = [
            world.desk.begin(world.tenant_id, old),
            world.desk.begin(TenantId("globex"), world.held),
            world.desk.reserve(world.tenant_id, old, FIRST),
            world.desk.record(world.tenant_id, old, RECORD),
            world.desk.journal(world.tenant_id, old, TOOL),
        ]
        for call in calls:
            with pytest.raises(DeskLost):
                await call

        assert isinstance(await world.reserve(), Granted)


class TestACall:
    async def test_is_granted_again_and_not_paid_twice_until_it_is_recorded(
        self, world: World
    ) -> None:
        """A repeat after a lost answer; afterwards the record stands, whatever is said."""
        first, again = await world.reserve(), await world.reserve()
        recorded = await world.record()
        other = await world.record(output="another", classification=Classification.REFUSAL)

        assert [Granted(), Granted()] == [first, again]
        assert [recorded, recorded] == [other, await world.reserve()]
        assert isinstance(await world.reserve(number=2, request_sha256="d" * 64), Granted)

    @pytest.mark.parametrize(
        ("changes", "refusal"),
        [
            ({"model": "other"}, Refusal.MODEL),
            ({"max_input_tokens": 901}, Refusal.TOKENS),
            ({"max_output_tokens": 901}, Refusal.TOKENS),
            ({"max_input_tokens": 900, "max_output_tokens": 101}, Refusal.TASK_COST),
        ],
    )
    async def test_over_what_the_policy_allows_is_refused(
        self, world: World, changes: dict[str, Any], refusal: Refusal
    ) -> None:
        """And sets nothing aside."""
        assert Refused(refusal) == await world.reserve(**changes)
        assert isinstance(await world.reserve(), Granted)

    async def test_that_was_never_recorded_stays_spent(self, world: World) -> None:
        """The model may have answered; there is room for two and a half."""
        granted = [
            await world.reserve(number=number, request_sha256=str(number) * 64)
            for number in (1, 2, 3)
        ]

        assert [Granted(), Granted(), Refused(Refusal.TASK_COST)] == granted

    async def test_over_the_number_of_iterations_is_refused(self, world: World) -> None:
        """Failed calls count too."""
        answers = [
            await world.reserve(number=number, request_sha256=str(number) * 64, max_input_tokens=1)
            for number in (1, 2, 3, 4)
        ]

        assert Refused(Refusal.ITERATIONS) == answers[-1]
        assert [Granted()] * 3 == answers[:-1]

    async def test_of_unknown_usage_costs_all_that_was_set_aside(self, world: World) -> None:
        """A provider that does not count is not taken for a cheap one."""
        await world.reserve()

        assert (await world.record(usage=None)).cost == 400

    async def test_has_its_number_for_itself(self, world: World) -> None:
        """And leaves no gap."""
        await world.reserve()
        with pytest.raises(DeskMismatch):
            await world.reserve(request_sha256="e" * 64)
        with pytest.raises(DeskRefused):
            await world.reserve(number=3)
        with pytest.raises(DeskLost):
            await world.record(number=2)

        assert isinstance(await world.record(), RecordedCall)


class TestAToolCall:
    async def test_is_kept_as_it_was_first(self, world: World) -> None:
        """Another one has another number."""
        await world.reserve()
        await world.record()
        first = await world.journal()
        again = await world.journal(result="other")
        with pytest.raises(DeskMismatch):
            await world.journal(arguments_sha256="e" * 64)

        assert first == again == TOOL

    async def test_of_a_call_that_is_not_recorded_is_lost(self, world: World) -> None:
        """First the answer, then what follows from it."""
        await world.reserve()
        with pytest.raises(DeskLost):
            await world.journal()
