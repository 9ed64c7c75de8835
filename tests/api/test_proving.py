"""Histories verified, exported, and counted, over the wire."""

import hashlib
from dataclasses import replace

import grpc
import pytest
from foliot.v1 import event_service_pb2 as pb
from foliot.v1 import history_entry_pb2, instance_service_pb2, task_service_pb2

from control_plane.api import instance_servicer, task_servicer
from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId, parse_uuid
from tests.api.serving import TENANT, Client, Serving, info_in
from tests.api.stories import activate, history_of, send, start

FOREIGN = "01a2073e-c432-73a4-a443-a88f60270999"


@pytest.fixture(autouse=True)
async def approval(client: Client) -> str:
    """An active definition to start from."""
    return await activate(client)


async def told_on(client: Client) -> str:
    """The id of an instance with some history."""
    instance = await start(client)
    await send(client, instance.instance_id, "SUBMIT")
    await send(client, instance.instance_id, "WITHDRAW")
    return instance.instance_id


async def verified(
    client: Client, instance_id: str, known_seq: int = 0, known_hash: bytes = b""
) -> pb.VerifyHistoryResponse:
    return await client.events.VerifyHistory(
        pb.VerifyHistoryRequest(instance_id=instance_id, known_seq=known_seq, known_hash=known_hash)
    )


async def exported(
    client: Client, instance_id: str, after_seq: int = 0
) -> list[pb.ExportHistoryResponse]:
    stream = client.events.ExportHistory(
        pb.ExportHistoryRequest(instance_id=instance_id, after_seq=after_seq)
    )
    return [message async for message in stream]


class TestAHistory:
    async def test_that_nobody_touched_is_intact(self, client: Client) -> None:
        """With the hash of its last entry, to be kept elsewhere."""
        instance_id = await told_on(client)

        found = await verified(client, instance_id)

        assert (True, 0, "") == (found.intact, found.broken_seq, found.problem)
        assert len(await history_of(client, instance_id)) == found.entry_count
        again = await verified(client, instance_id, found.entry_count, found.last_hash)
        assert again.intact

    async def test_that_was_changed_tells_where(self, client: Client, serving: Serving) -> None:
        """Whatever was changed: what happened, when in the order, or that it happened."""
        instance_id = await told_on(client)
        key = InstanceKey(TENANT, InstanceId(parse_uuid(instance_id, "id")))
        written = list(serving.database.history[key])
        changed = [
            [replace(one, payload='{"amount":1}') if one.seq == 3 else one for one in written],
            [replace(one, type="ERROR") if one.seq == 3 else one for one in written],
            [one for one in written if one.seq != 3],
            written[:2],
        ]

        problems = []
        for entries in changed:
            serving.database.history[key] = entries
            found = await verified(client, instance_id)
            problems.append((found.intact, found.entry_count, found.broken_seq))

        assert [(False, 2, 3)] * 4 == problems

    async def test_that_was_replaced_as_a_whole_is_told_by_what_somebody_kept(
        self, client: Client
    ) -> None:
        """Whoever can write a history anew can write its hashes anew."""
        instance_id = await told_on(client)

        found = await verified(client, instance_id, 2, bytes(32))

        assert not found.intact
        assert "entry 2" in found.problem

    @pytest.mark.parametrize(
        ("seq", "hash_"), [(2, b"short"), (0, bytes(32)), (90, bytes(32)), (2, b"")], ids=str
    )
    async def test_is_not_held_against_what_is_no_hash_of_it(
        self, client: Client, seq: int, hash_: bytes
    ) -> None:
        """The error says what is wrong with the question."""
        instance_id = await told_on(client)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await verified(client, instance_id, seq, hash_)

        assert "FIELD_INVALID" == info_in(refused.value).reason

    async def test_of_another_tenant_is_none(self, client: Client, stranger: Client) -> None:
        """As one that never was."""
        instance_id = await told_on(client)

        for call in (verified, exported):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(stranger, instance_id)
            assert "INSTANCE_NOT_FOUND" == info_in(refused.value).reason


class TestAnExport:
    async def test_has_the_instance_and_every_entry(self, client: Client) -> None:
        """As it stands, and then it ends, whether or not the instance goes on."""
        instance_id = await told_on(client)

        first, *rest = await exported(client, instance_id)

        entries = [entry for message in rest for entry in message.entries]
        assert (instance_id, len(entries)) == (
            first.instance.instance_id,
            first.instance.history_seq,
        )
        assert list(range(1, len(entries) + 1)) == [entry.seq for entry in entries]

    async def test_can_be_verified_by_whoever_has_it(self, client: Client) -> None:
        """With SHA-256 and nothing of ours, as the documentation says."""
        instance_id = await told_on(client)
        messages = await exported(client, instance_id)

        chain = b""
        for entry in (entry for message in messages for entry in message.entries):
            name = history_entry_pb2.HistoryEntryType.Name(entry.type)
            type_ = name.removeprefix("HISTORY_ENTRY_TYPE_")
            payload = entry.payload.json or "{}"
            told = entry.seq.to_bytes(8, "big") + type_.encode() + b"\0" + payload.encode()
            chain = hashlib.sha256(chain + told).digest()
            assert entry.hash == chain

        assert (await verified(client, instance_id)).last_hash == chain

    async def test_is_resumed_after_what_is_known(self, client: Client) -> None:
        """A long one may be interrupted."""
        instance_id = await told_on(client)

        _, *rest = await exported(client, instance_id, after_seq=3)

        assert 4 == rest[0].entries[0].seq

    async def test_from_ahead_of_the_instance_is_out_of_range(self, client: Client) -> None:
        """The error tells what there is."""
        instance_id = await told_on(client)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await exported(client, instance_id, after_seq=90)

        assert grpc.StatusCode.OUT_OF_RANGE == refused.value.code()


class TestACount:
    async def test_of_instances_and_tasks_goes_by_the_filters_of_their_lists(
        self, client: Client
    ) -> None:
        """How many are there? Not by paging through them all."""
        begun = [await start(client, business_key=key) for key in ("o-1", "o-2", "o-3")]
        for one in begun:
            await send(client, one.instance_id, "SUBMIT")

        async def instances(text: str) -> int:
            answer = await client.instances.CountInstances(
                instance_service_pb2.CountInstancesRequest(filter=text)
            )
            assert not answer.at_least
            return answer.count

        async def tasks(text: str) -> int:
            answer = await client.tasks.CountTasks(task_service_pb2.CountTasksRequest(filter=text))
            assert not answer.at_least
            return answer.count

        assert (3, 0) == (await instances(""), await instances("status = FAILED"))
        assert 1 == await instances('definition_key = "approval" AND business_key = "o-2"')
        assert (3, 3) == (await tasks(""), await tasks("type = HUMAN AND status = PENDING"))
        assert 1 == await tasks(f'instance_id = "{begun[0].instance_id}"')

    async def test_says_where_it_ended(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A count costs no more in a large tenant than in a small one."""
        for servicer in (instance_servicer, task_servicer):
            monkeypatch.setattr(servicer, "MAX_COUNTED", 2)
        for _ in range(3):
            instance = await start(client)
            await send(client, instance.instance_id, "SUBMIT")

        of_instances = await client.instances.CountInstances(
            instance_service_pb2.CountInstancesRequest()
        )
        of_tasks = await client.tasks.CountTasks(task_service_pb2.CountTasksRequest())

        assert (2, True) == (of_instances.count, of_instances.at_least)
        assert (2, True) == (of_tasks.count, of_tasks.at_least)

    async def test_refuses_what_it_cannot_count_by(self, client: Client) -> None:
        """A field that no index is for would cost a walk through everything."""
        for call in (
            client.instances.CountInstances(
                instance_service_pb2.CountInstancesRequest(filter=f"definition_id = {FOREIGN}")
            ),
            client.tasks.CountTasks(task_service_pb2.CountTasksRequest(filter='queue = "q"')),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert "FILTER_INVALID" == info_in(refused.value).reason
