"""API keys from the side of who makes them."""

from datetime import timedelta

import pytest

from control_plane.ports.audit import AuditFilter, Noted
from control_plane.ports.credentials import StoredKey
from control_plane.ports.definition_store import RepeatableCreation, RequestIdTaken
from shared.errors import LimitExceeded
from shared.ids import TenantId
from tests.contract.worlds import ACME, OTHER, World

NOTED = Noted(principal="key:root", credential_id="root", method="foliot.v1.TenantService/X")


def a_key(key_id: str, tenant_id: TenantId | None = ACME, role: str = "viewer") -> StoredKey:
    return StoredKey(
        key_id=key_id,
        tenant_id=tenant_id,
        secret_hash=b"hash",
        role=role,
        expires_at=None,
        revoked_at=None,
    )


async def made(world: World, key: StoredKey, repeatable: RepeatableCreation | None = None) -> bool:
    _, is_new = await world.keys.create(
        key, label="board", created_by="key:root", most=3, repeatable=repeatable, noted=NOTED
    )
    return is_new


class TestAKey:
    async def test_lets_in_once_it_was_created(self, world: World) -> None:
        """What authenticates finds it, and what lists tells who made it."""
        await made(world, a_key("k1"))

        found = await world.credentials.find("k1")
        record = await world.keys.get(ACME, "k1")

        assert found is not None
        assert (ACME, "viewer", b"hash") == (found.tenant_id, found.role, found.secret_hash)
        assert record is not None
        assert ("board", "key:root") == (record.label, record.created_by)

    @pytest.mark.parametrize("tenant_id", [ACME, None])
    async def test_is_made_once_for_a_request(
        self, world: World, tenant_id: TenantId | None
    ) -> None:
        """The platform's keys have request ids as well."""
        repeat = RepeatableCreation("r-1", b"print")

        first = await made(world, a_key("k1", tenant_id), repeatable=repeat)
        again = await made(world, a_key("k2", tenant_id), repeatable=repeat)

        assert (True, False) == (first, again)
        assert await world.credentials.find("k2") is None
        with pytest.raises(RequestIdTaken):
            await made(
                world, a_key("k3", tenant_id), repeatable=RepeatableCreation("r-1", b"other")
            )

    async def test_shares_no_request_id_with_other_tenants(self, world: World) -> None:
        """Each tenant's ids are its own."""
        repeat = RepeatableCreation("r-1", b"print")

        assert await made(world, a_key("k1", ACME), repeatable=repeat)
        assert await made(world, a_key("k2", OTHER), repeatable=repeat)

    async def test_is_one_of_so_many_that_are_good(self, world: World) -> None:
        """Those that are expired or revoked make room."""
        for name in ("k1", "k2", "k3"):
            await made(world, a_key(name))

        with pytest.raises(LimitExceeded):
            await made(world, a_key("k4"))
        await world.keys.revoke(ACME, "k1")
        assert await made(world, a_key("k4"))

    async def test_is_revoked_for_good_and_only_by_its_own_tenant(self, world: World) -> None:
        """To others it is not there."""
        await made(world, a_key("k1"))

        by_others = await world.keys.revoke(OTHER, "k1")
        by_nobody = await world.keys.revoke(None, "k1")
        first = await world.keys.revoke(ACME, "k1", noted=NOTED)
        again = await world.keys.revoke(ACME, "k1", noted=NOTED)

        found = await world.credentials.find("k1")
        assert (None, None) == (by_others, by_nobody)
        assert first is not None
        assert first.revoked_at is not None
        assert first == again
        assert found is not None
        assert first.revoked_at == found.revoked_at

    async def test_is_listed_for_its_tenant_by_id_and_role(self, world: World) -> None:
        """Page by page; the platform's own apart."""
        await made(world, a_key("k1"))
        await made(world, a_key("k2", role="starter"))
        await made(world, a_key("k3", OTHER))
        await made(world, a_key("k4", None, "executor"))

        async def listed(tenant_id: TenantId | None, role: str | None, after: str | None) -> object:
            found = await world.keys.list(tenant_id, role=role, after=after, limit=10)
            return [one.key_id for one in found]

        assert ["k1", "k2"] == await listed(ACME, None, None)
        assert ["k2"] == await listed(ACME, None, "k1")
        assert ["k2"] == await listed(ACME, "starter", None)
        assert ["k4"] == await listed(None, None, None)

    async def test_of_an_administrator_is_known_while_it_is_good(self, world: World) -> None:
        """So that the first is made once."""
        before = await world.keys.has_good("platform_admin")
        await made(world, a_key("k1", None, "platform_admin"))
        meanwhile = await world.keys.has_good("platform_admin")
        await world.keys.revoke(None, "k1")

        assert (False, True) == (before, meanwhile)
        assert not await world.keys.has_good("platform_admin")

    async def test_leaves_an_entry_when_it_is_made_and_when_it_is_revoked(
        self, world: World
    ) -> None:
        """The platform's are the platform's to see."""
        for tenant_id in (ACME, None):
            name = f"k-{tenant_id or 'platform'}".replace("-", "")
            await made(world, a_key(name, tenant_id, "viewer"))
            await world.keys.revoke(tenant_id, name, noted=NOTED)
            await world.keys.revoke(tenant_id, name, noted=NOTED)

            entries = await world.audit.list(tenant_id, AuditFilter(), after=None, limit=10)
            assert [name, name] == [one.target.id for one in entries]


class TestAnExpiredKey:
    async def test_makes_room_for_another(self, world: World) -> None:
        """It lets nobody in any more."""
        soon = await world.now() + timedelta(minutes=1)
        for name in ("k1", "k2", "k3"):
            key = a_key(name)
            await made(
                world,
                StoredKey(
                    key_id=key.key_id,
                    tenant_id=key.tenant_id,
                    secret_hash=key.secret_hash,
                    role=key.role,
                    expires_at=soon,
                    revoked_at=None,
                ),
            )

        await world.move_clock(timedelta(minutes=2))

        assert await made(world, a_key("k4"))
