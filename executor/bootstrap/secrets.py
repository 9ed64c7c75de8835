"""Where an executor looks up the secrets of tenants."""

from contextlib import AsyncExitStack

from executor.adapters.file_secrets import FileSecrets
from executor.adapters.memory_secrets import MemorySecrets
from executor.plugins import Plugins
from executor.ports.secrets import SecretPort
from shared.errors import InvalidRequest
from shared.settings import Settings


def secrets_of(settings: Settings) -> SecretPort:
    """Where secrets are looked up: in files, or else in what the environment brought."""
    if not settings.secrets_dir:
        return MemorySecrets(settings.secrets)
    if settings.secrets:
        raise InvalidRequest(
            "FOLIOT_SECRETS and FOLIOT_SECRETS_DIR are both set; keep all secrets in one of them",
            field="secrets",
        )
    return FileSecrets(settings.secrets_dir)


async def open_secrets(settings: Settings, plugins: Plugins, exits: AsyncExitStack) -> SecretPort:
    opening = plugins.adapters.get("secrets")
    if opening is None:
        return secrets_of(settings)
    if settings.secrets or settings.secrets_dir:
        raise InvalidRequest(
            "secrets are given by FOLIOT_SECRETS or FOLIOT_SECRETS_DIR and by a package in"
            " FOLIOT_PLUGINS; keep all secrets in one of them",
            field="secrets",
        )
    secrets: SecretPort = await exits.enter_async_context(opening())
    return secrets
