"""Quotas over the API: set, looked at, and enforced."""

import asyncio
from collections.abc import Sequence

import grpc
import pytest
from foliot.v1 import (
    admin_service_pb2 as pb,
)
from foliot.v1 import (
    event_pb2,
    event_service_pb2,
    instance_service_pb2,
    quota_pb2,
)
from google.rpc import error_details_pb2

from control_plane.ports.quotas import QuotaKind
from control_plane.use_cases.quotas import DEFAULTS
from tests.api.serving import TENANT, Client, Serving, client_of, detail_in, info_in, status_in
from tests.api.stories import APPROVAL, activate, as_json, create

START = instance_service_pb2.StartInstanceRequest(
    definition_key="approval", input=as_json({"amount": 1})
)


async def set_quota(
    serving: Serving, kind: str, limit: int, tenant_id: str = TENANT
) -> pb.SetQuotaResponse:
    """Set a quota as an operator of the platform does."""
    async with client_of(serving, await serving.key("platform_admin", None)) as platform:
        return await platform.admin.SetQuota(
            pb.SetQuotaRequest(
                tenant_id=tenant_id,
                kind=quota_pb2.QuotaKind.Value(f"QUOTA_KIND_{kind}"),
                limit=limit,
            )
        )


async def told(client: Client, tenant_id: str = "") -> Sequence[tuple[str, int, bool, int]]:
    """Each quota's kind, limit, whether it is the tenant's own, and how much is used."""
    answer = await client.admin.GetQuotas(pb.GetQuotasRequest(tenant_id=tenant_id))
    return [
        (
            quota_pb2.QuotaKind.Name(one.kind).removeprefix("QUOTA_KIND_"),
            one.limit,
            one.is_own,
            one.used_count,
        )
        for one in answer.quotas
    ]


class TestQuotas:
    async def test_are_the_platforms_where_none_were_set(self, client: Client) -> None:
        """One of each kind, with what there is."""
        await activate(client)
        await client.instances.StartInstance(START)

        found = await told(client)

        assert [(kind.name, DEFAULTS[kind], False) for kind in QuotaKind] == [
            one[:3] for one in found
        ]
        assert [1, 0, 1, 0] == [one[3] for one in found[:4]]
        assert 10 <= found[4][3]

    async def test_are_the_tenants_own_once_they_were_set(
        self, serving: Serving, client: Client
    ) -> None:
        """Its callers see them, and so does the platform."""
        await set_quota(serving, "STREAMS", 7)

        async with client_of(serving, await serving.key("platform_admin", None)) as platform:
            assert ("STREAMS", 7, True, 0) in await told(platform, TENANT)
        assert ("STREAMS", 7, True, 0) in await told(client)

    async def test_are_set_by_the_platform_alone(self, client: Client) -> None:
        """Nobody gives themselves more."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.admin.SetQuota(
                pb.SetQuotaRequest(tenant_id=TENANT, kind=quota_pb2.QUOTA_KIND_STREAMS, limit=9)
            )

        assert "PERMISSION_DENIED" == info_in(refused.value).reason

    async def test_of_others_are_not_to_be_seen(self, serving: Serving, stranger: Client) -> None:
        """Another tenant's answers as one that there is not."""
        await serving.key()
        reasons = []
        for tenant_id in (TENANT, "nobody", "\0"):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await told(stranger, tenant_id)
            reasons.append(info_in(refused.value).reason)

        assert ["TENANT_NOT_FOUND"] * 3 == reasons

    async def test_need_a_tenant_a_kind_and_a_limit_there_can_be(self, serving: Serving) -> None:
        """Each with the field that is wrong."""
        await serving.key()
        async with client_of(serving, await serving.key("platform_admin", None)) as platform:
            fields = []
            for request in (
                pb.SetQuotaRequest(tenant_id=TENANT, limit=1),
                pb.SetQuotaRequest(
                    tenant_id=TENANT, kind=quota_pb2.QUOTA_KIND_STREAMS, limit=1_000_000_001
                ),
                pb.SetQuotaRequest(tenant_id=TENANT, kind=quota_pb2.QUOTA_KIND_STREAMS, limit=-1),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await platform.admin.SetQuota(request)
                fields.append(info_in(refused.value).metadata["field"])
            with pytest.raises(grpc.aio.AioRpcError) as without:
                await told(platform)
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await set_quota(serving, "STREAMS", 1, "nobody")

        assert ["kind", "limit", "limit"] == fields
        assert "tenant_id" == info_in(without.value).metadata["field"]
        assert "TENANT_NOT_FOUND" == info_in(unknown.value).reason

    async def test_go_back_to_the_platforms(self, serving: Serving, client: Client) -> None:
        """And say so; a second time there is nothing to take back."""
        await set_quota(serving, "DEFINITIONS", 0)
        request = pb.RemoveQuotaRequest(tenant_id=TENANT, kind=quota_pb2.QUOTA_KIND_DEFINITIONS)
        async with client_of(serving, await serving.key("platform_admin", None)) as platform:
            first = await platform.admin.RemoveQuota(request)
            again = await platform.admin.RemoveQuota(request)

        assert [True, False] == [first.removed, again.removed]
        assert (DEFAULTS[QuotaKind.DEFINITIONS], False) == (first.quota.limit, first.quota.is_own)
        await create(client)


class TestOpenInstances:
    async def test_are_no_more_than_the_quota(self, serving: Serving, client: Client) -> None:
        """However many starts come at once; the refusal says what and when."""
        await activate(client)
        await set_quota(serving, "OPEN_INSTANCES", 3)

        answers = await asyncio.gather(
            *[client.instances.StartInstance(START) for _ in range(8)], return_exceptions=True
        )

        refused = [one for one in answers if isinstance(one, grpc.aio.AioRpcError)]
        failure = detail_in(status_in(refused[0]), error_details_pb2.QuotaFailure)
        assert isinstance(failure, error_details_pb2.QuotaFailure)
        assert 5 == len(refused)
        assert {"QUOTA_EXCEEDED"} == {info_in(one).reason for one in refused}
        assert ["tenant:acme"] == [one.subject for one in failure.violations]
        assert detail_in(status_in(refused[0]), error_details_pb2.RetryInfo).ByteSize()

    async def test_make_room_when_they_end(self, serving: Serving, client: Client) -> None:
        """At once, on the server where they ended."""
        await activate(client)
        await set_quota(serving, "OPEN_INSTANCES", 1)
        first = await client.instances.StartInstance(START)

        await client.instances.CancelInstance(
            instance_service_pb2.CancelInstanceRequest(
                instance_id=first.instance.instance_id, reason="room"
            )
        )

        assert (await client.instances.StartInstance(START)).created

    async def test_are_held_to_it_however_they_are_started(
        self, serving: Serving, client: Client
    ) -> None:
        """By a signal, or one of a batch whose other items pass."""
        await activate(client)
        await set_quota(serving, "OPEN_INSTANCES", 0)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.SignalWithStart(
                instance_service_pb2.SignalWithStartRequest(
                    definition_key="approval",
                    business_key="b",
                    input=as_json({"amount": 1}),
                    event=event_pb2.Event(type="SUBMIT", event_id="e"),
                )
            )
        batch = await client.events.IngestEvents(
            event_service_pb2.IngestEventsRequest(
                items=[
                    event_service_pb2.IngestItem(
                        event=event_pb2.Event(type="SUBMIT", event_id="e1"),
                        definition_key="approval",
                        business_key="b",
                        action=event_service_pb2.INGEST_ACTION_START,
                    )
                ]
            )
        )

        assert "QUOTA_EXCEEDED" == info_in(refused.value).reason
        assert grpc.StatusCode.RESOURCE_EXHAUSTED.value[0] == batch.results[0].error.code

    async def test_go_on_beyond_it(self, serving: Serving, client: Client) -> None:
        """A smaller quota ends nothing: events, cancels and tasks pass."""
        await activate(client)
        started = await client.instances.StartInstance(START)
        await set_quota(serving, "OPEN_INSTANCES", 0)

        answer = await client.instances.SendEvent(
            instance_service_pb2.SendEventRequest(
                instance_id=started.instance.instance_id,
                event=event_pb2.Event(type="SUBMIT", event_id="e"),
            )
        )

        assert '"review"' == answer.state.json


class TestVersionsOfDefinitions:
    async def test_are_no_more_than_the_quota(self, serving: Serving, client: Client) -> None:
        """Waiting does not help, so nothing says when to come back."""
        await create(client)
        await set_quota(serving, "DEFINITIONS", 1)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await create(client, {**APPROVAL, "id": "other"})

        kinds = {one.type_url.rpartition(".")[2] for one in status_in(refused.value).details}
        assert "definitions" == info_in(refused.value).metadata["quota"]
        assert {"ErrorInfo", "QuotaFailure"} == kinds
