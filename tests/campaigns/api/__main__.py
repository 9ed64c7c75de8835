"""`python -m tests.campaigns.api`: hostile calls to every method of a server of their own."""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import grpc

import migrations
from control_plane.bootstrap import let_in
from tests.api.serving import Client, with_key
from tests.campaigns.api.assault import Outcome, assault
from tests.campaigns.api.world import METHODS, inhabited, keys
from tests.servers import new_database, running_servers

DEFAULT_COUNT: Final = 1_000
"""Calls of each method: some minutes."""

SERVES_WITHIN_S: Final = 60.0
MAX_GROWTH_MIB: Final = 1_024
"""How much larger the server's process may get by all of it."""


def main() -> int:
    """Zero when every answer was one of ours, and the server has lived and not swollen."""
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.api", description=__doc__)
    options.add_argument("--seed", type=int, help="the same calls again; random if not given")
    options.add_argument("--count", type=int, default=DEFAULT_COUNT, help="calls of each method")
    options.add_argument("--only", default="", help="methods whose full name holds this")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else Random().randrange(2**32)
    _say(f"python -m tests.campaigns.api --seed {seed} --count {chosen.count}")
    return asyncio.run(_run(seed, chosen.count, chosen.only))


async def _run(seed: int, count: int, only: str) -> int:
    methods = [method for method in METHODS if only in method.full_name]
    pepper = secrets.token_urlsafe(32)
    texts, stored = keys(pepper)
    with running_servers() as servers, tempfile.TemporaryDirectory() as directory:
        database_url = await new_database(servers)
        await migrations.upgrade(database_url)
        await let_in(database_url, stored, "Hostile")
        listen = f"unix:{directory}/s"
        log = Path(directory, "server.log")
        async with _serving(database_url, pepper, listen, log) as server:
            administrator = with_key(texts["tenant_admin"])
            async with grpc.aio.insecure_channel(listen, interceptors=administrator) as channel:
                await _ready(channel, log)
                known = await inhabited(Client(channel, texts["tenant_admin"]))
            before = _resident_mib(server.pid)
            async with grpc.aio.insecure_channel(listen) as channel:
                outcome = await assault(
                    channel, texts, known, seed=seed, count=count, methods=methods, tell=_say
                )
            died = server.returncode is not None
            grown = 0 if died else _resident_mib(server.pid) - before
        _tell(outcome)
        if outcome.wrong or died:
            _say(_end_of(log))
    _say(f"{outcome.answers.total()} calls, {outcome.wrong} wrong; the server grew by {grown} MiB")
    if died:
        _say(f"the server died of it: {server.returncode}")
    return 1 if outcome.wrong or died or grown > MAX_GROWTH_MIB else 0


@asynccontextmanager
async def _serving(
    database_url: str, pepper: str, listen: str, log: Path
) -> AsyncIterator[Process]:
    """`foliot serve` as a process, until it is not needed any more."""
    environment = {
        **os.environ,
        "FOLIOT_DATABASE_URL": database_url,
        "FOLIOT_PEPPER": pepper,
        "FOLIOT_LISTEN": listen,
        "FOLIOT_MODE": "dev",
        "FOLIOT_DRAIN_S": "2",
    }
    with log.open("wb") as written:
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "control_plane", "serve"),
            env=environment,
            stdout=written,
            stderr=written,
        )
    try:
        yield server
    finally:
        if server.returncode is None:
            server.terminate()
            await server.wait()


async def _ready(channel: grpc.aio.Channel, log: Path) -> None:
    try:
        await asyncio.wait_for(channel.channel_ready(), SERVES_WITHIN_S)
    except TimeoutError:
        _say(_end_of(log))
        raise


def _resident_mib(pid: int) -> int:
    """What a process has in memory, as Linux tells; 0 where it does not."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    (line,) = (one for one in status.read_text().splitlines() if one.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-20_000:]


def _tell(outcome: Outcome) -> None:
    by_reason: dict[tuple[str, str], int] = {}
    for (_, code, reason), times in outcome.answers.items():
        by_reason[code, reason] = by_reason.get((code, reason), 0) + times
    for (code, reason), times in sorted(by_reason.items()):
        _say(f"{times:8} {code} {reason}")
    for method, complaints in outcome.complaints.items():
        for complaint, sent in complaints:
            _say(f"{method}: {complaint}")
            _say(f"    sent {_shown(sent)}")


def _shown(sent: Sequence[bytes]) -> str:
    return ", ".join(repr(one[:300]) for one in sent)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a campaign talks to whoever runs it


if __name__ == "__main__":
    sys.exit(main())
