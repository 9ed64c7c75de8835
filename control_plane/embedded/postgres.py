"""
The embedded PostgreSQL: its cluster, its settings, and how it is started.

Durability is not traded away: fsync and synchronous_commit are on, and pages have
checksums. What is trimmed is what one small machine has no use for: replication, JIT,
parallel queries, shared memory outside the data directory.

Whoever reaches the socket is the owner of the database (authentication is `trust`, and
there is no TCP). The directory that the socket is in lets nobody else in.
"""

import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from control_plane.embedded.account import Account
from control_plane.embedded.binaries import Binaries
from control_plane.embedded.child import Child
from control_plane.embedded.launch import BARE_ENVIRONMENT
from control_plane.embedded.remnants import clear_remnants

OWNER = "foliot_owner"
DATABASE = "foliot"
# Part of the socket's name; nothing listens on a port.
PORT = 5432

READY_WITHIN_S = 120.0  # recovery after a crash comes first
GRACE_S = 15.0  # a fast shutdown ends with a checkpoint

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "random_page_cost": "1.1",
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # In the data directory, so that nothing stays in /dev/shm after a kill -9, which is
    # tiny in containers besides. What little there is fits into the preallocated part.
    "dynamic_shared_memory_type": "mmap",
    "min_dynamic_shared_memory": "8MB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One cluster and the socket directory that it serves in."""

    binaries: Binaries
    cluster: Path
    sockets: Path
    # Unique to the data directory; in every process title, so that remnants are found.
    mark: str
    account: Account | None
    uid: int

    def url(self, database: str = DATABASE) -> str:
        """As asyncpg takes it; SQLAlchemy wants `postgresql+asyncpg` in front."""
        return (
            f"postgresql://{OWNER}@/{quote(database)}?host={quote(str(self.sockets))}&port={PORT}"
        )

    def child(self) -> Child:
        """For the supervisor. Ready is when it takes connections."""
        settings = {
            **SETTINGS,
            "unix_socket_directories": f'"{self.sockets}"',
            "cluster_name": self.mark,
        }
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        return Child(
            name="postgres",
            command=[str(self.binaries.postgres), "-D", str(self.cluster), *options],
            environment=BARE_ENVIRONMENT,
            directory=Path("/"),
            account=self.account,
            is_ready=self._is_ready,
            ready_within_s=READY_WITHIN_S,
            prepare=self._prepare,
            # SIGINT is a fast shutdown. SIGQUIT, for when the supervisor is gone, an
            # immediate one: no checkpoint, the backends end at once, the next start recovers.
            stop_signal=signal.SIGINT,
            grace_s=GRACE_S,
            death_signal=signal.SIGQUIT,
            minds_its_own=True,
        )

    async def ensure_database(self) -> None:
        """Create the database unless it is there. The server runs."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            asked = "SELECT FROM pg_database WHERE datname = $1"
            if await connection.fetchrow(asked, DATABASE) is None:
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()

    async def _prepare(self) -> None:
        await clear_remnants(self.mark, self.uid)
        # With nobody left these are leavings of a kill -9. PostgreSQL would believe them if
        # the process ids in them were taken again, which is likely in a new container.
        for left in (
            self.cluster / "postmaster.pid",
            self.sockets / f".s.PGSQL.{PORT}.lock",
            self.sockets / f".s.PGSQL.{PORT}",
        ):
            left.unlink(missing_ok=True)

    async def _is_ready(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=2.0)
        except (asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False
        await connection.close()
        return True
