"""Key sets of issuers, over HTTP and from files."""

import asyncio
import ssl
from pathlib import Path

import httpx

from control_plane.ports.key_source import MAX_KEY_SET_BYTES
from shared.certificates import read_authorities
from shared.errors import Unavailable

WITHIN_S = 5.0
"""From the look-up of the name to the last byte."""


class HttpKeySource:
    """
    Reads a URL. Follows no redirect, takes no proxy from the environment, decompresses
    nothing and reads no more than MAX_KEY_SET_BYTES.
    """

    def __init__(self, url: str, ca_file: str = "") -> None:
        """Raises InvalidRequest for authorities that cannot be read."""
        self._url = url
        self._context = httpx.create_ssl_context(trust_env=False)
        if ca_file:
            self._context = ssl.create_default_context(
                cadata=read_authorities(ca_file).decode("ascii", "replace")
            )

    async def read(self) -> bytes:
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._get()
        except TimeoutError:
            raise Unavailable(f"{self._url} has not answered within {WITHIN_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unavailable(f"{self._url} cannot be read ({type(error).__name__})") from None

    async def _get(self) -> bytes:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with (
            httpx.AsyncClient(verify=self._context, trust_env=False, timeout=WITHIN_S) as client,
            client.stream("GET", self._url, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise Unavailable(f"{self._url} answers {response.status_code}, and not 200")
            if "Content-Encoding" in response.headers:
                raise Unavailable(f"{self._url} answers compressed, which was not asked for")
            found = bytearray()
            async for part in response.aiter_raw():
                found += part
                if len(found) > MAX_KEY_SET_BYTES:
                    raise Unavailable(f"{self._url} has more than {MAX_KEY_SET_BYTES} bytes")
            return bytes(found)


class FileKeySource:
    """Reads a file."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    async def read(self) -> bytes:
        return await asyncio.to_thread(self._read)

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as opened:
                found = opened.read(MAX_KEY_SET_BYTES + 1)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be read ({error.strerror})") from None
        if len(found) > MAX_KEY_SET_BYTES:
            raise Unavailable(f"{self._path} has more than {MAX_KEY_SET_BYTES} bytes")
        return found
