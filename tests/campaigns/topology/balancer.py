"""A real Envoy with deploy/envoy/envoy.yaml, of which only addresses and files are changed."""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.campaigns.topology.processes import READY_WITHIN_S, NotReady, Program

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "deploy" / "envoy" / "envoy.yaml"
TLS = ROOT / "deploy" / "envoy" / "tls.yaml"
TOOLS = ROOT / "build" / "deploy" / "bin"

DRAIN_S = 3
"""For so long one that is replaced asks callers to go elsewhere."""

GONE_AFTER_S = 6
"""Then it ends, with whatever stream is left."""

LOOK_EVERY_S = 0.1
HOST = "localhost"

Address = tuple[str, int]


def find_envoy() -> str | None:
    """Where the program is, None if it is not on this machine."""
    ours = TOOLS / "envoy"
    return str(ours) if ours.exists() else shutil.which("envoy")


def configured(
    *,
    listen: Address,
    admin: Address,
    control_planes: Sequence[Address],
    tls: Path | None = None,
    server_name: str = HOST,
) -> dict[str, Any]:
    """
    The configuration with other addresses. With `tls`, a folder with ca.pem, server.pem and
    server.key, both sides speak TLS as deploy/envoy/tls.yaml has it.
    """
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    config["admin"]["address"] = _socket(admin)
    [listener] = config["static_resources"]["listeners"]
    [cluster] = config["static_resources"]["clusters"]
    listener["address"] = _socket(listen)
    cluster["load_assignment"]["endpoints"] = [
        {"lb_endpoints": [{"endpoint": {"address": _socket(one)}} for one in control_planes]}
    ]
    if tls is not None:
        text = TLS.read_text("utf-8").replace("/etc/envoy/tls", str(tls))
        sockets = yaml.safe_load(text)
        upstream = sockets["cluster"]["typed_config"]
        upstream["sni"] = server_name
        [name] = upstream["common_tls_context"]["validation_context"][
            "match_typed_subject_alt_names"
        ]
        name["matcher"]["exact"] = server_name
        listener["filter_chains"][0]["transport_socket"] = sockets["listener"]
        cluster["transport_socket"] = sockets["cluster"]
    return config


@dataclass(slots=True)
class Balancer:
    """The Envoy of the moment, and its forerunners until they are gone."""

    program: str
    folder: Path
    listen: Address
    admin: Address
    control_planes: Sequence[Address]
    tls: Path
    _epoch: int = 0
    _running: list[Program] = field(default_factory=list)

    async def start(self) -> None:
        """Start it, or one in its place that takes over its sockets. Raises NotReady."""
        config = self.folder / "envoy.json"
        made = configured(
            listen=self.listen,
            admin=self.admin,
            control_planes=self.control_planes,
            tls=self.tls,
        )
        config.write_text(json.dumps(made))
        base_id = self.folder / "envoy.base-id"
        names = (
            ("--base-id", base_id.read_text())
            if self._epoch
            else ("--use-dynamic-base-id", "--base-id-path", str(base_id))
        )
        program = Program(
            f"envoy-{self._epoch}",
            (
                *(self.program, "--config-path", str(config), *names),
                *("--restart-epoch", str(self._epoch), "--log-level", "info"),
                *("--drain-time-s", str(DRAIN_S), "--parent-shutdown-time-s", str(GONE_AFTER_S)),
                *("--concurrency", "2"),
            ),
            {},
            self.folder / "envoy.log",
            "starting main dispatch loop",
        )
        await program.start()
        self._running.append(program)
        self._epoch += 1

    async def until_healthy(self, count: int) -> None:
        """Wait until it sends calls to so many control planes. Raises NotReady."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while await self.healthy() != count:  # noqa: ASYNC110 - Envoy tells only who asks
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise NotReady(f"the balancer does not find {count} control planes healthy") from None

    async def healthy(self) -> int:
        """How many control planes it sends calls to."""
        stats = await self.figures("cluster.control-plane.membership_healthy")
        return int(stats.get("cluster.control-plane.membership_healthy", 0))

    async def figures(self, pattern: str) -> Mapping[str, float]:
        """Its own figures whose names match, as far as they are not 0."""
        host, port = self.admin
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
            told = await client.get("/stats", params={"format": "json", "filter": pattern})
        found = (one for one in told.json()["stats"] if "value" in one)
        return {one["name"]: one["value"] for one in found if one["value"]}

    async def until_replaced(self) -> None:
        """Wait until forerunners have ended."""
        async with asyncio.timeout(READY_WITHIN_S):
            for program in self._running[:-1]:
                assert program.process is not None
                await program.process.wait()
        del self._running[:-1]

    async def clear_away(self) -> None:
        for program in self._running:
            await program.clear_away()


def _socket(address: Address) -> dict[str, Any]:
    host, port = address
    return {"socket_address": {"address": host, "port_value": port}}
