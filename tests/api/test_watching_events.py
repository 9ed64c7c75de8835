"""Watching a tenant's feed, over the wire."""

import asyncio
from datetime import timedelta

import grpc
import pytest
from foliot.v1 import event_service_pb2 as pb
from foliot.v1 import history_entry_pb2 as history

from tests.api.serving import WITHIN_S, Client, Serving, client_of, info_in
from tests.api.stories import activate, history_of, send, start
from tests.api.watching import everything, watching, what

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def approval(client: Client) -> str:
    """An active definition to start from."""
    return await activate(client)


class TestTheFeed:
    async def test_tells_of_all_instances_what_happens_from_now_on(self, client: Client) -> None:
        """In one order, each instance by its history."""
        before = await start(client)
        async with watching(client) as watcher:
            one = await start(client)
            await send(client, before.instance_id, "SUBMIT")
            await send(client, one.instance_id, "SUBMIT")
            expected = [
                (each.instance_id, seq, name)
                for each, first in ((before, before.history_seq), (one, 0))
                for seq, name in enumerate(await history_of(client, each.instance_id), start=1)
                if seq > first
            ]
            await watcher.until_entries(len(expected))

        assert sorted(expected) == sorted(watcher.happened)
        for instance_id in (before.instance_id, one.instance_id):
            seqs = [seq for whose, seq, _ in watcher.happened if whose == instance_id]
            assert sorted(seqs) == seqs

    async def test_begins_with_a_position_to_resume_from(self, client: Client) -> None:
        """Whoever loses the stream before anything happened has one as well."""
        async with watching(client) as watcher:
            first = watcher.messages[0]
        instance = await start(client)

        async with watching(client, after=first.position) as again:
            await again.until_entries(1)

        assert [] == list(first.entries)
        assert (instance.instance_id, 1, "INSTANCE_STARTED") == again.happened[0]

    async def test_can_be_resumed_from_every_position(self, client: Client) -> None:
        """No entry is missed and none comes twice, whatever was received last."""
        for _ in range(3):
            instance = await start(client)
            await send(client, instance.instance_id, "SUBMIT")
        told = await everything(client)

        for index, entry in enumerate(told[:-1], start=1):
            async with watching(client, after=entry.position) as watcher:
                await watcher.until_entries(len(told) - index)
            assert [what(one) for one in told[index:]] == watcher.happened

        assert 9 < len(told)

    async def test_begins_with_its_oldest_entry_where_that_is_asked_for(
        self, client: Client
    ) -> None:
        """A new consumer catches up and goes on, in one stream."""
        one = await start(client)
        async with watching(client, from_oldest=True) as watcher:
            await watcher.until_entries(1)
            two = await start(client)
            await watcher.until(lambda it: two.instance_id in {who for who, _, _ in it.happened})

        assert (one.instance_id, 1, "INSTANCE_STARTED") == watcher.happened[0]

    async def test_of_finished_instances_can_be_read_again(self, client: Client) -> None:
        """What has ended is as much of the past as what goes on."""
        instance = await start(client)
        await send(client, instance.instance_id, "SUBMIT")
        await send(client, instance.instance_id, "WITHDRAW")
        names = await history_of(client, instance.instance_id)

        assert names == [name for _, _, name in map(what, await everything(client))]

    async def test_is_another_tenants_never(self, client: Client, stranger: Client) -> None:
        """Nor does a position of one mean anything to another."""
        await activate(stranger)
        async with watching(stranger, from_oldest=True) as theirs:
            await start(client)
            ours = (await everything(client))[-1].position
            own = await start(stranger)
            await theirs.until_entries(1)

            with pytest.raises(grpc.aio.AioRpcError) as refused:
                async with watching(stranger, after=ours):
                    pass

        assert {own.instance_id} == {who for who, _, _ in theirs.happened}
        assert "POSITION_INVALID" == info_in(refused.value).reason

    async def test_takes_what_role_reads_histories(self, client: Client, serving: Serving) -> None:
        """Who may only carry out tasks may not look over everybody's shoulder."""
        async with client_of(serving, await serving.key("human_worker")) as worker:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                async with watching(worker):
                    pass

        assert "PERMISSION_DENIED" == info_in(refused.value).reason


class TestAPositionThatIsNoMore:
    async def test_is_out_of_range(self, client: Client, serving: Serving) -> None:
        """Whoever stayed away too long hears of it instead of missing something."""
        async with watching(client) as watcher:
            position = watcher.position
        await start(client)
        serving.database.move_clock(2 * DAY)
        await start(client)
        await serving.feed.prune(DAY, 100)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async with watching(client, after=position):
                pass

        assert grpc.StatusCode.OUT_OF_RANGE == refused.value.code()
        assert "POSITION_OUT_OF_RANGE" == info_in(refused.value).reason

    @pytest.mark.parametrize("position", ["x", "bm90aGluZw", "W1sxLDIsMyw0LDVdLCJ4Il0", "ä" * 9])
    async def test_and_never_was_is_refused(self, client: Client, position: str) -> None:
        """Whatever a client sends back must not be taken for another place."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async with watching(client, after=position):
                pass

        assert "POSITION_INVALID" == info_in(refused.value).reason


class TestAFilter:
    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ('business_key = "o-2"', {"two"}),
            ('definition_key = "approval"', {"one", "two"}),
            ('definition_key = "loan"', {"loan"}),
            ('labels.region = "eu"', {"one", "loan"}),
            ('labels.region = "eu" AND definition_key = "approval"', {"one"}),
            ('labels.region = "mars"', set()),
        ],
    )
    async def test_keeps_the_instances_it_names(
        self, client: Client, text: str, names: set[str]
    ) -> None:
        """From the table and from what comes live, the same."""
        await activate(client, key="loan")
        async with watching(client, filter=text) as live:
            begun = {
                "one": await start(client, business_key="o-1", labels={"region": "eu"}),
                "two": await start(client, business_key="o-2", labels={"region": "us"}),
                "loan": await start(client, key="loan", labels={"region": "eu"}),
            }
            called = {one.instance_id: name for name, one in begun.items()}
            async with watching(client, from_oldest=True, filter=text) as past:
                for watcher in (live, past):
                    if names:
                        await watcher.until(
                            lambda it: names <= {called[who] for who, _, _ in it.happened}
                        )
                    assert names == {called[who] for who, _, _ in watcher.happened}

    async def test_keeps_the_entries_that_enter_a_state(self, client: Client) -> None:
        """What a consumer of one step of the work wants to know."""
        async with watching(client, filter='state = "review"') as watcher:
            instance = await start(client)
            await send(client, instance.instance_id, "SUBMIT")
            await send(client, instance.instance_id, "WITHDRAW")
            await send(client, instance.instance_id, "SUBMIT", event_id="again")
            await watcher.until_entries(2)

        assert ["STATE_TRANSITION"] * 2 == [name for _, _, name in watcher.happened]
        assert all('"entered":["review"]' in one.entry.payload.json for one in watcher.entries)

    async def test_keeps_the_types_that_were_asked_for(self, client: Client) -> None:
        """Several at once; with an instance's id as well."""
        one, two = await start(client), await start(client)
        types = [
            history.HISTORY_ENTRY_TYPE_INSTANCE_STARTED,
            history.HISTORY_ENTRY_TYPE_TASK_CREATED,
        ]
        async with watching(
            client, from_oldest=True, types=types, filter=f'instance_id = "{two.instance_id}"'
        ) as watcher:
            for each in (one, two):
                await send(client, each.instance_id, "SUBMIT")
            await watcher.until_entries(2)

        assert [(two.instance_id, "INSTANCE_STARTED"), (two.instance_id, "TASK_CREATED")] == [
            (who, name) for who, _, name in watcher.happened
        ]

    @pytest.mark.parametrize(
        ("asked", "reason"),
        [
            ({"filter": "colour = 1"}, "FILTER_INVALID"),
            ({"filter": 'labels = "eu"'}, "FILTER_INVALID"),
            ({"filter": 'labels. = "eu"'}, "FILTER_INVALID"),
            ({"filter": 'state > "x"'}, "FILTER_INVALID"),
            ({"types": [0]}, "FIELD_INVALID"),
            ({"types": [9999]}, "FIELD_INVALID"),
            ({"types": [1] * 51}, "LIMIT_EXCEEDED"),
        ],
        ids=str,
    )
    async def test_that_is_none_is_refused(
        self, client: Client, asked: dict[str, object], reason: str
    ) -> None:
        """At once, and not by a stream that never says anything."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async with watching(client, **asked):
                pass

        assert reason == info_in(refused.value).reason


class TestAStreamOfEvents:
    async def test_ends_with_a_word_when_the_server_drains(
        self, client: Client, serving: Serving
    ) -> None:
        """A watcher hears that it should resume elsewhere, and from where."""
        await start(client)
        async with watching(client, from_oldest=True) as watcher:
            await watcher.until_entries(1)
            serving.stop.set()
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await watcher.until(lambda _: False)

        last = watcher.messages[-1]
        assert (True, watcher.entries[-1].position) == (last.draining, last.position)
        assert "SERVER_DRAINING" == info_in(ended.value).reason

    async def test_counts_among_the_ten_of_its_caller(
        self, client: Client, serving: Serving
    ) -> None:
        """One caller must not take all the streams there are; one that ends makes room."""
        streams = [client.events.WatchEvents(pb.WatchEventsRequest()) for _ in range(10)]
        for stream in streams:
            await anext(aiter(stream))

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async with watching(client):
                pass
        streams[0].cancel()
        async with asyncio.timeout(WITHIN_S):
            while serving.control_plane.admission.streams > 9:  # noqa: ASYNC110 - bounded
                await asyncio.sleep(0.005)
        async with watching(client):
            pass
        for stream in streams:
            stream.cancel()

        assert "LIMIT_EXCEEDED" == info_in(refused.value).reason
