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
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_pb2,
    event_service_pb2,
    event_service_pb2_grpc,
    history_entry_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)

from shared.rpc import AUTHORIZATION, BEARER
from tests.campaigns.chaos.calling import OPTIONS, Caller
from tests.campaigns.chaos.stage import Stage
from tests.campaigns.chaos.workload import SPECS, WORDS

MAX_OPEN = 150
"""Instances under way at once; more would only wait for one another."""

AT_ONCE = 40
"""Stories told at once."""

LOOK_EVERY_S = 0.2
WATCHERS = 6
WATCH_FOR_S = 8.0
"""A stream is left after so long, and taken up again: watching must bear that too."""

DECIDES_AT_MOST = 15
HUMAN_TASK = 2
CLOSING = frozenset({"INSTANCE_COMPLETED", "INSTANCE_FAILED", "INSTANCE_CANCELLED"})

# How often each kind is started, in a hundred.
KINDS = {"chain": 40, "fan": 18, "talk": 20, "ask": 16, "parent": 6}


@dataclass(slots=True)
class Load:
    """Callers at work. `started` are the instances whose start was acknowledged."""

    stage: Stage
    caller: Caller
    dice: random.Random
    started: list[str] = field(default_factory=list)
    unwatched: list[str] = field(default_factory=list)
    has_room: asyncio.Event = field(default_factory=asyncio.Event)
    are_watchers_wanted: bool = True

    async def define(self) -> None:
        for key, spec in SPECS.items():
            await self._define(key, _json(spec()))

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

        await self.caller.ask("define", send, lambda _: {}, key=key)

    async def run(self, count: int, *, first: int = 0) -> None:
        """Tell so many stories, numbered from `first`, and return when all are told."""
        room = asyncio.Semaphore(AT_ONCE)
        kinds = self.dice.choices(list(KINDS), weights=list(KINDS.values()), k=count)

        async def tell(number: int, kind: str) -> None:
            async with room:
                await self.has_room.wait()
                await self._tell(f"{kind}-{number}", kind)

        async with asyncio.TaskGroup() as stories:
            for number, kind in enumerate(kinds, start=first):
                stories.create_task(tell(number, kind))

    # --- stories -----------------------------------------------------------------------------

    async def _tell(self, name: str, kind: str) -> None:
        instance_id = await self._start(name, kind)
        if instance_id is None:
            return
        chance = self.dice.random()
        if kind == "talk":
            for number in range(1, WORDS + 1):
                await self._say(instance_id, f"w{number}")
        elif kind == "ask" and chance < 0.7:
            await self._decide(instance_id, name)
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

        answer = await self.caller.ask(
            "start",
            send,
            lambda told: {"instance": told.instance.instance_id},
            definition=kind,
            key=name,
        )
        if isinstance(answer, grpc.StatusCode):
            return None
        instance_id: str = answer.instance.instance_id
        self.started.append(instance_id)
        self.unwatched.append(instance_id)
        return instance_id

    async def _say(self, instance_id: str, word: str) -> None:
        request = instance_service_pb2.SendEventRequest(
            instance_id=instance_id,
            event=event_pb2.Event(event_id=word, type="WORD", payload=_json({"word": word})),
        )

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

    # --- watching ------------------------------------------------------------------------------

    async def watch(self, number: int) -> None:
        """Follow one instance after another, each to its end."""
        while self.are_watchers_wanted:
            if not self.unwatched:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            instance_id = self.unwatched.pop()
            self.unwatched.clear()
            await self._follow(instance_id, f"{number}:{instance_id}")

    async def _follow(self, instance_id: str, watch: str) -> None:
        seq, has_ended = 0, False
        while not has_ended:
            self.stage.watchers.write("opened", watch=watch, instance=instance_id, after=seq)
            channel = self.dice.choice(self.caller.channels)
            call = event_service_pb2_grpc.EventServiceStub(channel).WatchInstance(
                event_service_pb2.WatchInstanceRequest(instance_id=instance_id, after_seq=seq),
                metadata=self.caller.metadata,
                timeout=WATCH_FOR_S,
            )
            try:
                async for message in call:
                    seq, has_ended = self._seen(message, watch)
                # An end without an error is the end of the instance.
                has_ended = True
            except grpc.aio.AioRpcError as error:
                self.stage.watchers.write("broken", watch=watch, code=error.code().name)
                await asyncio.sleep(self.dice.uniform(0.05, 0.5))
        self.stage.watchers.write("followed", watch=watch, seq=seq)

    def _seen(self, message: Any, watch: str) -> tuple[int, bool]:
        if not message.HasField("entry"):
            self.stage.watchers.write("bookmark", watch=watch, seq=message.seq)
            return message.seq, False
        kind = history_entry_pb2.HistoryEntryType.Name(message.entry.type)
        kind = kind.removeprefix("HISTORY_ENTRY_TYPE_")
        payload = message.entry.payload.json
        self.stage.watchers.write("entry", watch=watch, seq=message.seq, type=kind, payload=payload)
        return message.seq, False

    async def count_open(self) -> None:
        """See in the database whether there is room for more instances, until cancelled."""
        while True:
            try:
                owner = await asyncpg.connect(self.stage.owner_url)
                try:
                    while True:
                        count = await owner.fetchval(
                            "SELECT count(*) FROM foliot.instance WHERE completed_at IS NULL"
                        )
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
    load = Load(stage, caller, dice)
    tasks = [asyncio.ensure_future(load.count_open())]
    tasks += [asyncio.ensure_future(load.watch(number)) for number in range(WATCHERS)]
    try:
        yield load
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in channels:
            await channel.close()


def _json(value: Any) -> json_pb2.Json:
    return json_pb2.Json(json=json.dumps(value))
