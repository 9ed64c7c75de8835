"""
How a handler reaches the web: one request, one answer.

A port and not a library, so that which addresses may be reached, and how much may come
back, is decided in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared.errors import FoliotError
from shared.ids import TenantId

MAX_RESPONSE_BYTES = 256 * 1024
"""Of an answer's body, unless more is asked for; what was compressed counts as it becomes."""

MAX_REDIRECTS = 10


class HttpRefused(FoliotError):
    """The address may not be reached from here, now or later."""

    reason = "HTTP_REFUSED"


class HttpUnreachable(FoliotError):
    """There was no answer: name not found, connection refused or lost, too slow."""

    reason = "HTTP_UNREACHABLE"


class HttpTooLarge(FoliotError):
    """The answer is larger than it may be, or in an encoding that hides its size."""

    reason = "HTTP_TOO_LARGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An answer, whatever its status. Header names are in lower case; of several, the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpPort(Protocol):
    """For adapters; handlers are given `Http`."""

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
        """
        Send one request for a tenant and read its answer, all in that time.

        Up to `redirects` redirects (MAX_REDIRECTS at most) are followed, each to where the tenant
        could have gone itself; another origin is told no header of the request that could be a
        credential, and no body. With none left, or none asked for, the redirect is the answer.

        The answer's body may have `max_bytes`, unpacked.

        Raises HttpRefused, HttpUnreachable or HttpTooLarge. After the last two the request
        may have had its effect.
        """


@dataclass(frozen=True, slots=True)
class Http:
    """The web as one tenant may reach it."""

    port: HttpPort
    tenant_id: TenantId

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        within: timedelta,
        redirects: int = 0,
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> HttpResponse:
        """As HttpPort.request, for the task's tenant."""
        return await self.port.request(
            self.tenant_id,
            method,
            url,
            headers=headers,
            body=body,
            within=within,
            redirects=redirects,
            max_bytes=max_bytes,
        )
