"""What the transport takes from a peer before anything of ours sees it, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from foliot.v1 import admin_service_pb2, admin_service_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from control_plane import server
from control_plane.access.principal import Principal
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.api import gate, probing, strangers
from control_plane.api.admission import Admission
from control_plane.server import SERVICES, rules
from shared import rpc
from tests.api.serving import WITHIN_S, Client, Serving, client_of, info_in, serving_from
from tests.api.test_authorization import a_principal
from tests.executor.eventually import eventually
from tests.security.raw_http2 import (
    ENHANCE_YOUR_CALM,
    GOAWAY,
    MAX_CONCURRENT_STREAMS,
    MAX_HEADER_LIST_SIZE,
    NO_ERROR,
    PING,
    SETTINGS,
    frame,
    raw,
)


@asynccontextmanager
async def a_server(max_connection_age_s: float = 300.0) -> AsyncIterator[str]:
    """A server with our options and nothing to call; its address."""
    options = rpc.server_options(max_connection_age_s=max_connection_age_s, grace_s=0.1)
    made = grpc.aio.server(options=options)
    port = made.add_insecure_port("127.0.0.1:0")
    await made.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await made.stop(0)


class TestAConnection:
    async def test_is_told_what_it_may_send(self, serving: Serving) -> None:
        """Streams and metadata have bounds that a well-behaved client keeps by itself."""
        async with raw(serving.address) as connection:
            told = await connection.first(SETTINGS)

        assert told is not None
        assert rpc.MAX_STREAMS_PER_CONNECTION == told.settings[MAX_CONCURRENT_STREAMS]
        assert rpc.MAX_METADATA_BYTES == told.settings[MAX_HEADER_LIST_SIZE]

    async def test_that_pings_without_end_is_ended(self, serving: Serving) -> None:
        """Each ping makes us work, and costs its sender nothing."""
        async with raw(serving.address) as connection:
            await connection.send(*(frame(PING, b"12345678") for _ in range(6)))
            ended = await connection.first(GOAWAY)

        assert ended is not None
        assert (ENHANCE_YOUR_CALM, b"too_many_pings") == (ended.error, ended.body[8:])

    async def test_whose_peer_hangs_is_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """TCP goes on acknowledging for a process that is stopped; a ping is not answered."""
        monkeypatch.setattr(rpc, "KEEPALIVE_TIME_S", 0.2)
        monkeypatch.setattr(rpc, "KEEPALIVE_TIMEOUT_S", 0.2)

        async with a_server() as address, raw(address) as connection:
            ended = await connection.first(GOAWAY, answers_pings=False)

        assert ended is not None
        assert b"ping_timeout" == ended.body[8:]

    async def test_whose_peer_answers_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Silence alone is no reason to end it: a watcher may have nothing to hear for days."""
        monkeypatch.setattr(rpc, "KEEPALIVE_TIME_S", 0.2)
        monkeypatch.setattr(rpc, "KEEPALIVE_TIMEOUT_S", 0.2)
        pings = 0

        async with a_server() as address, raw(address) as connection:
            async with asyncio.timeout(WITHIN_S):
                async for found in connection.frames():
                    assert found.kind != GOAWAY
                    pings += found.kind == PING
                    if pings == 4:
                        break

        assert 4 == pings

    async def test_that_never_begins_is_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever only connects must not hold a place for ever."""
        monkeypatch.setattr(rpc, "HANDSHAKE_WITHIN_S", 0.3)

        async with a_server() as address, raw(address, greets=False) as connection:
            async with asyncio.timeout(WITHIN_S):
                seen = [one.kind async for one in connection.frames()]

        assert GOAWAY == seen[-1]

    async def test_beyond_the_most_is_not_heard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Others go on; there is room again when one has ended."""
        monkeypatch.setattr(rpc, "MAX_CONNECTIONS", 2)

        async with a_server() as address, AsyncExitStack() as exits:
            kept = [await exits.enter_async_context(raw(address)) for _ in range(2)]
            heard = [await one.first(SETTINGS) for one in kept]
            async with raw(address) as third:
                refused = await third.first(SETTINGS)
            await kept[0].send(frame(PING, b"12345678"))
            still = await kept[0].first(PING)

        assert all(heard)
        assert refused is None
        assert still is not None

    async def test_ends_of_age_with_others_not_at_once(self) -> None:
        """Clients move to other replicas in time, and not all in the same moment."""
        began = time.monotonic()

        async def age(address: str) -> tuple[int, float]:
            async with raw(address) as connection:
                ended = await connection.first(GOAWAY)
            assert ended is not None
            return ended.error, time.monotonic() - began

        async with a_server(max_connection_age_s=1.0) as address:
            found = await asyncio.gather(*(age(address) for _ in range(20)))
        ages = [seconds for _, seconds in found]

        assert {NO_ERROR} == {error for error, _ in found}
        assert min(ages) >= 0.89
        assert max(ages) - min(ages) > 0.02


class TestACall:
    async def test_with_too_much_metadata_is_refused(self, client: Client) -> None:
        """Headers are held in memory before anybody knows whose they are."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.admin.WhoAmI(
                admin_service_pb2.WhoAmIRequest(),
                metadata=(("x-much", "x" * (rpc.MAX_METADATA_BYTES + 1)),),
            )

        assert grpc.StatusCode.RESOURCE_EXHAUSTED == refused.value.code()

    async def test_leaves_the_connection_good_for_others(self, client: Client) -> None:
        """One caller of a gateway must not end the calls of the rest."""
        with pytest.raises(grpc.aio.AioRpcError):
            await client.admin.WhoAmI(
                admin_service_pb2.WhoAmIRequest(),
                metadata=(("x-much", "x" * (rpc.MAX_METADATA_BYTES + 1)),),
            )

        answer = await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())

        assert answer.principal

    @pytest.mark.parametrize(
        ("left_s", "expected"),
        [(None, 30.0), (1.0, None), (gate.MAX_DEADLINE_S, None), (1e9, gate.MAX_DEADLINE_S)],
    )
    def test_ends_in_time_whatever_its_caller_says(
        self, left_s: float | None, expected: float | None
    ) -> None:
        """A deadline in thirty years would be none."""
        assert expected == gate._own_end(left_s, gate.DEFAULT_DEADLINE_S)


class Hanging(admin_service_pb2_grpc.AdminServiceServicer):
    """Takes calls, and never answers."""

    async def WhoAmI(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """Waits for ever."""
        await asyncio.Event().wait()


class TestACallThatIsNeverAnswered:
    @pytest.mark.parametrize("patience_s", [None, 1e6], ids=["without a deadline", "far off"])
    async def test_is_ended_by_the_server(
        self, monkeypatch: pytest.MonkeyPatch, patience_s: float | None
    ) -> None:
        """Its caller hears that it was nothing of theirs, and may send it again."""
        monkeypatch.setattr(gate, "MAX_DEADLINE_S", 0.1)

        async def known(_: str) -> Principal:
            return a_principal("viewer")

        guard = gate.Gate(known, rules(SERVICES), Admission(), default_deadline_s=0.1)
        made = grpc.aio.server(interceptors=[guard])
        admin_service_pb2_grpc.add_AdminServiceServicer_to_server(Hanging(), made)  # type: ignore[abstract]  # the one method is all that is called
        port = made.add_insecure_port("127.0.0.1:0")
        await made.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                call = admin_service_pb2_grpc.AdminServiceStub(channel).WhoAmI(
                    admin_service_pb2.WhoAmIRequest(),
                    metadata=(("authorization", "Bearer fol_a_b"),),
                    timeout=patience_s,
                )
                with pytest.raises(grpc.aio.AioRpcError) as late:
                    async with asyncio.timeout(WITHIN_S):
                        await call
        finally:
            await made.stop(0)

        assert grpc.StatusCode.UNAVAILABLE == late.value.code()
        assert "OVERLOADED" == info_in(late.value).reason


class TestCallsWhoseMessageNeverComes:
    async def test_are_bounded_and_hold_nothing_once_they_are_over(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By whom is known; all of them together may still not take all memory."""
        monkeypatch.setattr(server, "MAX_RPCS", 3)
        never = asyncio.Event()
        async with (
            serving_from(MemoryDatabase()) as serving,
            client_of(serving, await serving.key()) as stalling,
            client_of(serving, await serving.key()) as client,
        ):
            await stalling.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)
            stalled = [unsaid(stalling, unsaid_until(never)) for _ in range(3)]
            beyond = await eventually_code(client, grpc.StatusCode.RESOURCE_EXHAUSTED)
            for one in stalled:
                one.cancel()
            afterwards = await eventually_code(client, grpc.StatusCode.OK)

        assert (True, True) == (beyond, afterwards)

    @pytest.mark.parametrize("key", [None, "fol_abcdefgh_" + "x" * 43, "nonsense"])
    async def test_hold_nothing_where_the_credential_is_not_good(
        self, serving: Serving, key: str | None
    ) -> None:
        """Or whoever has none could take every place there is, for as long as connections last."""
        never = asyncio.Event()
        async with client_of(serving, key) as stalling:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                async with asyncio.timeout(WITHIN_S):
                    await unsaid(stalling, unsaid_until(never)).read()

        assert grpc.StatusCode.UNAUTHENTICATED == refused.value.code()

    async def test_end_soon_where_nobody_has_called_by_the_credential_yet(
        self, serving: Serving, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is a good one; its holder may try again."""
        monkeypatch.setattr(strangers, "MESSAGE_WITHIN_S", 0.05)
        async with client_of(serving, await serving.key()) as stalling:
            with pytest.raises(grpc.aio.AioRpcError) as late:
                async with asyncio.timeout(WITHIN_S):
                    await unsaid(stalling, unsaid_until(asyncio.Event())).read()

        assert ("OVERLOADED", "not_done") == (
            info_in(late.value).reason,
            info_in(late.value).metadata["outcome"],
        )


async def unsaid_until(said: asyncio.Event) -> AsyncIterator[bytes]:
    """The message of a call, which waits."""
    await said.wait()
    yield b""


def unsaid(client: Client, messages: AsyncIterator[bytes]) -> Any:
    """A unary call as one of another kind on the wire, so that its message can be left out."""
    call: Any = client.channel.stream_stream("/foliot.v1.AdminService/WhoAmI")
    return call(messages, metadata=client.metadata)


async def eventually_code(client: Client, wanted: grpc.StatusCode) -> bool:
    """Whether a call comes to be answered with a status."""

    async def is_there() -> bool:
        try:
            await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)
        except grpc.aio.AioRpcError as error:
            return error.code() is wanted
        return wanted is grpc.StatusCode.OK

    await eventually(is_there)
    return True


class TestProbes:
    async def test_may_not_hold_open_more_than_some_streams(
        self, serving: Serving, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They have no credential, so what they may have is bounded for all of them together."""
        monkeypatch.setattr(probing, "MAX_WATCHES", 2)
        async with client_of(serving, None) as probe:
            stub = health_pb2_grpc.HealthStub(probe.channel)
            watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(2)]
            heard = [await anext(aiter(one)) for one in watches]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await anext(aiter(stub.Watch(health_pb2.HealthCheckRequest())))
            checked = await stub.Check(health_pb2.HealthCheckRequest())

        assert 2 == len(heard)
        assert grpc.StatusCode.RESOURCE_EXHAUSTED == refused.value.code()
        assert health_pb2.HealthCheckResponse.SERVING == checked.status
