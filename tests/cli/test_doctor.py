"""`foliot doctor`, by a control plane that serves (by a database itself: tests/faults)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from foliot.v1 import admin_service_pb2 as pb

from control_plane.cli.calling import Caller
from control_plane.cli.doctor import _run
from tests.cli.conftest import Foliot


class TestTheDoctor:
    async def test_says_that_all_is_good(self, foliot: Foliot) -> None:
        """By the server, which needs no database of the caller's."""
        await foliot.serving.key()
        shown = await foliot.run("doctor", role="platform_admin")

        assert 0 == shown.exit_code, shown.output
        assert "All good: 0 instances of 1 tenants" in shown.stdout
        assert ["✓ partitions", "✓ executors"] == shown.stdout.splitlines()[:2]

    async def test_tells_programs_what_each_check_came_to(self, foliot: Foliot) -> None:
        """One JSON object on standard output, and nothing else there."""
        await foliot.serving.key()
        told = await foliot.run("doctor", "-o", "json", role="platform_admin")

        report = json.loads(told.stdout)
        assert [("partitions", "good"), ("executors", "good"), ("tenant acme", "good")] == [
            (one["name"], one["verdict"]) for one in report["checks"]
        ]
        assert (["acme"], [], True) == (report["tenants"], report["findings"], report["finished"])

    @pytest.mark.parametrize(
        ("arguments", "role", "code", "expected"),
        [
            ((), "tenant_admin", 4, "doctor.run"),
            (("--tenant", "nobody"), "platform_admin", 3, "nobody"),
            (("--patience", "-1"), "platform_admin", 1, "overdue_after"),
            (("--within", "0"), "platform_admin", 2, "--within"),
        ],
    )
    async def test_that_cannot_be_run_says_why(
        self, foliot: Foliot, arguments: tuple[str, ...], role: str, code: int, expected: str
    ) -> None:
        """With an exit code of its own, so that nobody takes it for a finding."""
        refused = await foliot.run("doctor", *arguments, role=role)

        assert code == refused.exit_code
        assert expected in refused.output


class Breaking:
    """A server whose streams break after a tenant each, until there are none left."""

    def __init__(self, *tenants: str) -> None:
        self.tenants = tenants
        self.asked: list[str] = []

    async def run(
        self, request: pb.RunDoctorRequest, context: Any
    ) -> AsyncIterator[pb.RunDoctorResponse]:
        self.asked.append(request.after_tenant_id)
        for tenant in self.tenants:
            if tenant > request.after_tenant_id:
                yield pb.RunDoctorResponse(name=f"tenant {tenant}")
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection is old")
        if not self.tenants:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "nobody is here")


async def told_by(breaking: Breaking) -> list[str]:
    server = grpc.aio.server()
    handler = grpc.unary_stream_rpc_method_handler(
        breaking.run,
        request_deserializer=pb.RunDoctorRequest.FromString,
        response_serializer=pb.RunDoctorResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("foliot.v1.AdminService", {"RunDoctor": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            request = pb.RunDoctorRequest()
            request.ends_within.seconds = 60
            return [one.name async for one in _run(Caller(channel, ()), request)]
    finally:
        await server.stop(None)


class TestAStreamThatBreaks:
    async def test_goes_on_after_the_last_tenant_that_was_told_of(self) -> None:
        """A server ends its connections now and then; looking at everything takes longer."""
        server = Breaking("a", "b", "c")

        assert ["tenant a", "tenant b", "tenant c"] == await told_by(server)
        assert ["", "a", "b", "c"] == server.asked

    async def test_before_anything_was_told_is_an_error(self) -> None:
        """Asking again would go on for ever."""
        with pytest.raises(grpc.aio.AioRpcError):
            await told_by(Breaking())
