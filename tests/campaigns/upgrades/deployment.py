"""
Planes as processes, of whichever tree of the code: a release is a directory to run from.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.upgrades.baseline import ROOT

SERVES_WITHIN_S = 60.0
ENDS_WITHIN_S = 60.0
LOOK_EVERY_S = 0.05
PEPPER = "cGVwcGVyIG9mIGEgY2FtcGFpZ24="
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc")


class Failed(Exception):
    """What must hold does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The code of a release. `path` has its packages."""

    name: str
    path: Path

    def environment(self, more: Mapping[str, str]) -> Mapping[str, str]:
        """In which Python finds this release's packages before any other's."""
        own = os.pathsep.join([str(self.path), str(self.path / "proto" / "gen")])
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return {**kept, "PYTHONPATH": own, "FOLIOT_PEPPER": PEPPER, **more}


THIS = Release(name="this", path=ROOT)


@dataclass(slots=True, kw_only=True)
class Process:
    """A plane, and the file that it logs to."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path

    async def end(self) -> None:
        """As a deployment ends it. Raises Failed unless it ends well."""
        self.popen.send_signal(signal.SIGTERM)
        code = await self.ended(ENDS_WITHIN_S)
        if code:
            raise Failed(f"{self.name} ended with {code}:\n{self.tail()}")

    async def ended(self, within_s: float) -> int:
        """Its exit status, once it has ended. Raises Failed if it does not."""
        until = time.monotonic() + within_s
        while self.popen.poll() is None:
            if time.monotonic() > until:
                raise Failed(f"{self.name} still runs after {within_s:g} s:\n{self.tail()}")
            await asyncio.sleep(LOOK_EVERY_S)
        return int(self.popen.returncode)

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    def tail(self) -> str:
        return self.log.read_text("utf-8", "replace")[-3000:]


@dataclass(slots=True, kw_only=True)
class Deployment:
    """All planes of a run: where they are, what they share, and the end of all that are left."""

    directory: Path
    database_url: str
    redis_url: str
    keys: dict[str, str] = field(default_factory=dict)
    running: dict[str, Process] = field(default_factory=dict)
    started: int = 0

    async def command(self, release: Release, *words: str) -> str:
        """A command of a release, to its end; what it said. Raises Failed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "control_plane", *words),
            cwd=release.path,
            env=dict(release.environment(self._shared())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode:
            told = said.decode()
            raise Failed(
                f"foliot {' '.join(words)} of {release.name}: {process.returncode}: {told}"
            )
        return said.decode().strip()

    async def make_keys(self, release: Release) -> None:
        """One of a tenant's administrator, and one of executors."""
        self.keys["caller"] = await self.command(
            release, "key", "first", "tenant_admin", "--tenant", "acme", "--another"
        )
        self.keys["executor"] = await self.command(release, "key", "first", "executor", "--another")

    async def control_plane(self, release: Release, name: str, port: int) -> None:
        """Put one in its place, and wait until it serves."""
        address = f"127.0.0.1:{port}"
        self._start(release, name, "control_plane", "serve", FOLIOT_LISTEN=address)
        await self._until_it_serves(name, address)

    async def executor(self, release: Release, name: str, port: int) -> None:
        """Put one in its place; it has found its control plane when it works."""
        self._start(
            release,
            name,
            "executor",
            FOLIOT_CONTROL_PLANE=f"127.0.0.1:{port}",
            FOLIOT_API_KEY=self.keys["executor"],
            FOLIOT_EXECUTOR_NAME=name,
        )
        process, log = self.running[name], self.running[name].log
        until = time.monotonic() + SERVES_WITHIN_S
        while "control_plane.connected" not in log.read_text("utf-8"):
            if process.popen.poll() is not None or time.monotonic() > until:
                raise Failed(f"{name} of {release.name} does not work:\n{process.tail()}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def end(self, *names: str) -> None:
        for name in names:
            await self.running.pop(name).end()

    def kill_all(self) -> None:
        for process in self.running.values():
            process.kill()
        self.running.clear()

    def _start(self, release: Release, name: str, module: str, *words: str, **more: str) -> None:
        self.started += 1
        log = self.directory / f"{self.started:02}-{name}-{release.name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=release.path,
                env=dict(release.environment({**self._shared(), **more})),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.running[name] = Process(name=name, popen=popen, log=log)

    def _shared(self) -> Mapping[str, str]:
        return {
            "FOLIOT_DATABASE_URL": self.database_url,
            "FOLIOT_REDIS_URL": self.redis_url,
            "FOLIOT_LEASE_S": "5",
            "FOLIOT_DRAIN_S": "10",
            "FOLIOT_LOG_FORMAT": "json",
            "FOLIOT_METRICS_LISTEN": "",
            "COLUMNS": "200",
        }

    async def _until_it_serves(self, name: str, address: str) -> None:
        process = self.running[name]
        until = time.monotonic() + SERVES_WITHIN_S
        async with grpc.aio.insecure_channel(address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            while True:
                try:
                    answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=2)
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
                except grpc.aio.AioRpcError:
                    pass
                if process.popen.poll() is not None or time.monotonic() > until:
                    raise Failed(f"{name} does not serve:\n{process.tail()}")
                await asyncio.sleep(LOOK_EVERY_S)


def leaves(group: BaseExceptionGroup[Failed]) -> list[Failed]:
    """What went wrong, out of the groups it happened in."""
    found: list[Failed] = []
    for one in group.exceptions:
        found += leaves(one) if isinstance(one, BaseExceptionGroup) else [one]
    return found


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
