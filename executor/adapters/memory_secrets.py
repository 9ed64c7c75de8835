"""Secrets held in memory: those of the environment, `FOLIOT_SECRETS`, and those of tests."""

from collections.abc import Mapping

from pydantic import SecretStr

from executor.ports.secrets import SecretMissing
from shared.ids import TenantId


class MemorySecrets:
    """By tenant, then by name. They are as they were at the start."""

    def __init__(self, secrets: Mapping[str, Mapping[str, SecretStr]]) -> None:
        self._secrets = secrets

    async def resolve(self, tenant_id: TenantId, name: str) -> str:
        value = self._secrets.get(tenant_id, {}).get(name)
        if value is None:
            raise SecretMissing(
                f"there is no secret {name!r} for this tenant; add it to FOLIOT_SECRETS or to the"
                " tenant's folder in FOLIOT_SECRETS_DIR, and restart the executor"
            )
        return value.get_secret_value()
