"""docs/security.md: its commands make certificates that work, and its samples are read."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from foliot.v1 import admin_service_pb2
from foliot.v1.admin_service_pb2_grpc import AdminServiceStub

from control_plane.access.issuers import Issuer, read_issuers
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.api import admission, call_metadata, gate, probing
from control_plane.cli.connection import connection, credential
from control_plane.settings import ControlPlaneSettings
from executor.adapters.grpc_connection import Connector
from executor.bootstrap import tls_of
from shared import rpc
from shared.settings import Settings
from shared.telemetry.names import LogEvent
from tests.api.serving import Serving, serving_from
from tests.docs.pages import blocks, code, page, rows, section
from tests.docs.shell import needs, run

PAGE = page("docs/security.md")
TOLD = {block.word: block.text for block in blocks(PAGE)}
KIB = 1024

LIMITS = {
    "a message to the server": f"{rpc.MAX_REQUEST_BYTES // KIB // KIB} MiB",
    "metadata of a call": f"{rpc.MAX_METADATA_BYTES // KIB} KiB",
    "a key or token": f"{call_metadata.MAX_CREDENTIAL_LENGTH // KIB} KiB",
    "calls under way on a server": f"{admission.MAX_CALLS}",
    "streams on a server": f"{admission.MAX_STREAMS}",
    "streams of one caller that watch": f"{admission.MAX_WATCHES_PER_CALLER}",
    "streams of health, which needs no credential": f"{probing.MAX_WATCHES}",
    "calls and streams of one connection": f"{rpc.MAX_STREAMS_PER_CONNECTION}",
    "connections to an address": f"{rpc.MAX_CONNECTIONS}",
    "handshakes": f"{rpc.HANDSHAKE_WITHIN_S:g} s",
    "pings of a client, apart at least": f"{rpc.MIN_PING_INTERVAL_S:g} s",
    "silence of a connection before the server pings": f"{rpc.KEEPALIVE_TIME_S:g} s",
    "a ping's answer": f"{rpc.KEEPALIVE_TIMEOUT_S:g} s",
    "a connection's age, ± 10 %": f"{ControlPlaneSettings().max_connection_age_s:g} s",
    "a call without a deadline": f"{gate.DEFAULT_DEADLINE_S:g} s",
    "a call with a deadline": f"{gate.MAX_DEADLINE_S:g} s",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder, with the certificates that the page makes."""
    needs("openssl")
    run(TOLD["authority"], tmp_path)
    return tmp_path


def exported(where: Path, *words: str) -> Mapping[str, str]:
    """The variables that blocks of the page set, as foliot sees them in that folder."""
    script = "".join(TOLD[word] for word in words) + "env -0"
    found = dict(one.split("=", 1) for one in run(script, where).split("\0") if "=" in one)
    return {name: value for name, value in found.items() if name.startswith("FOLIOT_")}


@asynccontextmanager
async def serving(where: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    """A control plane with what the page sets, on free ports."""
    set_here = await asyncio.to_thread(exported, where, "server", "executors")
    monkeypatch.chdir(where)
    for name, value in {**set_here, "FOLIOT_EXECUTOR_LISTEN": "127.0.0.1:0"}.items():
        monkeypatch.setenv(name, value)
    async with serving_from(MemoryDatabase()) as started:
        yield started


class TestThePageOfSecurity:
    async def test_makes_certificates_that_a_caller_believes(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The commands, the server's variables and the client's fit together."""
        async with serving(folder, monkeypatch) as served:
            client = await asyncio.to_thread(exported, folder, "client")
            for name, value in client.items():
                monkeypatch.setenv(name, value)
            async with connection(served.address, tls_of(Settings())) as channel:
                answer = await AdminServiceStub(channel).WhoAmI(
                    admin_service_pb2.WhoAmIRequest(), metadata=credential(await served.key())
                )

        assert answer.principal.startswith("key:")

    async def test_lets_an_executor_in_by_its_certificate(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The rule of the page names the certificate that the page makes."""
        async with serving(folder, monkeypatch) as served:
            executor = await asyncio.to_thread(exported, folder, "executor")
            for name, value in executor.items():
                monkeypatch.setenv(name, value)
            connector = Connector(served.control_plane.executor_address, tls_of(Settings()))
            async with connector.channel() as channel:
                answer = await AdminServiceStub(channel).WhoAmI(admin_service_pb2.WhoAmIRequest())

        assert "certificate:spiffe://example.org/foliot/executor/1" == answer.principal

    def test_shows_a_file_of_issuers_that_is_read(self, tmp_path: Path) -> None:
        """To be copied, and then changed."""
        file = tmp_path / "issuers.json"
        file.write_text(TOLD["issuers"])

        (issuer,) = read_issuers(file)

        assert ["acme", "globex"] == issuer.tenants

    def test_explains_every_word_of_that_file(self) -> None:
        """With its default, so that nobody has to look into the code."""
        told = {cells[0].strip("`"): cells[2] for cells in rows(section(PAGE, "## Tokens"))}
        required = {name for name, field in Issuer.model_fields.items() if field.is_required()}

        assert set(Issuer.model_fields) == set(told)
        assert required == {name for name, default in told.items() if default == "must be"}

    def test_names_settings_that_there_are(self) -> None:
        """And all of those that have to do with TLS."""
        read = {
            f"FOLIOT_{name}".upper()
            for settings in (Settings, ControlPlaneSettings)
            for name in settings.model_fields
        }
        told = set(re.findall(r"FOLIOT_[A-Z_]+", PAGE))

        assert set() == told - read
        assert {name for name in read if "TLS" in name or "JWT" in name} <= told

    def test_names_log_events_that_there_are(self) -> None:
        """Alerts are made from it."""
        told = {one for one in code(section(PAGE, "## What is logged")) if "." in one}

        assert told
        assert told <= {str(event) for event in LogEvent}

    def test_tells_the_limits_that_are_kept(self) -> None:
        """Reaching a limit is an error; nobody should first hear of it then."""
        told = {cells[0]: cells[1] for cells in rows(section(PAGE, "## Limits of a connection"))}

        assert LIMITS == told
