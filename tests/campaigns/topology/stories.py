"""What callers do while everything is replaced under them."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import grpc
from foliot.v1 import (
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)

from tests.campaigns.topology.calling import Caller
from tests.campaigns.topology.specs import WORDS, specs

VIGILS = 3
HOUR_S = 0.3
THINKS_S = (0.02, 0.2)
"""What a caller waits between two calls."""

KINDS = {"chain": 40, "talk": 25, "ask": 20, "far": 15}
"""How often each kind is told, in a hundred."""

DECIDES_WITHIN = 200
"""How often a person looks whether the task is there."""


@dataclass(slots=True)
class Stories:
    """Callers at work, until they are told to come to an end."""

    caller: Caller
    dice: random.Random
    unwatched: list[str] = field(default_factory=list)
    """Instances that nobody watches yet."""
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Any = field(default_factory=count)

    async def define(self) -> None:
        """Make what is started."""
        stub = definition_service_pb2_grpc.DefinitionServiceStub(self.caller.channel)
        for key, spec in specs().items():
            create = definition_service_pb2.CreateDefinitionRequest(
                key=key, spec=_json(spec), request_id=f"create-{key}"
            )
            made = await self._call("CreateDefinition", stub, create)
            activate = definition_service_pb2.ActivateDefinitionRequest(
                definition_id=made.definition.definition_id
            )
            await self._call("ActivateDefinition", stub, activate)

    async def tell(self, tellers: int) -> None:
        """So many at once, one after the other, until `end`; what was begun comes to its end."""
        async with asyncio.TaskGroup() as group:
            for number in range(VIGILS):
                group.create_task(self._keep_vigil(f"vigil-{number}"))
            for _ in range(tellers):
                group.create_task(self._tell_on())

    def end(self) -> None:
        self._is_over.set()

    async def _tell_on(self) -> None:
        while not self._is_over.is_set():
            [kind] = self.dice.choices(list(KINDS), weights=list(KINDS.values()))
            await self._tell(kind, f"{kind}-{next(self._numbers)}")

    async def _tell(self, kind: str, key: str) -> None:
        instance_id = await self._start(kind, key)
        if kind == "talk":
            for number in range(1, WORDS + 1):
                await self._think()
                await self._send(instance_id, f"w{number}", "WORD")
        elif kind == "ask":
            await self._decide(f"{instance_id}:1", key)
        await self._think()
        await self._look(instance_id)

    async def _keep_vigil(self, key: str) -> None:
        instance_id = await self._start("vigil", key)
        hour = 0
        while not self._is_over.is_set():
            hour += 1
            await self._send(instance_id, f"h{hour}", "HOUR")
            await asyncio.sleep(HOUR_S)
        await self._send(instance_id, "end", "END")

    async def _start(self, kind: str, key: str) -> str:
        request = instance_service_pb2.StartInstanceRequest(
            definition_key=kind, business_key=key, request_id=key, input=_json({})
        )
        answer = await self._call("StartInstance", self._instances(), request)
        instance_id: str = answer.instance.instance_id
        self.caller.seen.started[key] = instance_id
        self.unwatched.append(instance_id)
        return instance_id

    async def _send(self, instance_id: str, event_id: str, kind: str) -> None:
        event = event_pb2.Event(event_id=event_id, type=kind, payload=_json({}))
        request = instance_service_pb2.SendEventRequest(instance_id=instance_id, event=event)
        await self._call("SendEvent", self._instances(), request)
        self.caller.seen.sent.setdefault(instance_id, []).append(event_id)

    async def _decide(self, task_id: str, answer: str) -> None:
        stub = task_service_pb2_grpc.TaskServiceStub(self.caller.channel)
        request = task_service_pb2.CompleteTaskRequest(
            task_id=task_id, output=_json({"answer": answer}), request_id=f"decide-{answer}"
        )
        for _ in range(DECIDES_WITHIN):
            await self._think()
            try:
                await self._call("CompleteTask", stub, request)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
            else:
                self.caller.seen.decided[task_id] = answer
                return
        raise TimeoutError(f"{task_id} never came to be")

    async def _look(self, instance_id: str) -> None:
        request = instance_service_pb2.GetInstanceRequest(instance_id=instance_id)
        await self._call("GetInstance", self._instances(), request)

    async def _think(self) -> None:
        await asyncio.sleep(self.dice.uniform(*THINKS_S))

    async def _call(self, method: str, stub: Any, request: Any) -> Any:
        return await self.caller.call(
            method, lambda options: getattr(stub, method)(request, **options)
        )

    def _instances(self) -> Any:
        return instance_service_pb2_grpc.InstanceServiceStub(self.caller.channel)


def _json(value: Any) -> json_pb2.Json:
    return json_pb2.Json(json=json.dumps(value))
