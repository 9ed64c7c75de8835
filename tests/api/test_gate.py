"""The chain that every call goes through."""

import asyncio
from datetime import timedelta
from typing import Any, TypeAlias

import grpc
import pytest
from foliot.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    instance_service_pb2,
)

from control_plane.access.principal import Principal
from control_plane.api.admission import Admission
from control_plane.api.gate import REAUTHENTICATE_S, Gate
from control_plane.api.lasting import Authenticated, Deadline
from control_plane.server import SERVICES, rules
from shared.errors import LimitExceeded, Overloaded, Unauthenticated, Unavailable
from shared.rpc import CORRELATION_ID
from tests.api.serving import Client, Serving, client_of, info_in
from tests.api.test_authorization import a_principal

Raw: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]


class TestBytesThatAreNoMessage:
    @pytest.mark.parametrize(
        "path",
        [
            "/foliot.v1.InstanceService/StartInstance",
            "/foliot.v1.InstanceService/GetInstance",
        ],
    )
    async def test_are_a_malformed_request(self, client: Client, path: str) -> None:
        """Left to itself gRPC answers UNKNOWN, which looks like a bug of the server's."""
        call: Raw = client.channel.unary_unary(path)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"\xff\xff\xff")

        assert grpc.StatusCode.INVALID_ARGUMENT == refused.value.code()
        assert "MALFORMED_REQUEST" == info_in(refused.value).reason

    async def test_are_one_in_a_stream_too(self, executor: Client) -> None:
        """A stream's messages are read by the same rules."""
        connect: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = executor.channel.stream_stream(
            "/foliot.executor.v1.ExecutorService/Connect"
        )
        call = connect(metadata=executor.metadata)
        await call.write(b"\xff\xff\xff")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()

        assert "MALFORMED_REQUEST" == info_in(refused.value).reason

    async def test_are_not_looked_at_without_a_credential(self, serving: Serving) -> None:
        """Nobody's bytes are parsed before it is known whose they are."""
        async with client_of(serving, None) as nobody:
            call: Raw = nobody.channel.unary_unary("/foliot.v1.InstanceService/StartInstance")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(b"\xff\xff\xff")

        assert "CREDENTIAL_MISSING" == info_in(refused.value).reason

    async def test_of_more_than_a_mebibyte_are_not_taken(self, client: Client) -> None:
        """The cap is the transport's, before anything of ours sees a byte."""
        call: Raw = client.channel.unary_unary("/foliot.v1.InstanceService/StartInstance")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(bytes(1024 * 1024 + 1))

        assert grpc.StatusCode.RESOURCE_EXHAUSTED == refused.value.code()


class TestTheCorrelationId:
    async def test_comes_back_with_every_answer(self, client: Client) -> None:
        """A caller that names its call finds it in our log by that name."""
        call = client.admin.WhoAmI(
            admin_service_pb2.WhoAmIRequest(), metadata=((CORRELATION_ID, "mine-1"),)
        )
        await call

        assert "mine-1" == (await call.trailing_metadata())[CORRELATION_ID]

    async def test_comes_back_with_every_error(self, client: Client) -> None:
        """It stands in the details and beside them."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.GetInstance(
                instance_service_pb2.GetInstanceRequest(instance_id="x"),
                metadata=((CORRELATION_ID, "mine-2"),),
            )

        assert "mine-2" == info_in(refused.value).metadata["correlation_id"]
        assert "mine-2" == (refused.value.trailing_metadata() or {})[CORRELATION_ID]

    async def test_is_ours_if_theirs_is_no_name(self, client: Client) -> None:
        """What goes into a log line must not be able to forge one."""
        call = client.admin.WhoAmI(
            admin_service_pb2.WhoAmIRequest(), metadata=((CORRELATION_ID, "a b{c}"),)
        )
        await call

        assert 16 == len(str((await call.trailing_metadata())[CORRELATION_ID]))


class TestTooMuchAtOnce:
    def test_is_refused_until_something_has_ended(self) -> None:
        """A bound with a name, and a hint when to come back."""
        admission = Admission(max_calls=1)
        admission.begin_call()

        with pytest.raises(Overloaded) as refused:
            admission.begin_call()
        admission.end_call()
        admission.begin_call()

        assert timedelta(seconds=1) == refused.value.retry_in

    def test_is_refused_for_streams_on_their_own(self) -> None:
        """Streams last, so they have a bound of their own."""
        admission = Admission(max_streams=0)

        with pytest.raises(Overloaded):
            admission.begin_stream()

    def test_counts_each_callers_watches(self) -> None:
        """One caller's watches do not use up another's."""
        admission = Admission()
        held = [admission.watch("a") for _ in range(10)]
        for one in held:
            one.__enter__()

        with pytest.raises(LimitExceeded), admission.watch("a"):
            pass
        with admission.watch("b"):
            pass
        held[0].__exit__(None, None, None)
        with admission.watch("a"):
            pass


class TestADrainingServer:
    def test_does_nothing_new(self) -> None:
        """What was not done can safely be sent to another."""
        admission = Admission()
        admission.draining.set()

        with pytest.raises(Unavailable) as refused:
            admission.begin_call()

        assert "SERVER_DRAINING" == refused.value.reason


class TestACallWithoutADeadline:
    @pytest.mark.parametrize(
        ("is_read", "reason"), [(True, "OVERLOADED"), (False, "OUTCOME_UNKNOWN")]
    )
    async def test_ends_at_the_servers_own(self, is_read: bool, reason: str) -> None:
        """Nothing waits for ever; and a write says that it may have happened."""
        with pytest.raises((Overloaded, Unavailable)) as late:
            async with Deadline(0.0, is_read=is_read):
                await asyncio.Event().wait()

        assert reason == late.value.reason

    async def test_keeps_its_own_timeouts(self) -> None:
        """A TimeoutError from inside is not the deadline's."""
        with pytest.raises(TimeoutError, match="inner"):
            async with Deadline(60, is_read=True):
                raise TimeoutError("inner")


class TestAStream:
    async def test_ends_when_its_credential_does(self) -> None:
        """A stream opened yesterday must not outlive a key revoked today."""

        async def refuse() -> None:
            raise Unauthenticated("revoked")

        with pytest.raises(Unauthenticated, match="revoked"):
            async with asyncio.timeout(10), Authenticated(refuse, 0.0):
                await asyncio.Event().wait()

    async def test_goes_on_while_its_credential_is_good(self) -> None:
        """Looking again costs the stream nothing."""
        looks = 0
        seen = asyncio.Event()

        async def look() -> None:
            nonlocal looks
            looks += 1
            if looks == 3:
                seen.set()

        async with asyncio.timeout(10), Authenticated(look, 0.0):
            await seen.wait()

        assert looks >= 3

    async def test_is_looked_at_now_and_then_and_when_its_credential_expires(self) -> None:
        """At least every five minutes, and no later than it matters."""
        waits: list[float] = []
        lasts = iter([7.0, None, 900.0])
        done = asyncio.Event()

        async def moved(seconds: float) -> None:
            waits.append(round(seconds))
            if len(waits) == 4:
                done.set()
                await asyncio.Event().wait()

        async def look() -> float | None:
            return next(lasts)

        async with (
            asyncio.timeout(10),
            Authenticated(look, REAUTHENTICATE_S, expires_in_s=42.0, sleep=moved),
        ):
            await done.wait()

        assert [42, 7, REAUTHENTICATE_S, REAUTHENTICATE_S] == waits
        assert REAUTHENTICATE_S <= 300

    async def test_finishes_the_message_on_its_way_before_it_ends(self) -> None:
        """Called off in the middle of one, gRPC could not say why; and nothing follows it."""
        is_time, is_sent, began = asyncio.Event(), asyncio.Event(), asyncio.Event()
        written: list[str] = []

        async def refused() -> float | None:
            raise Unauthenticated("revoked")

        async def moved(_seconds: float) -> None:
            await is_time.wait()

        async def write() -> None:
            began.set()
            await is_sent.wait()
            written.append("whole")

        async def stream() -> None:
            async with Authenticated(refused, 60.0, sleep=moved) as authenticated:
                await authenticated.written(write)
                await authenticated.written(write)

        streaming = asyncio.create_task(stream())
        async with asyncio.timeout(10):
            await began.wait()
            is_time.set()
            for _ in range(10):
                await asyncio.sleep(0)
            is_under_way = not streaming.done()
            is_sent.set()
            with pytest.raises(Unauthenticated, match="revoked"):
                await streaming

        assert is_under_way
        assert ["whole"] == written

    async def test_ends_over_the_wire_once_its_key_is_revoked(self) -> None:
        """Time moves on to the next look at the key, and the watcher is told why it ends."""
        is_time = asyncio.Event()
        is_revoked = False

        class Watching(event_service_pb2_grpc.EventServiceServicer):
            async def WatchEvents(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
                yield event_service_pb2.WatchEventsResponse(position="here")
                await asyncio.Event().wait()

        async def known(_: str) -> Principal:
            if is_revoked:
                raise Unauthenticated("revoked")
            return a_principal("viewer")

        async def moved(_seconds: float) -> None:
            await is_time.wait()

        gate = Gate(known, rules(SERVICES), Admission(), sleep=moved)
        server = grpc.aio.server(interceptors=[gate])
        event_service_pb2_grpc.add_EventServiceServicer_to_server(Watching(), server)  # type: ignore[abstract]  # the one method is all that is called
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with (
                asyncio.timeout(10),
                grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
            ):
                stream = event_service_pb2_grpc.EventServiceStub(channel).WatchEvents(
                    event_service_pb2.WatchEventsRequest(),
                    metadata=(("authorization", "Bearer fol_a_b"),),
                )
                first = await anext(aiter(stream))
                is_revoked = True
                is_time.set()
                with pytest.raises(grpc.aio.AioRpcError) as ended:
                    await anext(aiter(stream))
        finally:
            await server.stop(0)

        assert "here" == first.position
        assert "CREDENTIAL_INVALID" == info_in(ended.value).reason


class TestABugInAServicer:
    async def test_is_internal_and_says_nothing_else(self) -> None:
        """Whatever is raised, the caller gets a status with a correlation id."""

        class Broken(admin_service_pb2_grpc.AdminServiceServicer):
            async def WhoAmI(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
                raise ZeroDivisionError("a secret")

            async def GetServerInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - likewise
                return "not a message"

        async def known(_: str) -> Principal:
            return a_principal("viewer")

        server = grpc.aio.server(interceptors=[Gate(known, rules(SERVICES), Admission())])
        broken = Broken()  # type: ignore[abstract]  # two methods will do
        admin_service_pb2_grpc.add_AdminServiceServicer_to_server(broken, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        metadata = (("authorization", "Bearer fol_a_b"),)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = admin_service_pb2_grpc.AdminServiceStub(channel)
                calls = (
                    stub.WhoAmI(admin_service_pb2.WhoAmIRequest(), metadata=metadata),
                    stub.GetServerInfo(admin_service_pb2.GetServerInfoRequest(), metadata=metadata),
                )
                for call in calls:
                    with pytest.raises(grpc.aio.AioRpcError) as refused:
                        await call
                    assert "INTERNAL" == info_in(refused.value).reason
                    assert "secret" not in str(refused.value.details())
        finally:
            await server.stop(0)
