"""A tenant's whole way on PostgreSQL: created, let in, at work, suspended, resumed, and told of."""

import asyncio
from typing import Any

import grpc
from foliot.v1 import admin_service_pb2, definition_service_pb2, instance_pb2, instance_service_pb2
from foliot.v1 import tenant_service_pb2 as pb

from control_plane.access.keys import mint
from tests.api.serving import PEPPER, Client, info_in, with_key
from tests.api.stories import activate, start
from tests.api.test_on_postgres import claim, ring, succeed

WITHIN_S = 20.0
A_BREATH_S = 0.05

WORKING: dict[str, Any] = {
    "initial": "working",
    "states": {
        "working": {"invoke": {"id": "work", "src": "system.work", "onDone": "over"}},
        "over": {"type": "final"},
    },
}


async def end_of(client: Client, instance_id: str) -> instance_pb2.Instance:
    """The instance once it has ended, for a caller that may be kept out for a moment still."""
    wait = instance_service_pb2.WaitInstanceRequest(instance_id=instance_id)
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                return (await client.instances.WaitInstance(wait)).instance
            except grpc.aio.AioRpcError as error:
                if info_in(error).reason != "TENANT_SUSPENDED":
                    raise
                await asyncio.sleep(A_BREATH_S)


class TestATenantsWay:
    async def test_leads_from_nothing_through_a_suspension_to_an_end_that_is_told_of(
        self, migrated_url: str
    ) -> None:
        """Row security, claims, turns and the audit log are all there, and agree."""
        keeper = mint(tenant_id=None, role="platform_admin", pepper=PEPPER)
        async with (
            ring(migrated_url, keeper) as (acme, executor),
            grpc.aio.insecure_channel(acme.address, interceptors=with_key(keeper.text)) as keepers,
        ):
            root = Client(keepers, keeper.text, acme.address)
            await root.tenants.CreateTenant(pb.CreateTenantRequest(tenant_id="initech"))
            key = await root.tenants.CreateApiKey(
                pb.CreateApiKeyRequest(tenant_id="initech", role="tenant_admin")
            )
            async with grpc.aio.insecure_channel(
                acme.address, interceptors=with_key(key.secret)
            ) as theirs:
                initech = Client(theirs, key.secret, acme.address)
                definition_id = await activate(initech, WORKING, "working")
                instance_id = (await start(initech, "working")).instance_id
                await root.tenants.SuspendTenant(
                    pb.SuspendTenantRequest(tenant_id="initech", reason="unpaid")
                )
                # Another tenant's task is there to be claimed, so that the claim is no idle one.
                await activate(acme, WORKING, "working")
                await start(acme, "working")
                (others,) = await claim(executor, 1)
                await root.tenants.ResumeTenant(pb.ResumeTenantRequest(tenant_id="initech"))
                claimed = await claim(executor, 1)
                await succeed(executor, claimed)
                ended = await end_of(initech, instance_id)
                await initech.definitions.DeactivateDefinition(
                    definition_service_pb2.DeactivateDefinitionRequest(definition_id=definition_id)
                )
                told = await initech.admin.ListAuditEntries(
                    admin_service_pb2.ListAuditEntriesRequest()
                )
                elsewhere = await acme.admin.ListAuditEntries(
                    admin_service_pb2.ListAuditEntriesRequest()
                )

        assert others.instance_id != instance_id
        assert [instance_id] == [one.instance_id for one in claimed]
        assert instance_pb2.INSTANCE_STATUS_COMPLETED == ended.status
        assert [
            "DeactivateDefinition",
            "ResumeTenant",
            "SuspendTenant",
            "ActivateDefinition",
            "CreateDefinition",
            "CreateApiKey",
            "CreateTenant",
        ] == [one.method.partition("/")[2] for one in told.entries]
        assert ["ActivateDefinition", "CreateDefinition"] == [
            one.method.partition("/")[2] for one in elsewhere.entries
        ]
