"""
What callers do during a run: start, speak, decide, cancel, pause and resume; and watch.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import grpc
from foliot.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    ai_service_pb2,
    ai_service_pb2_grpc,
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_pb2,
    event_service_pb2,
    event_service_pb2_grpc,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
    schedule_pb2,
    schedule_service_pb2,
    schedule_service_pb2_grpc,
    task_service_pb2,
    task_service_pb2_grpc,
)

from shared.rpc import AUTHORIZATION, BEARER
from tests.campaigns.chaos.calling import OPTIONS, Caller, failed
from tests.campaigns.chaos.dealings import BRIEF, POLICY, YEARLY, specs
from tests.campaigns.chaos.far import FarWorker
from tests.campaigns.chaos.following import Followers
from tests.campaigns.chaos.panel import answer_later, trigger, vote
from tests.campaigns.chaos.shop import Shop
from tests.campaigns.chaos.stage import TENANT, Stage
from tests.campaigns.chaos.watching import Watchers
from tests.campaigns.chaos.workload import MAX_SCARCE, SCARCE, WORDS

MAX_OPEN = 150
"""Instances under way at once; more would only wait for one another."""

AT_ONCE = 40
"""Stories told at once."""

LOOK_EVERY_S = 0.2
OPEN = """
SELECT (SELECT count(*) FROM foliot.instance WHERE completed_at IS NULL),
       (SELECT count(*) FROM foliot.lease WHERE limit_key = $1)
"""
FAR_WORKERS = 2
DECIDES_AT_MOST = 15
HUMAN_TASK = 2

# How often each kind is started, in a hundred.
KINDS = {
    "chain": 22,
    "fan": 9,
    "scarce": 4,
    "talk": 16,
    "ask": 9,
    "parent": 5,
    "call": 6,
    "rest": 5,
    "far": 5,
    "each": 3,
    "own": 5,
    "undo": 4,
    "brief": 3,
    "panel": 4,
    "later": 4,
    "choose": 3,
    "trigger": 3,
}


@dataclass(slots=True)
class Load:
    """Callers at work. `started` are the instances whose start was acknowledged."""

    stage: Stage
    caller: Caller
    dice: random.Random
    watchers: Watchers
    followers: Followers
    shop: Shop
    started: list[str] = field(default_factory=list)
    has_room: asyncio.Event = field(default_factory=asyncio.Event)

    async def define(self, *, has_limit: bool = False) -> None:
        """Whatever the stories need; without a limit tasks take quicker ways, with one none."""
        if has_limit:
            await self._limit()
        for key, spec in specs(self.stage.elsewhere).items():
            await self._define(key, _json(spec))
        await self._allow()
        await self._schedule()

    async def _allow(self) -> None:
        """The policy by which models may choose."""
        create = ai_service_pb2.CreateAiPolicyRequest(name="sides", document=_json(POLICY))
        activate = ai_service_pb2.ActivateAiPolicyRequest(name="sides", version=1)

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = ai_service_pb2_grpc.AiServiceStub(channel)
            await stub.CreateAiPolicy(create, **options)
            await stub.ActivateAiPolicy(activate, **options)

        await self.caller.ask("define", send, lambda _: {}, key="sides")

    async def _schedule(self) -> None:
        spec = schedule_pb2.ScheduleSpec(cron="0 0 1 1 *", definition_key="chain")
        request = schedule_service_pb2.CreateScheduleRequest(schedule_id=YEARLY, spec=spec)

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = schedule_service_pb2_grpc.ScheduleServiceStub(channel)
            return await stub.CreateSchedule(request, **options)

        await self.caller.ask("define", send, lambda _: {}, key=YEARLY)

    async def _limit(self) -> None:
        request = admin_service_pb2.SetTaskLimitRequest(limit_key=SCARCE, max_running=MAX_SCARCE)

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = admin_service_pb2_grpc.AdminServiceStub(channel)
            return await stub.SetTaskLimit(request, **options)

        await self.caller.ask("limit", send, lambda _: {}, most=MAX_SCARCE)

    async def _define(self, key: str, spec: json_pb2.Json) -> None:
        create = definition_service_pb2.CreateDefinitionRequest(
            key=key, spec=spec, request_id=f"define-{key}"
        )

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = definition_service_pb2_grpc.DefinitionServiceStub(channel)
            made = await stub.CreateDefinition(create, **options)
            await stub.ActivateDefinition(
                definition_service_pb2.ActivateDefinitionRequest(
                    definition_id=made.definition.definition_id
                ),
                **options,
            )

        told = await self.caller.ask("define", send, lambda _: {}, key=key)
        assert not isinstance(told, grpc.StatusCode), f"{key} is refused: {told}"

    async def run(self, count: int, *, first: int = 0) -> None:
        """Tell so many stories, numbered from `first`, and return when all are told."""
        room = asyncio.Semaphore(AT_ONCE)
        kinds = self.dice.choices(list(KINDS), weights=list(KINDS.values()), k=count)

        async def tell(number: int, kind: str) -> None:
            async with room:
                await self.has_room.wait()
                await self.tell(f"{kind}-{number}", kind)

        async with asyncio.TaskGroup() as stories:
            for number, kind in enumerate(kinds, start=first):
                stories.create_task(tell(number, kind))

    # --- stories -----------------------------------------------------------------------------

    async def tell(self, name: str, kind: str) -> None:
        """One story of this kind, by a name that no other has."""
        if kind == "own":
            await self.shop.buy(name, self.dice.choice(("chain", "talk")))
            return
        if kind == "trigger":
            await trigger(self, name)
            return
        chance = self.dice.random()
        begins_with_a_word = kind == "talk" and chance < 0.3
        start = self._start_with_word if begins_with_a_word else self._start
        instance_id = await start(name, kind)
        if instance_id is None:
            return
        if kind == "talk":
            for number in range(1 + begins_with_a_word, WORDS + 1):
                say = self._say if self.dice.random() < 0.7 else self._ingest
                await say(instance_id, name, f"w{number}")
        elif kind == "ask" and chance < 0.7:
            await self._decide(instance_id, name)
        elif kind == "panel":
            await vote(self, instance_id, name)
        elif kind == "chain" and chance < 0.12:
            await asyncio.sleep(self.dice.uniform(0, 1))
            await self._simple("CancelInstance", instance_id, name, "cancel")
        elif kind in {"chain", "fan"} and chance > 0.92:
            await asyncio.sleep(self.dice.uniform(0, 0.5))
            await self._simple("PauseInstance", instance_id, name, "pause")
            await asyncio.sleep(self.dice.uniform(0, 1))
            await self._simple("ResumeInstance", instance_id, name, "resume")

    async def _start(self, name: str, kind: str) -> str | None:
        request = instance_service_pb2.StartInstanceRequest(
            definition_key=kind, business_key=name, request_id=name, input=_json({})
        )

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = instance_service_pb2_grpc.InstanceServiceStub(channel)
            return await stub.StartInstance(request, **options)

        return await self._started(send, definition=kind, key=name)

    async def _start_with_word(self, name: str, kind: str) -> str | None:
        request = instance_service_pb2.SignalWithStartRequest(
            definition_key=kind, business_key=name, input=_json({}), event=_word("w1")
        )

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = instance_service_pb2_grpc.InstanceServiceStub(channel)
            return await stub.SignalWithStart(request, **options)

        return await self._started(send, definition=kind, key=name, event="w1")

    async def _started(self, send: Any, **about: Any) -> str | None:
        answer = await self.caller.ask(
            "start", send, lambda told: {"instance": told.instance.instance_id}, **about
        )
        if isinstance(answer, grpc.StatusCode):
            return None
        instance_id: str = answer.instance.instance_id
        self.started.append(instance_id)
        if about["definition"] != BRIEF:
            self.watchers.unwatched.append(instance_id)
        return instance_id

    async def _say(self, instance_id: str, _: str, word: str) -> None:
        request = instance_service_pb2.SendEventRequest(instance_id=instance_id, event=_word(word))

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = instance_service_pb2_grpc.InstanceServiceStub(channel)
            return await stub.SendEvent(request, **options)

        await self.caller.ask(
            "event",
            send,
            lambda told: {"disposition": told.disposition, "revision": told.revision},
            instance=instance_id,
            event=word,
        )

    async def _ingest(self, instance_id: str, key: str, word: str) -> None:
        """As an outbox relay says it: by the business key, in a batch."""
        item = event_service_pb2.IngestItem(
            event=_word(word),
            definition_key="talk",
            business_key=key,
            action=event_service_pb2.INGEST_ACTION_CORRELATE,
        )
        request = event_service_pb2.IngestEventsRequest(items=[item])

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = event_service_pb2_grpc.EventServiceStub(channel)
            [told] = (await stub.IngestEvents(request, **options)).results
            if told.HasField("error"):
                raise failed(told.error)
            return told.accepted

        await self.caller.ask(
            "event",
            send,
            lambda told: {"disposition": told.disposition, "instance": told.instance_id},
            instance=instance_id,
            event=word,
        )

    async def _decide(self, instance_id: str, name: str) -> None:
        """A person decides as soon as there is something to decide, if it is not too late."""
        request = task_service_pb2.CompleteTaskRequest(
            task_id=f"{instance_id}:{HUMAN_TASK}",
            output=_json({"answer": name}),
            request_id=f"decide-{name}",
        )

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = task_service_pb2_grpc.TaskServiceStub(channel)
            return await stub.CompleteTask(request, **options)

        for _ in range(DECIDES_AT_MOST):
            await asyncio.sleep(self.dice.uniform(0.1, 0.5))
            answer = await self.caller.ask(
                "decide", send, lambda _: {}, instance=instance_id, output=name
            )
            if answer is not grpc.StatusCode.NOT_FOUND:
                return

    async def _simple(self, method: str, instance_id: str, name: str, kind: str) -> None:
        """A request of an instance's id and no more."""
        request_type = getattr(instance_service_pb2, f"{method}Request")
        request = request_type(instance_id=instance_id, reason="chaos", request_id=f"{kind}-{name}")

        async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
            stub = instance_service_pb2_grpc.InstanceServiceStub(channel)
            return await getattr(stub, method)(request, **options)

        await self.caller.ask(kind, send, lambda _: {}, instance=instance_id)

    async def count_open(self) -> None:
        """See in the database whether there is room for more instances, until cancelled."""
        while True:
            try:
                owner = await asyncpg.connect(self.stage.owner_url)
                try:
                    while True:
                        count, scarce = await owner.fetchrow(OPEN, SCARCE)
                        self.stage.client.write("running", scarce=scarce)
                        (self.has_room.set if count < MAX_OPEN else self.has_room.clear)()
                        await asyncio.sleep(LOOK_EVERY_S)
                finally:
                    owner.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def loading(stage: Stage, dice: random.Random) -> AsyncIterator[Load]:
    """Callers, connected to both control planes."""
    channels = [
        grpc.aio.insecure_channel(address, options=list(OPTIONS)) for address in stage.addresses()
    ]
    caller = Caller(channels, ((AUTHORIZATION, BEARER + stage.api_key),), stage.client, dice)
    watchers = Watchers(channels, caller.metadata, stage.watchers, random.Random(dice.random()))
    followers = Followers(channels, caller.metadata, stage.feed, random.Random(dice.random()))
    shop = Shop(stage.shop_url, TENANT, random.Random(dice.random()))
    load = Load(stage, caller, dice, watchers, followers, shop)
    tasks = [
        asyncio.ensure_future(one)
        for one in (load.count_open(), watchers.run(), followers.run(), answer_later(load))
    ]
    for number in range(1, FAR_WORKERS + 1):
        worker = FarWorker(
            f"far-{number}",
            channels,
            ((AUTHORIZATION, BEARER + stage.executor_key),),
            stage.effects,
            random.Random(dice.random()),
        )
        tasks.append(asyncio.ensure_future(worker.run()))
    try:
        yield load
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for channel in channels:
            await channel.close()
    for error in ended:
        if isinstance(error, Exception):
            raise error


def _word(word: str) -> event_pb2.Event:
    return event_pb2.Event(event_id=word, type="WORD", payload=_json({"word": word}))


def _json(value: Any) -> json_pb2.Json:
    return json_pb2.Json(json=json.dumps(value))
