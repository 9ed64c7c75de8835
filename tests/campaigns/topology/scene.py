"""
The topology of docker-compose.yml as plain processes: PostgreSQL, Valkey, two control planes
behind an Envoy, two executors; encrypted between all that speak gRPC.
"""

import json
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import migrations
from control_plane.access.keys import mint
from control_plane.bootstrap import let_in
from control_plane.embedded import Embedded
from shared.ids import TenantId
from shared.postgres.session import CONTROL_PLANE_ROLE, EXECUTOR_ROLE
from tests.campaigns.topology.balancer import HOST, Address, Balancer
from tests.campaigns.topology.processes import Program, module
from tests.campaigns.topology.specs import EFFECTS
from tests.security.authority import Authority

PREFIX = "foliot-topology-"
TENANT = TenantId("topology")
LOCALHOST = "127.0.0.1"
CONTROL_PLANES = 2
EXECUTORS = 2
DRAIN_S = 20
DRAIN_DELAY_S = 5
LEASE_S = 10
"""Shorter than by default, so that what is lost with a process comes back within a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that runs. `owner_url` leads straight to the database."""

    directory: Path
    owner_url: str
    api_key: str
    executor_key: str
    authority: Path
    control_planes: Mapping[str, Program]
    executors: Mapping[str, Program]
    balancer: Balancer
    address: str
    """What callers and executors connect to: the balancer, or all control planes."""

    @property
    def effects(self) -> Path:
        return self.directory / "effects.jsonl"


@asynccontextmanager
async def set_up(
    envoy: str, settings: Mapping[str, str], *, is_direct: bool = False
) -> AsyncIterator[Scene]:
    """
    Everything, at work; gone with the block, but for the directory with what was logged. Direct,
    callers and executors balance among control planes themselves, as behind a headless Service.
    """
    directory = _new_directory()
    async with AsyncExitStack() as exits:
        embedded = await exits.enter_async_context(Embedded(directory / "data"))
        await migrations.upgrade(embedded.database_url)
        pepper = secrets.token_hex(16)
        key = mint(tenant_id=TENANT, role="tenant_admin", pepper=pepper)
        executor_key = mint(tenant_id=None, role="executor", pepper=pepper)
        await let_in(embedded.database_url, [key.stored, executor_key.stored], "Topology")
        authority = Authority(directory, "ca")
        authority.server("server")
        addresses = {f"control-plane-{n}": free_address() for n in range(1, CONTROL_PLANES + 1)}
        balancer = Balancer(
            program=envoy,
            folder=directory,
            listen=free_address(),
            admin=free_address(),
            control_planes=list(addresses.values()),
            tls=directory,
        )
        address = f"{HOST}:{balancer.listen[1]}"
        if is_direct:
            address = "ipv4:" + ",".join(f"{host}:{port}" for host, port in addresses.values())
        common = {
            "FOLIOT_REDIS_URL": embedded.redis_url,
            "FOLIOT_DRAIN_S": str(DRAIN_S),
            "FOLIOT_DRAIN_DELAY_S": str(DRAIN_DELAY_S),
            "FOLIOT_LEASE_S": str(LEASE_S),
            "FOLIOT_TLS_CA_FILE": str(directory / "ca.pem"),
            "FOLIOT_TLS_SERVER_NAME": HOST,
            **settings,
        }
        scene = Scene(
            directory=directory,
            owner_url=embedded.database_url,
            api_key=key.text,
            executor_key=executor_key.text,
            authority=directory / "ca.pem",
            control_planes={
                name: Program(
                    name,
                    module("control_plane", "serve"),
                    {
                        **common,
                        "FOLIOT_DATABASE_URL": _as(CONTROL_PLANE_ROLE, embedded.database_url),
                        "FOLIOT_PEPPER": pepper,
                        "FOLIOT_LISTEN": f"{LOCALHOST}:{port}",
                        "FOLIOT_TLS_CERT_FILE": str(directory / "server.pem"),
                        "FOLIOT_TLS_KEY_FILE": str(directory / "server.key"),
                    },
                    directory / f"{name}.log",
                    "server.serving",
                )
                for name, (_, port) in addresses.items()
            },
            executors={
                name: Program(
                    name,
                    module("executor"),
                    {
                        **common,
                        "FOLIOT_DATABASE_URL": _as(EXECUTOR_ROLE, embedded.database_url),
                        "FOLIOT_CONTROL_PLANE": address,
                        "FOLIOT_API_KEY": executor_key.text,
                        "FOLIOT_EXECUTOR_NAME": name,
                        "FOLIOT_FUNCTIONS": json.dumps(
                            ["tests.campaigns.topology.specs:functions"]
                        ),
                        EFFECTS: str(directory / "effects.jsonl"),
                    },
                    directory / f"{name}.log",
                    "control_plane.connected",
                )
                for name in (f"executor-{n}" for n in range(1, EXECUTORS + 1))
            },
            balancer=balancer,
            address=address,
        )
        for program in (*scene.control_planes.values(), *scene.executors.values()):
            exits.push_async_callback(program.clear_away)
        exits.push_async_callback(balancer.clear_away)
        await balancer.start()
        for program in scene.control_planes.values():
            await program.start()
        await balancer.until_healthy(CONTROL_PLANES)
        for program in scene.executors.values():
            await program.start()
        yield scene
    shutil.rmtree(directory / "data", ignore_errors=True)


def _new_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    # As root, the servers' account has to get through.
    directory.chmod(0o711)
    return directory


def free_address() -> Address:
    """One of this machine's that nobody listens on."""
    with socket.create_server((LOCALHOST, 0)) as taken:
        port: int = taken.getsockname()[1]
    return LOCALHOST, port


def _as(role: str, url: str) -> str:
    """The same database for another login, which has no password on the embedded server."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}@{rest.partition('@')[2]}"
