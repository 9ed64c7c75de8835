"""
Secrets from a TOML file, EXAMPLE_SECRETS, with a table for each tenant.

    [acme]
    tracker-token = "…"
"""

import os
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from executor.ports.secrets import SecretMissing
from shared.ids import TenantId


class TomlSecrets:
    """An adapter of `executor.ports.secrets.SecretPort`."""

    def __init__(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        self._secrets = secrets

    async def resolve(self, tenant_id: TenantId, name: str) -> str:
        """The tenant's secret."""
        value = self._secrets.get(tenant_id, {}).get(name)
        if value is None:
            raise SecretMissing(f"add {name!r} to the table of the tenant in EXAMPLE_SECRETS")
        return value


@asynccontextmanager
async def opened() -> AsyncIterator[TomlSecrets]:
    """Open for as long as the executor runs; a connection to a server would end after the yield."""
    yield TomlSecrets(_read(os.environ["EXAMPLE_SECRETS"]))


def _read(path: str) -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(Path(path).read_text("utf-8"))
