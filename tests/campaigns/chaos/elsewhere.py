"""A service that HTTP tasks ask: it writes down who asked, and fails now and then."""

import asyncio
import contextlib
import json
import random
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.campaigns.chaos.logs import Log
from tests.campaigns.chaos.workload import FAILING_SHARE, takes_s

IDEMPOTENCY_KEY = "idempotency-key"
TASK, TOKEN = "foliot-callback-task", "foliot-callback-token"

Taken = asyncio.Queue[tuple[str, str, str]]
"""Task, token and what the run is called: what is still to be answered."""


@asynccontextmanager
async def serving(log: Log, dice: random.Random, taken: Taken) -> AsyncIterator[int]:
    """The service, on the port that is given. What it is to answer later it puts into `taken`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            headers = await _headers(reader)
            await reader.readexactly(int(headers.get("content-length", 0)))
            run = uuid.uuid4().hex
            log.write("called", key=headers.get(IDEMPOTENCY_KEY), run=run)
            await asyncio.sleep(takes_s(dice))
            status = "503 Busy" if dice.random() < FAILING_SHARE else "200 OK"
            if TASK in headers and status == "200 OK":
                taken.put_nowait((headers[TASK], headers[TOKEN], run))
            writer.write(_response(status, json.dumps({"run": run})))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _headers(reader: asyncio.StreamReader) -> Mapping[str, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    pairs = (line.partition(":") for line in head.split("\r\n")[1:] if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _response(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
