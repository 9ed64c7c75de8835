"""What every way into the web promises, kept by the one in memory and by httpx."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from executor.adapters.allowed_addresses import THIS_MACHINE, AllowedAddresses
from executor.adapters.httpx_http import HttpxHttp
from executor.adapters.memory_http import Asked, MemoryHttp, Page
from executor.adapters.web_addresses import WebAddresses, WebRules
from executor.ports.http import (
    MAX_REDIRECTS,
    MAX_RESPONSE_BYTES,
    Http,
    HttpPort,
    HttpRefused,
    HttpResponse,
    HttpTooLarge,
    HttpUnreachable,
)
from shared.ids import TenantId

ACME, GLOBEX, STRICT = TenantId("acme"), TenantId("globex"), TenantId("strict")
SOON = timedelta(seconds=10)


@dataclass
class World:
    """Two origins with pages, and a way there."""

    here: str
    there: str
    pages: dict[str, Page]
    port: HttpPort
    asked: list[Asked] = field(default_factory=list)

    async def request(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        tenant_id: TenantId = ACME,
        within: timedelta = SOON,
        redirects: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """A request as a handler makes it."""
        return await Http(self.port, tenant_id).request(
            method,
            path if "//" in path else self.here + path,
            headers=headers or {},
            body=body,
            within=within,
            redirects=redirects,
        )


def rules(host: str) -> WebAddresses:
    """The tenant `strict` may reach one host, and by https only."""
    return WebAddresses({STRICT: WebRules(schemes=frozenset({"https"}), hosts=(host,))})


@asynccontextmanager
async def in_memory() -> AsyncIterator[World]:
    """Pages that are called."""
    pages: dict[str, Page] = {}
    port = MemoryHttp(pages, rules("one.example"))
    yield World("http://one.example", "http://two.example", pages, port, port.asked)


@asynccontextmanager
async def by_httpx() -> AsyncIterator[World]:
    """Pages of two servers on this machine."""
    http = HttpxHttp(
        AllowedAddresses(THIS_MACHINE), max_connections=4, addresses=rules("127.0.0.1")
    )
    world = World("", "", {}, http)
    urls: dict[int, str] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0"))) or None
            url = urls[writer.get_extra_info("sockname")[1]] + path
            asked = Asked(tenant_id=ACME, method=method, url=url, headers=headers, body=body)
            world.asked.append(asked)
            answer = world.pages[url.partition("?")[0]](asked)
            if answer is None:
                await reader.read()
                return
            lines = [f"HTTP/1.1 {answer.status} x", f"content-length: {len(answer.body)}"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + answer.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    servers = [await asyncio.start_server(serve, "127.0.0.1", 0) for _ in range(2)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    urls |= {port: f"http://127.0.0.1:{port}" for port in ports}
    world.here, world.there = urls.values()
    try:
        yield world
    finally:
        await http.close()
        for server in servers:
            server.close()


@pytest.fixture(params=[in_memory, by_httpx])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """One of the two."""
    async with request.param() as it:
        yield it


def saying(status: int = 200, body: bytes = b"", **headers: str) -> Page:
    """A page that says the same to everybody."""
    return lambda _: HttpResponse(status=status, headers=headers, body=body)


def leading(status: int, to: Callable[[], str]) -> Page:
    """A page that leads elsewhere."""
    return lambda _: HttpResponse(status=status, headers={"location": to()}, body=b"")


class TestARequest:
    async def test_arrives_as_it_was_made_and_is_answered(self, world: World) -> None:
        """Method, query, headers and body; and whatever the status is, it is an answer."""
        world.pages[f"{world.here}/a"] = saying(418, b"short and stout", x_tea="pot")
        answer = await world.request("/a?b=c", method="PUT", body=b"tea", headers={"X-One": "1"})
        [asked] = world.asked

        assert (418, b"short and stout") == (answer.status, answer.body)
        assert "pot" == answer.headers["x_tea"]
        assert ("PUT", f"{world.here}/a?b=c", b"tea", "1") == (
            asked.method,
            asked.url,
            asked.body,
            asked.headers["x-one"],
        )

    async def test_to_where_nobody_is_may_succeed_later(self, world: World) -> None:
        """It is not refused, but unreachable."""
        with pytest.raises(HttpUnreachable):
            await world.request("http://127.0.0.1:1/")

    async def test_that_nobody_answers_ends_in_time(self, world: World) -> None:
        """A silent server holds nobody for ever."""
        world.pages[f"{world.here}/a"] = lambda _: None

        with pytest.raises(HttpUnreachable, match=r"within 0\.1 s"):
            await world.request("/a", within=timedelta(seconds=0.1))

    @pytest.mark.parametrize(
        "url",
        ["ftp://example.com/", "//", "http://", "http://a:b@example.com/", "http://0x7f.1/"],
    )
    async def test_to_what_is_no_url_of_the_web_is_refused(self, world: World, url: str) -> None:
        """For good, before anybody is asked."""
        with pytest.raises(HttpRefused):
            await world.request(url)

    async def test_of_a_tenant_with_rules_stays_within_them(self, world: World) -> None:
        """By scheme and by host; others are free."""
        world.pages[f"{world.here}/a"] = saying()
        for url in (f"{world.here}/a", "https://elsewhere.example/"):
            with pytest.raises(HttpRefused, match="FOLIOT_HTTP_TENANTS"):
                await world.request(url, tenant_id=STRICT)

        assert 200 == (await world.request("/a", tenant_id=GLOBEX)).status


class TestAnAnswer:
    async def test_has_a_largest_size(self, world: World) -> None:
        """The limit is within the limit."""
        world.pages[f"{world.here}/a"] = saying(body=b"x" * MAX_RESPONSE_BYTES)
        world.pages[f"{world.here}/b"] = saying(body=b"x" * (MAX_RESPONSE_BYTES + 1))

        assert MAX_RESPONSE_BYTES == len((await world.request("/a")).body)
        with pytest.raises(HttpTooLarge):
            await world.request("/b")


class TestARedirect:
    async def test_is_the_answer_unless_asked_for(self, world: World) -> None:
        """Whoever follows has to say so."""
        world.pages[f"{world.here}/a"] = leading(302, lambda: "/b")

        assert 302 == (await world.request("/a")).status

    @pytest.mark.parametrize(
        ("status", "method", "becomes", "body"),
        [
            (301, "POST", "GET", None),
            (302, "POST", "GET", None),
            (303, "PUT", "GET", None),
            (307, "POST", "POST", b"tea"),
            (308, "PUT", "PUT", b"tea"),
            (302, "HEAD", "HEAD", b"tea"),
        ],
    )
    async def test_is_followed_as_its_status_says(
        self, world: World, status: int, method: str, becomes: str, body: bytes | None
    ) -> None:
        """Within an origin everything is told again."""
        world.pages[f"{world.here}/a"] = leading(status, lambda: "/b")
        world.pages[f"{world.here}/b"] = saying(204)
        answer = await world.request(
            "/a", method=method, body=b"tea", redirects=1, headers={"x-key": "k"}
        )

        assert (204, becomes, body, "k") == (
            answer.status,
            world.asked[1].method,
            world.asked[1].body,
            world.asked[1].headers["x-key"],
        )

    async def test_takes_no_credential_to_another_origin(self, world: World) -> None:
        """Whatever the header is called in which it is."""
        world.pages[f"{world.here}/a"] = leading(302, lambda: f"{world.there}/b")
        world.pages[f"{world.there}/b"] = leading(302, lambda: f"{world.here}/c")
        world.pages[f"{world.here}/c"] = saying()
        secrets = {"authorization": "1", "cookie": "2", "x-api-key": "3", "idempotency-key": "4"}
        await world.request("/a", redirects=2, headers={"accept": "text/plain", **secrets})
        told = [asked.headers.keys() & secrets.keys() for asked in world.asked]

        assert [4, 0, 0] == [len(one) for one in told]
        assert "text/plain" == world.asked[2].headers["accept"]

    async def test_takes_no_body_to_another_origin(self, world: World) -> None:
        """It is refused: without its body it would be another request."""
        world.pages[f"{world.here}/a"] = leading(307, lambda: f"{world.there}/b")
        world.pages[f"{world.there}/b"] = saying()

        with pytest.raises(HttpRefused, match="another origin"):
            await world.request("/a", method="POST", body=b"secret", redirects=5)
        assert 1 == len(world.asked)

    @pytest.mark.parametrize(
        "to", ["ftp://example.com/", "http://a:b@example.com/", "http://[", "http://2130706433/"]
    )
    async def test_leads_nowhere_where_nobody_may_go(self, world: World, to: str) -> None:
        """Each is looked at as if it had been asked for itself."""
        world.pages[f"{world.here}/a"] = leading(302, lambda: to)

        with pytest.raises(HttpRefused):
            await world.request("/a", redirects=5)

    async def test_is_followed_so_often_and_no_more(self, world: World) -> None:
        """Round and round ends with the redirect as the answer."""
        world.pages[f"{world.here}/a"] = leading(302, lambda: "/a")
        answer = await world.request("/a", redirects=1_000)

        assert (302, MAX_REDIRECTS + 1) == (answer.status, len(world.asked))
