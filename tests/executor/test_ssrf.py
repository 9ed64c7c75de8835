"""
Requests that are made to reach what only this machine can: every form of such an address, names
that change their mind, redirects, and what is foliot's own.

A listening socket counts who came. None of it may be one.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpcore
import pytest

from executor.adapters.allowed_addresses import THIS_MACHINE, AllowedAddresses
from executor.adapters.checked_connections import Resolve, resolve
from executor.adapters.httpx_http import HttpxHttp
from executor.bootstrap.web import listeners_of
from executor.ports.http import HttpRefused, HttpResponse, HttpUnreachable
from shared.errors import FoliotError
from shared.ids import TenantId
from shared.settings import Settings

ACME = TenantId("acme")
WITHIN = timedelta(seconds=10)
PUBLIC = "93.184.216.34"

THIS_MACHINE_WRITTEN = [
    *("127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "[::1]", "[::]"),
    *("0.0.0.0", "127.0.0.1.", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[::1%25lo]", "[fe80::1%25lo]", "[fe80::1]"),
]
NOT_CANONICAL = [
    *("127.1", "127.0.1", "0", "2130706433", "0x7f000001", "0x7f.1", "0x7F.0.0.1", "0X7f.0x1"),
    *("017700000001", "0177.0.0.1", "0177.1", "127.0.0.01", "127.000.000.001", "127.0.0.0x1"),
    *("00000127.0.0.1", "4294967296", "127.0.0.256", "1.2.3.4.5", "0x", "①②⑦.⓪.⓪.①"),
    *("１２７.０.０.１", "127。0。0。1", "127．0．0．1", "127%2e0.0.1", "%31%32%37.0.0.1"),
    *("loc\u00adalhost", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "localhost%00", "localhost%23.example.com", "127.0.0.1%20"),
]
NOT_PUBLIC = [
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "0.1.2.3"),
    *("100.64.0.1", "100.100.100.200", "100.127.255.255"),  # carriers' NAT, a cloud's metadata
    *("169.254.169.254", "168.63.129.16", "192.0.0.192", "[fd00:ec2::254]", "[fd20:ce::254]"),
    *("[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::ffff:10.0.0.1]"),
    *("[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]"),  # NAT64
    *("[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "192.88.99.1"),  # 6to4
    *("[2001::7f00:1]", "[2001:0:7f00:1:0:0:80ff:fffe]"),  # Teredo
    *("[fec0::1]", "[fc00::1]", "[fe80::a]", "[ff02::1]", "224.0.0.1", "239.255.255.250"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "[2001:db8::1]", "[100::1]"),  # examples
    *("198.18.0.1", "240.0.0.1", "255.255.255.255", "[5f00::1]", "[4000::1]", "[::2]"),
]
HIDING = [
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://127.0.0.1:{port}?@example.com/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http://127.0.0.1:{port}:80/",
    "http://127.0.0.1 :{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1\r\nhost: x:{port}/",
    " http://127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET",
    "file:///etc/passwd",
    "unix:///tmp/socket",
    "http+unix://%2ftmp%2fsocket/",
    "ws://127.0.0.1:{port}/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
]


@dataclass
class Counting:
    """A socket of this machine, of both kinds, that counts who comes."""

    port: int
    came: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def counting() -> Iterator[Counting]:
    """Listens on every address there is, in a thread; answers everybody."""
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    it = Counting(listener.getsockname()[1])

    def accept() -> None:
        while True:
            try:
                peer, address = listener.accept()
            except OSError:
                return
            it.came.append(str(address[0]))
            with peer:
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield it
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


@pytest.fixture(autouse=True)
def nobody_before(counting: Counting) -> None:
    """Each test counts for itself."""
    counting.came.clear()


@asynccontextmanager
async def reaching(*allow: str, **options: Any) -> AsyncIterator[Callable[..., Any]]:
    """A way into the web."""
    http = HttpxHttp(AllowedAddresses(allow), max_connections=4, **options)

    async def get(url: str, redirects: int = 0) -> HttpResponse:
        return await http.request(
            ACME, "GET", url, headers={}, body=None, within=WITHIN, redirects=redirects
        )

    try:
        yield get
    finally:
        await http.close()


async def end_of(asking: Awaitable[HttpResponse]) -> object:
    """The status of the answer, or how there was none."""
    try:
        return (await asking).status
    except FoliotError as error:
        return type(error)


class TestAnAddress:
    @pytest.mark.parametrize(
        "hosts", [THIS_MACHINE_WRITTEN, NOT_CANONICAL, NOT_PUBLIC], ids=["this", "odd", "private"]
    )
    async def test_that_is_not_public_is_not_connected_to(
        self, counting: Counting, hosts: Sequence[str]
    ) -> None:
        """Refused for good, in whatever form it is written."""
        async with reaching() as get:
            ended = {host: await end_of(get(f"http://{host}:{counting.port}/")) for host in hosts}

        assert dict.fromkeys(hosts, HttpRefused) == ended
        assert [] == counting.came

    async def test_in_a_form_of_its_own_is_not_even_where_it_would_be_allowed(
        self, counting: Counting
    ) -> None:
        """Which address it is depends on who reads it."""
        async with reaching(*THIS_MACHINE, "0.0.0.0/0", "::/0") as get:
            ended = {
                host: await end_of(get(f"http://{host}:{counting.port}/")) for host in NOT_CANONICAL
            }

        assert dict.fromkeys(NOT_CANONICAL, HttpRefused) == ended
        assert [] == counting.came

    async def test_that_hides_in_a_url_is_not_found_there(self, counting: Counting) -> None:
        """Between what a person reads and what a program connects to."""
        async with reaching() as get:
            ended = {url: await end_of(get(url.format(port=counting.port))) for url in HIDING}

        assert dict.fromkeys(HIDING, HttpRefused) == ended
        assert [] == counting.came

    async def test_that_is_allowed_is_counted(self, counting: Counting) -> None:
        """Or the others here would prove nothing."""
        async with reaching(*THIS_MACHINE) as get:
            for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
                await get(f"http://{host}:{counting.port}/")

        assert 4 == len(counting.came)


class Network(httpcore.AsyncNetworkBackend):
    """
    A network in which every address leads to one port of this machine, and which writes down
    which it was asked for. A stream says that it is where it was asked for, or at `lying`.
    """

    def __init__(self, port: int, lying: str | None = None) -> None:
        self.asked: list[str] = []
        self._port = port
        self._lying = lying
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Lead to the one port."""
        self.asked.append(host)
        stream = await self._real.connect_tcp("127.0.0.1", self._port, timeout)
        return Elsewhere(stream, (self._lying or host, port))


class Elsewhere(httpcore.AsyncNetworkStream):
    """A stream that says where its other end is."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, peer: tuple[str, int]) -> None:
        self._stream, self._peer = stream, peer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """As it is."""
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """As it is."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """As it is."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """Where the other end is."""
        return self._peer if info == "server_addr" else self._stream.get_extra_info(info)


def answering(*answers: Sequence[str]) -> tuple[Resolve, list[str]]:
    """A resolver with an answer for each time it is asked, the last again and again."""
    left, asked = list(answers), []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve, asked


class TestAName:
    async def test_that_changes_its_mind_is_asked_once_a_connection(
        self, counting: Counting
    ) -> None:
        """What was looked at is what is connected to; its second answer is looked at as well."""
        resolver, asked = answering([PUBLIC], ["127.0.0.1"])
        network = Network(counting.port)
        async with reaching(resolver=resolver, network=network) as get:
            answer = await get("http://rebind.example/")
            with pytest.raises(HttpRefused):
                await get("http://rebind.example/")

        assert (200, ["rebind.example"] * 2, [PUBLIC]) == (answer.status, asked, network.asked)

    @pytest.mark.parametrize(
        "answer",
        [
            ["127.0.0.1", PUBLIC],
            [PUBLIC, "127.0.0.1"],
            [PUBLIC, "::1"],
            [PUBLIC, "::ffff:169.254.169.254"],
            [PUBLIC, "fe80::1%eth0"],
        ],
    )
    async def test_with_one_address_inside_is_refused_whole(
        self, counting: Counting, answer: Sequence[str]
    ) -> None:
        """Or it would be a matter of which one is tried."""
        resolver, _ = answering(answer)
        network = Network(counting.port)
        async with reaching(resolver=resolver, network=network) as get:
            with pytest.raises(HttpRefused):
                await get("http://mixed.example/")

        assert ([], []) == (network.asked, counting.came)

    @pytest.mark.parametrize("answer", [[], None])
    async def test_without_an_address_may_have_one_later(
        self, counting: Counting, answer: Sequence[str] | None
    ) -> None:
        """A name server that is down is no refusal."""

        async def resolver(host: str, port: int) -> Sequence[str]:
            if answer is None:
                raise socket.gaierror(socket.EAI_AGAIN, "try again")
            return answer

        async with reaching(resolver=resolver) as get:
            with pytest.raises(HttpUnreachable, match="cannot be resolved"):
                await get("http://nowhere.example/")

    async def test_does_not_take_over_the_connection_of_another(self, counting: Counting) -> None:
        """Two names at one address are two servers, and each shows its own certificate."""
        resolver, asked = answering([PUBLIC])
        network = Network(counting.port)
        async with reaching(resolver=resolver, network=network) as get:
            await get("http://one.example/")
            await get("http://two.example/")

        assert ["one.example", "two.example"] == asked


class TestAConnection:
    async def test_that_ends_up_elsewhere_is_told_nothing(self, counting: Counting) -> None:
        """A route, a proxy or a bug: whoever is there instead gets no byte of the request."""
        resolver, _ = answering([PUBLIC])
        network = Network(counting.port, lying="10.0.0.1")
        async with reaching(resolver=resolver, network=network) as get:
            with pytest.raises(HttpRefused, match="not checked"):
                await get("http://example.com/")

        assert [PUBLIC] == network.asked

    async def test_tries_the_next_address_if_one_takes_none(self, counting: Counting) -> None:
        """A name has several so that one may be down."""

        class Down(Network):
            async def connect_tcp(self, host: str, *rest: Any) -> httpcore.AsyncNetworkStream:
                if host == "93.184.216.35":
                    raise httpcore.ConnectError
                return await super().connect_tcp(host, *rest)

        resolver, _ = answering(["93.184.216.35", PUBLIC])
        async with reaching(resolver=resolver, network=Down(counting.port)) as get:
            assert 200 == (await get("http://example.com/")).status


class TestARedirect:
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0177.1", "169.254.169.254"]
    )
    async def test_leads_nowhere_inside(self, counting: Counting, host: str) -> None:
        """Each hop is looked at as if it had been asked for itself."""
        redirecting = await redirecting_to(f"http://{host}:{counting.port}/")
        port = redirecting.sockets[0].getsockname()[1]

        # The server that redirects is public, by its name; what it leads to is not.
        async def resolver(name: str, to: int) -> Sequence[str]:
            return [PUBLIC] if name == "public.example" else await resolve(name, to)

        async with redirecting, reaching(resolver=resolver, network=Network(port)) as get:
            answer = await get("http://public.example/")
            with pytest.raises(HttpRefused):
                await get("http://public.example/", redirects=3)

        assert (302, []) == (answer.status, counting.came)


async def redirecting_to(url: str) -> asyncio.Server:
    """A server that leads there."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 302 x\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


class TestWhatIsOurs:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
    @pytest.mark.parametrize("own", ["127.0.0.1", "localhost", "0.0.0.0"])
    async def test_is_not_for_tasks_even_where_this_machine_is_allowed(
        self, counting: Counting, host: str, own: str
    ) -> None:
        """The control plane trusts whoever is on this machine more than others."""
        listeners = [(own, counting.port)]
        async with reaching(*THIS_MACHINE, listeners=listeners) as get:
            with pytest.raises(HttpRefused, match="part of foliot"):
                await get(f"http://{host}:{counting.port}/")

        assert [] == counting.came

    async def test_is_nothing_else_at_the_same_port(self, counting: Counting) -> None:
        """A web server elsewhere may use what is ours here."""
        resolver, _ = answering([PUBLIC])
        listeners = [("10.0.0.1", 80)]
        network = Network(counting.port)

        async def others(host: str, port: int) -> Sequence[str]:
            return ["10.0.0.1"] if host == "10.0.0.1" else await resolver(host, port)

        async with reaching(resolver=others, network=network, listeners=listeners) as get:
            assert 200 == (await get("http://example.com/")).status

    def test_is_where_the_settings_say(self) -> None:
        """The database, Redis and the control plane; what is a file needs no rule."""
        settings = Settings(
            database_url="postgresql://me:secret@db.internal,standby.internal:6432/foliot",
            redis_url="rediss://cache.internal",
            control_plane="[::1]:7233",
        )
        files = Settings(
            database_url="postgresql:///foliot?host=/run/postgresql",
            redis_url="unix:///run/valkey",
            control_plane="unix:/run/foliot",
        )

        assert [
            ("db.internal", 5432),
            ("standby.internal", 6432),
            ("cache.internal", 6379),
            ("::1", 7233),
        ] == listeners_of(settings)
        assert [] == listeners_of(files)

    @pytest.mark.parametrize(
        ("target", "listeners"),
        [
            ("dns:///foliot.main.svc:7233", [("foliot.main.svc", 7233)]),
            ("dns:foliot.main.svc", [("foliot.main.svc", 7233)]),
            ("dns://10.0.0.53/foliot.main.svc:7000", [("foliot.main.svc", 7000)]),
            ("ipv4:10.0.0.1:7233,10.0.0.2:7234", [("10.0.0.1", 7233), ("10.0.0.2", 7234)]),
            ("ipv6:[fd00::1]:7233,[fd00::2]", [("fd00::1", 7233), ("fd00::2", 7233)]),
            ("unix-abstract:foliot", []),
            ("balancer:7233", [("balancer", 7233)]),
        ],
    )
    def test_is_where_a_target_of_grpc_leads(
        self, target: str, listeners: Sequence[tuple[str, int]]
    ) -> None:
        """By `dns:///` executors find all control planes; a tenant's request must find none."""
        assert listeners == listeners_of(Settings(control_plane=target))
