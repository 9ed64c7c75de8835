"""Tenants and their keys over the wire: who may make whom, who is let in, and who has to wait."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from foliot.v1 import admin_service_pb2, instance_pb2, instance_service_pb2
from foliot.v1 import tenant_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES
from control_plane.use_cases import authenticate, standing
from shared.clock import SystemClock
from tests.api.serving import OTHER_TENANT, TENANT, Client, Serving, client_of, info_in
from tests.api.stories import activate, start

REFUSED_WITHIN_S = 5.0
"""How soon a suspension and a revocation have to be felt."""

A_BREATH_S = 0.05

LEEWAY_S = 2.0
"""For the calls themselves, on a machine that does other things as well."""

CACHED_S = 0.5
"""For how long nothing is asked anew here: what has to be felt is felt that soon."""


@pytest.fixture
async def root(serving: Serving) -> AsyncIterator[Client]:
    """Whoever keeps the platform."""
    async with client_of(serving, await serving.key("platform_admin", None)) as made:
        yield made


@pytest.fixture
def cached_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and tenants, instead of for as long as they are, which is not too long either."""
    for of, name in ((authenticate, "KEY_CACHE_S"), (standing, "STANDING_CACHE_S")):
        assert getattr(of, name) <= REFUSED_WITHIN_S
        monkeypatch.setattr(of, name, CACHED_S)


async def refusal_of(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value.code(), info_in(refused.value).reason


async def refused_with(client: Client, reason: str) -> float:
    """Call until it is refused for that reason; after how long that was."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 2 * REFUSED_WITHIN_S:
        try:
            await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())
        except grpc.aio.AioRpcError as error:
            if info_in(error).reason == reason:
                return loop.time() - began
            raise
        await asyncio.sleep(A_BREATH_S)
    raise AssertionError(f"never refused with {reason}")


async def end_of(client: Client, instance_id: str) -> instance_pb2.Instance:
    """The instance once it has ended, for a caller that may be kept out for a moment still."""
    wait = instance_service_pb2.WaitInstanceRequest(instance_id=instance_id)
    async with asyncio.timeout(2 * REFUSED_WITHIN_S):
        while True:
            try:
                return (await client.instances.WaitInstance(wait)).instance
            except grpc.aio.AioRpcError as error:
                if info_in(error).reason != "TENANT_SUSPENDED":
                    raise
                await asyncio.sleep(A_BREATH_S)


def in_time(length: timedelta) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(SystemClock().now() + length)
    return stamp


class TestATenant:
    async def test_is_created_and_its_first_administrator_let_in(
        self, serving: Serving, root: Client
    ) -> None:
        """From nothing to a caller of its own, all over the API."""
        made = await root.tenants.CreateTenant(
            pb.CreateTenantRequest(tenant_id="initech", display_name="Initech")
        )
        key = await root.tenants.CreateApiKey(
            pb.CreateApiKeyRequest(tenant_id="initech", role="tenant_admin", label="first")
        )

        async with client_of(serving, key.secret) as caller:
            me = await caller.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())

        assert (True, "Initech") == (made.created, made.tenant.display_name)
        assert ("initech", f"key:{key.key.key_id}") == (me.tenant_id, me.principal)
        assert key.key.created_by.startswith("key:")

    async def test_is_created_once(self, root: Client) -> None:
        """A repeat gets it; another tenant's id is taken."""
        request = pb.CreateTenantRequest(tenant_id="initech", display_name="Initech")
        await root.tenants.CreateTenant(request)

        again = await root.tenants.CreateTenant(request)
        other = await refusal_of(
            root.tenants.CreateTenant(
                pb.CreateTenantRequest(tenant_id="initech", display_name="Initrode")
            )
        )

        assert not again.created
        assert (grpc.StatusCode.ALREADY_EXISTS, "TENANT_EXISTS") == other

    @pytest.mark.parametrize("tenant_id", ["", "A", "-a", "a b", "a" * 64, "a\0b", "ä"])
    async def test_has_an_id_that_can_be_written_anywhere(
        self, root: Client, tenant_id: str
    ) -> None:
        """It stands in files' names and in other people's systems."""
        refused = await refusal_of(
            root.tenants.CreateTenant(pb.CreateTenantRequest(tenant_id=tenant_id))
        )

        assert (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") == refused

    async def test_that_is_unknown_is_not_found(self, root: Client) -> None:
        """Whatever is asked of it."""
        for call in (
            root.tenants.GetTenant(pb.GetTenantRequest(tenant_id="none")),
            root.tenants.UpdateTenant(pb.UpdateTenantRequest(tenant_id="none", display_name="x")),
            root.tenants.SuspendTenant(pb.SuspendTenantRequest(tenant_id="none", reason="x")),
            root.tenants.ResumeTenant(pb.ResumeTenantRequest(tenant_id="\0")),
            root.tenants.CreateApiKey(pb.CreateApiKeyRequest(tenant_id="none", role="viewer")),
            root.tenants.ListApiKeys(pb.ListApiKeysRequest(tenant_id="none")),
            root.tenants.RevokeApiKey(pb.RevokeApiKeyRequest(tenant_id="none", key_id="k")),
        ):
            assert (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND") == await refusal_of(call)

    async def test_is_listed_page_by_page(self, root: Client) -> None:
        """In the order of the ids."""
        for name in ("a-1", "a-2", "a-3"):
            await root.tenants.CreateTenant(pb.CreateTenantRequest(tenant_id=name))

        first = await root.tenants.ListTenants(pb.ListTenantsRequest(page_size=2))
        second = await root.tenants.ListTenants(
            pb.ListTenantsRequest(page_size=2, page_token=first.next_page_token)
        )

        found = [one.tenant_id for one in (*first.tenants, *second.tenants)]
        assert ["a-1", "a-2", "a-3"] == found
        assert "" == second.next_page_token


class TestASuspendedTenant:
    @pytest.mark.usefixtures("cached_for_a_moment")
    async def test_is_refused_within_five_seconds_and_let_in_again_after_it_was_resumed(
        self, serving: Serving, root: Client, client: Client, stranger: Client
    ) -> None:
        """Its credentials stay good; that it has to wait is said. Nobody else notices."""
        await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())
        await root.tenants.SuspendTenant(pb.SuspendTenantRequest(tenant_id=TENANT, reason="unpaid"))

        took_s = await refused_with(client, "TENANT_SUSPENDED")
        code, _ = await refusal_of(
            client.instances.ListInstances(instance_service_pb2.ListInstancesRequest())
        )
        await stranger.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())
        await root.tenants.ResumeTenant(pb.ResumeTenantRequest(tenant_id=TENANT))
        async with asyncio.timeout(REFUSED_WITHIN_S + 1):
            while True:
                try:
                    await client.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())
                    break
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(A_BREATH_S)

        assert took_s < CACHED_S + LEEWAY_S
        assert grpc.StatusCode.PERMISSION_DENIED == code

    async def test_has_instances_that_wait_and_go_on(
        self, serving: Serving, root: Client, client: Client, stranger: Client
    ) -> None:
        """A timer whose instant has come meanwhile fires once the tenant is resumed."""
        spec = {
            "initial": "resting",
            "states": {"resting": {"after": {"PT1H": "over"}}, "over": {"type": "final"}},
        }
        for caller in (client, stranger):
            await activate(caller, spec, "resting")
        mine, theirs = await start(client, "resting"), await start(stranger, "resting")
        await root.tenants.SuspendTenant(pb.SuspendTenantRequest(tenant_id=TENANT, reason="unpaid"))
        serving.database.move_clock(timedelta(hours=2))
        ended = await stranger.instances.WaitInstance(
            instance_service_pb2.WaitInstanceRequest(instance_id=theirs.instance_id)
        )
        kept = {str(key.instance_id): one for key, one in serving.database.instances.items()}
        await root.tenants.ResumeTenant(pb.ResumeTenantRequest(tenant_id=TENANT))
        at_last = await end_of(client, mine.instance_id)

        assert instance_pb2.INSTANCE_STATUS_COMPLETED == ended.instance.status
        assert "waiting" == kept[mine.instance_id].status
        assert instance_pb2.INSTANCE_STATUS_COMPLETED == at_last.status


class TestAKey:
    async def test_is_told_once_for_a_request(self, client: Client) -> None:
        """The repeat tells which key it was; its secret nobody knows any more."""
        request = pb.CreateApiKeyRequest(role="viewer", label="board", request_id="r-1")

        first = await client.tenants.CreateApiKey(request)
        again = await client.tenants.CreateApiKey(request)
        other = await refusal_of(
            client.tenants.CreateApiKey(
                pb.CreateApiKeyRequest(role="starter", label="board", request_id="r-1")
            )
        )

        assert (True, False) == (first.created, again.created)
        assert (first.key, "") == (again.key, again.secret)
        assert first.secret.startswith(f"fol_{first.key.key_id}_")
        assert (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_MISMATCH") == other

    @pytest.mark.usefixtures("cached_for_a_moment")
    async def test_is_refused_within_five_seconds_after_it_was_revoked(
        self, serving: Serving, client: Client
    ) -> None:
        """Whoever has lost one does not wait for long."""
        made = await client.tenants.CreateApiKey(pb.CreateApiKeyRequest(role="viewer"))
        async with client_of(serving, made.secret) as caller:
            await caller.admin.WhoAmI(admin_service_pb2.WhoAmIRequest())
            await client.tenants.RevokeApiKey(
                pb.RevokeApiKeyRequest(key_id=made.key.key_id, reason="lost")
            )

            took_s = await refused_with(caller, "CREDENTIAL_INVALID")

        assert took_s < CACHED_S + LEEWAY_S

    async def test_of_another_tenant_is_not_there(
        self, client: Client, stranger: Client, root: Client
    ) -> None:
        """Neither to see, nor to revoke, nor to make; the platform may do all of it."""
        made = await client.tenants.CreateApiKey(pb.CreateApiKeyRequest(role="viewer"))
        key_id = made.key.key_id

        listed = await stranger.tenants.ListApiKeys(pb.ListApiKeysRequest())
        by_name = await refusal_of(
            stranger.tenants.ListApiKeys(pb.ListApiKeysRequest(tenant_id=TENANT))
        )
        revoked = await refusal_of(
            stranger.tenants.RevokeApiKey(pb.RevokeApiKeyRequest(key_id=key_id))
        )
        minted = await refusal_of(
            stranger.tenants.CreateApiKey(pb.CreateApiKeyRequest(tenant_id=TENANT, role="viewer"))
        )
        seen = await root.tenants.ListApiKeys(pb.ListApiKeysRequest(tenant_id=TENANT))

        assert key_id not in [one.key_id for one in listed.keys]
        assert (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND") == by_name == minted
        assert (grpc.StatusCode.NOT_FOUND, "API_KEY_NOT_FOUND") == revoked
        assert key_id in [one.key_id for one in seen.keys]

    @pytest.mark.parametrize("role", sorted(PERMISSIONS.keys() - PLATFORM_ROLES))
    async def test_of_any_role_of_a_tenant_is_its_administrators_to_make(
        self, client: Client, role: str
    ) -> None:
        """No role of a tenant grants more than its administrator's."""
        made = await client.tenants.CreateApiKey(pb.CreateApiKeyRequest(role=role))

        assert (role, TENANT) == (made.key.role, made.key.tenant_id)

    @pytest.mark.parametrize("role", sorted(PLATFORM_ROLES))
    async def test_of_the_platform_is_only_the_platforms_to_make(
        self, client: Client, root: Client, role: str
    ) -> None:
        """A tenant's administrator makes neither an executor's nor one of their keepers."""
        code, _ = await refusal_of(client.tenants.CreateApiKey(pb.CreateApiKeyRequest(role=role)))
        made = await root.tenants.CreateApiKey(pb.CreateApiKeyRequest(role=role))

        assert code in {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT}
        assert "" == made.key.tenant_id

    async def test_grants_no_more_than_its_giver_has(
        self, serving: Serving, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever may make keys makes no stronger ones than their own."""
        weak = {"key.write", "instance.read"}
        monkeypatch.setitem(PERMISSIONS, "weak", frozenset(weak))
        async with client_of(serving, await serving.key("weak")) as caller:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await caller.tenants.CreateApiKey(pb.CreateApiKeyRequest(role="viewer"))
            same = await caller.tenants.CreateApiKey(pb.CreateApiKeyRequest(role="weak"))

        assert grpc.StatusCode.PERMISSION_DENIED == refused.value.code()
        assert "payload.read" in info_in(refused.value).metadata["permission"]
        assert same.created

    @pytest.mark.parametrize("length", [timedelta(seconds=-1), timedelta(days=4_000)])
    async def test_ends_in_time_to_come_and_in_this_decade(
        self, client: Client, length: timedelta
    ) -> None:
        """One that was never good, and one that outlives everybody, are mistakes."""
        refused = await refusal_of(
            client.tenants.CreateApiKey(
                pb.CreateApiKeyRequest(role="viewer", expire_time=in_time(length))
            )
        )

        assert (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") == refused

    async def test_is_listed_without_its_secret(self, client: Client) -> None:
        """By role as well, page by page."""
        made = [
            await client.tenants.CreateApiKey(pb.CreateApiKeyRequest(role="starter"))
            for _ in range(3)
        ]

        first = await client.tenants.ListApiKeys(
            pb.ListApiKeysRequest(page_size=2, filter="role = starter")
        )
        second = await client.tenants.ListApiKeys(
            pb.ListApiKeysRequest(
                page_size=2, filter="role = starter", page_token=first.next_page_token
            )
        )

        found = [one.key_id for one in (*first.keys, *second.keys)]
        assert sorted(one.key.key_id for one in made) == found
        assert not any(one.secret.split("_", 2)[2] in str(first) for one in made)


class TestTheRoles:
    async def test_are_told_to_all_who_are_let_in(self, client: Client) -> None:
        """With what each grants, as the server goes by it, page by page."""
        request = pb.ListRolesRequest(page_size=4)
        told: dict[str, list[str]] = {}
        while True:
            page = await client.tenants.ListRoles(request)
            told |= {one.role: list(one.permissions) for one in page.roles}
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token

        assert {role: sorted(granted) for role, granted in PERMISSIONS.items()} == told
        assert sorted(told) == list(told)

    async def test_are_found_by_what_they_grant(self, client: Client) -> None:
        """Which role lets a service start instances, and no more than need be?"""
        wanted = 'permission = "instance.start" AND is_platform = FALSE'
        found = await client.tenants.ListRoles(pb.ListRolesRequest(filter=wanted))
        platform = await client.tenants.ListRoles(pb.ListRolesRequest(filter="is_platform = TRUE"))

        assert ["starter", "tenant_admin"] == [one.role for one in found.roles]
        assert sorted(PLATFORM_ROLES) == [one.role for one in platform.roles]
        assert all(one.is_platform and one.purpose for one in platform.roles)


class TestAnybodyElse:
    async def test_keeps_no_tenants(self, serving: Serving, client: Client) -> None:
        """Tenants are the platform's alone, also to their own administrators."""
        for call in (
            client.tenants.CreateTenant(pb.CreateTenantRequest(tenant_id="mine")),
            client.tenants.GetTenant(pb.GetTenantRequest(tenant_id=TENANT)),
            client.tenants.ListTenants(pb.ListTenantsRequest()),
            client.tenants.SuspendTenant(
                pb.SuspendTenantRequest(tenant_id=OTHER_TENANT, reason="x")
            ),
        ):
            code, reason = await refusal_of(call)

            assert (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED") == (code, reason)
