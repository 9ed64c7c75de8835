"""
The real PostgreSQL and Valkey that tests run on: one pair a pytest process, started when
the first test asks, and gone without a trace afterwards. Each worker of xdist is a process
and has its own, so that no worker's end or crash is another one's concern.
"""

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

import asyncpg
import psutil

from control_plane.embedded import Embedded
from control_plane.embedded.data_directory import is_claimed
from control_plane.embedded.socket_directory import digest_of

START_WITHIN_S = 60.0
PREFIX = "foliot-tests-"

MEMORY = Path("/dev/shm")
NEEDED = 4 * 1024**3
"""Bytes that must be free there, and as memory: what two workers' servers write, several times."""
# A directory without a server that is younger may be about to get one, or another one.
ABANDONED_AFTER_S = 600.0

_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the servers are. `database_url` is that of a database nobody should write to."""

    database_url: str
    redis_url: str

    def url_of(self, database: str) -> str:
        """The address of another database of the same server."""
        return self.database_url.replace("/foliot?", f"/{database}?", 1)


@contextmanager
def running_servers() -> Iterator[Servers]:
    """
    Start the servers, and end them.

    They live in a thread with an event loop of its own: the loops of tests come and go,
    and somebody has to read the servers' output all the time.
    """
    _sweep()
    with open_directory() as data_dir:
        yield from _running(data_dir)


@contextmanager
def open_directory() -> Iterator[Path]:
    """
    A directory for the data of servers, empty now and gone afterwards. Others may traverse it, as
    under root the servers' account has to get through.
    """
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place()))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _running(data_dir: Path) -> Iterator[Servers]:
    ready: Future[Servers] = Future()
    loop: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        ended = asyncio.Event()
        loop.set_result((asyncio.get_running_loop(), ended))
        try:
            async with Embedded(data_dir) as embedded:
                ready.set_result(
                    Servers(database_url=embedded.database_url, redis_url=embedded.redis_url)
                )
                await ended.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="servers", daemon=True)
    thread.start()
    try:
        yield ready.result(START_WITHIN_S)
    finally:
        running, ended = loop.result()
        if not running.is_closed():
            running.call_soon_threadsafe(ended.set)
        thread.join()


@cache
def place() -> Path:
    """
    Where servers of tests have their data: in memory, where there is plenty, as most of what they
    did on a disk was to wait for it, and tests make and drop a thousand databases.

    Their settings are those of users' servers, fsync and all. What that cannot keep here is what a
    machine without power loses, which no test tries: they kill processes, and files outlive those.
    """
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        is_plenty = shutil.disk_usage(MEMORY).free >= NEEDED
        if is_plenty and psutil.virtual_memory().available >= NEEDED:
            return MEMORY
    return Path(tempfile.gettempdir())


def _sweep() -> None:
    """Remove what runs of pytest that were killed could not; their servers are gone."""
    for left in place().glob(f"{PREFIX}*"):
        with suppress(OSError):
            is_old = time.time() - left.stat().st_mtime > ABANDONED_AFTER_S
            served = [lock.parent for lock in (*left.glob("lock"), *left.glob("*/lock"))]
            if is_old and left.stat().st_uid == os.geteuid() and not any(map(is_claimed, served)):
                for data_dir in served:
                    digest = digest_of(data_dir)
                    for sockets in Path(tempfile.gettempdir()).glob(f"foliot-*-{digest}"):
                        shutil.rmtree(sockets)
                shutil.rmtree(left)


async def new_database(servers: Servers, template: str | None = None) -> str:
    """
    Create a fresh database and return its URL: empty, or a copy of the database whose URL
    is `template`, to which nobody may be connected. A copy takes 20 ms in memory.
    """
    name = f"test_{next(_numbers)}"
    copied = "template0" if template is None else name_of(template)
    # In memory, WAL_LOG measured 30 ms to create and FILE_COPY 18, both 5 to drop; on a disk
    # 50 and 10 against 65 and 30, as FILE_COPY waits for a checkpoint there.
    strategy = "FILE_COPY" if place() == MEMORY else "WAL_LOG"
    await _administer(servers, f'CREATE DATABASE "{name}" TEMPLATE "{copied}" STRATEGY {strategy}')
    return servers.url_of(name)


async def drop_database(servers: Servers, url: str) -> None:
    """Drop a database, whoever may still be connected to it."""
    await _administer(servers, f'DROP DATABASE "{name_of(url)}" WITH (FORCE)')


def name_of(url: str) -> str:
    """The database's name in a URL of `new_database`."""
    return url.split("?", 1)[0].rsplit("/", 1)[1]


async def _administer(servers: Servers, statement: str) -> None:
    connection = await asyncpg.connect(servers.url_of("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
