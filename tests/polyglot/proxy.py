"""
A TCP proxy that breaks connections as networks do: at once, for a while, or between the server's
answer and its arrival.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

CHUNK = 65_536
PREFACE = 24
"""Bytes that a client of HTTP/2 sends before its first frame."""

HEADERS, DATA = 1, 0
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST and not FIN."""


class Frame(NamedTuple):
    kind: int
    stream: int
    payload: bytes


class Frames:
    """The HTTP/2 frames in what one side sends."""

    def __init__(self, skip: int) -> None:
        self._skip = skip
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._rest += data
        if self._skip:
            taken = min(self._skip, len(self._rest))
            self._rest, self._skip = self._rest[taken:], self._skip - taken
        while len(self._rest) >= 9:
            end = 9 + int.from_bytes(self._rest[:3])
            if len(self._rest) < end:
                return
            stream = int.from_bytes(self._rest[5:9]) & 0x7FFFFFFF
            yield Frame(self._rest[3], stream, self._rest[9:end])
            self._rest = self._rest[end:]


class Proxy:
    """Stands at `address` for the server; each of its clients has a connection of its own."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._is_down = False
        self._marker = b""
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted = 0
        self.refused = 0
        self.lost_answers = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection there is; new ones are welcome."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _break(*pair)

    def down(self) -> None:
        """Break every connection, and refuse new ones until `up`."""
        self._is_down = True
        self.cut()

    def up(self) -> None:
        self._is_down = False

    def lose_answer_to(self, marker: str) -> None:
        """
        The next request whose message has this text goes through; the connection breaks once the
        server has begun to answer it, and nothing of the answer arrives.
        """
        self._marker = marker.encode()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                if self._is_down:
                    self.refused += 1
                    _break(client)
                    continue
                self.accepted += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._upstream)
        except OSError:
            _break(client)
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.append((client, server))
        swallowed: set[int] = set()
        threading.Thread(target=self._up, args=(client, server, swallowed), daemon=True).start()
        self._down(client, server, swallowed)

    def _up(self, client: socket.socket, server: socket.socket, swallowed: set[int]) -> None:
        frames = Frames(skip=PREFACE)
        with suppress(OSError):
            while data := client.recv(CHUNK):
                for frame in frames.feed(data):
                    if frame.kind == DATA and self._marker and self._marker in frame.payload:
                        self._marker = b""
                        swallowed.add(frame.stream)
                server.sendall(data)
        _break(client, server)

    def _down(self, client: socket.socket, server: socket.socket, swallowed: set[int]) -> None:
        frames = Frames(skip=0)
        with suppress(OSError):
            while data := server.recv(CHUNK):
                for frame in frames.feed(data):
                    if frame.kind == HEADERS and frame.stream in swallowed:
                        self.lost_answers += 1
                        _break(client, server)
                        return
                client.sendall(data)
        _break(client, server)


def _break(*ends: socket.socket) -> None:
    """Close with a reset, so that the other side learns of it at once, and not politely."""
    for end in ends:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
