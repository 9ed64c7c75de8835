"""API keys as stored: found by their id alone, since they tell whose they are."""

from dataclasses import replace
from datetime import UTC, datetime

from control_plane.ports.credentials import StoredKey
from shared.ids import TenantId
from tests.contract.worlds import World

KEY = StoredKey(
    key_id="k1",
    tenant_id=TenantId("newcomer"),
    secret_hash=b"\x00hash",
    role="editor",
    expires_at=datetime(2030, 1, 2, tzinfo=UTC),
    revoked_at=None,
)


class TestAKey:
    async def test_is_found_as_it_was_added(self, world: World) -> None:
        """Its tenant is new, and is made with it."""
        await world.credentials.add(KEY, "Newcomer Ltd.")

        assert KEY == await world.credentials.find("k1")

    async def test_that_is_unknown_is_none(self, world: World) -> None:
        """Nothing to compare a secret with."""
        assert await world.credentials.find("k1") is None

    async def test_of_the_platform_has_no_tenant(self, world: World) -> None:
        """An executor works for everybody."""
        platform = replace(KEY, tenant_id=None, role="executor")

        await world.credentials.add(platform, "")

        assert platform == await world.credentials.find("k1")

    async def test_added_again_is_replaced(self, world: World) -> None:
        """Rotating, revoking and restarting a development server are one call."""
        await world.credentials.add(KEY, "Newcomer Ltd.")
        again = replace(
            KEY, secret_hash=b"other", role="viewer", expires_at=None, revoked_at=KEY.expires_at
        )

        await world.credentials.add(again, "Newcomer Inc.")

        assert again == await world.credentials.find("k1")

    async def test_that_is_revoked_is_found_all_the_same(self, world: World) -> None:
        """Whether it is good is for the one who asks; the refusal should say why."""
        revoked = replace(KEY, revoked_at=datetime(2020, 1, 1, tzinfo=UTC))

        await world.credentials.add(revoked, "Newcomer Ltd.")

        assert revoked == await world.credentials.find("k1")
