"""EventService, over the wire."""

import asyncio

import grpc
import pytest
from foliot.v1 import event_pb2, instance_service_pb2
from foliot.v1 import event_service_pb2 as pb

from tests.api.serving import WITHIN_S, Client, Serving, info_in
from tests.api.stories import activate, as_json, history_of, send, start


@pytest.fixture(autouse=True)
async def approval(client: Client) -> str:
    """An active definition to start from."""
    return await activate(client)


def starting(event_id: str, business_key: str, amount: int = 1) -> pb.IngestItem:
    return pb.IngestItem(
        event=event_pb2.Event(
            event_id=event_id, type="order.placed", payload=as_json({"amount": amount})
        ),
        definition_key="approval",
        business_key=business_key,
        action=pb.INGEST_ACTION_START,
    )


def telling(event_id: str, business_key: str, type_: str = "SUBMIT") -> pb.IngestItem:
    return pb.IngestItem(
        event=event_pb2.Event(event_id=event_id, type=type_),
        definition_key="approval",
        business_key=business_key,
        action=pb.INGEST_ACTION_CORRELATE,
    )


class TestTheHistory:
    async def test_has_every_entry_once_either_way_round(self, client: Client) -> None:
        """Backwards pages are forwards pages from so many before."""
        instance = await start(client)
        await send(client, instance.instance_id, "SUBMIT")
        await send(client, instance.instance_id, "WITHDRAW")

        found = {}
        for order in ("seq", "seq desc"):
            seqs: list[int] = []
            token = ""
            while True:
                page = await client.events.ListHistory(
                    pb.ListHistoryRequest(
                        instance_id=instance.instance_id,
                        page_size=3,
                        page_token=token,
                        order_by=order,
                    )
                )
                seqs += [one.seq for one in page.entries]
                token = page.next_page_token
                if not token:
                    break
            found[order] = seqs

        assert list(range(1, len(found["seq"]) + 1)) == found["seq"]
        assert found["seq"][::-1] == found["seq desc"]

    async def test_can_be_cut_by_seq_and_type(self, client: Client) -> None:
        """All terms of a filter must hold."""
        instance = await start(client)
        await send(client, instance.instance_id, "SUBMIT")

        page = await client.events.ListHistory(
            pb.ListHistoryRequest(
                instance_id=instance.instance_id,
                filter="type = STATE_TRANSITION AND seq >= 2 AND seq < 3",
            )
        )

        assert [2] == [one.seq for one in page.entries]


class TestWatching:
    async def test_tells_what_was_and_then_what_happens(
        self, client: Client, serving: Serving
    ) -> None:
        """No entry is missed and none comes twice, however it is interleaved."""
        instance = await start(client)
        stream = client.events.WatchInstance(
            pb.WatchInstanceRequest(instance_id=instance.instance_id)
        )
        reading = asyncio.create_task(_all_of(stream))
        await _until_streams(serving, 1)

        await send(client, instance.instance_id, "SUBMIT")
        await client.instances.CancelInstance(
            instance_service_pb2.CancelInstanceRequest(
                instance_id=instance.instance_id, reason="enough"
            )
        )
        async with asyncio.timeout(WITHIN_S):
            watched, error = await reading

        happened = await history_of(client, instance.instance_id)
        assert list(range(1, len(happened) + 1)) == [one.entry.seq for one in watched]
        assert error is None

    async def test_can_be_resumed_from_every_entry(self, client: Client) -> None:
        """No entry is missed and none comes twice, whatever was received last."""
        instance = await start(client)
        await send(client, instance.instance_id, "SUBMIT")
        await client.instances.CancelInstance(
            instance_service_pb2.CancelInstanceRequest(
                instance_id=instance.instance_id, reason="enough"
            )
        )
        happened = await history_of(client, instance.instance_id)

        for seq in range(len(happened) + 1):
            request = pb.WatchInstanceRequest(instance_id=instance.instance_id, after_seq=seq)
            async with asyncio.timeout(WITHIN_S):
                watched, error = await _all_of(client.events.WatchInstance(request))
            assert list(range(seq + 1, len(happened) + 1)) == [one.entry.seq for one in watched]
            assert error is None

    async def test_of_a_closed_instance_after_its_end_is_over_at_once(self, client: Client) -> None:
        """A watcher that comes back after the last entry must not wait for ever."""
        instance = await start(client)
        cancelled = await client.instances.CancelInstance(
            instance_service_pb2.CancelInstanceRequest(
                instance_id=instance.instance_id, reason="enough"
            )
        )

        stream = client.events.WatchInstance(
            pb.WatchInstanceRequest(
                instance_id=instance.instance_id, after_seq=cancelled.instance.history_seq
            )
        )
        async with asyncio.timeout(WITHIN_S):
            watched = [message async for message in stream]

        assert [] == watched

    async def test_from_ahead_of_the_instance_is_out_of_range(self, client: Client) -> None:
        """The error tells between which positions one can watch."""
        instance = await start(client)
        stream = client.events.WatchInstance(
            pb.WatchInstanceRequest(instance_id=instance.instance_id, after_seq=90)
        )

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(aiter(stream))

        info = info_in(refused.value)
        assert grpc.StatusCode.OUT_OF_RANGE == refused.value.code()
        assert str(instance.history_seq) == info.metadata["last_seq"]

    async def test_of_another_tenants_instance_finds_nothing(
        self, client: Client, stranger: Client
    ) -> None:
        """A stream is held to its tenant like every call."""
        instance = await start(client)
        stream = stranger.events.WatchInstance(
            pb.WatchInstanceRequest(instance_id=instance.instance_id)
        )

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(aiter(stream))

        assert "INSTANCE_NOT_FOUND" == info_in(refused.value).reason

    async def test_is_limited_to_ten_streams_a_caller(
        self, client: Client, serving: Serving
    ) -> None:
        """One caller must not take all the streams there are."""
        instance = await start(client)
        request = pb.WatchInstanceRequest(instance_id=instance.instance_id)
        streams = [client.events.WatchInstance(request) for _ in range(10)]
        await _until_streams(serving, 10)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(aiter(client.events.WatchInstance(request)))
        for stream in streams:
            stream.cancel()

        assert "LIMIT_EXCEEDED" == info_in(refused.value).reason

    async def test_ends_with_a_word_when_the_server_drains(
        self, client: Client, serving: Serving
    ) -> None:
        """A watcher hears that it should resume elsewhere, and from where."""
        instance = await start(client)
        stream = client.events.WatchInstance(
            pb.WatchInstanceRequest(
                instance_id=instance.instance_id, after_seq=instance.history_seq
            )
        )
        reading = asyncio.create_task(_all_of(stream))
        await _until_streams(serving, 1)

        serving.stop.set()
        async with asyncio.timeout(WITHIN_S):
            messages, error = await reading

        assert (True, instance.history_seq) == (messages[-1].draining, messages[-1].seq)
        assert error is not None
        assert "SERVER_DRAINING" == info_in(error).reason


class TestIngesting:
    async def test_starts_and_tells_in_the_order_of_the_batch(self, client: Client) -> None:
        """An event finds the instance that an item before it started."""
        answer = await client.events.IngestEvents(
            pb.IngestEventsRequest(
                items=[starting("e1", "o1"), telling("e2", "o1"), telling("e3", "o1", "WITHDRAW")]
            )
        )

        first, *others = (result.accepted for result in answer.results)
        assert first.created
        assert [first.instance_id] * 2 == [one.instance_id for one in others]
        assert {event_pb2.EVENT_DISPOSITION_APPLIED} == {one.disposition for one in others}

    async def test_again_changes_nothing(self, client: Client) -> None:
        """A relay may resend a batch whenever it is in doubt."""
        batch = pb.IngestEventsRequest(items=[starting("e1", "o1"), telling("e2", "o1")])
        first = await client.events.IngestEvents(batch)
        instance_id = first.results[0].accepted.instance_id
        before = await history_of(client, instance_id)

        again = await client.events.IngestEvents(batch)

        assert [True, True] == [one.accepted.duplicate for one in again.results]
        assert before == await history_of(client, instance_id)

    async def test_again_leaves_a_later_instance_of_the_business_key_alone(
        self, client: Client
    ) -> None:
        """The event was for the one before, and is in its history."""
        batch = pb.IngestEventsRequest(items=[starting("e1", "o1"), telling("e2", "o1")])
        first = await client.events.IngestEvents(batch)
        await client.instances.CancelInstance(
            instance_service_pb2.CancelInstanceRequest(
                instance_id=first.results[0].accepted.instance_id, reason="sold out"
            )
        )
        later = await client.instances.StartInstance(
            instance_service_pb2.StartInstanceRequest(
                definition_key="approval",
                business_key="o1",
                input=as_json({"amount": 1}),
                on_closed=instance_service_pb2.ON_CLOSED_ALLOW,
            )
        )
        assert later.created
        before = await history_of(client, later.instance.instance_id)

        again = await client.events.IngestEvents(batch)

        assert [one.accepted.instance_id for one in first.results] == [
            one.accepted.instance_id for one in again.results
        ]
        assert [True, True] == [one.accepted.duplicate for one in again.results]
        assert before == await history_of(client, later.instance.instance_id)

    @pytest.mark.parametrize("other", [starting("e1", "o1", amount=2), telling("e1", "o1")])
    async def test_refuses_another_event_under_the_id_of_one(
        self, client: Client, other: pb.IngestItem
    ) -> None:
        """A relay that numbers its events anew finds out; under another key the id is free."""
        await client.events.IngestEvents(pb.IngestEventsRequest(items=[starting("e1", "o1")]))

        answer = await client.events.IngestEvents(
            pb.IngestEventsRequest(items=[other, starting("e1", "o2")])
        )

        mismatch, elsewhere = answer.results
        assert grpc.StatusCode.ALREADY_EXISTS.value[0] == mismatch.error.code
        assert elsewhere.accepted.created

    async def test_takes_what_was_refused_when_it_is_sent_again(self, client: Client) -> None:
        """A relay goes on with the rest, and comes back to it."""
        early = pb.IngestEventsRequest(items=[telling("e2", "o1")])
        refused = await client.events.IngestEvents(early)
        await client.events.IngestEvents(pb.IngestEventsRequest(items=[starting("e1", "o1")]))

        taken = await client.events.IngestEvents(early)

        assert "error" == refused.results[0].WhichOneof("result")
        assert not taken.results[0].accepted.duplicate

    async def test_lets_no_item_spoil_another(self, client: Client) -> None:
        """Each item stands for itself, and its error is the one its own call would get."""
        answer = await client.events.IngestEvents(
            pb.IngestEventsRequest(
                items=[
                    telling("e1", "nobody"),
                    pb.IngestItem(),
                    starting("e2", "o1"),
                ]
            )
        )

        assert ["error", "error", "accepted"] == [
            one.WhichOneof("result") for one in answer.results
        ]
        assert [
            grpc.StatusCode.NOT_FOUND.value[0],
            grpc.StatusCode.INVALID_ARGUMENT.value[0],
        ] == [one.error.code for one in answer.results[:2]]

    @pytest.mark.parametrize(("count", "reason"), [(0, "FIELD_INVALID"), (201, "LIMIT_EXCEEDED")])
    async def test_is_bounded(self, client: Client, count: int, reason: str) -> None:
        """A batch has from one to 200 items."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.events.IngestEvents(
                pb.IngestEventsRequest(items=[telling("e", "o")] * count)
            )

        assert reason == info_in(refused.value).reason


async def _all_of(
    stream: "grpc.aio.UnaryStreamCall[pb.WatchInstanceRequest, pb.WatchInstanceResponse]",
) -> tuple[list[pb.WatchInstanceResponse], grpc.aio.AioRpcError | None]:
    messages: list[pb.WatchInstanceResponse] = []
    try:
        async for message in stream:
            messages.append(message)  # noqa: PERF401 - what came before an error counts too
    except grpc.aio.AioRpcError as error:
        return messages, error
    return messages, None


async def _until_streams(serving: Serving, count: int) -> None:
    """Wait until that many streams are open."""
    async with asyncio.timeout(WITHIN_S):
        while serving.control_plane.admission.streams < count:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.005)
