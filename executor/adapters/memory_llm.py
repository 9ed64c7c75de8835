"""Models held in memory: whatever a function answers, under the names of its providers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from executor.adapters.llm_replies import timed_out
from executor.ports.llm import Llm, LlmReply, LlmRequest, ProviderMissing
from executor.ports.secrets import Secrets

Answering = Callable[[LlmRequest], Awaitable[LlmReply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request that came in, and with what."""

    provider: str
    api_key: str
    request: LlmRequest
    idempotency_key: str


class MemoryLlm:
    """`providers` are the names, each with the secret that its key is in; "" takes no key."""

    def __init__(self, answer: Answering, providers: Mapping[str, str]) -> None:
        self._answer = answer
        self._providers = providers
        self.exchanges: list[Exchange] = []

    async def connect(self, provider: str, secret: str | None, secrets: Secrets) -> Llm:
        usual = self._providers.get(provider)
        if usual is None:
            raise ProviderMissing(
                f"this executor knows no provider {provider!r}; it has"
                f" {', '.join(self._providers) or 'none'}"
            )
        name = secret or usual
        key = await secrets.resolve(name) if name else ""
        return _Connected(self._answer, self.exchanges, provider, key)


class _Connected:
    def __init__(
        self, answer: Answering, exchanges: list[Exchange], provider: str, api_key: str
    ) -> None:
        self._answer = answer
        self._exchanges = exchanges
        self._provider = provider
        self._api_key = api_key

    async def call(
        self, request: LlmRequest, *, idempotency_key: str, within: timedelta
    ) -> LlmReply:
        self._exchanges.append(
            Exchange(
                provider=self._provider,
                api_key=self._api_key,
                request=request,
                idempotency_key=idempotency_key,
            )
        )
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await self._answer(request)
        except TimeoutError:
            return timed_out(within)
