"""Callers of a deployment: who do not give up, and count what was refused for good."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any, TypeVar
from uuid import uuid4

import grpc
from foliot.v1 import (
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_pb2,
    instance_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
)

from tests.campaigns.upgrades.deployment import LOOK_EVERY_S, Failed

T = TypeVar("T")

GIVES_UP_AFTER_S = 60.0
WILL_PASS = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    # Of a call that was not answered when its server's time for draining was over.
    grpc.StatusCode.CANCELLED,
}
"""What a client tries again, as every request here may be repeated."""

ROUNDS: dict[str, Any] = {
    "id": "rounds",
    "description": "A task a round, as often as it is asked for, and a timer that ends it.",
    "context": {"round": 0, "patience": {"@expr": "event.input.patience"}},
    "initial": "working",
    "states": {
        "working": {
            "invoke": {
                "id": "greet",
                "src": "system.greet",
                "input": {"name": "rounds"},
                "retry": {"maxAttempts": 5, "initial": "PT0.2S"},
                "onDone": {
                    "target": "resting",
                    "actions": {
                        "type": "@assign",
                        "context": {"round": {"@expr": "context.round + 1"}},
                    },
                },
            }
        },
        "resting": {
            "on": {"NEXT": "working", "END": "done"},
            "invoke": {
                "id": "pause",
                "src": "timer",
                "input": {"delay": {"@expr": "context.patience"}},
                "onDone": "done",
            },
        },
        "done": {"type": "final"},
    },
}


@dataclass(slots=True, kw_only=True)
class Client:
    """Calls one control plane after the other, until one answers."""

    ports: Sequence[int]
    key: str
    tries: int = 0
    answered: int = 0
    _channels: dict[int, grpc.aio.Channel] = field(default_factory=dict)
    _turn: Any = None

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.key}"),)

    def channel(self, port: int) -> grpc.aio.Channel:
        """The one to a control plane."""
        if port not in self._channels:
            options = (
                ("grpc.initial_reconnect_backoff_ms", 50),
                ("grpc.max_reconnect_backoff_ms", 300),
            )
            self._channels[port] = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options)
        return self._channels[port]

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    async def until_answered(self, send: Callable[[grpc.aio.Channel], Awaitable[T]]) -> T:
        """Raises Failed for an error that does not pass."""
        self._turn = self._turn or cycle(self.ports)
        until = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            self.tries += 1
            try:
                answer = await send(self.channel(next(self._turn)))
            except grpc.aio.AioRpcError as error:
                if error.code() not in WILL_PASS or time.monotonic() > until:
                    raise Failed(f"{error.code().name}: {error.details()}") from error
            else:
                self.answered += 1
                return answer
            await asyncio.sleep(LOOK_EVERY_S)

    async def define(self) -> None:
        """Create and activate ROUNDS."""
        spec = json_pb2.Json(json=json.dumps(ROUNDS))
        create = definition_service_pb2.CreateDefinitionRequest(key="rounds", spec=spec)
        made = await self.until_answered(
            lambda channel: definition_service_pb2_grpc.DefinitionServiceStub(
                channel
            ).CreateDefinition(create, metadata=self.metadata, timeout=10)
        )
        activate = definition_service_pb2.ActivateDefinitionRequest(
            definition_id=made.definition.definition_id
        )
        await self.until_answered(
            lambda channel: definition_service_pb2_grpc.DefinitionServiceStub(
                channel
            ).ActivateDefinition(activate, metadata=self.metadata, timeout=10)
        )

    async def start(self, business_key: str, patience: str = "PT1H") -> str:
        """The instance of a key: a new one, or the one that there is."""
        ask = instance_service_pb2.StartInstanceRequest(
            definition_key="rounds",
            business_key=business_key,
            input=json_pb2.Json(json=json.dumps({"patience": patience})),
        )
        answer = await self.until_answered(
            lambda channel: instance_service_pb2_grpc.InstanceServiceStub(channel).StartInstance(
                ask, metadata=self.metadata, timeout=10
            )
        )
        return str(answer.instance.instance_id)

    async def send(self, instance_id: str, kind: str) -> None:
        event = event_pb2.Event(type=kind, event_id=str(uuid4()))
        ask = instance_service_pb2.SendEventRequest(instance_id=instance_id, event=event)
        await self.until_answered(
            lambda channel: instance_service_pb2_grpc.InstanceServiceStub(channel).SendEvent(
                ask, metadata=self.metadata, timeout=10
            )
        )

    async def get(self, instance_id: str) -> instance_pb2.Instance:
        ask = instance_service_pb2.GetInstanceRequest(instance_id=instance_id)
        answer = await self.until_answered(
            lambda channel: instance_service_pb2_grpc.InstanceServiceStub(channel).GetInstance(
                ask, metadata=self.metadata, timeout=10
            )
        )
        found: instance_pb2.Instance = answer.instance
        return found

    async def rested(self, instance_id: str, rounds: int) -> None:
        """Wait until it has done so many rounds and rests. Raises Failed."""
        until = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            found = await self.get(instance_id)
            done = json.loads(found.context.json)["round"]
            if done == rounds and json.loads(found.state.json) == "resting":
                return
            if done > rounds or time.monotonic() > until:
                raise Failed(f"{instance_id} should rest after {rounds} rounds:\n{found}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def completed(self, instance_id: str) -> None:
        """Wait until it has come to its end. Raises Failed."""
        until = time.monotonic() + GIVES_UP_AFTER_S
        while True:
            found = await self.get(instance_id)
            if found.status == instance_pb2.INSTANCE_STATUS_COMPLETED:
                return
            if time.monotonic() > until:
                raise Failed(f"{instance_id} does not end:\n{found}")
            await asyncio.sleep(LOOK_EVERY_S)


@dataclass(slots=True, kw_only=True)
class Load:
    """Lives that are begun and led to their end, one after the other, for as long as it goes on."""

    client: Client
    lanes: int = 4
    lives: int = 0
    begun: list[str] = field(default_factory=list)
    """Business keys whose start was acknowledged."""

    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=lambda: count(1))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as lanes:
            for _ in range(self.lanes):
                lanes.create_task(self._lane())

    def stop(self) -> None:
        self._stop.set()

    async def _lane(self) -> None:
        while not self._stop.is_set():
            key = f"life-{next(self._numbers)}"
            instance_id = await self.client.start(key)
            self.begun.append(key)
            await self.client.rested(instance_id, 1)
            await self.client.send(instance_id, "END")
            await self.client.completed(instance_id)
            self.lives += 1
