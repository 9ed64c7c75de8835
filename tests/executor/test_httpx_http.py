"""HTTP by httpx against a real server on this machine: what is sent, refused and cut off."""

import asyncio
import gzip
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from executor.adapters import httpx_http
from executor.adapters.allowed_addresses import THIS_MACHINE, AllowedAddresses
from executor.adapters.httpx_http import HttpxHttp
from executor.ports.http import (
    MAX_RESPONSE_BYTES,
    HttpRefused,
    HttpResponse,
    HttpTooLarge,
    HttpUnreachable,
)
from shared.ids import TenantId
from shared.telemetry import attempt_spans
from tests.executor.work import a_task
from tests.security.authority import Authority
from tests.telemetry.keeping import kept_spans

SOON = timedelta(seconds=5)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@dataclass
class Web:
    """A server that sends the same bytes to everybody, and keeps what it was sent."""

    port: int = 0
    answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    requests: list[bytes] = field(default_factory=list)
    stays_silent: bool = False

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://localhost:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if self.stays_silent:
                await reader.read()
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """A web server on this machine."""
    it = Web()
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0, family=socket.AF_INET)
    it.port = server.sockets[0].getsockname()[1]
    async with server:
        yield it


@pytest.fixture
async def http() -> AsyncIterator[HttpxHttp]:
    """A client that may reach this machine."""
    client = HttpxHttp(AllowedAddresses(THIS_MACHINE), max_connections=4)
    yield client
    await client.close()


async def get(http: HttpxHttp, url: str, within: timedelta = SOON, **headers: str) -> HttpResponse:
    """One GET."""
    return await http.request(
        TenantId("acme"), "GET", url, headers=headers, body=None, within=within
    )


def compressed(packed: bytes, encoding: str = "gzip") -> bytes:
    """An answer with such a body."""
    return b"HTTP/1.1 200 OK\r\ncontent-encoding: %s\r\n\r\n%s" % (encoding.encode(), packed)


class TestARequest:
    async def test_is_answered(self, http: HttpxHttp, web: Web) -> None:
        """Status, headers and body, as they came."""
        response = await get(http, f"{web.url}/a")

        assert (200, "2", b"hi") == (
            response.status,
            response.headers["content-length"],
            response.body,
        )

    async def test_goes_to_the_address_under_the_hosts_name(
        self, http: HttpxHttp, web: Web
    ) -> None:
        """The address that was checked is the one connected to; the server sees the name."""
        await get(http, f"{web.url}/a?b=1", host="elsewhere", one="1")
        lines = web.requests[0].split(b"\r\n")

        assert b"GET /a?b=1 HTTP/1.1" == lines[0]
        assert f"Host: localhost:{web.port}".lower().encode() in [line.lower() for line in lines]
        assert b"one: 1" in lines

    async def test_does_not_take_a_proxy_from_the_environment(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy would connect to whatever it likes."""
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        http = HttpxHttp(AllowedAddresses(THIS_MACHINE), max_connections=1)
        response = await get(http, web.url)
        await http.close()

        assert 200 == response.status

    async def test_does_not_follow_a_redirect(self, http: HttpxHttp, web: Web) -> None:
        """It could lead anywhere."""
        web.answer = b"HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n"
        response = await get(http, web.url)

        assert (302, 1) == (response.status, len(web.requests))

    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "gopher://localhost/",
            "http://",
            "localhost",
            "http://user:secret@localhost/",
            "http://local\x00host/",
        ],
    )
    async def test_to_what_is_no_web_address_is_refused(self, http: HttpxHttp, url: str) -> None:
        """For good: it will not be one later."""
        with pytest.raises(HttpRefused):
            await get(http, url)

    async def test_with_a_broken_header_is_refused(self, http: HttpxHttp, web: Web) -> None:
        """A line break would begin another header."""
        with pytest.raises((HttpRefused, HttpUnreachable)):
            await get(http, web.url, one="1\r\ntwo: 2")

        assert [] == [request for request in web.requests if b"two: 2" in request]

    async def test_that_nobody_answers_is_given_up_in_time(self, http: HttpxHttp, web: Web) -> None:
        """A silent server must not hold a slot for ever."""
        web.stays_silent = True

        with pytest.raises(HttpUnreachable, match=r"within 0\.2 s"):
            await get(http, web.url, timedelta(seconds=0.2))


class TestAnAnswer:
    async def test_of_the_largest_size_is_read(self, http: HttpxHttp, web: Web) -> None:
        """The limit itself is within the limit."""
        web.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * MAX_RESPONSE_BYTES
        response = await get(http, web.url)

        assert MAX_RESPONSE_BYTES == len(response.body)

    async def test_that_is_larger_is_cut_off(self, http: HttpxHttp, web: Web) -> None:
        """Without a length in its head, too."""
        web.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_RESPONSE_BYTES + 1)

        with pytest.raises(HttpTooLarge):
            await get(http, web.url)

    async def test_in_gzip_is_unpacked(self, http: HttpxHttp, web: Web) -> None:
        """Up to the limit, in as many members as it has."""
        members = gzip.compress(b"x" * (MAX_RESPONSE_BYTES - 1)) + gzip.compress(b"y")
        web.answer = compressed(members)
        response = await get(http, web.url)

        assert (b"y", MAX_RESPONSE_BYTES) == (response.body[-1:], len(response.body))
        assert b"accept-encoding: gzip" in web.requests[0].lower()

    @pytest.mark.parametrize(
        "packed",
        [
            gzip.compress(b"0" * (MAX_RESPONSE_BYTES + 1)),
            gzip.compress(b"0" * MAX_RESPONSE_BYTES) + gzip.compress(b"0"),
            gzip.compress(b"0" * 100_000_000),
            gzip.compress(b"") * 20_000,
        ],
        ids=["larger", "in two", "a bomb", "many empty ones"],
    )
    async def test_that_becomes_too_large_is_refused(
        self, http: HttpxHttp, web: Web, packed: bytes
    ) -> None:
        """However small it came; no more than the limit is ever made of it."""
        web.answer = compressed(packed)
        tracemalloc.start()
        with pytest.raises(HttpTooLarge):
            await get(http, web.url)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert most < 8 * MAX_RESPONSE_BYTES

    @pytest.mark.parametrize(
        "packed", [b"zip", gzip.compress(b"x" * 99)[:-9], b"\x1f\x8b"], ids=["none", "cut", "begun"]
    )
    async def test_in_broken_gzip_is_unreachable(
        self, http: HttpxHttp, web: Web, packed: bytes
    ) -> None:
        """As one that breaks off: the next may be whole."""
        web.answer = compressed(packed)

        with pytest.raises(HttpUnreachable):
            await get(http, web.url)

    @pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
    async def test_in_a_compression_nobody_asked_for_is_refused(
        self, http: HttpxHttp, web: Web, encoding: str
    ) -> None:
        """A small answer could become a large one."""
        web.answer = compressed(b"zip", encoding)

        with pytest.raises(HttpTooLarge):
            await get(http, web.url)

    async def test_that_breaks_off_is_unreachable(self, http: HttpxHttp, web: Web) -> None:
        """Half an answer is none."""
        web.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi"

        with pytest.raises(HttpUnreachable):
            await get(http, web.url)


class TestAServerWithACertificate:
    @pytest.mark.parametrize("name", ["localhost", "elsewhere"])
    async def test_that_is_not_whom_it_should_be_is_told_nothing(
        self, http: HttpxHttp, tmp_path: Path, name: str
    ) -> None:
        """Signed by nobody who is believed, or for somebody else: not a byte of the request."""
        files = Authority(tmp_path).sign("server", x509.DNSName(name))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.cert, files.key)
        web = Web()
        server = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(HttpUnreachable, match="certificate"):
                await get(http, f"https://localhost:{port}/", authorization="Bearer swordfish")

        assert [] == web.requests

    async def test_is_asked_for_by_its_name_and_believed_for_it_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The address that is connected to is no name of its own."""
        authority = Authority(tmp_path)
        believed = ssl.create_default_context(cafile=str(authority.file))
        monkeypatch.setattr(httpx_http, "_authorities", lambda: believed)
        files = authority.sign("server", x509.DNSName("localhost"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.cert, files.key)
        asked: list[str | None] = []
        context.sni_callback = lambda _, name, __: asked.append(name)
        web = Web()
        server = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        client = HttpxHttp(AllowedAddresses(THIS_MACHINE), max_connections=2)
        async with server:
            response = await get(client, f"https://localhost:{port}/")
            with pytest.raises(HttpUnreachable, match="certificate"):
                await get(client, f"https://127.0.0.1:{port}/")
            await client.close()

        assert (200, ["localhost", None]) == (response.status, asked)


class TestARequestOfATracedAttempt:
    @pytest.mark.parametrize(
        ("headers", "brought"),
        [({}, f"00-{TRACE}-"), ({"TraceParent": "of-the-definition"}, "of-the-definition")],
    )
    async def test_brings_the_trace_along_once(
        self, web: Web, http: HttpxHttp, headers: dict[str, str], brought: str
    ) -> None:
        """Who is asked goes on in the trace, unless the definition has something else in mind."""
        with traced() as kept:
            await get(http, f"{web.url}/?token=canary", SOON, **headers)

        (sent,) = web.requests
        lines = [line for line in sent.decode().splitlines() if line.lower().startswith("tracep")]
        assert [True] == [brought in line for line in lines]
        asking, _ = kept.get_finished_spans()
        assert ("GET", 200) == (asking.name, (asking.attributes or {})["http.response.status_code"])
        assert "canary" not in asking.to_json()

    async def test_says_that_it_failed_and_not_with_what_words(
        self, web: Web, http: HttpxHttp
    ) -> None:
        """Words of a driver may repeat what was sent."""
        web.answer = b""
        with traced() as kept, pytest.raises(HttpUnreachable):
            await get(http, f"{web.url}/?token=canary")

        asking, _ = kept.get_finished_spans()
        assert "HttpUnreachable" == (asking.attributes or {})["error.type"]
        assert not asking.status.is_ok
        assert (None, ()) == (asking.status.description, asking.events)
        assert "canary" not in asking.to_json()


@contextmanager
def traced() -> Iterator[InMemorySpanExporter]:
    """An attempt whose trace is kept; its spans, the attempt's last."""
    task = replace(a_task(), trace_parent=f"00-{TRACE}-00f067aa0ba902b7-01")
    with kept_spans() as kept:
        span = attempt_spans.attempt(task, task.run_at)
        assert span is not None
        try:
            yield kept
        finally:
            span.end()
