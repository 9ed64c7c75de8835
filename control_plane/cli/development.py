"""
A whole foliot in one place: servers, schema, tenant, keys, control plane, executor.

What `foliot dev` serves and `foliot demo` tells its story on. The planes are the same
processes, configured by the same variables, as in production.
"""

import asyncio
import importlib
import json
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from control_plane.access.keys import mint
from control_plane.embedded import Child, Embedded, LineReader, Running, Supervisor
from shared.ids import TenantId
from shared.postgres.session import CONTROL_PLANE_ROLE, EXECUTOR_ROLE

TENANT = TenantId("dev")
DEFAULT_LISTEN = "127.0.0.1:7233"
LEASE_S = 3.0
"""Short, because here an executor that falls silent was most likely killed to see what happens."""

READY_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Development:
    """What runs, where to reach it, and the supervisor that keeps it."""

    running: Running
    supervisor: Supervisor


@asynccontextmanager
async def development(
    data_dir: Path,
    *,
    listen: str = "",
    functions: Sequence[str] = (),
    on_line: LineReader | None = None,
) -> AsyncIterator[Development]:
    """
    Everything, from nothing to serving; and nothing of it once the block is left.

    FOLIOT_DATABASE_URL and FOLIOT_REDIS_URL take the place of the embedded servers.
    """
    embedded = Embedded(
        data_dir,
        on_line=on_line,
        database_url=os.environ.get("FOLIOT_DATABASE_URL") or None,
        redis_url=os.environ.get("FOLIOT_REDIS_URL") or None,
    ).prepare()
    try:
        keys = _Keys.of(data_dir)
        address = listen or _free_address()
        shared = {
            **os.environ,
            "FOLIOT_MODE": "dev",
            "FOLIOT_REDIS_URL": embedded.redis_url,
            "FOLIOT_LEASE_S": os.environ.get("FOLIOT_LEASE_S", str(LEASE_S)),
            "FOLIOT_LOG_FORMAT": "console",
            "PYTHONUNBUFFERED": "1",
        }
        # The control plane waits for its database; most of its start is Python's imports.
        control_plane = _control_plane(embedded, keys, shared, address)
        await _both(_servers_with_schema(embedded, keys), embedded.supervisor.start(control_plane))
        await embedded.supervisor.start(_executor(embedded, keys, shared, address, functions))
        running = embedded.announce(
            address=address,
            tenant_id=TENANT,
            api_key=keys.api_key.text,
            executor_key=keys.executor_key.text,
        )
        yield Development(running, embedded.supervisor)
    finally:
        await embedded.stop()


async def _both(first: Awaitable[None], second: Awaitable[None]) -> None:
    """Await the two at once. When one fails, the other is cancelled, and the failure raised."""
    tasks = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _servers_with_schema(embedded: Embedded, keys: "_Keys") -> None:
    # Both take a while to import, and the servers take a while to start.
    _, (migrations, bootstrap) = await asyncio.gather(
        embedded.start(), asyncio.to_thread(_imported, "migrations", "control_plane.bootstrap")
    )
    await migrations.upgrade(embedded.database_url)
    await bootstrap.let_in(
        embedded.database_url, [keys.api_key.stored, keys.executor_key.stored], "Development"
    )


def _imported(*names: str) -> Sequence[Any]:
    return [importlib.import_module(name) for name in names]


class _Keys:
    """The keys of a data directory: made once, the same at every start."""

    def __init__(self, kept: Mapping[str, str]) -> None:
        self.pepper = kept["pepper"]
        self.api_key = mint(
            tenant_id=TENANT,
            role="tenant_admin",
            pepper=self.pepper,
            key_id="dev",
            secret=kept["api"],
        )
        self.executor_key = mint(
            tenant_id=None,
            role="executor",
            pepper=self.pepper,
            key_id="devexecutor",
            secret=kept["executor"],
        )

    @classmethod
    def of(cls, data_dir: Path) -> "_Keys":
        path = data_dir / "keys.json"
        if not path.exists():
            kept = {name: secrets.token_urlsafe(32) for name in ("pepper", "api", "executor")}
            beside = path.with_suffix(".new")
            beside.touch(mode=0o600)
            beside.write_text(json.dumps(kept))
            beside.replace(path)
        return cls(json.loads(path.read_text()))


def _control_plane(
    embedded: Embedded, keys: _Keys, shared: Mapping[str, str], address: str
) -> Child:
    async def is_ready() -> bool:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.aio.AioRpcError:
                return False
            serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
            return serving

    return Child(
        name="control-plane",
        command=[sys.executable, "-m", "control_plane", "serve"],
        environment={
            **shared,
            "FOLIOT_DATABASE_URL": _as_role(embedded, CONTROL_PLANE_ROLE),
            "FOLIOT_PEPPER": keys.pepper,
            "FOLIOT_LISTEN": address,
        },
        is_ready=is_ready,
        ready_within_s=READY_WITHIN_S,
    )


def _executor(
    embedded: Embedded,
    keys: _Keys,
    shared: Mapping[str, str],
    address: str,
    functions: Sequence[str],
) -> Child:
    async def is_ready() -> bool:
        # It keeps trying until it is connected; nobody has to wait for that.
        return True

    return Child(
        name="executor",
        command=[sys.executable, "-m", "executor"],
        environment={
            **shared,
            "FOLIOT_DATABASE_URL": _as_role(embedded, EXECUTOR_ROLE),
            "FOLIOT_CONTROL_PLANE": address,
            "FOLIOT_API_KEY": keys.executor_key.text,
            "FOLIOT_FUNCTIONS": json.dumps(list(functions)),
        },
        is_ready=is_ready,
        ready_within_s=READY_WITHIN_S,
    )


def _as_role(embedded: Embedded, role: str) -> str:
    """
    The database for one plane. On the embedded server it logs in as nothing but its role;
    on a server of somebody's own the given login takes the role on.
    """
    if not embedded.owns_database:
        return embedded.database_url
    parts = urlsplit(embedded.database_url)
    _, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{role}@{host}"))


def _free_address() -> str:
    """The default address, or a free port where it is taken."""
    host, _, port = DEFAULT_LISTEN.rpartition(":")
    for candidate in (int(port), 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return f"{host}:{probe.getsockname()[1]}"
    raise OSError(f"no port of {host} is free")
