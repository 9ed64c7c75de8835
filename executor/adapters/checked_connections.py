"""
Connections to addresses that were looked at: a name is resolved once for each, every answer
has to be allowed, and what is connected to is one of those and nothing else.

Below the HTTP client, so that no name is looked up twice and a connection is used again only
for the name for which it was made and whose certificate it showed.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, TypeAlias

import httpcore

from executor.adapters.allowed_addresses import AllowedAddresses, unmapped
from executor.ports.http import HttpRefused, HttpUnreachable

MAX_ADDRESSES = 4
"""How many of a name's addresses are tried, one after the other."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses that a name has now. Raises OSError."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """By this machine's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class CheckedConnections(httpcore.AsyncNetworkBackend):
    """
    `listeners` are foliot's own, and its database's: hosts and ports that nobody reaches through
    here, whatever is allowed otherwise.
    """

    def __init__(
        self,
        allowed: AllowedAddresses,
        listeners: Collection[tuple[str, int]] = (),
        *,
        resolver: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed = allowed
        self._listeners = frozenset(listeners)
        self._resolve = resolver
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library names it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._checked(host, port)
        failed: Exception | None = None
        for address in addresses[:MAX_ADDRESSES]:
            try:
                stream = await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            if not _is_at(stream, address):
                await stream.aclose()
                raise HttpRefused(f"{host!r} was connected to at an address that was not checked")
            return stream
        raise HttpUnreachable(f"{host!r} takes no connection at port {port}") from failed

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the library's
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - the library's
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - the library's
    ) -> httpcore.AsyncNetworkStream:
        raise HttpRefused("sockets of this machine cannot be reached")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        """The host's addresses, all of which are allowed."""
        addresses = await self._addresses(host, port)
        if not addresses:
            raise HttpUnreachable(f"the name {host!r} cannot be resolved")
        for address in addresses:
            if not self._allowed.allows(host, address):
                raise HttpRefused(
                    f"{host!r} is not on the public internet;"
                    " an operator can allow it by FOLIOT_HTTP_ALLOW"
                )
        for own, own_port in self._listeners:
            if own_port == port and _meet(addresses, await self._addresses(own, port)):
                raise HttpRefused(f"{host!r} is at port {port} a part of foliot, and not for tasks")
        return addresses

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            return list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError):
            return ()


def is_about_certificates(error: BaseException) -> bool:
    """Whether a connection failed because of who the server says it is."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _is_at(stream: httpcore.AsyncNetworkStream, address: str) -> bool:
    """Whether the other end is where it should be."""
    peer = stream.get_extra_info("server_addr")
    return bool(peer) and _ip(str(peer[0])) == _ip(address)


def _meet(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether an address is in both. All of this machine's own are one."""
    mine, theirs = {_ip(one) for one in some}, {_ip(one) for one in others}
    return bool(mine & theirs) or (
        any(one.is_loopback or one.is_unspecified for one in mine)
        and any(one.is_loopback or one.is_unspecified for one in theirs)
    )


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return unmapped(ipaddress.ip_address(address.partition("%")[0]))
