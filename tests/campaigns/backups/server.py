"""PostgreSQL servers of a campaign's own, run by its own programs as an operator runs them."""

import asyncio
import os
import pwd
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from control_plane.embedded.account import CAP_DAC_READ_SEARCH, Account
from control_plane.embedded.binaries import find_binaries
from control_plane.embedded.launch import guarded
from tests.campaigns.upgrades.deployment import Failed

OWNER = "foliot_owner"
DATABASE = "foliot"
UNPRIVILEGED = "nobody"
"""Who the servers run as under root, who may not."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "wal_level": "replica",
    "max_wal_senders": "5",
    "max_connections": "200",
    "hot_standby": "on",
    "fsync": "on",
    "max_slot_wal_keep_size": "1GB",
    "archive_mode": "on",
    "timezone": "UTC",
}


@dataclass(slots=True, kw_only=True)
class Server:
    """A cluster and the programs for it. `number` tells its socket from others'."""

    directory: Path
    number: int
    more: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.directory / f"cluster{self.number}"

    @property
    def archive(self) -> Path:
        return self.directory / f"archive{self.number}"

    @property
    def url(self) -> str:
        return url_of(self)

    @property
    def options(self) -> list[str]:
        """By which libpq's programs connect as the owner."""
        return [f"--host={self.directory}", f"--port={self.number}", f"--username={OWNER}"]

    async def create(self) -> None:
        """Make its files."""
        await self.run("initdb", f"--pgdata={self.data}", f"--username={OWNER}", "--auth=trust")

    async def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self.archive.mkdir(exist_ok=True)
        own(self.archive)
        settings = {
            **SETTINGS,
            "port": str(self.number),
            "unix_socket_directories": str(self.directory),
            "archive_command": f"cp %p {self.archive}/%f",
            **self.more,
        }
        words = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = self.directory / f"server{self.number}.log"
        await self.run(
            *("pg_ctl", "start", f"--pgdata={self.data}", f"--log={log}", "--wait"),
            f"--options={words}",
        )

    async def stop(self, mode: str = "fast") -> None:
        """`immediate` is what a machine without power does: no checkpoint, no word to anybody."""
        if (self.data / "postmaster.pid").exists():
            await self.run("pg_ctl", "stop", f"--pgdata={self.data}", f"--mode={mode}", "--wait")

    async def sql(self, statement: str, database: str = DATABASE) -> str:
        return await self.run(
            *("psql", *self.options, "--no-psqlrc", "--tuples-only", "--no-align"),
            *("--set=ON_ERROR_STOP=1", f"--dbname={database}", "--command", statement),
        )

    async def run(self, program: str, *words: str) -> str:
        """One of PostgreSQL's programs, to its end; what it said. Raises Failed."""
        found = find_binaries().postgres.with_name(program)
        log = self.directory / f"{program}{self.number}.out"
        # Into a file: a server that pg_ctl leaves behind would hold a pipe open.
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *guarded([str(found), *words], death_signal=signal.SIGKILL, account=account()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self.directory,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            )
            code = await process.wait()
        said = log.read_text("utf-8", "replace").strip()
        if code:
            raise Failed(f"{program} ended with {code}: {said[-2000:]}")
        return said


def url_of(*servers: Server) -> str:
    """Of one, or of whichever of several takes writes."""
    hosts = ",".join(quote(str(one.directory), safe="") for one in servers)
    ports = ",".join(str(one.number) for one in servers)
    which = "&target_session_attrs=read-write" if len(servers) > 1 else ""
    return f"postgresql://{OWNER}@/{DATABASE}?host={hosts}&port={ports}{which}"


def account() -> Account | None:
    """Who the servers run as; None is whoever runs this."""
    if os.geteuid() != 0:
        return None
    found = pwd.getpwnam(UNPRIVILEGED)
    return Account(uid=found.pw_uid, gid=found.pw_gid, capabilities=(CAP_DAC_READ_SEARCH,))


def own(path: Path) -> None:
    """Let the servers' account write there."""
    if (who := account()) is not None:
        who.own(path)
