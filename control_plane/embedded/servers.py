"""
PostgreSQL and Valkey for one data directory, from nothing to ready and back.
"""

import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from control_plane.embedded.account import account_for
from control_plane.embedded.binaries import find_binaries
from control_plane.embedded.child import LineReader
from control_plane.embedded.cluster import ensure_cluster
from control_plane.embedded.data_directory import DataDirectory
from control_plane.embedded.errors import EmbeddedError
from control_plane.embedded.postgres import Postgres
from control_plane.embedded.running import Running, announce
from control_plane.embedded.socket_directory import SocketDirectory, digest_of
from control_plane.embedded.supervisor import Supervisor
from control_plane.embedded.valkey import Valkey


class Embedded:
    """
    The servers of a data directory, while it is entered.

    Entering takes the directory's lock (or raises `DataDirectoryInUse`), creates the
    database on the first run, recovers it after a crash, and returns when both servers
    take connections. Leaving ends them, and anything more that `supervisor` was given.
    Killed in any way, the process takes the servers with it.

    A `database_url` or `redis_url` that is given is used as it is, and no server of that
    kind is started; `owns_database` says which it was.
    """

    database_url: str
    redis_url: str
    supervisor: Supervisor

    def __init__(
        self,
        data_dir: Path | str,
        *,
        on_line: LineReader | None = None,
        database_url: str | None = None,
        redis_url: str | None = None,
    ) -> None:
        # Absolute from here on, whatever becomes of the working directory.
        self.data_dir = Path(data_dir).absolute()
        self._on_line = on_line
        self._database_url = database_url
        self._redis_url = redis_url
        self._claims = contextlib.ExitStack()
        self._directory: DataDirectory | None = None

    @property
    def owns_database(self) -> bool:
        return self._database_url is None

    def prepare(self) -> Self:
        """
        Take the directory's lock, and know the addresses. Nothing runs yet, but what can
        wait for the servers may be started beside them. Leaving ends it all the same.
        """
        if sys.platform == "win32":
            raise EmbeddedError("The embedded servers need Linux or macOS; on Windows use WSL.")
        with contextlib.ExitStack() as exits:
            self._prepare(exits)
            self._claims = exits.pop_all()
        return self

    async def start(self) -> Self:
        """What entering does. Nothing is left running or locked when it raises."""
        if self._directory is None:
            self.prepare()
        try:
            for start in self._starts:
                await start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """What leaving does. Twice is once."""
        if self._directory is not None:
            await self.supervisor.stop()
            self._claims.close()
            self._directory = None

    def announce(self, *, address: str, tenant_id: str, api_key: str, executor_key: str) -> Running:
        """Let other processes find this server by `attached(data_dir)`, until it stops."""
        if self._directory is None:
            raise EmbeddedError("Embedded was not started: enter it before announcing it.")
        running = Running(
            pid=os.getpid(),
            address=address,
            tenant_id=tenant_id,
            api_key=api_key,
            executor_key=executor_key,
            database_url=self.database_url,
            redis_url=self.redis_url,
            data_dir=str(self._directory.path),
        )
        announce(running)
        return running

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _prepare(self, exits: contextlib.ExitStack) -> None:
        directory = DataDirectory.claim(self.data_dir)
        exits.callback(directory.release)
        self._starts: list[Callable[[], Awaitable[None]]] = []
        if self._database_url is None or self._redis_url is None:
            self._prepare_servers(exits, directory)
        self.database_url = self._database_url or self.database_url
        self.redis_url = self._redis_url or self.redis_url
        self.supervisor = Supervisor(directory.logs, on_line=self._on_line)
        self._directory = directory

    def _prepare_servers(self, exits: contextlib.ExitStack, directory: DataDirectory) -> None:
        binaries = find_binaries()
        account = account_for(directory.path, (binaries.postgres, binaries.initdb, binaries.valkey))
        sockets = SocketDirectory.create(directory.path, account)
        exits.callback(sockets.remove)
        postgres = Postgres(
            binaries=binaries,
            cluster=directory.cluster,
            sockets=sockets.path,
            mark=f"foliot-{digest_of(directory.path)}",
            account=account,
            uid=os.geteuid() if account is None else account.uid,
        )
        valkey = Valkey(binaries=binaries, socket=sockets.redis_socket, account=account)

        async def start_postgres() -> None:
            await ensure_cluster(binaries, directory.cluster, account)
            await self.supervisor.start(postgres.child())
            await postgres.ensure_database()

        async def start_valkey() -> None:
            await self.supervisor.start(valkey.child())

        if self._database_url is None:
            self.database_url = postgres.url()
            self._starts.append(start_postgres)
        if self._redis_url is None:
            self.redis_url = valkey.url
            self._starts.append(start_valkey)
