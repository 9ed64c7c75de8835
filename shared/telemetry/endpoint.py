"""
A port of its own for whoever watches over a process: `/metrics` for Prometheus, `/livez` and
`/readyz` for an orchestrator.

It is served from threads, so that a process whose event loop stands still says so, and does not
just fall silent. Nothing here asks for a credential, and nothing tells of what a tenant has said:
keep the port off the networks of strangers.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import partial
from os import getpid
from socketserver import ThreadingMixIn
from typing import Any, Protocol, Self, TypeVar
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from shared.errors import InvalidRequest
from shared.telemetry.metrics import bury, exposed, is_shared, the_dead

LIVE_WITHIN_S = 5.0
"""The longest the event loop may take to answer a liveness probe."""

SAMPLE_WITHIN_S = 5.0
"""The longest a scrape waits for fresh samples; after that it gets those from before."""

READY_WITHIN_S = 5.0
"""The longest a readiness probe waits for what it asks."""

MAX_CONNECTIONS = 16
"""Requests at once; what comes beyond waits in the system's queue."""

REQUEST_WITHIN_S = 10.0
"""How long a connection may be silent."""

LOOK_FOR_END_EVERY_S = 0.1
"""How long the end of a process may be held up by this."""

_T = TypeVar("_T")
_Start = Callable[[str, list[tuple[str, str]]], Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that readiness takes. `remedy` says what is wrong and what to do, "" if nothing."""

    about: str
    remedy: str = ""

    @property
    def is_well(self) -> bool:
        return not self.remedy


class Vitals(Protocol):
    """What a process knows of itself; asked on its event loop."""

    async def sample(self) -> None:
        """Set the gauges, unless they were set a moment ago."""

    async def findings(self) -> Sequence[Finding]:
        """What it takes to be ready. Never raises for what is not well: it says so."""


class Starting:
    """Of a process that has not got that far."""

    async def sample(self) -> None:
        """There is nothing to say yet."""

    async def findings(self) -> Sequence[Finding]:
        return (Finding("start", "it is still starting; its log says what it waits for"),)


class Endpoint:
    """
    Serves from `open` to `close`, on `address` (`host:port`, port 0 picks one). `vitals` may be
    replaced at any time, as what is known grows.
    """

    def __init__(self, address: str, vitals: Vitals | None = None) -> None:
        self.vitals: Vitals = vitals or Starting()
        self.address = ""
        self._wanted = address
        self._server: WSGIServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """
        Serve, or do nothing where no address was given. Raises InvalidRequest for an address that
        cannot be had.
        """
        if not self._wanted:
            return
        self._loop = asyncio.get_running_loop()
        bury(the_dead())
        host, port = _parts(self._wanted)
        try:
            self._server = make_server(host, port, self._answer, _server_of(host), _Quiet)
        except OSError as error:
            raise InvalidRequest(
                f"FOLIOT_METRICS_LISTEN is {self._wanted!r}, where this process cannot listen:"
                f" {error.strerror}; give a free address of this machine, as 127.0.0.1:9464",
                field="metrics_listen",
            ) from error
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{shown}:{self._server.server_port}"
        serve = partial(self._server.serve_forever, poll_interval=LOOK_FOR_END_EVERY_S)
        threading.Thread(target=serve, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Take no more requests."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            if is_shared():
                bury([getpid()])

    def _answer(self, environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _text(start, "405 Method Not Allowed", "use GET\n")
        match environ["PATH_INFO"]:
            case "/metrics":
                self._on_loop(self.vitals.sample, SAMPLE_WITHIN_S)
                found: Iterable[bytes] = make_wsgi_app(exposed())(environ, start)
                return found
            case "/livez":
                if self._on_loop(_breathe, LIVE_WITHIN_S):
                    return _text(start, "200 OK", "alive\n")
                said = f"the event loop has not answered within {LIVE_WITHIN_S:g} s\n"
                return _text(start, "503 Service Unavailable", said)
            case "/readyz":
                return self._ready(start)
        return _text(start, "404 Not Found", "there are /metrics, /livez and /readyz\n")

    def _ready(self, start: _Start) -> Iterable[bytes]:
        late = Finding("answer", f"the process has not answered within {READY_WITHIN_S:g} s")
        findings = self._on_loop(self.vitals.findings, READY_WITHIN_S) or (late,)
        is_ready = all(one.is_well for one in findings)
        said = {
            "ready": is_ready,
            "checks": [
                {"about": one.about, "ok": one.is_well, "remedy": one.remedy} for one in findings
            ],
        }
        status = "200 OK" if is_ready else "503 Service Unavailable"
        return _text(start, status, json.dumps(said) + "\n", "application/json")

    def _on_loop(self, ask: Callable[[], Awaitable[_T]], within_s: float) -> _T | None:
        """What the process says, None if it does not in time, or cannot."""
        assert self._loop is not None

        async def asked() -> _T:
            return await ask()

        try:
            answer = asyncio.run_coroutine_threadsafe(asked(), self._loop)
        except RuntimeError:
            # The loop is closed: the process is about to end.
            return None
        try:
            return answer.result(within_s)
        except (TimeoutError, CancelledError):
            answer.cancel()
            return None


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, *given: Any, **named: Any) -> None:
        self._room = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(*given, **named)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""

    def server_bind(self) -> None:
        # WSGIServer's would ask the name server what this machine is called.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = REQUEST_WITHIN_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        """Probes come every few seconds; nobody wants to read of each."""


async def _breathe() -> bool:
    return True


def _text(
    start: _Start, status: str, said: str, kind: str = "text/plain; charset=utf-8"
) -> Iterable[bytes]:
    start(status, [("Content-Type", kind)])
    return [said.encode()]


def _server_of(host: str) -> type[_Server]:
    return _Server6 if ":" in host else _Server


def _parts(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise InvalidRequest(
            f"FOLIOT_METRICS_LISTEN is {address!r}; write it as host:port, as 127.0.0.1:9464",
            field="metrics_listen",
        )
    return host.strip("[]"), int(port)
