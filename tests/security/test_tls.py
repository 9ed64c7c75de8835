"""A server with a certificate, over real sockets."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from foliot.v1 import admin_service_pb2
from structlog.testing import capture_logs

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.bootstrap import check
from control_plane.settings import ControlPlaneSettings
from shared.errors import InvalidRequest
from shared.settings import Settings
from shared.telemetry.names import LogEvent
from tests.api.serving import WITHIN_S, Serving, client_of, serving_from
from tests.security.authority import LOCAL, Authority, Files, put
from tests.security.reaching import reaching, serial_at, serial_of, who_am_i


def serving_with(files: Files) -> AbstractAsyncContextManager[Serving]:
    """A control plane that has a certificate."""
    return serving_from(
        MemoryDatabase(), tls_cert_file=str(files.cert), tls_key_file=str(files.key)
    )


async def refused(serving: Serving, authority: Authority | None) -> grpc.StatusCode:
    """The status that a client gets who believes an authority, or speaks plaintext."""
    reached = (
        client_of(serving, await serving.key())
        if authority is None
        else reaching(serving.address, authority, await serving.key())
    )
    async with reached as client:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)
    return error.value.code()


class TestAServerWithACertificate:
    async def test_is_reached_by_who_believes_its_authority(self, authority: Authority) -> None:
        """The way in from other machines."""
        async with (
            serving_with(authority.server()) as serving,
            reaching(serving.address, authority, await serving.key()) as client,
        ):
            name = await who_am_i(client)

        assert name.startswith("key:")

    async def test_speaks_no_plaintext(self, authority: Authority) -> None:
        """One port, one way: nobody can be talked into sending a key in the open."""
        async with serving_with(authority.server()) as serving:
            code = await refused(serving, None)

        assert grpc.StatusCode.UNAVAILABLE == code

    async def test_is_not_reached_by_who_believes_others(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        """A client sends its key to nobody whom its authorities do not know."""
        others = Authority(tmp_path, "others")

        async with serving_with(authority.server()) as serving:
            code = await refused(serving, others)

        assert grpc.StatusCode.UNAVAILABLE == code


class TestARenewedCertificate:
    async def test_is_shown_from_the_next_connection_on(self, authority: Authority) -> None:
        """Without a restart, and without an end to what is connected."""
        files = authority.server()
        renewed = authority.server("renewed")

        async with (
            serving_with(files) as serving,
            reaching(serving.address, authority, await serving.key()) as client,
        ):
            await who_am_i(client)
            before = await serial_at(serving.address, authority), serial_of(files)
            files.put(renewed)
            after = await serial_at(serving.address, authority)
            still = await who_am_i(client)

        assert before[0] == before[1]
        assert serial_of(renewed) == after
        assert still.startswith("key:")

    async def test_waits_for_its_key(self, authority: Authority) -> None:
        """Two files are not replaced at once; between the two the old pair is shown on."""
        files = authority.server()
        renewed = authority.server("renewed")
        before = serial_of(files)

        async with serving_with(files) as serving:
            put(files.cert, renewed.cert.read_bytes())
            with capture_logs() as logs:
                halfway = [await serial_at(serving.address, authority) for _ in range(3)]
            put(files.key, renewed.key.read_bytes())
            after = await serial_at(serving.address, authority)

        told = [one for one in logs if one["event"] == LogEvent.CERTIFICATE_REFUSED]
        assert [before] * 3 == halfway
        assert serial_of(renewed) == after
        assert 1 == len(told)

    @pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "gone"])
    async def test_that_would_not_do_is_not_taken(
        self, authority: Authority, content: bytes | None
    ) -> None:
        """A server that runs is not brought down by a file."""
        files = authority.server()
        before = serial_of(files)

        async with serving_with(files) as serving:
            if content is None:
                files.cert.unlink()
            else:
                put(files.cert, content)
            after = await serial_at(serving.address, authority)

        assert before == after


def no_key(files: Files, authority: Authority) -> None:
    files.key.unlink()


def no_pem(files: Files, authority: Authority) -> None:
    files.cert.write_text("a certificate")


def a_key_that_is_none(files: Files, authority: Authority) -> None:
    files.key.write_bytes(files.cert.read_bytes())


def the_key_of_another(files: Files, authority: Authority) -> None:
    files.key.write_bytes(authority.server("other").key.read_bytes())


def the_authority_first(files: Files, authority: Authority) -> None:
    files.cert.write_bytes(authority.file.read_bytes() + files.cert.read_bytes())


def run_out(files: Files, authority: Authority) -> None:
    files.put(authority.sign("old", *LOCAL, lasts=timedelta(hours=-1)))


def encrypted(files: Files, authority: Authority) -> None:
    files.put(authority.sign("locked", *LOCAL, passphrase=b"open sesame"))


class TestAServerThatIsStarted:
    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (no_key, "cannot be read"),
            (no_pem, "holds no certificate"),
            (a_key_that_is_none, "holds no private key"),
            (the_key_of_another, "is not that of the first certificate"),
            (the_authority_first, "is not that of the first certificate"),
            (run_out, "renew it"),
            (encrypted, "without a passphrase"),
        ],
    )
    async def test_with_files_that_would_not_do_says_which(
        self, authority: Authority, spoil: Callable[[Files, Authority], None], says: str
    ) -> None:
        """It does not start, and does not serve in the open instead."""
        files = authority.server()
        spoil(files, authority)

        with pytest.raises(InvalidRequest, match=says) as error:
            async with serving_with(files):
                pass

        assert "server." in error.value.message

    @pytest.mark.parametrize(
        ("settings", "own", "says"),
        [
            ({"listen": "0.0.0.0:0"}, {}, "FOLIOT_ALLOW_PLAINTEXT"),
            ({"listen": "[::]:7233"}, {}, "FOLIOT_ALLOW_PLAINTEXT"),
            ({"listen": "foliot.example.org:7233", "mode": "dev"}, {}, "FOLIOT_TLS_CERT_FILE"),
            ({}, {"tls_cert_file": "x"}, "set both or none"),
            ({}, {"tls_key_file": "x"}, "set both or none"),
            ({}, {"executor_listen": "127.0.0.1:0"}, "FOLIOT_TLS_CLIENT_CA_FILE"),
            ({}, {"tls_client_ca_file": "x"}, "FOLIOT_EXECUTOR_LISTEN"),
            (
                {},
                {"executor_listen": "127.0.0.1:0", "tls_client_ca_file": "x"},
                "needs TLS",
            ),
            (
                {},
                {"executor_listen": "unix:/run/x", "tls_client_ca_file": "x"},
                "nobody shows a certificate",
            ),
        ],
    )
    def test_with_settings_that_do_not_go_together_says_what_to_set(
        self, settings: dict[str, str], own: dict[str, str], says: str
    ) -> None:
        """Beyond this machine nothing is served in the open by mistake."""
        with pytest.raises(InvalidRequest, match=says):
            check(
                Settings(database_url="postgresql://", **settings),  # type: ignore[arg-type]  # pydantic checks them
                ControlPlaneSettings(pepper="x", **own),  # type: ignore[arg-type]  # likewise
            )

    @pytest.mark.parametrize(
        "settings",
        [
            {"listen": "127.0.0.1:7233"},
            {"listen": "localhost:7233"},
            {"listen": "[::1]:7233"},
            {"listen": "unix:/run/foliot.sock"},
            {"listen": "0.0.0.0:7233", "allow_plaintext": True},
        ],
        ids=lambda settings: str(settings["listen"]),
    )
    def test_may_speak_plaintext_where_that_is_safe_or_allowed(
        self, settings: dict[str, str]
    ) -> None:
        """On this machine TLS would protect nothing; a proxy may see to it elsewhere."""
        check(
            Settings(database_url="postgresql://", **settings),  # type: ignore[arg-type]  # pydantic checks them
            ControlPlaneSettings(pepper="x"),  # type: ignore[arg-type]  # likewise
        )
