"""A deployment under load on servers of its own, and what is known of it before a disaster."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import grpc
from foliot.executor.v1 import executor_service_pb2, executor_service_pb2_grpc
from foliot.v1 import task_pb2

from tests.campaigns.backups.server import Server, own, url_of
from tests.campaigns.upgrades.clients import Client, Load
from tests.campaigns.upgrades.deployment import THIS, Deployment, Failed, free_port

REPLACED = "database.replaced"
LOSES_WITHIN_S = 40.0


@dataclass(slots=True, kw_only=True)
class Site:
    """One control plane, one executor, and callers."""

    directory: Path
    redis_url: str
    port: int = field(default_factory=free_port)
    deployment: Deployment = field(init=False)
    client: Client = field(init=False)
    load: Load = field(init=False)
    _loading: "asyncio.Task[None] | None" = None

    async def begin(self, *servers: Server) -> None:
        """Migrate, and serve."""
        self.deployment = Deployment(
            directory=self.directory, database_url=url_of(servers[0]), redis_url=self.redis_url
        )
        await self.deployment.command(THIS, "migrate")
        await self.deployment.make_keys(THIS)
        await self.serve(*servers)
        key = self.deployment.keys["caller"]
        self.client = Client(ports=[self.port], key=key)
        await self.client.define()

    async def serve(self, *servers: Server) -> None:
        """Start the planes, on whichever of these takes writes."""
        self.deployment.database_url = url_of(*servers)
        await self.deployment.control_plane(THIS, "control-plane", self.port)
        await self.deployment.executor(THIS, "executor", self.port)

    async def stop_serving(self) -> None:
        await self.deployment.end(*list(self.deployment.running))

    async def planes_ended(self) -> None:
        """Wait until both planes have noticed by themselves that the server is another one."""
        for name in list(self.deployment.running):
            process = self.deployment.running.pop(name)
            try:
                code = await process.ended(LOSES_WITHIN_S)
            finally:
                process.kill()
            if not code or REPLACED not in process.log.read_text("utf-8"):
                raise Failed(f"{name} did not notice: it ended with {code}:\n{process.tail()}")

    def begin_load(self) -> None:
        self.load = Load(client=Client(ports=[self.port], key=self.client.key))
        self._loading = asyncio.create_task(self.load.run())

    async def end_load(self) -> None:
        self.load.stop()
        if self._loading is not None:
            await self._loading
        await self.load.client.close()

    async def drop_load(self) -> None:
        """As callers end whose world has ended."""
        if self._loading is not None:
            self._loading.cancel()
            with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
                await self._loading
        await self.load.client.close()

    async def examine(self) -> None:
        """`foliot doctor`, which ends with 1 if it finds anything."""
        url = self.deployment.database_url
        await self.deployment.command(THIS, "doctor", "--database-url", url)

    async def close(self) -> None:
        self.deployment.kill_all()
        await self.client.close()


async def begin_session(client: Client, key: str) -> str:
    """A worker's session, by the API."""
    return await _claim(client, key, "")


async def is_void(client: Client, key: str, session_id: str) -> bool:
    """Whether a session is refused for good."""
    try:
        await _extend(client, key, session_id)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.ABORTED:
            return True
        raise
    return False


async def _claim(client: Client, key: str, session_id: str) -> str:
    ask = executor_service_pb2.ClaimTasksRequest(
        executor_name="worker",
        queues=["nobody-puts-anything-there"],
        task_types=[task_pb2.TASK_TYPE_SYSTEM],
        session_id=session_id,
    )
    stub = executor_service_pb2_grpc.ExecutorServiceStub(client.channel(client.ports[0]))
    answer = await stub.ClaimTasks(ask, metadata=_by(key), timeout=20)
    return str(UUID(answer.session_id))


async def _extend(client: Client, key: str, session_id: str) -> None:
    ask = executor_service_pb2.ExtendLeasesRequest(session_id=session_id)
    stub = executor_service_pb2_grpc.ExecutorServiceStub(client.channel(client.ports[0]))
    await stub.ExtendLeases(ask, metadata=_by(key), timeout=20)


def _by(key: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {key}"),)


@asynccontextmanager
async def primary(directory: Path, number: int) -> AsyncIterator[Server]:
    """A new server with an empty database, stopped in the end."""
    own(directory)
    server = Server(directory=directory, number=number)
    await server.create()
    await server.start()
    try:
        await server.run("createdb", *server.options, "foliot")
        yield server
    finally:
        await server.stop("immediate")
