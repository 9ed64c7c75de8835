"""
AI tasks whose executors and control planes are killed on the way: PostgreSQL, two control planes,
three executors and a provider that answers differently each time, so that a second call for what
was recorded already would show.
"""

import asyncio
import json
import random
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import grpc
from foliot.v1 import (
    ai_service_pb2,
    ai_service_pb2_grpc,
    definition_service_pb2,
    definition_service_pb2_grpc,
    instance_service_pb2,
    instance_service_pb2_grpc,
)
from foliot.v1.json_pb2 import Json

import migrations
from control_plane.access.keys import mint
from control_plane.bootstrap import let_in
from control_plane.embedded import Embedded
from executor.ports.llm import LlmReply, Usage
from shared.guardrails.gates import Classification
from shared.ids import TenantId
from shared.postgres.session import CONTROL_PLANE_ROLE, EXECUTOR_ROLE
from tests.campaigns.chaos.network import free_port
from tests.campaigns.chaos.plane import LOGS
from tests.campaigns.chaos.planes import Plane, Planes, nursing
from tests.executor.providers import Behaviour, Provider, Status
from tests.executor.providers import serving as providing

TENANT = TenantId("acme")
CONTROL_PLANES: Final = 2
EXECUTORS: Final = 3
LEASE_S: Final = 1
CHOICES: Final = ("LEFT", "RIGHT")
INPUT_TOKENS, OUTPUT_TOKENS = 10, 5
ENDS_WITHIN_S: Final = 300

RULES: Final = (
    "ai.reserved=kill,p=0.05",
    "ai.answered=kill,p=0.05",
    "ai.recorded=kill,p=0.05",
    "attempt.end=kill,p=0.03",
    "outbox.keep.after=kill,p=0.03",
    "executor.send.after=kill,p=0.03",
    "ai.desk.reserved=kill,p=0.02",
    "ai.desk.recorded=kill,p=0.02",
    "stream.receive.after=kill,p=0.01",
    "turn.decided=kill,p=0.02",
    "store.write.after=kill,p=0.02",
    "turn.committed=kill,p=0.02",
)
"""What a process dies of, by itself; those of the other plane come to nothing in it."""

POLICY: Final[dict[str, Any]] = {
    "mode": "act",
    "models": [
        {"provider": "coin", "model": "c", "input_price": 1_000_000, "output_price": 1_000_000}
    ],
    "decisions": {one: {"risk": "low", "act": "auto", "min_confidence": 0.5} for one in CHOICES},
    "send": ["/side"],
    "limits": {"input_tokens": 5_000, "output_tokens": 100, "iterations": 8},
}
SPEC: Final[dict[str, Any]] = {
    "id": "choose",
    "initial": "asks",
    "states": {
        "asks": {
            "invoke": {
                "id": "decide",
                "src": "ai",
                "input": {"side": "either"},
                "events": list(CHOICES),
                "policy": "sides",
                "retry": {"maxAttempts": 50, "initial": "PT0.1S", "cap": "PT1S"},
                "onError": "failed",
            },
            "on": {"LEFT": "left", "RIGHT": "right"},
        },
        **{one: {"type": "final"} for one in ("left", "right", "failed")},
    },
}

OVERSPENT = """
SELECT s.scope, s.committed FROM foliot.ai_spend s
 WHERE s.committed > CASE WHEN length(s.scope) = 10 THEN $1::bigint ELSE $2::bigint END
 UNION ALL
SELECT a.instance_id::text, a.committed FROM foliot.ai_task a WHERE a.committed > $3::bigint
"""
CALLS = """
SELECT t.idempotency_key, c.instance_id, c.call_number, c.reserved, c.reserved_last, c.cost,
       c.output, c.classification, extract(epoch FROM c.recorded_at)::float8 AS recorded_at
  FROM foliot.ai_call c
  JOIN foliot.task t ON t.tenant_id = c.tenant_id AND t.instance_id = c.instance_id
                    AND t.ordinal = c.ordinal
 ORDER BY c.instance_id, c.call_number
"""
DECIDED = "SELECT h.instance_id, h.payload FROM foliot.history h WHERE h.type = 'AI_DECIDED'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """In millionths; a call costs 15 of them, and sets some hundreds aside."""

    day: int
    instance: int
    task: int


@dataclass(slots=True)
class Result:
    """What there was; `breaches` is what may not be."""

    deaths: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    committed: int = 0
    most: int = 0
    breaches: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Stage:
    """A whole foliot, and what its provider was asked: by which key, and when."""

    database_url: str
    address: str
    api_key: str
    planes: Planes
    deaths: Counter[str]
    calm: asyncio.Event
    asked: list[tuple[str, float]]


async def kill(seed: int, count: int, budget: Budget) -> Result:
    """So many instances at once, each decided by a model, while what decides them dies."""
    dice = random.Random(seed)
    async with _staged(dice) as stage:
        owner = await asyncpg.connect(stage.database_url)
        result = Result(deaths=stage.deaths)
        watching = asyncio.ensure_future(_watch(stage.database_url, budget, result))
        try:
            await _story(stage, count, budget)
            await _all_closed(owner, stage, count)
            await _check(owner, stage, result)
            watching.cancel()
            (seen,) = await asyncio.gather(watching, return_exceptions=True)
            assert isinstance(seen, asyncio.CancelledError), seen
        finally:
            watching.cancel()
            await owner.close()
    return result


async def _story(stage: Stage, count: int, budget: Budget) -> None:
    metadata = (("authorization", f"Bearer {stage.api_key}"),)
    limits = {
        **POLICY["limits"],
        "cost_per_day": budget.day,
        "cost_per_instance": budget.instance,
        "cost_per_task": budget.task,
    }
    document = Json(json=json.dumps({**POLICY, "limits": limits}))
    async with grpc.aio.insecure_channel(stage.address) as channel:
        ai = ai_service_pb2_grpc.AiServiceStub(channel)
        definitions = definition_service_pb2_grpc.DefinitionServiceStub(channel)
        instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        create = ai_service_pb2.CreateAiPolicyRequest(name="sides", document=document)
        activate = ai_service_pb2.ActivateAiPolicyRequest(name="sides", version=1)
        await _until_heard(lambda: ai.CreateAiPolicy(create, metadata=metadata))
        await _until_heard(lambda: ai.ActivateAiPolicy(activate, metadata=metadata))
        made = await _until_heard(
            lambda: definitions.CreateDefinition(
                definition_service_pb2.CreateDefinitionRequest(
                    key="choose", spec=Json(json=json.dumps(SPEC)), request_id="make"
                ),
                metadata=metadata,
            )
        )
        put = definition_service_pb2.ActivateDefinitionRequest(
            definition_id=made.definition.definition_id
        )
        await _until_heard(lambda: definitions.ActivateDefinition(put, metadata=metadata))

        async def start(number: int) -> None:
            request = instance_service_pb2.StartInstanceRequest(
                definition_key="choose", request_id=f"start-{number}"
            )
            await _until_heard(lambda: instances.StartInstance(request, metadata=metadata))

        await asyncio.gather(*(start(number) for number in range(count)))


async def _until_heard(call: Any) -> Any:
    """Asked again by the same id while there is nobody to answer."""
    until = time.monotonic() + ENDS_WITHIN_S
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


async def _all_closed(owner: asyncpg.Connection, stage: Stage, count: int) -> None:
    until = time.monotonic() + ENDS_WITHIN_S
    closed = 0
    while closed < count:
        if time.monotonic() > until:
            raise TimeoutError(f"{count - closed} of {count} instances are still open")
        await asyncio.sleep(0.2)
        closed = await owner.fetchval(
            "SELECT count(*) FROM foliot.instance i WHERE i.completed_at IS NOT NULL"
        )
        if closed > count * 0.9:
            # The last ones are to end, and not to be killed for ever.
            stage.calm.set()
            stage.planes.armed_next = ""


async def _watch(database_url: str, budget: Budget, result: Result) -> None:
    """At no instant is more committed than there may be."""
    connection = await asyncpg.connect(database_url)
    try:
        while True:
            rows = await connection.fetch(OVERSPENT, budget.day, budget.instance, budget.task)
            result.breaches += [f"{scope} has spent {spent}" for scope, spent in rows]
            most = await connection.fetchval("SELECT max(committed) FROM foliot.ai_spend")
            result.most = max(result.most, most or 0)
            await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def _check(owner: asyncpg.Connection, stage: Stage, result: Result) -> None:
    calls = await owner.fetch(CALLS)
    result.calls = len(stage.asked)
    committed, last = 0, dict[str, Any]()
    for call in calls:
        recorded = call["recorded_at"]
        committed += call["reserved"]
        if recorded is not None:
            committed += call["cost"] - call["reserved_last"]
            key = f"{call['idempotency_key']}-{call['call_number']}"
            late = [at for name, at in stage.asked if name == key and at > recorded]
            result.breaches += [f"{key} was called again after it was recorded"] * len(late)
            last[str(call["instance_id"])] = call
    kept = await owner.fetchval("SELECT sum(committed) FROM foliot.ai_task")
    result.committed = int(kept or 0)
    if result.committed != committed:
        result.breaches.append(f"{kept} is committed, and calls come to {committed}")
    true_cost = (INPUT_TOKENS + OUTPUT_TOKENS) * len(stage.asked)
    if true_cost > result.committed:
        result.breaches.append(f"{true_cost} was spent, and {kept} is committed")
    decided = Counter[str]()
    for instance_id, payload in await owner.fetch(DECIDED):
        told, answered = json.loads(payload), last[str(instance_id)]
        decided[str(instance_id)] += 1
        said = json.loads(answered["output"])["choice"]
        if (told["call"], told["event"]) != (answered["call_number"], said):
            result.breaches.append(f"{instance_id}: {told} is not what was recorded: {said}")
    for row in await owner.fetch("SELECT i.instance_id, i.current_state FROM foliot.instance i"):
        state = json.loads(row["current_state"])
        result.states[state] += 1
        if (state in {"left", "right"}) != (decided[str(row["instance_id"])] == 1):
            result.breaches.append(f"{row['instance_id']} is {state} without one decision")
    lies = await owner.fetchval(
        "SELECT count(*) FROM foliot.audit a WHERE a.reason LIKE 'ai.not_believed%'"
    )
    if lies:
        result.breaches.append(f"{lies} honest executors were not believed")


@asynccontextmanager
async def _staged(dice: random.Random) -> AsyncIterator[Stage]:
    directory = _new_directory()
    asked: list[tuple[str, float]] = []
    provider = Provider(kind="openai", behave=lambda _: _coin(dice, provider, asked))
    try:
        async with AsyncExitStack() as exits:
            embedded = Embedded(directory / "data").prepare()
            exits.push_async_callback(embedded.stop)
            planes = await exits.enter_async_context(nursing(dice, has_failpoints=False))
            await embedded.start()
            await migrations.upgrade(embedded.database_url)
            pepper = secrets.token_hex(16)
            key = mint(tenant_id=TENANT, role="tenant_admin", pepper=pepper)
            executor_key = mint(tenant_id=None, role="executor", pepper=pepper)
            await let_in(embedded.database_url, [key.stored, executor_key.stored], "Acme")
            await exits.enter_async_context(providing(provider))
            deaths, calm = Counter[str](), asyncio.Event()

            def died(plane: Plane, _status: int) -> None:
                deaths[plane.kind] += 1
                if not calm.is_set():
                    planes.armed_next = _rules(dice)

            planes.on_death = died
            ports = [free_port() for _ in range(CONTROL_PLANES)]
            addresses = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
            common = {
                "FOLIOT_MODE": "dev",
                "FOLIOT_LEASE_S": str(LEASE_S),
                "FOLIOT_POLL_S": "0.2",
                "FOLIOT_LOG_LEVEL": "error",
                "FOLIOT_REDIS_URL": embedded.redis_url,
                LOGS: str(directory),
            }
            for number, port in enumerate(ports):
                environment = {
                    **common,
                    "FOLIOT_DATABASE_URL": _as(embedded.database_url, CONTROL_PLANE_ROLE),
                    "FOLIOT_PEPPER": pepper,
                    "FOLIOT_LISTEN": f"127.0.0.1:{port}",
                }
                planes.armed_next = _rules(dice)
                output = directory / f"control-plane-{number}.log"
                await planes.start(Plane(f"c{number}", "control-plane", environment, output))
            for number in range(EXECUTORS):
                environment = {
                    **common,
                    "FOLIOT_DATABASE_URL": _as(embedded.database_url, EXECUTOR_ROLE),
                    "FOLIOT_CONTROL_PLANE": f"127.0.0.1:{ports[number % CONTROL_PLANES]}",
                    "FOLIOT_API_KEY": executor_key.text,
                    "FOLIOT_EXECUTOR_NAME": f"executor-{number}",
                    "FOLIOT_AI_PROVIDERS": json.dumps(
                        {
                            "coin": {
                                "kind": "openai",
                                "base_url": f"{provider.url}/v1",
                                "needs_key": False,
                            }
                        }
                    ),
                }
                planes.armed_next = _rules(dice)
                output = directory / f"executor-{number}.log"
                await planes.start(Plane(f"e{number}", "executor", environment, output))
            planes.armed_next = _rules(dice)
            yield Stage(
                database_url=embedded.database_url,
                address=addresses,
                api_key=key.text,
                planes=planes,
                deaths=deaths,
                calm=calm,
                asked=asked,
            )
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="foliot-ai-"))
    # As root, the server's account has to get through.
    directory.chmod(0o711)
    return directory


def _rules(dice: random.Random) -> str:
    return ";".join([*RULES, f"seed={dice.randrange(10**6)}"])


def _as(database_url: str, role: str) -> str:
    """The same database, as somebody who may do less."""
    scheme, _, rest = database_url.partition("://")
    return f"{scheme}://{role}@{rest.rpartition('@')[2]}"


def _coin(dice: random.Random, provider: Provider, asked: list[tuple[str, float]]) -> Behaviour:
    """A side, mostly; now and then nothing, or nonsense."""
    asked.append((provider.headers[-1]["idempotency-key"], time.time()))
    chance = dice.random()
    if chance < 0.1:
        return Status(status=503)
    said = {"choice": dice.choice(CHOICES), "confidence": 0.9, "reason": "so it fell"}
    return LlmReply(
        classification=Classification.OK,
        text="heads" if chance < 0.15 else json.dumps(said),
        reported_model="c",
        usage=Usage(input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS),
    )
