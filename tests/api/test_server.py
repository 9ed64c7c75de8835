"""Health, reflection, and going away in order."""

import asyncio

import grpc
import pytest
from foliot.executor.v1 import executor_service_pb2 as executor_pb
from foliot.v1 import admin_service_pb2 as pb
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.api.mapping.tasks import type_to
from control_plane.api.reflection import NAMES as REFLECTION
from control_plane.server import SERVICES
from control_plane.use_cases.offers import TASK_TYPES
from shared.errors import Unavailable
from tests.api.serving import WITHIN_S, Client, Serving, client_of, serving_from
from tests.api.test_executors import connected, heard

DELAY_S = 1.0
"""Long enough for a call on a machine that is busy; the test waits for its end."""


async def reflected(client: Client, name: str) -> list[str]:
    """The services that reflection lists, under one of its names."""
    call = client.channel.stream_stream(
        f"/{name}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )(metadata=client.metadata)
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    answer = await call.read()
    assert isinstance(answer, reflection_pb2.ServerReflectionResponse)
    await call.done_writing()
    return [one.name for one in answer.list_services_response.service]


class TestHealth:
    @pytest.mark.parametrize("service", ["", "foliot.v1.InstanceService"])
    async def test_is_there_for_probes_without_a_credential(
        self, serving: Serving, service: str
    ) -> None:
        """A load balancer has no key."""
        async with client_of(serving, None) as probe:
            answer = await health_pb2_grpc.HealthStub(probe.channel).Check(
                health_pb2.HealthCheckRequest(service=service)
            )

        assert health_pb2.HealthCheckResponse.SERVING == answer.status


class TestReflection:
    @pytest.mark.parametrize("name", REFLECTION)
    async def test_lists_every_service_under_both_its_names(
        self, client: Client, name: str
    ) -> None:
        """Tools of either age can explore the server."""
        assert {one.full_name for one in SERVICES} <= set(await reflected(client, name))

    @pytest.mark.parametrize(
        "symbol",
        [
            "foliot.v1.InstanceService",
            "foliot.v1.InstanceService.StartInstance",
            "foliot.v1.Instance.business_key",
            *REFLECTION,
        ],
    )
    async def test_gives_the_file_of_whatever_is_asked_for(
        self, client: Client, symbol: str
    ) -> None:
        """Tools describe services, methods and fields from it, reflection's own included."""
        call = client.channel.stream_stream(
            f"/{REFLECTION[0]}/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )(metadata=client.metadata)
        await call.write(reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol))
        answer = await call.read()
        await call.done_writing()

        assert isinstance(answer, reflection_pb2.ServerReflectionResponse)
        assert answer.file_descriptor_response.file_descriptor_proto


class TestServerInfo:
    async def test_lists_the_task_types_on_offer(self, client: Client) -> None:
        """Who writes a definition can ask what it may use."""
        answer = await client.admin.GetServerInfo(pb.GetServerInfoRequest())

        assert answer.version
        assert [type_to(one) for one in TASK_TYPES] == list(answer.task_types)


class TestBeingCancelled:
    async def test_leaves_no_server_behind(self) -> None:
        """It would stand there, and be ended when there is no loop left to end it in."""
        with pytest.raises(ZeroDivisionError):
            async with serving_from(MemoryDatabase()) as serving:
                raise ZeroDivisionError

        async with grpc.aio.insecure_channel(serving.address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await health.Check(health_pb2.HealthCheckRequest(), timeout=WITHIN_S)
        assert grpc.StatusCode.UNAVAILABLE == refused.value.code()


class TestDraining:
    async def test_is_told_to_probes_while_callers_are_still_served(self) -> None:
        """A load balancer takes a moment to notice; whoever it sends until then is answered."""
        told = []
        async with (
            serving_from(MemoryDatabase(), drain_delay_s=DELAY_S) as serving,
            client_of(serving, await serving.key()) as client,
        ):
            health = health_pb2_grpc.HealthStub(client.channel)
            await client.admin.WhoAmI(pb.WhoAmIRequest())
            watched = health.Watch(health_pb2.HealthCheckRequest())
            told.append((await watched.read()).status)
            serving.stop.set()
            told.append((await watched.read()).status)
            answer = await client.admin.WhoAmI(pb.WhoAmIRequest())

        statuses = health_pb2.HealthCheckResponse
        assert [statuses.SERVING, statuses.NOT_SERVING] == told
        assert answer.principal

    async def test_turns_callers_away_while_streams_go_on(
        self, serving: Serving, client: Client, executor: Client
    ) -> None:
        """Connections take no new calls, and what is open on them may finish."""
        await client.admin.WhoAmI(pb.WhoAmIRequest())
        async with connected(executor) as (call, _):
            serving.stop.set()
            told = await heard(call)

            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.admin.WhoAmI(pb.WhoAmIRequest())
            await call.write(executor_pb.ConnectRequest(heartbeat=executor_pb.Heartbeat()))
            is_open = not call.done()

        assert told.HasField("drain")
        assert grpc.StatusCode.UNAVAILABLE == refused.value.code()
        assert is_open

    async def test_is_over_at_once_if_nothing_is_under_way(self) -> None:
        """A restart must not take as long as its longest patience."""
        async with serving_from(MemoryDatabase(), drain_s=60) as serving:
            serving.stop.set()
            async with asyncio.timeout(WITHIN_S):
                await serving.running


class TestAnAddressInUse:
    async def test_is_not_shared(self, serving: Serving) -> None:
        """Two servers on one port would each get half of the calls; the error says what to do."""
        with pytest.raises(Unavailable, match="FOLIOT_LISTEN"):
            async with serving_from(MemoryDatabase(), listen=serving.address):
                pass
