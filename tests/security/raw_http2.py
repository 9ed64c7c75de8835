"""HTTP/2 by hand, for a client that does what no library would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.api.serving import WITHIN_S

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

SETTINGS, PING, GOAWAY = 4, 6, 7
ACK = 1

MAX_CONCURRENT_STREAMS, MAX_HEADER_LIST_SIZE = 3, 6
"""Numbers of settings."""

NO_ERROR, ENHANCE_YOUR_CALM = 0, 11
"""Numbers of errors."""


class Frame(NamedTuple):
    """One frame, of whatever stream."""

    kind: int
    flags: int
    body: bytes

    @property
    def settings(self) -> dict[int, int]:
        """What a SETTINGS frame says."""
        parts = [self.body[at : at + 6] for at in range(0, len(self.body), 6)]
        return {int.from_bytes(one[:2]): int.from_bytes(one[2:]) for one in parts}

    @property
    def error(self) -> int:
        """What a GOAWAY frame says."""
        return int.from_bytes(self.body[4:8])


class Raw:
    """A connection; `frames` come until the server ends it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *frames: bytes) -> None:
        """Bytes, as they are."""
        self._writer.write(b"".join(frames))
        await self._writer.drain()

    async def frames(self, *, answers_pings: bool = True) -> AsyncIterator[Frame]:
        """What the server sends, to the end of the connection."""
        try:
            while True:
                head = await self._reader.readexactly(9)
                body = await self._reader.readexactly(int.from_bytes(head[:3]))
                found = Frame(head[3], head[4], body)
                if answers_pings and found.kind == PING and not found.flags & ACK:
                    await self.send(frame(PING, body, flags=ACK))
                yield found
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def first(self, kind: int, *, answers_pings: bool = True) -> Frame | None:
        """The first frame of a kind; None if the server ended the connection without one."""
        async with asyncio.timeout(WITHIN_S):
            async for found in self.frames(answers_pings=answers_pings):
                if found.kind == kind:
                    return found
        return None


def frame(kind: int, body: bytes = b"", *, flags: int = 0) -> bytes:
    """A frame of the connection itself."""
    return len(body).to_bytes(3) + bytes([kind, flags]) + bytes(4) + body


@asynccontextmanager
async def raw(address: str, *, greets: bool = True) -> AsyncIterator[Raw]:
    """A connection that has begun as HTTP/2 does, or not at all."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        connection = Raw(reader, writer)
        if greets:
            await connection.send(PREFACE, frame(SETTINGS))
        yield connection
    finally:
        writer.close()
