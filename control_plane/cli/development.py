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
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import grpc
from foliot.v1 import admin_service_pb2, admin_service_pb2_grpc

from control_plane.access.keys import mint
from control_plane.cli.connection import connection, credential
from control_plane.cli.options import DEFAULT_LISTEN
from control_plane.embedded import Child, ChildFailed, Embedded, LineReader, Running, Supervisor
from shared.ids import TenantId
from shared.postgres.session import CONTROL_PLANE_ROLE, EXECUTOR_ROLE
from shared.telemetry.names import LogEvent

TENANT = TenantId("dev")
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
    Everything, from nothing to serving and taking work; nothing of it once the block is left.

    FOLIOT_DATABASE_URL and FOLIOT_REDIS_URL take the place of the embedded servers.
    """
    embedded_for = partial(
        Embedded,
        database_url=os.environ.get("FOLIOT_DATABASE_URL") or None,
        redis_url=os.environ.get("FOLIOT_REDIS_URL") or None,
    )
    async with _serving(data_dir, embedded_for, on_line, listen, functions, {}) as serving:
        yield serving


@asynccontextmanager
async def throwaway(environment: Mapping[str, str]) -> AsyncIterator[Development]:
    """
    Servers of our own and a control plane in a directory that is gone once the block is left;
    whose database therefore may be done anything to. There is no executor.

    `environment` is what the control plane gets beside the usual.
    """
    with tempfile.TemporaryDirectory(prefix="foliot-throwaway-") as made:
        # As root, the servers' account has to get through.
        data_dir = Path(made)
        data_dir.chmod(0o711)  # noqa: ASYNC240 - nothing else runs yet
        async with _serving(data_dir, Embedded, None, "", None, environment) as serving:
            yield serving


@asynccontextmanager
async def _serving(
    data_dir: Path,
    embedded_for: Callable[..., Embedded],
    on_line: LineReader | None,
    listen: str,
    functions: Sequence[str] | None,
    environment: Mapping[str, str],
) -> AsyncIterator[Development]:
    """Without `functions` there is no executor."""
    executor_is_up = asyncio.Event()

    def heard(name: str, line: str) -> None:
        if LogEvent.EXECUTOR_READY in line:
            executor_is_up.set()
        if on_line is not None:
            on_line(name, line)

    embedded = embedded_for(data_dir, on_line=heard).prepare()
    try:
        keys = _Keys.of(data_dir)
        planes = _Planes(embedded, keys, functions, executor_is_up, environment)
        # Both planes wait for their database; most of their start is Python's imports.
        _, address = await _together(_servers_with_schema(embedded, keys), planes.start(listen))
        running = embedded.announce(
            address=address,
            tenant_id=TENANT,
            api_key=keys.api_key.text,
            executor_key=keys.executor_key.text,
        )
        yield Development(running, embedded.supervisor)
    finally:
        await embedded.stop()


async def _together(*awaitables: Awaitable[Any]) -> list[Any]:
    """Await all at once. When one fails, the others are cancelled, and the failure raised."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class _Planes:
    """The two planes as processes, configured as anywhere, on the servers of a directory."""

    def __init__(
        self,
        embedded: Embedded,
        keys: "_Keys",
        functions: Sequence[str] | None,
        executor_is_up: asyncio.Event,
        environment: Mapping[str, str],
    ) -> None:
        self._embedded = embedded
        self._keys = keys
        self._functions = functions
        self._executor_is_up = executor_is_up
        self._control_plane_is_up = asyncio.Event()
        self._environment = {
            **_without_tls(os.environ),
            "FOLIOT_MODE": "dev",
            "FOLIOT_REDIS_URL": embedded.redis_url,
            "FOLIOT_LEASE_S": os.environ.get("FOLIOT_LEASE_S", str(LEASE_S)),
            "FOLIOT_LOG_FORMAT": "console",
            "PYTHONUNBUFFERED": "1",
            **_beside(embedded.data_dir, os.environ),
            **environment,
        }

    async def start(self, listen: str) -> str:
        """
        Start both, on the address that was asked for, or else on the usual one or a free
        port; returns it.
        """
        while True:
            address = listen or _free_address()
            try:
                starts = [self._start_control_plane(address)]
                if self._functions is not None:
                    starts.append(self._start_executor(address, self._functions))
                await _together(*starts)
            except ChildFailed:
                # Another one may have taken the port meanwhile.
                if listen or _is_free(address):
                    raise
            else:
                return address

    async def _start_control_plane(self, address: str) -> None:
        async def is_ready() -> bool:
            # With our key: whoever else may answer there does not know it.
            async with connection(address) as channel:
                stub = admin_service_pb2_grpc.AdminServiceStub(channel)
                try:
                    await stub.WhoAmI(
                        admin_service_pb2.WhoAmIRequest(),
                        metadata=credential(self._keys.api_key.text),
                        timeout=1,
                    )
                except grpc.aio.AioRpcError:
                    return False
                return True

        await self._embedded.supervisor.start(
            Child(
                name="control-plane",
                command=[sys.executable, "-m", "control_plane", "serve"],
                environment={
                    **self._environment,
                    "FOLIOT_DATABASE_URL": _as_role(self._embedded, CONTROL_PLANE_ROLE),
                    "FOLIOT_PEPPER": self._keys.pepper,
                    "FOLIOT_CALLBACK_KEYS": json.dumps([self._keys.callback_key]),
                    "FOLIOT_LISTEN": address,
                },
                is_ready=is_ready,
                ready_within_s=READY_WITHIN_S,
            )
        )
        self._control_plane_is_up.set()

    async def _start_executor(self, address: str, functions: Sequence[str]) -> None:
        async def prepare() -> None:
            self._executor_is_up.clear()

        async def is_ready() -> bool:
            # After the control plane, so that it is stopped before it, and can report.
            return self._executor_is_up.is_set() and self._control_plane_is_up.is_set()

        await self._embedded.supervisor.start(
            Child(
                name="executor",
                command=[sys.executable, "-m", "executor"],
                environment={
                    **self._environment,
                    **_next_port(os.environ),
                    "FOLIOT_DATABASE_URL": _as_role(self._embedded, EXECUTOR_ROLE),
                    "FOLIOT_CONTROL_PLANE": address,
                    "FOLIOT_API_KEY": self._keys.executor_key.text,
                    "FOLIOT_FUNCTIONS": json.dumps(list(functions)),
                    "FOLIOT_CALLBACK_KEYS": json.dumps([self._keys.callback_key]),
                },
                is_ready=is_ready,
                ready_within_s=READY_WITHIN_S,
                prepare=prepare,
            )
        )


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


_SECRETS = ("pepper", "api", "executor", "callback")


class _Keys:
    """The keys of a data directory: made once, the same at every start."""

    def __init__(self, kept: Mapping[str, str]) -> None:
        self.pepper = kept["pepper"]
        self.callback_key = kept["callback"]
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
            kept = {name: secrets.token_urlsafe(32) for name in _SECRETS}
            beside = path.with_suffix(".new")
            beside.touch(mode=0o600)
            beside.write_text(json.dumps(kept))
            beside.replace(path)
        return cls(json.loads(path.read_text()))


def _beside(data_dir: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Where mail and objects go if the environment does not say: into the data directory."""
    beside = {}
    if not environment.get("FOLIOT_MAIL_URL"):
        beside["FOLIOT_MAIL_URL"] = (data_dir / "mail").as_uri()
        beside["FOLIOT_MAIL_FROM"] = environment.get("FOLIOT_MAIL_FROM") or "dev@foliot.example"
    if not environment.get("FOLIOT_OBJECTS_URL"):
        beside["FOLIOT_OBJECTS_URL"] = (data_dir / "objects").as_uri()
    return beside


def _next_port(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Where the executor tells of itself: beside the control plane, as a port is one process's."""
    host, _, port = environment.get("FOLIOT_METRICS_LISTEN", "").rpartition(":")
    if not port.isdecimal() or int(port) == 0:
        return {}
    return {"FOLIOT_METRICS_LISTEN": f"{host}:{int(port) + 1}"}


def _without_tls(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment without what is meant for a server that others reach, or for its clients."""
    meant = ("FOLIOT_TLS_", "FOLIOT_EXECUTOR_LISTEN")
    return {name: value for name, value in environment.items() if not name.startswith(meant)}


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
    """The usual address, or a free port where it is taken."""
    if _is_free(DEFAULT_LISTEN):
        return DEFAULT_LISTEN
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((_host_and_port(DEFAULT_LISTEN)[0], 0))
        host, port = probe.getsockname()
    return f"{host}:{port}"


def _is_free(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(_host_and_port(address))
        except OSError:
            return False
    return True


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
