"""
A client of foliot in a process of its own, so that its CPU can be told from everybody else's.

    python -m bench.client

Reads one order a line from stdin and answers each with one line on stdout, both JSON:

    {"do": "connect", "address": …, "api_key": …}                   → {}
    {"do": "define", "key": …, "spec": …}                           → {}
    {"do": "start", "key": …, "input": …, "count": …, "in_flight": …} → {"ids", "sent", "answered"}
    {"do": "send", "ids": …, "event": …, "in_flight": …}            → {"ids", "sent", "answered"}

Of every call it tells when it was sent and answered, in seconds of the wall clock; `ids` are
the instances', in the order of both. It ends with its stdin. Nothing but generated stubs, an
API key and an address.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import grpc
from foliot.v1 import (
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
)

CALL_WITHIN_S = 60.0

Order = dict[str, Any]
Item = TypeVar("Item")


class Client:
    """One connection, and what may be ordered of it."""

    def __init__(self, address: str, api_key: str) -> None:
        channel = grpc.aio.insecure_channel(address)
        self._definitions = definition_service_pb2_grpc.DefinitionServiceStub(channel)
        self._instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {api_key}"),)

    async def define(self, order: Order) -> Order:
        """Create a definition and activate it."""
        created = await self._definitions.CreateDefinition(
            definition_service_pb2.CreateDefinitionRequest(
                key=order["key"], spec=json_pb2.Json(json=json.dumps(order["spec"]))
            ),
            metadata=self._metadata,
            timeout=CALL_WITHIN_S,
        )
        await self._definitions.ActivateDefinition(
            definition_service_pb2.ActivateDefinitionRequest(
                definition_id=created.definition.definition_id
            ),
            metadata=self._metadata,
            timeout=CALL_WITHIN_S,
        )
        return {}

    async def start(self, order: Order) -> Order:
        """Start instances, `in_flight` calls at a time."""
        request = instance_service_pb2.StartInstanceRequest(
            definition_key=order["key"], input=json_pb2.Json(json=json.dumps(order["input"]))
        )

        async def start(_: int) -> str:
            answer = await self._instances.StartInstance(
                request, metadata=self._metadata, timeout=CALL_WITHIN_S
            )
            instance_id: str = answer.instance.instance_id
            return instance_id

        return await _timed(start, range(order["count"]), order["in_flight"])

    async def send(self, order: Order) -> Order:
        """Send each instance the event, `in_flight` calls at a time."""

        async def send(instance_id: str) -> str:
            await self._instances.SendEvent(
                instance_service_pb2.SendEventRequest(
                    instance_id=instance_id,
                    event=event_pb2.Event(event_id=order["event"], type=order["event"]),
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
            return instance_id

        return await _timed(send, order["ids"], order["in_flight"])


async def _timed(
    call: Callable[[Item], Awaitable[str]], items: Iterable[Item], in_flight: int
) -> Order:
    waiting = iter(items)
    calls: list[tuple[str, float, float]] = []

    async def one_after_another() -> None:
        for item in waiting:
            sent = time.time()
            instance_id = await call(item)
            calls.append((instance_id, sent, time.time()))

    async with asyncio.TaskGroup() as lanes:
        for _ in range(in_flight):
            lanes.create_task(one_after_another())
    return {
        "ids": [instance_id for instance_id, _, _ in calls],
        "sent": [sent for _, sent, _ in calls],
        "answered": [answered for _, _, answered in calls],
    }


async def _obey() -> None:
    loop = asyncio.get_running_loop()
    client: Client | None = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order: Order = json.loads(line)
        if order["do"] == "connect":
            client, answer = Client(order["address"], order["api_key"]), {}
        elif client is None:
            raise SystemExit("the first order must be to connect")
        else:
            obey = {"define": client.define, "start": client.start, "send": client.send}
            answer = await obey[order["do"]](order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    # Its connection would take its time to close; there is nothing left to say on it.
    os._exit(0)


def main() -> None:
    """Obey until stdin ends, on uvloop where there is one, as the planes do."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(_obey())
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_obey())


if __name__ == "__main__":
    main()
