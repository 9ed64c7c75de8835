"""Calls are counted by their method and their end, streams while they are open."""

import asyncio

import grpc
import pytest
from foliot.executor.v1 import executor_service_pb2
from foliot.v1 import admin_service_pb2, event_service_pb2, instance_service_pb2, task_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.api.admission import Admission
from control_plane.meters.samples import ANSWER_WITHIN_S
from shared.telemetry.endpoint import SAMPLE_WITHIN_S
from shared.telemetry.metric_names import Metric
from tests.api.serving import Client, Serving, client_of, serving_from
from tests.api.stories import GREETING, activate, start
from tests.executor.eventually import eventually
from tests.telemetry.reading import Growth, value

WHO = "foliot.v1.AdminService/WhoAmI"
GET = "foliot.v1.InstanceService/GetInstance"
WATCH = "foliot.v1.EventService/WatchEvents"


class TestAUnaryCall:
    async def test_is_counted_by_how_it_ended(self, client: Client) -> None:
        """What it was about is nowhere told; that would be a series each."""
        grown = Growth(
            (Metric.RPC_HANDLED, {"method": WHO, "code": "OK"}),
            (Metric.RPC_HANDLED, {"method": GET, "code": "INVALID_ARGUMENT"}),
        )
        timed = Growth((Metric.RPC_SECONDS, {"method": WHO}), suffix="_count")
        await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), metadata=client.metadata)
        with pytest.raises(grpc.aio.AioRpcError):
            await client.instances.GetInstance(
                instance_service_pb2.GetInstanceRequest(instance_id="x"), metadata=client.metadata
            )

        assert [1, 1] == grown.so_far()
        assert [1] == timed.so_far()

    async def test_of_a_stranger_is_counted_as_well(self, serving: Serving) -> None:
        """Somebody who tries keys is to be seen."""
        grown = Growth((Metric.RPC_HANDLED, {"method": WHO, "code": "UNAUTHENTICATED"}))
        async with client_of(serving, "fol_x_y") as nobody:
            with pytest.raises(grpc.aio.AioRpcError):
                await nobody.admin.WhoAmI(
                    admin_service_pb2.WhoAmIRequest(), metadata=nobody.metadata
                )

        assert [1] == grown.so_far()


class TestARefusal:
    async def test_is_counted_with_its_quota(self) -> None:
        """An alert on it names what is too small, or who is too many."""
        grown = Growth((Metric.REFUSALS, {"reason": "QUOTA_EXCEEDED", "quota": "calls_per_second"}))
        async with (
            serving_from(MemoryDatabase(), quota_calls_per_second=0) as serving,
            client_of(serving, await serving.key()) as client,
        ):
            with pytest.raises(grpc.aio.AioRpcError):
                await client.admin.WhoAmI(
                    admin_service_pb2.WhoAmIRequest(), metadata=client.metadata
                )

        assert [1] == grown.so_far()


class TestAStream:
    async def test_is_counted_as_long_as_it_is_open(self, client: Client) -> None:
        """Its end is counted too, by who ended it."""
        before = value(Metric.STREAMS, method=WATCH)
        ended = Growth((Metric.RPC_HANDLED, {"method": WATCH, "code": "CANCELLED"}))
        call = client.events.WatchEvents(
            event_service_pb2.WatchEventsRequest(), metadata=client.metadata
        )
        reading = asyncio.ensure_future(call.read())
        await eventually(lambda: value(Metric.STREAMS, method=WATCH) == before + 1)
        call.cancel()
        await eventually(lambda: value(Metric.STREAMS, method=WATCH) == before)
        await asyncio.gather(reading, return_exceptions=True)

        assert [1] == ended.so_far()


class TestAClaimByRpc:
    async def test_is_timed_as_those_of_executors_are(
        self, client: Client, executor: Client
    ) -> None:
        """A worker in another language tells Prometheus nothing of foliot's."""
        waits = Growth((Metric.QUEUE_SECONDS, {"type": "SYSTEM"}), suffix="_count")
        turns = Growth((Metric.TURN_REQUESTS, {}), suffix="_count")
        await activate(client, GREETING, "greeting")
        await start(client, "greeting")
        asked = executor_service_pb2.ClaimTasksRequest(
            executor_name="worker", task_types=[task_pb2.TASK_TYPE_SYSTEM], max_tasks=1
        )
        answer = await executor.executors.ClaimTasks(asked, metadata=executor.metadata)

        assert [1] == [len(answer.tasks)] == waits.so_far()
        assert turns.so_far()[0] >= 1


class TestTheSamples:
    async def test_tell_what_waits_in_each_queue(self, serving: Serving) -> None:
        """From the same look as GetQueueStats."""
        await serving.control_plane.vitals.sample()

        assert 1.0 == value(Metric.DATABASE_UP, plane="control plane")
        assert 0.0 == value(Metric.TIMER_LAG)
        assert ANSWER_WITHIN_S < SAMPLE_WITHIN_S


class TestReadiness:
    async def test_ends_with_the_drain(self, serving: Serving) -> None:
        """Whoever sends calls here is to send them elsewhere."""
        ready = await serving.control_plane.vitals.findings()
        admission: Admission = serving.control_plane.admission
        admission.leaving.set()
        draining = await serving.control_plane.vitals.findings()

        assert [True, True, True] == [one.is_well for one in ready]
        assert ["drain"] == [one.about for one in draining if not one.is_well]

    async def test_is_told_by_the_health_service_too(self, serving: Serving) -> None:
        """A balancer that speaks gRPC asks there."""
        asked = health_pb2.HealthCheckRequest(service="readiness")
        async with client_of(serving, None) as probe:
            stub = health_pb2_grpc.HealthStub(probe.channel)

            async def is_ready() -> bool:
                try:
                    answer = await stub.Check(asked)
                except grpc.aio.AioRpcError:
                    return False
                return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

            await eventually(is_ready)
