"""The client process, from the side of the bench."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bench.specs import Spec

MAX_ANSWER_BYTES = 64 * 1024 * 1024
ENDS_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What was called: the instances, and when each call was sent and answered (wall clock, s)."""

    ids: Sequence[str]
    sent: Sequence[float]
    answered: Sequence[float]

    def took_s(self) -> list[float]:
        """The time of every call."""
        return [after - before for before, after in zip(self.sent, self.answered, strict=True)]


class ClientDied(Exception):
    """The client process ended before it had answered; what it said is on stderr."""


class Driver:
    """Gives orders to the client process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid

    async def define(self, key: str, spec: Spec) -> None:
        """Create and activate a definition."""
        await self._order(do="define", key=key, spec=spec)

    async def start(
        self, key: str, *, count: int = 1, in_flight: int = 1, given: dict[str, str] | None = None
    ) -> Calls:
        """Start instances, at most `in_flight` calls at a time; returns when all are answered."""
        answer = await self._order(
            do="start", key=key, count=count, in_flight=in_flight, input=given or {}
        )
        return Calls(**answer)

    async def send(self, ids: Sequence[str], event: str, *, in_flight: int) -> Calls:
        """Send each instance the event; returns when all are answered."""
        return Calls(**await self._order(do="send", ids=ids, event=event, in_flight=in_flight))

    async def connect(self, address: str, api_key: str) -> None:
        """The first order."""
        await self._order(do="connect", address=address, api_key=api_key)

    async def _order(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        answer = await self._process.stdout.readline()
        if not answer:
            raise ClientDied(f"the client process ended while it was to {order['do']}; see above")
        return json.loads(answer)


@asynccontextmanager
async def client_process(address: str, api_key: str) -> AsyncIterator[Driver]:
    """A connected client process, ended with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.client"),
        stdin=PIPE,
        stdout=PIPE,
        limit=MAX_ANSWER_BYTES,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        driver = Driver(process)
        await driver.connect(address, api_key)
        yield driver
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
