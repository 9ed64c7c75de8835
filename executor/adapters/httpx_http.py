"""
HTTP by httpx: addresses are resolved once, all of them checked, and the checked one
connected to, with the name as Host and SNI. No proxies from the environment, no
redirects, no encodings that hide a size.
"""

import asyncio
import socket
from collections.abc import Mapping
from datetime import timedelta

import httpx

from executor.adapters.allowed_addresses import AllowedAddresses
from executor.ports.http import (
    MAX_RESPONSE_BYTES,
    HttpRefused,
    HttpResponse,
    HttpTooLarge,
    HttpUnreachable,
)

SCHEMES = frozenset({"http", "https"})
PLAIN = ("", "identity")

# What decides whom we talk to, and how a message ends, is not the definition's to set.
RESERVED_HEADERS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"}
)


class HttpxHttp:
    def __init__(self, allowed: AllowedAddresses, *, max_connections: int) -> None:
        self._allowed = allowed
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=max_connections),
            headers={"user-agent": "foliot", "accept-encoding": "identity"},
            # The whole exchange has one limit, below.
            timeout=None,  # noqa: S113
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: timedelta,
    ) -> HttpResponse:
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await self._exchange(method, url, headers, body)
        except TimeoutError:
            raise HttpUnreachable(f"no answer within {within.total_seconds():g} s") from None
        except httpx.HTTPError as error:
            raise HttpUnreachable(f"{type(error).__name__}: {error}") from error
        except (httpx.InvalidURL, ValueError) as error:
            raise HttpRefused(f"the request cannot be sent: {error}") from error

    async def close(self) -> None:
        await self._client.aclose()

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpResponse:
        target = _checked(url)
        address = await self._resolved(target)
        request = self._client.build_request(
            method,
            target.copy_with(host=address, username="", password=""),
            headers={
                **{name: value for name, value in headers.items() if _may_be_set(name)},
                "host": target.netloc.decode("ascii"),
            },
            content=body,
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        # Cookies of one task are none of the next one's business.
        self._client.cookies.clear()
        response = await self._client.send(request, stream=True)
        try:
            return HttpResponse(
                status=response.status_code,
                headers=dict(response.headers),
                body=await _body_of(response),
            )
        finally:
            await response.aclose()

    async def _resolved(self, target: httpx.URL) -> str:
        """An address of the host; all of them must be allowed."""
        host = target.host
        port = target.port or (443 if target.scheme == "https" else 80)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise HttpUnreachable(f"the name {host!r} cannot be resolved: {error}") from error
        addresses = [str(address[0]) for *_, address in found]
        for address in addresses:
            if not self._allowed.allows(host, address):
                raise HttpRefused(
                    f"{host!r} is not on the public internet;"
                    " an operator can allow it by FOLIOT_HTTP_ALLOW"
                )
        return addresses[0]


def _checked(url: str) -> httpx.URL:
    target = httpx.URL(url)
    if target.scheme not in SCHEMES:
        raise HttpRefused(f"the scheme {target.scheme!r} is none of {', '.join(sorted(SCHEMES))}")
    if not target.host:
        raise HttpRefused("the url has no host")
    if target.userinfo:
        raise HttpRefused("the url holds a password; use an Authorization header")
    return target


def _may_be_set(name: str) -> bool:
    return name.lower() not in RESERVED_HEADERS and name.lower() != "accept-encoding"


async def _body_of(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "").strip().lower() not in PLAIN:
        raise HttpTooLarge("the answer is compressed although no encoding was accepted")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise HttpTooLarge(f"the answer is larger than {MAX_RESPONSE_BYTES} bytes")
    return bytes(body)
