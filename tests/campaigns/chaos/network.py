"""
The network between two parts, as a proxy that can do what networks do: end connections,
refuse new ones, be slow, and swallow what is sent, both ways or one.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

CHUNK = 65_536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[], Awaitable[Streams]]


class Link:
    """Listens on a port of this machine, and passes everything on to whatever `dial` reaches."""

    def __init__(self, name: str, dial: Dial) -> None:
        self.name = name
        self.port = 0
        self._dial = dial
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._is_cut = False
        self._delay_s = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.heal()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        host_and_port: tuple[str, int] = self._server.sockets[0].getsockname()
        self.port = host_and_port[1]

    async def close(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()

    # --- what can be done to it -----------------------------------------------------------

    def heal(self) -> None:
        """Everything passes again; what was swallowed meanwhile arrives late."""
        self._is_cut, self._delay_s = False, 0.0
        self._up.set()
        self._down.set()

    def cut(self) -> None:
        """Every connection ends, and none is made."""
        self._is_cut = True
        self.reset()

    def reset(self) -> None:
        """Every connection ends."""
        for writer in list(self._writers):
            writer.transport.abort()

    def swallow(self, *, up: bool, down: bool) -> None:
        """Nothing arrives, and nobody is told: one way, or both."""
        if up:
            self._up.clear()
        if down:
            self._down.clear()

    def slow(self, delay_s: float) -> None:
        """Everything takes so much longer."""
        self._delay_s = delay_s

    # --- passing on ------------------------------------------------------------------------

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._is_cut:
                return
            far_reader, far_writer = await self._dial()
            self._writers.add(far_writer)
            try:
                pumps = (
                    asyncio.ensure_future(self._pump(reader, far_writer, self._up)),
                    asyncio.ensure_future(self._pump(far_reader, writer, self._down)),
                )
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
            finally:
                self._writers.discard(far_writer)
                far_writer.transport.abort()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await gate.wait()
                writer.write(data)
                await writer.drain()


def to_socket(path: str) -> Dial:
    """Connects to a unix socket."""
    return lambda: asyncio.open_unix_connection(path)


def to_one_of(ports: Callable[[], int]) -> Dial:
    """Connects to the port of the moment on this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", ports())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
