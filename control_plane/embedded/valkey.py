"""
The embedded Valkey: doorbells only, so nothing is written to disk, and a restart starts
empty. It listens on a socket in the private directory, and on no port.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from control_plane.embedded.account import Account
from control_plane.embedded.binaries import Binaries
from control_plane.embedded.child import Child
from control_plane.embedded.launch import BARE_ENVIRONMENT

MEMORY = "256mb"
READY_WITHIN_S = 15.0
GRACE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Valkey:
    """One server on one socket."""

    binaries: Binaries
    socket: Path
    account: Account | None

    @property
    def url(self) -> str:
        """As redis-py takes it."""
        return f"unix://{self.socket}"

    def child(self) -> Child:
        """For the supervisor. Ready is when it answers PING."""
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            # The directory is what keeps others out.
            "unixsocketperm": "777",
            "dir": str(self.socket.parent),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "maxmemory": MEMORY,
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return Child(
            name="valkey",
            command=[str(self.binaries.valkey), *options],
            environment=BARE_ENVIRONMENT,
            directory=Path("/"),
            account=self.account,
            is_ready=self._is_ready,
            ready_within_s=READY_WITHIN_S,
            grace_s=GRACE_S,
            minds_its_own=True,
        )

    async def _is_ready(self) -> bool:
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        finally:
            writer.close()
            await writer.wait_closed()
