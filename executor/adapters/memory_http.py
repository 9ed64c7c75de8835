"""A web in memory, for trying handlers and functions: pages by their URLs, under the real rules."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from executor.adapters.redirects import followed
from executor.adapters.web_addresses import Target, WebAddresses
from executor.ports.http import (
    MAX_RESPONSE_BYTES,
    HttpResponse,
    HttpTooLarge,
    HttpUnreachable,
)
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that a page got."""

    tenant_id: TenantId
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


Page: TypeAlias = Callable[[Asked], HttpResponse | None]
"""What answers; None never does."""


@dataclass(slots=True)
class MemoryHttp:
    """A URL without a page is a server that is not there. `asked` is what all pages got."""

    pages: Mapping[str, Page] = field(default_factory=dict)
    addresses: WebAddresses = field(default_factory=WebAddresses)
    asked: list[Asked] = field(default_factory=list)

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
        async def exchange(
            method: str, target: Target, headers: Mapping[str, str], body: bytes | None
        ) -> HttpResponse:
            page = self.pages.get(str(target.url).partition("?")[0])
            if page is None:
                raise HttpUnreachable(f"{target.host!r} takes no connection at port {target.port}")
            asked = Asked(
                tenant_id=tenant_id,
                method=method,
                url=str(target.url),
                headers=dict(headers),
                body=body,
            )
            self.asked.append(asked)
            answer = page(asked)
            if answer is None:
                await asyncio.Event().wait()
            assert answer is not None
            if len(answer.body) > max_bytes:
                raise HttpTooLarge(f"the answer is larger than {max_bytes} bytes")
            return answer

        try:
            async with asyncio.timeout(within.total_seconds()):
                return await followed(
                    exchange, self.addresses, tenant_id, method, url, headers, body, redirects
                )
        except TimeoutError:
            raise HttpUnreachable(f"no answer within {within.total_seconds():g} s") from None
