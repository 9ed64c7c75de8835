"""docs/security.md on tenants, keys, roles, payloads and audit: what it tells is what holds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.access.roles import PAYLOAD_READ, PERMISSIONS, PLATFORM_ROLES
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.settings import ControlPlaneSettings
from control_plane.use_cases.authenticate import KEY_CACHE_S
from control_plane.use_cases.create_api_key import MAX_KEYS
from control_plane.use_cases.standing import STANDING_CACHE_S
from tests.api.serving import Serving, serving_from
from tests.docs.pages import blocks, code, page, rows, section
from tests.docs.shell import folder, run

PAGE = page("docs/security.md")
BLOCKS = {f"{block.language} {block.word}": block.text for block in blocks(PAGE)}


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """A control plane that serves from an empty memory."""
    async with serving_from(MemoryDatabase()) as started:
        yield started


class TestItsRoles:
    def test_are_all_there_are(self) -> None:
        """Whoever makes a key chooses from this table."""
        told = [code(name)[0] for name, *_ in rows(section(PAGE, "## Roles"))]

        assert PERMISSIONS.keys() == set(told)
        assert len(told) == len(set(told))

    def test_have_the_permissions_that_it_tells(self) -> None:
        """What a role does beside reading is why somebody gives it."""
        for name, _, beside in rows(section(PAGE, "## Roles")):
            role = code(name)[0]
            changes = {
                one
                for one in PERMISSIONS[role]
                if not one.endswith(".read") and one != "task.see_all"
            }
            if role not in {"tenant_admin", "platform_admin"}:
                assert changes == set(code(beside)), role

    def test_that_see_no_payloads_are_named(self) -> None:
        """And no other lacks it."""
        blind = {role for role, granted in PERMISSIONS.items() if PAYLOAD_READ not in granted}

        assert {"operator", "auditor"} == blind
        assert blind <= set(code(section(PAGE, "## Payloads")))

    def test_of_the_platform_grant_whatever_they_may_give(self) -> None:
        """Nobody gives more than they have, and somebody has to give each."""
        keepers = PERMISSIONS["platform_admin"]

        assert all(granted <= keepers for granted in PERMISSIONS.values())
        assert all(
            PERMISSIONS[role] <= PERMISSIONS["tenant_admin"]
            for role in PERMISSIONS.keys() - PLATFORM_ROLES
        )


class TestItsNumbers:
    def test_are_those_that_are_kept(self) -> None:
        """How soon, how many, how long."""
        assert f"at most {MAX_KEYS}" in " ".join(section(PAGE, "## Keys").split())
        assert f"{ControlPlaneSettings().audit_days:g} by" in " ".join(PAGE.split())
        assert max(KEY_CACHE_S, STANDING_CACHE_S) <= 5


class TestItsCommands:
    async def test_run(self, serving: Serving, tmp_path: Path) -> None:
        """As they stand, with a key of the platform."""
        printed = await asyncio.to_thread(
            run,
            BLOCKS["sh tenants"],
            folder(tmp_path, []),
            within_s=90,
            FOLIOT_CONTROL_PLANE=serving.address,
            FOLIOT_KEY=await serving.key("platform_admin", None),
        )

        assert "SuspendTenant" in printed
        assert "unpaid since May" in printed
