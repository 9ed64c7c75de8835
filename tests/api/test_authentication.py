"""Who gets in, and who does not."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import grpc
import pytest
from foliot.v1 import admin_service_pb2 as pb

from control_plane.access.keys import hash_secret, is_secret_of, mint, parse
from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES
from control_plane.adapters.memory.credentials import MemoryCredentials
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.ports.credentials import StoredKey
from control_plane.use_cases.authenticate import KeyRing, authenticate
from shared.clock import SystemClock
from shared.errors import InvalidRequest, Unauthenticated
from tests.api.serving import PEPPER, TENANT, Serving, client_of, info_in


class TestACaller:
    async def test_is_told_who_it_is(self, serving: Serving) -> None:
        """Tenant and permissions come from the credential alone."""
        async with client_of(serving, await serving.key("viewer")) as viewer:
            answer = await viewer.admin.WhoAmI(pb.WhoAmIRequest())

        assert TENANT == answer.tenant_id
        assert sorted(PERMISSIONS["viewer"]) == list(answer.permissions)
        assert answer.principal.startswith("key:")

    async def test_without_a_credential_is_told_to_send_one(self, serving: Serving) -> None:
        """There is no way in without a credential, in dev mode too."""
        async with client_of(serving, None) as nobody:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await nobody.admin.GetServerInfo(pb.GetServerInfoRequest())

        assert grpc.StatusCode.UNAUTHENTICATED == refused.value.code()
        assert "CREDENTIAL_MISSING" == info_in(refused.value).reason

    @pytest.mark.parametrize(
        "key",
        ["nonsense", "fol_unknown_secret", "fol__x", "fol_x_", "FOL_x_y", "fol_x_" + "y" * 300],
    )
    async def test_with_a_bad_credential_is_not_told_what_is_wrong(
        self, serving: Serving, key: str
    ) -> None:
        """An answer that told unknown from wrong would be a way to search for keys."""
        async with client_of(serving, key) as nobody:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await nobody.admin.WhoAmI(pb.WhoAmIRequest())

        assert "CREDENTIAL_INVALID" == info_in(refused.value).reason

    async def test_with_the_wrong_secret_is_refused(self, serving: Serving) -> None:
        """The id of a key is public; only its secret opens."""
        key = await serving.key()
        wrong = key[:-1] + ("a" if key[-1] != "a" else "b")

        async with client_of(serving, wrong) as nobody:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await nobody.admin.WhoAmI(pb.WhoAmIRequest())

        assert "CREDENTIAL_INVALID" == info_in(refused.value).reason

    async def test_with_an_expired_key_is_refused(self, serving: Serving) -> None:
        """A key ends by itself."""
        expired = await serving.key(expires_in=timedelta(seconds=-1))

        async with client_of(serving, expired) as nobody:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await nobody.admin.WhoAmI(pb.WhoAmIRequest())

        assert "CREDENTIAL_INVALID" == info_in(refused.value).reason


class _CountingCredentials(MemoryCredentials):
    """Counts how often it is asked."""

    asked = 0

    async def find(self, key_id: str) -> StoredKey | None:
        self.asked += 1
        await asyncio.sleep(0)
        return await super().find(key_id)


class TestAKeyRing:
    async def test_asks_once_for_many_calls_at_once(self) -> None:
        """A restart under load must not become a storm of look-ups."""
        credentials = _CountingCredentials(MemoryDatabase())
        minted = mint(tenant_id=TENANT, role="viewer", pepper=PEPPER)
        await credentials.add(minted.stored, "Tests")
        ring = KeyRing(credentials, SystemClock(), PEPPER)

        found = await asyncio.gather(*(authenticate(ring, minted.text) for _ in range(20)))

        assert (1, 20) == (credentials.asked, len(found))

    async def test_learns_of_a_revocation_within_its_cache_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A revoked key is good for some seconds at most."""
        monkeypatch.setattr("control_plane.use_cases.authenticate.KEY_CACHE_S", -1.0)
        credentials = MemoryCredentials(MemoryDatabase())
        minted = mint(tenant_id=TENANT, role="viewer", pepper=PEPPER)
        await credentials.add(minted.stored, "Tests")
        ring = KeyRing(credentials, SystemClock(), PEPPER)
        await authenticate(ring, minted.text)

        await credentials.add(replace(minted.stored, revoked_at=SystemClock().now()), "Tests")

        with pytest.raises(Unauthenticated):
            await authenticate(ring, minted.text)

    async def test_keeps_no_failure(self) -> None:
        """A database that was away for a moment must not lock callers out for five seconds."""

        class Failing(MemoryCredentials):
            is_away = True

            async def find(self, key_id: str) -> StoredKey | None:
                if self.is_away:
                    raise OSError("away")
                return await super().find(key_id)

        credentials = Failing(MemoryDatabase())
        minted = mint(tenant_id=TENANT, role="viewer", pepper=PEPPER)
        await credentials.add(minted.stored, "Tests")
        ring = KeyRing(credentials, SystemClock(), PEPPER)
        with pytest.raises(OSError, match="away"):
            await authenticate(ring, minted.text)

        credentials.is_away = False
        found = await authenticate(ring, minted.text)

        assert TENANT == found.tenant_id


class TestAMintedKey:
    def test_is_stored_as_a_hash_only(self) -> None:
        """Whoever reads the database learns no key."""
        minted = mint(tenant_id=TENANT, role="viewer", pepper=PEPPER)
        secret = parse(minted.text).secret

        assert hash_secret(secret, PEPPER) == minted.stored.secret_hash
        assert secret not in repr(minted) + repr(minted.stored) + repr(parse(minted.text))

    def test_opens_nothing_under_another_pepper(self) -> None:
        """Who can write to the database but has no pepper cannot make a key."""
        minted = mint(tenant_id=TENANT, role="viewer", pepper=PEPPER)

        assert not is_secret_of(minted.stored, parse(minted.text), "another")

    def test_is_another_each_time(self) -> None:
        """Nothing of a key can be guessed from the one before."""
        keys = {mint(tenant_id=TENANT, role="viewer", pepper=PEPPER).text for _ in range(50)}

        assert 50 == len(keys)

    @pytest.mark.parametrize("role", sorted(PERMISSIONS))
    def test_has_a_tenant_exactly_if_its_role_acts_in_one(self, role: str) -> None:
        """A key that could act nowhere, or everywhere, must not exist."""
        wrong = TENANT if role in PLATFORM_ROLES else None

        with pytest.raises(InvalidRequest):
            mint(tenant_id=wrong, role=role, pepper=PEPPER)

    def test_has_a_role_that_exists(self) -> None:
        """A misspelt role would be a key that opens nothing, found out too late."""
        with pytest.raises(InvalidRequest, match="tenant_admin"):
            mint(tenant_id=TENANT, role="admin", pepper=PEPPER)
