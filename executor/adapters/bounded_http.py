"""
An HTTP client for SDKs: what comes back is bounded, no redirect is followed, and nothing of the
environment, be it a proxy or a password file, has a say.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx2

from executor.ports.llm import MAX_REPLY_BYTES


def bounded_client(max_bytes: int = MAX_REPLY_BYTES) -> httpx2.AsyncClient:
    """A client for several calls at once; close it in the end."""
    return httpx2.AsyncClient(
        transport=_Bounded(httpx2.AsyncHTTPTransport(trust_env=False, retries=0), max_bytes),
        trust_env=False,
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
        # Each call has one limit for all of it.
        timeout=None,
    )


class TooLarge(httpx2.TransportError):
    """The answer is larger than it may be, or in an encoding that hides its size."""


class _Bounded(httpx2.AsyncBaseTransport):
    def __init__(self, inner: httpx2.AsyncBaseTransport, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # SDKs ask for encodings that would be taken apart after they were counted.
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            await response.aclose()
            raise TooLarge("the answer is compressed although no encoding was accepted")
        stream: Any = response.stream
        return httpx2.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_BoundedStream(stream, self._max_bytes),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for chunk in self._inner:
            count += len(chunk)
            if count > self._max_bytes:
                raise TooLarge(f"the answer is larger than {self._max_bytes} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
