"""
How a handler reaches the web: one request, one answer, no redirects followed.

A port and not a library, so that which addresses may be reached, and how much may come
back, is decided in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared.errors import FoliotError

MAX_RESPONSE_BYTES = 256 * 1024


class HttpRefused(FoliotError):
    """The address may not be reached from here, now or later."""

    reason = "HTTP_REFUSED"


class HttpUnreachable(FoliotError):
    """There was no answer: name not found, connection refused or lost, too slow."""

    reason = "HTTP_UNREACHABLE"


class HttpTooLarge(FoliotError):
    """The answer is larger than MAX_RESPONSE_BYTES, or in an encoding that hides its size."""

    reason = "HTTP_TOO_LARGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An answer, whatever its status. Header names are in lower case; of several, the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpPort(Protocol):
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: timedelta,
    ) -> HttpResponse:
        """
        Send one request and read its answer, both in that time.

        Raises HttpRefused, HttpUnreachable or HttpTooLarge. After the last two the request
        may have had its effect.
        """
