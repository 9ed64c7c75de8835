"""UpdateInstanceLabels, over the wire."""

from typing import Any

import grpc
import pytest
from foliot.v1 import event_service_pb2, history_entry_pb2, instance_pb2
from foliot.v1 import instance_service_pb2 as pb

from tests.api.serving import Client, info_in
from tests.api.stories import activate, start


@pytest.fixture
async def instance(client: Client) -> instance_pb2.Instance:
    """One that has two labels."""
    await activate(client)
    return await start(client, labels={"region": "eu", "team": "a"})


async def updated(client: Client, instance_id: str, **more: Any) -> instance_pb2.Instance:
    request = pb.UpdateInstanceLabelsRequest(instance_id=instance_id, **more)
    return (await client.instances.UpdateInstanceLabels(request)).instance


class TestLabels:
    async def test_are_set_and_taken_away_together(
        self, client: Client, instance: instance_pb2.Instance
    ) -> None:
        """In one commit, of which the history tells what has changed."""
        changed = await updated(
            client, instance.instance_id, merge={"region": "us", "n": "1"}, remove=["team", "x"]
        )
        again = await updated(client, instance.instance_id, merge={"n": "1"}, remove=["team"])
        history = await client.events.ListHistory(
            event_service_pb2.ListHistoryRequest(
                instance_id=instance.instance_id, filter="type = LABELS_UPDATED"
            )
        )

        assert {"region": "us", "n": "1"} == dict(changed.labels)
        assert changed == again
        (entry,) = history.entries
        assert history_entry_pb2.HISTORY_ENTRY_TYPE_LABELS_UPDATED == entry.type
        assert entry.payload.json.startswith('{"by":"key:')
        assert '"merged":{"n":"1","region":"us"},"removed":["team"]' in entry.payload.json

    async def test_are_found_as_they_are_now(
        self, client: Client, instance: instance_pb2.Instance
    ) -> None:
        """Also those of an instance that has ended."""
        await client.instances.CancelInstance(
            pb.CancelInstanceRequest(instance_id=instance.instance_id, reason="test")
        )
        await updated(client, instance.instance_id, merge={"case": "closed"})
        found = [
            (await client.instances.ListInstances(pb.ListInstancesRequest(filter=text))).instances
            for text in ('labels.case = "closed"', 'labels.case = "open"')
        ]

        assert [1, 0] == [len(one) for one in found]

    async def test_are_found_beside_other_fields_page_by_page(
        self,
        client: Client,
        instance: instance_pb2.Instance,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """However many have the label: a page looks at so many of them, and says what is next."""
        monkeypatch.setattr("control_plane.use_cases.list_instances.LOOKED_AT", 2)
        for number in range(4):
            await start(client, business_key=f"k{number}", labels={"region": "eu"})
        request = pb.ListInstancesRequest(filter='labels.region = "eu" AND labels.team = "a"')
        pages = []
        while True:
            page = await client.instances.ListInstances(request)
            pages.append([one.instance_id for one in page.instances])
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token

        assert [[], [], [instance.instance_id]] == pages

    @pytest.mark.parametrize(
        ("asked", "reason"),
        [
            ({}, "FIELD_INVALID"),
            ({"merge": {"a": "1"}, "remove": ["a"]}, "FIELD_INVALID"),
            ({"merge": {"": "1"}}, "FIELD_INVALID"),
            ({"remove": ["x" * 64]}, "FIELD_INVALID"),
            ({"merge": {f"l{n}": "" for n in range(15)}}, "LIMIT_EXCEEDED"),
            ({"remove": [f"l{n}" for n in range(17)]}, "LIMIT_EXCEEDED"),
            ({"merge": {"a": "1"}, "expected_revision": 99}, "REVISION_MISMATCH"),
        ],
    )
    async def test_stay_as_they_are_where_the_request_is_wrong(
        self,
        client: Client,
        instance: instance_pb2.Instance,
        asked: dict[str, Any],
        reason: str,
    ) -> None:
        """Sixteen at most, by names and values within their lengths."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await updated(client, instance.instance_id, **asked)
        unchanged = await client.instances.GetInstance(
            pb.GetInstanceRequest(instance_id=instance.instance_id)
        )

        assert reason == info_in(refused.value).reason
        assert {"region": "eu", "team": "a"} == dict(unchanged.instance.labels)

    async def test_of_another_tenant_are_not_there(
        self, stranger: Client, instance: instance_pb2.Instance
    ) -> None:
        """Not even to be wrong about."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await updated(stranger, instance.instance_id, merge={"a": "1"})

        assert "INSTANCE_NOT_FOUND" == info_in(refused.value).reason
