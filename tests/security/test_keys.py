"""Keys of the API while they are in use: taken back, replaced, run out."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import grpc
import pytest
from foliot.v1 import admin_service_pb2, event_service_pb2

from control_plane.access.keys import mint, parse
from control_plane.access.refusal import CredentialRefused
from control_plane.adapters.memory.credentials import MemoryCredentials
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.use_cases.authenticate import KEY_CACHE_S, KeyRing, authenticate
from shared.clock import SystemClock
from tests.api.serving import OTHER_TENANT, PEPPER, TENANT, WITHIN_S, Serving, client_of, info_in
from tests.api.stories import activate, start
from tests.api.test_executors import connected, ended
from tests.executor.eventually import eventually
from tests.security.reaching import end_of


async def revoke(serving: Serving, key: str) -> None:
    """As another server would, behind the back of this one."""
    credentials = MemoryCredentials(serving.database)
    stored = await credentials.find(parse(key).key_id)
    assert stored is not None
    await credentials.add(replace(stored, revoked_at=SystemClock().now()), "Tests")


async def is_let_in(serving: Serving, key: str) -> bool:
    """Whether a call with the key is answered."""
    async with client_of(serving, key) as client:
        try:
            await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)
        except grpc.aio.AioRpcError as error:
            if info_in(error).reason != "CREDENTIAL_INVALID":
                raise
            return False
    return True


class TestAKeyThatIsRevoked:
    async def test_is_good_for_no_more_than_five_seconds(self) -> None:
        """What was read of it is believed for so long, and not a moment longer."""
        now = 0.0
        credentials = MemoryCredentials(MemoryDatabase())
        minted = mint(tenant_id=TENANT, role="viewer", pepper=PEPPER)
        await credentials.add(minted.stored, "Tests")
        ring = KeyRing(credentials, SystemClock(), PEPPER, seconds=lambda: now)
        await authenticate(ring, minted.text)
        await credentials.add(replace(minted.stored, revoked_at=SystemClock().now()), "Tests")

        now = KEY_CACHE_S
        last = await authenticate(ring, minted.text)
        now += 0.001

        assert last.tenant_id == TENANT
        assert KEY_CACHE_S <= 5.0
        with pytest.raises(CredentialRefused):
            await authenticate(ring, minted.text)

    async def test_is_refused_by_a_server_in_that_time(self, serving: Serving) -> None:
        """On real sockets and by the real clock, while it is in constant use."""
        key = await serving.key()
        assert await is_let_in(serving, key)
        await revoke(serving, key)

        async def is_refused() -> bool:
            return not await is_let_in(serving, key)

        async with asyncio.timeout(KEY_CACHE_S + 1.0):
            await eventually(is_refused)


class TestARotation:
    async def test_has_two_keys_that_are_good_until_the_old_one_is_revoked(
        self, serving: Serving, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Callers change over one after the other, and none is ever refused."""
        monkeypatch.setattr("control_plane.use_cases.authenticate.KEY_CACHE_S", -1.0)
        old, new = await serving.key(), await serving.key()
        meanwhile = [await is_let_in(serving, key) for key in (old, new)]

        await revoke(serving, old)

        assert [True, True] == meanwhile
        assert [False, True] == [await is_let_in(serving, key) for key in (old, new)]


class TestAStreamOfAKeyThatRunsOut:
    async def test_ends_with_it(self, serving: Serving) -> None:
        """A watcher, and not only what is called anew."""
        async with client_of(serving, await serving.key()) as admin:
            await activate(admin)
            instance = await start(admin)
        key = await serving.key("viewer", expires_in=timedelta(seconds=1))

        async with client_of(serving, key) as watcher, asyncio.timeout(WITHIN_S):
            watch = watcher.events.WatchInstance(
                event_service_pb2.WatchInstanceRequest(instance_id=instance.instance_id)
            )
            over = await end_of(watch)

        assert "CREDENTIAL_INVALID" == info_in(over).reason

    async def test_ends_with_it_for_executors_too(self, serving: Serving) -> None:
        """What they hold is handed to others once their lease has run out."""
        key = await serving.key("executor", None, expires_in=timedelta(seconds=1))

        async with client_of(serving, key) as client, connected(client) as (call, _):
            over = await ended(call)

        assert "CREDENTIAL_INVALID" == info_in(over).reason


class TestAStreamWhoseKeyBecomesAnothers:
    async def test_ends(self, serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
        """A stream shows one tenant, whatever becomes of the key it was opened with."""
        monkeypatch.setattr("control_plane.use_cases.authenticate.KEY_CACHE_S", -1.0)
        key = await serving.key("viewer", expires_in=timedelta(seconds=1))
        credentials = MemoryCredentials(serving.database)
        stored = await credentials.find(parse(key).key_id)
        assert stored is not None

        async with client_of(serving, key) as watcher, asyncio.timeout(WITHIN_S):
            watch = watcher.events.WatchEvents(event_service_pb2.WatchEventsRequest())
            await anext(aiter(watch))
            moved = replace(stored, tenant_id=OTHER_TENANT, expires_at=None)
            await credentials.add(moved, "Tests")
            over = await end_of(watch)

        assert "CREDENTIAL_INVALID" == info_in(over).reason
