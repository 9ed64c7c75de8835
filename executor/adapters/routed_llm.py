"""
The providers that the operator has set up, by their names. SDKs are imported for those alone:
whoever asks no model does not pay for them.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from executor.ports.llm import Llm, ProviderMissing
from executor.ports.secrets import SecretMissing, Secrets
from shared.errors import InvalidRequest
from shared.settings import AiProvider

if TYPE_CHECKING:
    import httpx2

BASE_URLS: Mapping[str, str] = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com/v1",
}
NO_KEY = "none"
"""What is sent as the key to a server that takes none: the SDKs want one."""


class RoutedLlm:
    """Raises InvalidRequest where a package is missing."""

    def __init__(self, providers: Mapping[str, AiProvider]) -> None:
        for name, provider in providers.items():
            if find_spec(provider.kind) is None:
                raise InvalidRequest(
                    f"the provider {name!r} needs the package {provider.kind}; install foliot[ai]",
                    field="ai_providers",
                )
            # Now, as it takes a while, and once at work nothing may hold up the loop.
            import_module(provider.kind)
        self._providers = providers
        self._http: httpx2.AsyncClient | None = None

    async def connect(self, provider: str, secret: str | None, secrets: Secrets) -> Llm:
        settings = self._providers.get(provider)
        if settings is None:
            raise ProviderMissing(
                f"this executor knows no provider {provider!r}; it is one of FOLIOT_AI_PROVIDERS:"
                f" {', '.join(sorted(self._providers)) or 'none'}"
            )
        key = await _key_of(provider, settings, secret, secrets)
        if self._http is None:
            from executor.adapters.bounded_http import bounded_client

            self._http = bounded_client()
        base_url = settings.base_url or BASE_URLS[settings.kind]
        if settings.kind == "anthropic":
            from executor.adapters.anthropic_llm import AnthropicLlm

            return AnthropicLlm(
                self._http,
                base_url=base_url,
                api_key=key,
                is_structured=settings.structured_output,
            )
        from executor.adapters.openai_llm import OpenAiLlm

        return OpenAiLlm(
            self._http,
            base_url=base_url,
            api_key=key,
            is_structured=settings.structured_output,
            # Other servers know the older word, which OpenAI's newer models do not take.
            output_limit="max_tokens" if settings.base_url else "max_completion_tokens",
        )

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()


async def _key_of(provider: str, settings: AiProvider, secret: str | None, secrets: Secrets) -> str:
    """
    The tenant's own, by the name that its policy or the operator gives the secret; where the
    policy gives none and the tenant has none, the operator's.
    """
    own = settings.api_key.get_secret_value()
    if secret is None and not settings.needs_key:
        return NO_KEY
    try:
        return await secrets.resolve(secret or settings.secret or f"{provider}_api_key")
    except SecretMissing:
        if secret is not None or not own:
            raise
    secrets.hide(own)
    return own
