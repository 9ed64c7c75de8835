"""An instance with a long past takes an event: what that costs, by how long the past is."""

import json
import time
import uuid

import asyncpg
import grpc
from foliot.v1 import event_pb2, instance_service_pb2, instance_service_pb2_grpc

from bench.client import Client
from bench.figures import Latency
from bench.listing.server_time import ServerTime
from bench.specs import Spec
from control_plane.embedded.running import Running
from shared.rpc import AUTHORIZATION, BEARER, channel_options

KEY = "toggled"
SPEC: Spec = {
    "initial": "off",
    "states": {"off": {"on": {"TOGGLE": "on"}}, "on": {"on": {"TOGGLE": "off"}}},
}
WARM = 20

# A past that nobody decided: an event needs its length and its last hash, which stay as they are.
_AGE = """
INSERT INTO foliot.history (tenant_id, instance_id, seq, type, payload, hash, created_at)
SELECT i.tenant_id, i.instance_id, i.seq + n, 'EVENT_RECEIVED', '{"type": "TOGGLE"}', '', now()
  FROM foliot.instance i, generate_series(1, $2::int) AS n
 WHERE i.instance_id = $1
"""
_SEQ = "UPDATE foliot.instance SET seq = seq + $2 WHERE instance_id = $1"


async def advance(
    running: Running, connection: asyncpg.Connection, entries: int, events: int
) -> tuple[Latency, float | None]:
    """Of an event, at an instance with so many entries: its call, and the database's processor."""
    client = Client(running.address, running.api_key)
    started = await client.start({"key": KEY, "input": {}, "count": 1, "in_flight": 1})
    instance_id = uuid.UUID(started["ids"][0])
    await connection.execute(_AGE, instance_id, entries)
    await connection.execute(_SEQ, instance_id, entries)
    await connection.execute("VACUUM ANALYZE")
    metadata = ((AUTHORIZATION, BEARER + running.api_key),)
    times_s: list[float] = []
    server = ServerTime(connection)
    before_s: float | None = None
    async with grpc.aio.insecure_channel(running.address, options=channel_options()) as channel:
        instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        for number in range(WARM + events):
            if number == WARM:
                await server.look_up()
                before_s = server.seconds()
            began = time.perf_counter()
            await instances.SendEvent(
                instance_service_pb2.SendEventRequest(
                    instance_id=str(instance_id),
                    event=event_pb2.Event(event_id=f"e{number}", type="TOGGLE"),
                ),
                metadata=metadata,
                timeout=60.0,
            )
            if number >= WARM:
                times_s.append(time.perf_counter() - began)
    after_s = server.seconds()
    used_s = None if before_s is None or after_s is None else (after_s - before_s) / events
    return Latency.of(times_s), used_s


async def define(running: Running) -> None:
    """Once, before the first."""
    spec = json.loads(json.dumps(SPEC))
    await Client(running.address, running.api_key).define({"key": KEY, "spec": spec})
