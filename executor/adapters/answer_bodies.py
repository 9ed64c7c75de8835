"""
The body of an answer, read as far as it may go: what it takes on the wire and what it becomes
are bounded alike, so that a small answer cannot become a large one.
"""

import zlib
from collections.abc import AsyncIterator

import httpx

from executor.ports.http import HttpTooLarge, HttpUnreachable

ACCEPTED = "gzip"
"""What requests say that they take."""

_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")
_AS_GZIP = 16 + zlib.MAX_WBITS


async def body_of(response: httpx.Response, max_bytes: int) -> bytes:
    """The body, unpacked. Raises HttpTooLarge, and HttpUnreachable if it breaks off."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in _PLAIN:
        return await _read(response.aiter_raw(), max_bytes)
    if encoding in _GZIP:
        return _unpacked(await _read(response.aiter_raw(), max_bytes), max_bytes)
    raise HttpTooLarge("the answer is compressed in a way that was not asked for")


async def _read(chunks: AsyncIterator[bytes], max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _unpacked(packed: bytes, max_bytes: int) -> bytes:
    """Of one or more members, as gzip has it. No more than a byte over the limit is made."""
    body = bytearray()
    while packed:
        member = zlib.decompressobj(_AS_GZIP)
        try:
            body += member.decompress(packed, max_bytes + 1 - len(body))
        except zlib.error:
            raise HttpUnreachable("the answer is broken: it is not in gzip as it says") from None
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        if not member.eof:
            raise HttpUnreachable("the answer breaks off in the middle")
        packed = member.unused_data
    return bytes(body)


def _too_large(max_bytes: int) -> HttpTooLarge:
    return HttpTooLarge(f"the answer is larger than {max_bytes} bytes")
