"""The real command line, against a control plane that serves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.access.roles import PLATFORM_ROLES
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.cli.app import app
from tests.api.serving import TENANT, Serving, client_of, serving_from
from tests.api.stories import APPROVAL, activate


@dataclass(frozen=True, slots=True)
class Foliot:
    """A server, and the commands of whoever has one of its keys."""

    serving: Serving
    config: Path

    async def run(
        self,
        *arguments: str,
        role: str = "tenant_admin",
        given: str | bytes | None = None,
        environment: Mapping[str, str | None] | None = None,
    ) -> Result:
        """A command, in a thread, as the server is in this one; `given` is its standard input."""
        tenant_id = None if role in PLATFORM_ROLES else TENANT
        settings: dict[str, str | None] = {
            "FOLIOT_CONTROL_PLANE": self.serving.address,
            "FOLIOT_KEY": await self.serving.key(role, tenant_id),
            "FOLIOT_PROFILE": None,
            "FOLIOT_DATA_DIR": None,
            "XDG_CONFIG_HOME": str(self.config),
            "COLUMNS": "200",
            **(environment or {}),
        }
        return await asyncio.to_thread(
            CliRunner(env=settings).invoke, app, list(arguments), input=given
        )


@pytest.fixture
async def foliot(tmp_path: Path) -> AsyncIterator[Foliot]:
    """A control plane that nothing was asked of yet."""
    async with serving_from(MemoryDatabase()) as started:
        yield Foliot(started, tmp_path / "config")


@pytest.fixture
async def approvals(foliot: Foliot) -> Foliot:
    """The same, with an active definition `approval`."""
    async with client_of(foliot.serving, await foliot.serving.key()) as client:
        await activate(client, APPROVAL)
    return foliot
