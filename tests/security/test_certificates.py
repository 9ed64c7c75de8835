"""Executors that are let in by a certificate."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from foliot.v1 import admin_service_pb2, instance_service_pb2

from control_plane.access.certificates import CertificateRing
from control_plane.access.refusal import CredentialRefused
from control_plane.adapters.memory.database import MemoryDatabase
from executor.adapters.grpc_connection import Connector, Introduction
from executor.adapters.grpc_control_plane import GrpcControlPlane
from shared.clock import SystemClock
from shared.errors import InvalidRequest
from shared.ids import SessionId, new_uuid7
from shared.tasks import TaskType
from shared.tls import ClientTls
from tests.api.serving import WITHIN_S, Serving, info_in, serving_from
from tests.api.test_executors import connected, ended
from tests.contract.executor.test_control_plane import Heard
from tests.executor.eventually import eventually
from tests.security.authority import Authority, Files, put
from tests.security.reaching import reaching, who_am_i

RULES = ("uri:spiffe://tests/executor/*", "dns:executor.tests", "cn:the executor")


@asynccontextmanager
async def serving_executors(authority: Authority) -> AsyncIterator[Serving]:
    """A control plane with a second address, for those with certificates of the authority."""
    files = authority.server()
    async with serving_from(
        MemoryDatabase(),
        tls_cert_file=str(files.cert),
        tls_key_file=str(files.key),
        tls_client_ca_file=str(authority.file),
        tls_executors=list(RULES),
        executor_listen="127.0.0.1:0",
    ) as serving:
        yield serving


def there(serving: Serving) -> str:
    """The address for executors."""
    return serving.control_plane.executor_address


class TestAnExecutorWithACertificate:
    async def test_needs_no_key(self, authority: Authority) -> None:
        """The certificate is the credential, and its name is what is told of the caller."""
        async with (
            serving_executors(authority) as serving,
            reaching(there(serving), authority, shows=authority.executor()) as client,
            connected(client) as (_, session_id),
        ):
            pass

        assert session_id

    async def test_works_as_one_with_a_key(self, authority: Authority) -> None:
        """The executor itself connects, with nothing but its certificate."""
        async with serving_executors(authority) as serving:
            connecting = Connecting(there(serving), authority, authority.executor())
            async with connecting.running():
                await eventually(lambda: connecting.near.is_connected)

    async def test_may_do_what_executors_may_and_no_more(self, authority: Authority) -> None:
        """A certificate is good for the executors' service; it acts in no tenant."""
        async with (
            serving_executors(authority) as serving,
            reaching(there(serving), authority, shows=authority.executor()) as client,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.instances.ListInstances(instance_service_pb2.ListInstancesRequest())

        assert "PERMISSION_DENIED" == info_in(refused.value).reason

    async def test_that_sends_a_key_as_well_is_known_by_the_key(self, authority: Authority) -> None:
        """What a caller says in so many words goes before what its connection shows."""
        async with (
            serving_executors(authority) as serving,
            reaching(
                there(serving), authority, await serving.key("viewer"), authority.executor()
            ) as client,
        ):
            name = await who_am_i(client)

        assert name.startswith("key:")

    async def test_that_sends_a_bad_key_is_refused(self, authority: Authority) -> None:
        """A bad credential is final: a revoked key is not made good by what is beside it."""
        async with (
            serving_executors(authority) as serving,
            reaching(there(serving), authority, "fol_x_y", authority.executor()) as client,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())

        assert "CREDENTIAL_INVALID" == info_in(refused.value).reason

    async def test_that_no_rule_names_is_refused(self, authority: Authority) -> None:
        """The authority may sign for others as well; who is an executor is said by name."""
        other = authority.sign("other", x509.UniformResourceIdentifier("spiffe://tests/web/1"))

        async with (
            serving_executors(authority) as serving,
            reaching(there(serving), authority, shows=other) as client,
        ):
            error = await ended(client.executors.Connect())

        assert "CREDENTIAL_INVALID" == info_in(error).reason

    async def test_hears_the_end_of_its_stream_when_the_certificate_runs_out(
        self, authority: Authority
    ) -> None:
        """TLS looks at the time when a connection begins, and never again."""
        soon = authority.sign(
            "soon",
            x509.UniformResourceIdentifier("spiffe://tests/executor/soon"),
            lasts=timedelta(seconds=3),
        )

        async with (
            serving_executors(authority) as serving,
            reaching(there(serving), authority, shows=soon) as client,
            connected(client) as (call, _),
        ):
            async with asyncio.timeout(WITHIN_S):
                error = await ended(call)

        assert "CREDENTIAL_INVALID" == info_in(error).reason


class TestTheAddressForExecutors:
    @pytest.mark.parametrize("foreign", [True, False], ids=["foreign", "none"])
    async def test_lets_nobody_in_without_a_certificate_of_the_authority(
        self, authority: Authority, tmp_path: Path, foreign: bool
    ) -> None:
        """A key does not help: no call comes that far."""
        shows = Authority(tmp_path, "others").executor("foreign") if foreign else None

        async with (
            serving_executors(authority) as serving,
            reaching(
                there(serving), authority, await serving.key("executor", None), shows
            ) as client,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)

        assert grpc.StatusCode.UNAVAILABLE == refused.value.code()

    async def test_believes_a_renewed_authority(self, authority: Authority, tmp_path: Path) -> None:
        """Both are in the file for as long as executors have certificates of the old one."""
        new = Authority(tmp_path, "new")
        old_file = authority.file.read_bytes()

        async with serving_executors(authority) as serving:
            put(authority.file, old_file + new.file.read_bytes())
            names = []
            for shows in (authority.executor(), new.executor("newer", "two")):
                async with (
                    reaching(there(serving), authority, shows=shows) as client,
                    connected(client),
                ):
                    names.append(shows.cert.name)

        assert ["executor.pem", "newer.pem"] == names

    async def test_is_not_the_way_in_for_others(self, authority: Authority) -> None:
        """On the first address a certificate is not asked for, and means nothing."""
        async with (
            serving_executors(authority) as serving,
            reaching(serving.address, authority, shows=authority.executor()) as client,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())

        assert "CREDENTIAL_MISSING" == info_in(refused.value).reason


class Connecting:
    """An executor's end of the stream, with files of its own."""

    def __init__(self, address: str, authority: Authority, files: Files) -> None:
        tls = ClientTls(
            ca_file=str(authority.file),
            cert_file=str(files.cert),
            key_file=str(files.key),
            server_name="localhost",
        )
        session_id = SessionId(new_uuid7())
        self.near = GrpcControlPlane(
            Connector(address, tls),
            api_key="",
            introduction=Introduction(name="tests", queues=["default"], types=[TaskType.SYSTEM]),
            session_id=lambda: session_id,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.near.run(Heard()))
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait({running})


class TestAnExecutorWhoseCertificateIsRenewed:
    async def test_shows_the_new_one_when_it_connects_again(self, authority: Authority) -> None:
        """Without a restart: here the old one runs out, and the stream with it."""
        files = authority.sign(
            "short",
            x509.UniformResourceIdentifier("spiffe://tests/executor/short"),
            lasts=timedelta(seconds=2),
        )

        async with serving_executors(authority) as serving:
            connecting = Connecting(there(serving), authority, files)
            async with connecting.running():
                await eventually(lambda: connecting.near.is_connected)
                first = connecting.near._call
                files.put(authority.executor("renewed", "renewed"))
                await eventually(
                    lambda: connecting.near.is_connected and connecting.near._call is not first
                )


class TestAConnector:
    @pytest.mark.parametrize(
        ("tls", "says"),
        [
            (ClientTls(ca_file="/no/such/file"), "cannot be read"),
            (ClientTls(cert_file="/x"), "set both or none"),
        ],
    )
    def test_says_at_once_what_would_not_do(self, tls: ClientTls, says: str) -> None:
        """An executor with a wrong path must not try for ever."""
        with pytest.raises(InvalidRequest, match=says):
            Connector("foliot.example.org:7233", tls)

    @pytest.mark.parametrize(
        ("address", "tls", "expected"),
        [
            ("127.0.0.1:7233", ClientTls(), False),
            ("localhost:7233", ClientTls(), False),
            ("[::1]:7233", ClientTls(), False),
            ("unix:/run/x", ClientTls(ca_file="x"), False),
            ("127.0.0.1:7233", ClientTls(ca_file="x"), True),
            ("10.0.0.1:7233", ClientTls(), True),
            ("foliot.example.org:7233", ClientTls(), True),
            ("dns:///127.0.0.1:7233", ClientTls(), True),
            ("foliot.example.org:7233", ClientTls(allow_plaintext=True), False),
            ("foliot.example.org:7233", ClientTls(allow_plaintext=True, ca_file="x"), True),
        ],
    )
    def test_encrypts_what_leaves_this_machine(
        self, address: str, tls: ClientTls, expected: bool
    ) -> None:
        """A key travels in the open only where somebody said that it may."""
        assert expected == tls.secures(address)


class TestTheNameOfACertificate:
    @pytest.mark.parametrize(
        ("names", "common", "expected"),
        [
            (
                [x509.UniformResourceIdentifier("spiffe://tests/executor/a")],
                ["x"],
                "certificate:spiffe://tests/executor/a",
            ),
            ([x509.DNSName("executor.tests")], ["x"], "certificate:executor.tests"),
            ([], ["the executor"], "certificate:the executor"),
            ([x509.UniformResourceIdentifier("spiffe://tests/executor")], ["x"], None),
            ([x509.DNSName("executor.tests.evil")], ["x"], None),
            ([x509.DNSName("spiffe://tests/executor/a")], ["x"], None),
            ([], ["the executor", "somebody"], None),
            ([], ["The Executor"], None),
            ([x509.UniformResourceIdentifier("spiffe://tests/executor/a\n{}")], ["x"], None),
            ([x509.UniformResourceIdentifier("spiffe://tests/executor/" + "a" * 400)], ["x"], None),
            ([], [], None),
        ],
    )
    def test_decides_whether_it_is_an_executors(
        self,
        authority: Authority,
        names: list[x509.GeneralName],
        common: list[str],
        expected: str | None,
    ) -> None:
        """Letter by letter, in the place that the rule names, and fit to be logged."""
        pem = authority.sign("some", *names, common=common).cert.read_bytes()
        ring = CertificateRing(RULES, SystemClock())

        try:
            found: str | None = ring.authenticate(pem).name
        except CredentialRefused:
            found = None

        assert expected == found

    def test_is_good_until_it_runs_out(self, authority: Authority) -> None:
        """Also where the connection has begun before."""

        class Later:
            def now(self) -> datetime:
                return datetime.now(UTC) + timedelta(hours=2)

        pem = authority.executor().cert.read_bytes()

        with pytest.raises(CredentialRefused) as refused:
            CertificateRing(RULES, Later()).authenticate(pem)

        assert "run out" in refused.value.why

    @pytest.mark.parametrize(
        "rules", [[], ["spiffe://x"], ["uri:"], ["cn:*x"], ["ip:1.2.3.4"], ["cn:x"] * 101]
    )
    def test_is_looked_for_by_good_rules_only(self, rules: list[str]) -> None:
        """A rule that says nothing, or something else than was meant, is found at the start."""
        with pytest.raises(InvalidRequest, match="FOLIOT_TLS_EXECUTORS"):
            CertificateRing(rules, SystemClock())
