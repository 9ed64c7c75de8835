"""
HTTP by httpx, over checked connections. No proxies from the environment, no cookies, and of
redirects only those that were asked for, each looked at like a request of its own.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import timedelta
from functools import cache, partial

import httpcore
import httpx

from executor.adapters.allowed_addresses import AllowedAddresses
from executor.adapters.answer_bodies import ACCEPTED, body_of
from executor.adapters.checked_connections import (
    CheckedConnections,
    Resolve,
    is_about_certificates,
    resolve,
)
from executor.adapters.redirects import followed
from executor.adapters.web_addresses import Target, WebAddresses
from executor.ports.http import (
    MAX_RESPONSE_BYTES,
    HttpRefused,
    HttpResponse,
    HttpUnreachable,
)
from shared.ids import TenantId
from shared.telemetry import attempt_spans
from shared.telemetry.span_names import SpanAttribute
from shared.trace_parents import TRACE_PARENT

MAX_KEPT_CONNECTIONS = 20
"""How many connections stay open that nobody uses, for whoever goes there next."""

ERRORS = 400
"""The first status that says that a request was not carried out."""

# What decides whom we talk to, and how a message ends, is not the definition's to set.
RESERVED_HEADERS = frozenset(
    {
        *("host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"),
        *("accept-encoding", "proxy-authorization", "proxy-connection", "keep-alive", "expect"),
    }
)

_BROKEN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.ConnectionNotAvailable,
    httpx.HTTPError,
    httpx.StreamError,
)


class HttpxHttp:
    def __init__(
        self,
        allowed: AllowedAddresses,
        *,
        max_connections: int,
        addresses: WebAddresses | None = None,
        listeners: Collection[tuple[str, int]] = (),
        resolver: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """`resolver` and `network` are this machine's, unless a test brings others."""
        self._addresses = addresses or WebAddresses()
        self._client = httpx.AsyncClient(
            transport=_Transport(
                httpcore.AsyncConnectionPool(
                    ssl_context=_authorities(),
                    max_connections=max_connections,
                    max_keepalive_connections=MAX_KEPT_CONNECTIONS,
                    keepalive_expiry=5.0,
                    network_backend=CheckedConnections(
                        allowed, listeners, resolver=resolver, network=network
                    ),
                )
            ),
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": "foliot", "accept-encoding": ACCEPTED},
            # The whole exchange has one limit, below.
            timeout=None,  # noqa: S113
        )

    async def request(
        self,
        tenant_id: TenantId,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: timedelta,
        redirects: int = 0,
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> HttpResponse:
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await followed(
                    partial(self._exchange, max_bytes),
                    self._addresses,
                    tenant_id,
                    method,
                    url,
                    headers,
                    body,
                    redirects,
                )
        except TimeoutError:
            raise HttpUnreachable(f"no answer within {within.total_seconds():g} s") from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _exchange(
        self,
        max_bytes: int,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> HttpResponse:
        with attempt_spans.http(method, target.host, target.port) as span:
            # What the definition says goes first.
            if span.trace_parent is not None and TRACE_PARENT not in map(str.lower, headers):
                headers = {**headers, TRACE_PARENT: span.trace_parent}
            response = await self._exchanged(max_bytes, method, target, headers, body)
            span.set_attribute(SpanAttribute.HTTP_STATUS, response.status)
            if response.status >= ERRORS:
                span.failed(str(response.status))
            return response

    async def _exchanged(
        self,
        max_bytes: int,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> HttpResponse:
        # Cookies of one task are none of the next one's business.
        self._client.cookies.clear()
        try:
            request = self._client.build_request(
                method,
                target.url,
                headers={k: v for k, v in headers.items() if k not in RESERVED_HEADERS},
                content=body,
            )
            response = await self._client.send(request, stream=True)
            try:
                return HttpResponse(
                    status=response.status_code,
                    headers=dict(response.headers),
                    body=await body_of(response, max_bytes),
                )
            finally:
                await response.aclose()
        except httpcore.LocalProtocolError:
            raise HttpRefused("the request cannot be sent: a header or the url is none") from None
        except _BROKEN as error:
            if is_about_certificates(error):
                raise HttpUnreachable(
                    f"the certificate of {target.host!r} does not say that it is this server's"
                ) from error
            raise HttpUnreachable(f"the connection to {target.host!r} broke off") from error
        except (httpx.InvalidURL, ValueError, TypeError):
            raise HttpRefused("the request cannot be sent: a header or the url is none") from None


@cache
def _authorities() -> ssl.SSLContext:
    """Whose certificates are believed: read once, for it takes a while."""
    return httpx.create_ssl_context(trust_env=False)


class _Transport(httpx.AsyncBaseTransport):
    """httpx over a pool of ours, for it takes none in which connections are made otherwise."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Stream(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()
