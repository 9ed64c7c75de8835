"""
Redirects: how many are followed, what becomes of a request on its way, and what of it nobody
else is told.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import httpx

from executor.adapters.web_addresses import Target, WebAddresses
from executor.ports.http import MAX_REDIRECTS, HttpRefused, HttpResponse
from shared.ids import TenantId

REDIRECTED = frozenset({301, 302, 303, 307, 308})
KEEPING_METHOD = frozenset({307, 308})

HARMLESS_HEADERS = frozenset({"accept", "accept-language"})
"""What another origin may be told. Everything else could be a credential."""

Exchange: TypeAlias = Callable[
    [str, Target, Mapping[str, str], bytes | None], Awaitable[HttpResponse]
]
"""One request, and its answer."""


async def followed(
    exchange: Exchange,
    addresses: WebAddresses,
    tenant_id: TenantId,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    redirects: int,
) -> HttpResponse:
    """The answer at the end of at most so many redirects. Raises HttpRefused."""
    target = addresses.target(tenant_id, url)
    told = {name.lower(): value for name, value in headers.items()}
    answer = await exchange(method, target, told, body)
    for _ in range(min(redirects, MAX_REDIRECTS)):
        location = answer.headers.get("location")
        if answer.status not in REDIRECTED or location is None:
            break
        there = _redirected(addresses, tenant_id, target, location)
        if answer.status not in KEEPING_METHOD and method != "HEAD":
            method, body = "GET", None
            told.pop("content-type", None)
        if there.origin != target.origin:
            if body is not None:
                raise HttpRefused(
                    "a redirect leads to another origin, and would take the body along; ask there"
                    " in the first place"
                )
            told = {name: told[name] for name in told.keys() & HARMLESS_HEADERS}
        target = there
        answer = await exchange(method, target, told, body)
    return answer


def _redirected(
    addresses: WebAddresses, tenant_id: TenantId, target: Target, location: str
) -> Target:
    try:
        joined = str(target.url.join(location))
    except (httpx.InvalidURL, ValueError):
        raise HttpRefused("a redirect leads to what is no url") from None
    there = addresses.target(tenant_id, joined)
    if target.url.scheme == "https" and there.url.scheme == "http":
        raise HttpRefused("a redirect leads from https to http")
    return there
