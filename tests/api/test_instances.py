"""InstanceService, over the wire."""

import grpc
import pytest
from foliot.v1 import event_pb2, instance_pb2, task_pb2
from foliot.v1 import instance_service_pb2 as pb
from foliot.v1.json_pb2 import Json

from tests.api.serving import Client, Serving, client_of, info_in
from tests.api.stories import activate, as_json, create, send, start


@pytest.fixture(autouse=True)
async def approval(client: Client) -> str:
    """An active definition to start from."""
    return await activate(client)


class TestStarting:
    async def test_answers_with_the_first_stable_state(self, client: Client) -> None:
        """The answer comes after the commit, with everything that is to be known."""
        answer = await client.instances.StartInstance(
            pb.StartInstanceRequest(
                definition_key="approval",
                input=as_json({"amount": 10}),
                business_key="order-1",
                labels={"team": "red"},
            )
        )

        instance = answer.instance
        assert answer.created
        assert ('"draft"', '{"amount":10}') == (instance.state.json, instance.context.json)
        assert ("order-1", {"team": "red"}) == (instance.business_key, dict(instance.labels))
        assert instance_pb2.INSTANCE_STATUS_WAITING == instance.status

    async def test_by_the_id_of_the_active_version(self, client: Client, approval: str) -> None:
        """A caller may pin the version it was written for."""
        answer = await client.instances.StartInstance(
            pb.StartInstanceRequest(definition_id=approval, input=as_json({"amount": 1}))
        )

        assert approval == answer.instance.definition_id

    async def test_twice_under_one_business_key_starts_once(self, client: Client) -> None:
        """A start that is replayed creates nothing twice, whatever else it says by then."""
        first = await start(client, business_key="order-1")
        again = await client.instances.StartInstance(
            pb.StartInstanceRequest(
                definition_key="approval", business_key="order-1", input=as_json({"amount": 99})
            )
        )

        assert (first.instance_id, False) == (again.instance.instance_id, again.created)

    @pytest.mark.parametrize("by_id_first", [True, False])
    async def test_by_id_and_by_key_meet_on_one_business_key(
        self, client: Client, approval: str, by_id_first: bool
    ) -> None:
        """A business key is the definition key's, however the definition was named."""
        by_id = pb.StartInstanceRequest(
            definition_id=approval, business_key="order-1", input=as_json({"amount": 1})
        )
        by_key = pb.StartInstanceRequest(
            definition_key="approval", business_key="order-1", input=as_json({"amount": 1})
        )
        requests = [by_id, by_key] if by_id_first else [by_key, by_id]

        first, second = [await client.instances.StartInstance(one) for one in requests]

        assert (True, False) == (first.created, second.created)
        assert first.instance.instance_id == second.instance.instance_id

    async def test_by_an_unknown_id_finds_no_definition(
        self, client: Client, stranger: Client
    ) -> None:
        """Another tenant's id is as unknown as any."""
        foreign = await create(stranger)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.StartInstance(
                pb.StartInstanceRequest(definition_id=foreign, business_key="order-1")
            )

        assert "DEFINITION_NOT_FOUND" == info_in(refused.value).reason

    async def test_twice_under_one_request_id_starts_once(self, client: Client) -> None:
        """A client that did not hear the answer sends the same request again."""
        first = await start(client, request_id="r1")
        again = await start(client, request_id="r1")

        assert first.instance_id == again.instance_id

    async def test_otherwise_under_a_used_request_id_is_refused(self, client: Client) -> None:
        """The same id for another request is a bug that must not pass for a repeat."""
        await start(client, request_id="r1", amount=1)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await start(client, request_id="r1", amount=2)

        assert grpc.StatusCode.ALREADY_EXISTS == refused.value.code()
        assert "IDEMPOTENCY_MISMATCH" == info_in(refused.value).reason

    async def test_under_a_key_in_use_fails_if_asked_to(self, client: Client) -> None:
        """on_running FAIL is for callers to whom the instance must be new."""
        first = await start(client, business_key="order-1")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await start(client, business_key="order-1", on_running=pb.ON_RUNNING_FAIL)

        info = info_in(refused.value)
        assert ("BUSINESS_KEY_IN_USE", first.instance_id) == (
            info.reason,
            info.metadata["instance_id"],
        )

    async def test_instead_of_a_live_one_takes_the_permission_to_cancel(
        self, serving: Serving
    ) -> None:
        """CANCEL_EXISTING ends somebody's instance: starting is not enough for it."""
        async with client_of(serving, await serving.key("starter")) as starter:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await start(
                    starter, business_key="order-1", on_running=pb.ON_RUNNING_CANCEL_EXISTING
                )

        assert "instance.cancel" == info_in(refused.value).metadata["permission"]

    async def test_instead_of_a_live_one_cancels_it_first(self, client: Client) -> None:
        """on_closed is about instances that ended otherwise: its default does not stand in."""
        first = await start(client, business_key="order-1")

        again = await start(
            client, business_key="order-1", on_running=pb.ON_RUNNING_CANCEL_EXISTING
        )

        replaced = await client.instances.GetInstance(
            pb.GetInstanceRequest(instance_id=first.instance_id)
        )
        assert first.instance_id != again.instance_id
        assert instance_pb2.INSTANCE_STATUS_CANCELLED == replaced.instance.status
        assert instance_pb2.INSTANCE_STATUS_WAITING == again.status

    async def test_instead_of_a_live_one_is_not_done_again_by_a_repeat(
        self, client: Client
    ) -> None:
        """The request id's first answer stands: what it started is not cancelled."""
        await start(client, business_key="order-1")

        ones = [
            await start(
                client,
                business_key="order-1",
                request_id="r1",
                on_running=pb.ON_RUNNING_CANCEL_EXISTING,
            )
            for _ in range(2)
        ]

        assert ones[0].instance_id == ones[1].instance_id
        assert instance_pb2.INSTANCE_STATUS_WAITING == ones[1].status

    async def test_instead_of_a_live_one_refuses_where_the_last_has_ended(
        self, client: Client
    ) -> None:
        """Then there is nothing to replace, and on_closed decides."""
        ended = await start(client, business_key="order-1")
        await client.instances.CancelInstance(
            pb.CancelInstanceRequest(instance_id=ended.instance_id, reason="over")
        )

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await start(client, business_key="order-1", on_running=pb.ON_RUNNING_CANCEL_EXISTING)

        assert "BUSINESS_KEY_IN_USE" == info_in(refused.value).reason

    @pytest.mark.parametrize(
        ("request_", "reason"),
        [
            (pb.StartInstanceRequest(), "FIELD_INVALID"),
            (pb.StartInstanceRequest(definition_key="other"), "DEFINITION_NOT_FOUND"),
            (pb.StartInstanceRequest(definition_id="x"), "FIELD_INVALID"),
            (
                pb.StartInstanceRequest(definition_key="approval", input=Json(json="[]")),
                "FIELD_INVALID",
            ),
            (
                pb.StartInstanceRequest(definition_key="approval", input=Json(json="{")),
                "MALFORMED_REQUEST",
            ),
            (
                pb.StartInstanceRequest(definition_key="approval", input=Json(json="")),
                "MALFORMED_REQUEST",
            ),
            (
                pb.StartInstanceRequest(definition_key="approval", business_key="x" * 257),
                "FIELD_INVALID",
            ),
            (
                pb.StartInstanceRequest(
                    definition_key="approval", labels={str(n): "" for n in range(17)}
                ),
                "LIMIT_EXCEEDED",
            ),
            (
                pb.StartInstanceRequest(
                    definition_key="approval", input=as_json({"a": "x" * 300_000})
                ),
                "LIMIT_EXCEEDED",
            ),
            (
                pb.StartInstanceRequest(definition_key="approval", input=as_json({"other": 1})),
                "EXPRESSION_FAILED",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_what_cannot_be_started_says_why(
        self, client: Client, request_: pb.StartInstanceRequest, reason: str
    ) -> None:
        """Every refusal has its own reason, which a program can branch on."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.StartInstance(request_)

        assert reason == info_in(refused.value).reason

    async def test_of_a_version_that_is_not_active_is_refused(self, client: Client) -> None:
        """Instances start from active definitions only."""
        inactive = await create(client)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.StartInstance(pb.StartInstanceRequest(definition_id=inactive))

        assert "DEFINITION_NOT_ACTIVE" == info_in(refused.value).reason


class TestAnEvent:
    async def test_moves_the_instance_in_the_same_commit(self, client: Client) -> None:
        """Accepting and reacting are one: the answer shows the state after it."""
        instance = await start(client)

        answer = await send(client, instance.instance_id, "SUBMIT")

        assert event_pb2.EVENT_DISPOSITION_APPLIED == answer.disposition
        assert ('"review"', instance.revision + 1) == (answer.state.json, answer.revision)

    async def test_that_is_repeated_gets_its_first_answer(self, client: Client) -> None:
        """An event_id is applied once, for as long as the instance exists."""
        instance = await start(client)
        first = await send(client, instance.instance_id, "SUBMIT", "e1")
        await send(client, instance.instance_id, "WITHDRAW", "e2")

        again = await send(client, instance.instance_id, "SUBMIT", "e1")

        assert again.duplicate
        assert (first.revision, first.state) == (again.revision, again.state)

    async def test_nobody_waits_for_is_refused_with_those_that_would_do(
        self, client: Client
    ) -> None:
        """The sender need not look up what the instance would take."""
        instance = await start(client)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await send(client, instance.instance_id, "WITHDRAW")

        info = info_in(refused.value)
        assert grpc.StatusCode.FAILED_PRECONDITION == refused.value.code()
        assert ("EVENT_NOT_ACCEPTED", "SUBMIT") == (info.reason, info.metadata["accepts"])

    async def test_for_another_revision_is_aborted(self, client: Client) -> None:
        """Who decides on what it has seen must not act on what it has not."""
        instance = await start(client)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.SendEvent(
                pb.SendEventRequest(
                    instance_id=instance.instance_id,
                    event=event_pb2.Event(event_id="e1", type="SUBMIT"),
                    expected_revision=instance.revision + 1,
                )
            )

        assert grpc.StatusCode.ABORTED == refused.value.code()
        assert "REVISION_MISMATCH" == info_in(refused.value).reason

    @pytest.mark.parametrize(
        ("event", "field"),
        [
            (event_pb2.Event(type="SUBMIT"), "event.event_id"),
            (event_pb2.Event(event_id="e1"), "event.type"),
            (event_pb2.Event(event_id="e1", type="xstate.init"), "event.type"),
            (
                event_pb2.Event(event_id="e1", type="SUBMIT", payload=Json(json="1")),
                "event.payload",
            ),
            (
                event_pb2.Event(event_id="e1", type="SUBMIT", payload=as_json({"a": "\0"})),
                "event.payload",
            ),
        ],
    )
    async def test_that_is_badly_formed_is_located(
        self, client: Client, event: event_pb2.Event, field: str
    ) -> None:
        """An error names the field, in the request's own terms."""
        instance = await start(client)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.SendEvent(
                pb.SendEventRequest(instance_id=instance.instance_id, event=event)
            )

        assert field == info_in(refused.value).metadata["field"]


class TestGettingAnInstance:
    async def test_can_bring_its_tasks_and_its_history(self, client: Client) -> None:
        """One call is enough to show an instance to a person."""
        instance = await start(client)
        await send(client, instance.instance_id, "SUBMIT")

        answer = await client.instances.GetInstance(
            pb.GetInstanceRequest(
                instance_id=instance.instance_id, include_tasks=True, include_history=True
            )
        )

        (task,) = answer.tasks
        assert ("approve", task_pb2.TASK_TYPE_HUMAN) == (task.name, task.type)
        assert list(range(1, answer.instance.history_seq + 1)) == [
            one.seq for one in answer.history
        ]

    async def test_in_the_basic_view_leaves_the_context_out(self, client: Client) -> None:
        """Who only wants the status need not carry the data."""
        instance = await start(client)

        answer = await client.instances.GetInstance(
            pb.GetInstanceRequest(
                instance_id=instance.instance_id, view=instance_pb2.INSTANCE_VIEW_BASIC
            )
        )

        assert not answer.instance.HasField("context")
        assert '"draft"' == answer.instance.state.json

    async def test_of_another_tenant_is_like_an_unknown_one(
        self, client: Client, stranger: Client
    ) -> None:
        """A foreign id answers exactly like one that was never given."""
        instance = await start(client)

        for call in (
            stranger.instances.GetInstance(pb.GetInstanceRequest(instance_id=instance.instance_id)),
            send(stranger, instance.instance_id, "SUBMIT"),
            stranger.instances.CancelInstance(
                pb.CancelInstanceRequest(instance_id=instance.instance_id, reason="mine now")
            ),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert "INSTANCE_NOT_FOUND" == info_in(refused.value).reason


class TestListingInstances:
    async def test_goes_from_the_newest_to_the_oldest(self, client: Client) -> None:
        """Pages follow on each other without a gap or a repeat."""
        started = [(await start(client)).instance_id for _ in range(5)]

        seen: list[str] = []
        token = ""
        while True:
            page = await client.instances.ListInstances(
                pb.ListInstancesRequest(page_size=2, page_token=token)
            )
            seen += [one.instance_id for one in page.instances]
            token = page.next_page_token
            if not token:
                break

        assert started[::-1] == seen

    async def test_keeps_to_the_version_asked_for(self, client: Client, approval: str) -> None:
        """An old version's instances are found after a newer one took over."""
        old = await start(client)
        await activate(client)
        await start(client)

        page = await client.instances.ListInstances(
            pb.ListInstancesRequest(filter=f'definition_id = "{approval}"')
        )

        assert [old.instance_id] == [one.instance_id for one in page.instances]

    async def test_has_one_order(self, client: Client) -> None:
        """What is not served is refused, not silently ordered otherwise."""
        named = await client.instances.ListInstances(
            pb.ListInstancesRequest(order_by="start_time desc")
        )

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.ListInstances(pb.ListInstancesRequest(order_by="start_time"))

        assert not named.next_page_token
        assert "FILTER_INVALID" == info_in(refused.value).reason

    async def test_of_a_version_comes_in_short_pages_and_misses_none(
        self, client: Client, approval: str
    ) -> None:
        """The version is looked at in pages of its key's instances."""
        old = {(await start(client)).instance_id for _ in range(2)}
        await activate(client)
        for _ in range(3):
            await start(client)

        sizes: list[int] = []
        seen: set[str] = set()
        token = ""
        while True:
            page = await client.instances.ListInstances(
                pb.ListInstancesRequest(
                    page_size=2, page_token=token, filter=f'definition_id = "{approval}"'
                )
            )
            sizes.append(len(page.instances))
            seen.update(one.instance_id for one in page.instances)
            token = page.next_page_token
            if not token:
                break

        assert old == seen
        assert 0 == sizes[0]

    async def test_with_a_token_of_another_filter_is_refused(self, client: Client) -> None:
        """A token means nothing in another list; silently wrong pages are worse than an error."""
        for _ in range(2):
            await start(client)
        page = await client.instances.ListInstances(pb.ListInstancesRequest(page_size=1))

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.ListInstances(
                pb.ListInstancesRequest(page_token=page.next_page_token, filter="status = WAITING")
            )

        assert "PAGE_TOKEN_INVALID" == info_in(refused.value).reason

    async def test_shows_only_the_tenants_own(self, client: Client, stranger: Client) -> None:
        """Tenancy comes from the credential, and there is no filter that widens it."""
        await start(client)

        page = await stranger.instances.ListInstances(pb.ListInstancesRequest())

        assert [] == list(page.instances)


class TestCancelling:
    async def test_ends_the_instance_and_can_be_repeated(self, client: Client) -> None:
        """Asking for what is so already changes nothing."""
        instance = await start(client)
        request = pb.CancelInstanceRequest(instance_id=instance.instance_id, reason="not needed")

        first = await client.instances.CancelInstance(request)
        again = await client.instances.CancelInstance(request)

        assert instance_pb2.INSTANCE_STATUS_CANCELLED == first.instance.status
        assert first.instance.revision == again.instance.revision

    async def test_takes_a_reason(self, client: Client) -> None:
        """What ends an instance early is kept with a why."""
        instance = await start(client)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.instances.CancelInstance(
                pb.CancelInstanceRequest(instance_id=instance.instance_id)
            )

        assert "reason" == info_in(refused.value).metadata["field"]

    async def test_closes_the_instance_to_events(self, client: Client) -> None:
        """What has ended takes nothing in any more."""
        instance = await start(client)
        await client.instances.CancelInstance(
            pb.CancelInstanceRequest(instance_id=instance.instance_id, reason="not needed")
        )

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await send(client, instance.instance_id, "SUBMIT")

        assert "INSTANCE_CLOSED" == info_in(refused.value).reason
