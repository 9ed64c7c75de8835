"""ExplainInstance and PreviewEvent, over the wire."""

import json
from typing import Any

import grpc
import pytest
from foliot.v1 import event_pb2, explanation_pb2, instance_pb2, task_pb2
from foliot.v1 import instance_service_pb2 as pb

from tests.api.serving import Client, Serving, client_of, info_in
from tests.api.stories import activate, as_json, history_of, send, start

CLAIM: dict[str, Any] = {
    "id": "claim",
    "context": {"amount": {"@expr": "event.input.amount"}, "big": "x" * 2_000},
    "initial": "draft",
    "states": {
        "draft": {
            "on": {
                "SUBMIT": [
                    {
                        "guard": {"@expr": "context.amount > 500"},
                        "target": "review",
                        "actions": {"type": "@log", "value": "large"},
                    },
                    {"guard": {"@expr": "event.by == context.big"}, "target": "paid"},
                ]
            }
        },
        "review": {
            "invoke": {"id": "decide", "src": "human", "input": {"q": 1}, "onDone": "paid"},
            "after": {"P2D": "draft"},
            "on": {"WITHDRAW": "draft"},
        },
        "paid": {"type": "final"},
    },
}


async def begun(client: Client, amount: int = 700) -> str:
    await activate(client, CLAIM, "claim")
    return (await start(client, "claim", amount)).instance_id


async def explain(client: Client, instance_id: str) -> explanation_pb2.Explanation:
    answer = await client.instances.ExplainInstance(
        pb.ExplainInstanceRequest(instance_id=instance_id)
    )
    return answer.explanation


async def preview(client: Client, instance_id: str, event_type: str, payload: object = None) -> Any:
    answer = await client.instances.PreviewEvent(
        pb.PreviewEventRequest(
            instance_id=instance_id,
            event_type=event_type,
            payload=None if payload is None else as_json(payload),
        )
    )
    return answer.preview


class TestAnExplanation:
    async def test_says_what_an_instance_waits_for(self, client: Client) -> None:
        """The task, the timer and the events, and when something will happen by itself."""
        instance_id = await begun(client)
        await send(client, instance_id, "SUBMIT")
        told = await explain(client, instance_id)

        assert [(f"{instance_id}:1", "decide", task_pb2.TASK_TYPE_HUMAN, "review")] == [
            (one.task_id, one.name, one.type, one.state) for one in told.tasks
        ]
        assert ["after P2D"] == [one.event for one in told.timers]
        assert ["WITHDRAW"] == list(told.accepted_event_types)
        assert told.timers[0].due_time == told.next_deadline_time
        assert 0 < told.next_deadline_time.seconds - told.explain_time.seconds <= 2 * 86_400
        assert '"review"' == told.state.json
        assert "somebody to do 'decide' (task 1)" in told.summary

    async def test_says_what_each_guard_says(self, client: Client) -> None:
        """With what it read; of a long value, the beginning."""
        told = await explain(client, await begun(client))

        first, second = told.transitions
        assert (explanation_pb2.GUARD_VALUE_TRUE, "700", ["review"]) == (
            first.value,
            first.operands["context.amount"].json,
            list(first.targets),
        )
        assert explanation_pb2.GUARD_VALUE_DEPENDS_ON_EVENT == second.value
        assert 1_000 < len(json.loads(second.operands["context.big"].json)) < 1_010

    async def test_of_an_instance_that_has_ended_says_how(self, client: Client) -> None:
        """There is nothing that it waits for, and no alarm."""
        await activate(client)
        started = await start(client)
        await client.instances.CancelInstance(
            pb.CancelInstanceRequest(instance_id=started.instance_id, reason="no")
        )
        told = await explain(client, started.instance_id)

        assert instance_pb2.INSTANCE_STATUS_CANCELLED == told.status
        assert (False, 0, 0) == (told.nothing_can_wake, len(told.tasks), len(told.transitions))
        assert told.summary.startswith("It was cancelled")

    async def test_of_an_instance_that_nothing_can_wake_warns(self, client: Client) -> None:
        """Somebody who waits for it should know."""
        await activate(client, {"id": "s", "initial": "a", "states": {"a": {}}}, "stuck")
        started = await start(client, "stuck")
        told = await explain(client, started.instance_id)

        assert told.nothing_can_wake
        assert "state 'a' answers no event" in told.why


class TestAPreview:
    async def test_tells_what_would_happen(self, client: Client) -> None:
        """State, tasks, timers, history and the guards on the way, and nothing happens."""
        instance_id = await begun(client)
        told = await preview(client, instance_id, "SUBMIT")

        assert event_pb2.EVENT_DISPOSITION_APPLIED == told.disposition
        assert '"review"' == told.instance.state.json
        assert [("decide", '{"q":1}')] == [(one.name, one.input.json) for one in told.created_tasks]
        assert ["after P2D"] == [one.event for one in told.armed_timers]
        assert [("/states/draft/on/SUBMIT/0", explanation_pb2.GUARD_VALUE_TRUE)] == [
            (one.json_pointer, one.value) for one in told.microsteps[0].considered
        ]
        assert (["draft"], ["review"]) == (
            list(told.microsteps[0].exited),
            list(told.microsteps[0].entered),
        )
        assert '["large"]' == told.logged.json
        assert not told.truncated
        assert ["INSTANCE_STARTED"] == (await history_of(client, instance_id))[:1]
        assert "EVENT_RECEIVED" not in await history_of(client, instance_id)

    async def test_tells_of_what_would_end(self, client: Client) -> None:
        """The task of a state that would be left, and its timer."""
        instance_id = await begun(client)
        await send(client, instance_id, "SUBMIT")
        told = await preview(client, instance_id, "WITHDRAW")

        assert [f"{instance_id}:1"] == list(told.cancelled_task_ids)
        assert 1 == len(told.disarmed_timer_ids)
        assert told.history[0].seq == len(await history_of(client, instance_id)) + 1

    async def test_of_an_event_that_would_be_refused_is_an_answer(self, client: Client) -> None:
        """The very error that SendEvent gives, without having been given."""
        instance_id = await begun(client)
        told = await preview(client, instance_id, "WITHDRAW")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await send(client, instance_id, "WITHDRAW")

        assert event_pb2.EVENT_DISPOSITION_REJECTED == told.disposition
        assert refused.value.details() == told.refusal.message
        assert info_in(refused.value).reason == told.refusal.reason
        assert dict(told.refusal.metadata).items() <= dict(info_in(refused.value).metadata).items()

    @pytest.mark.parametrize(
        ("event_type", "payload", "reason"),
        [("", None, "FIELD_INVALID"), ("GO", [1], "FIELD_INVALID")],
    )
    async def test_of_a_badly_formed_event_is_refused(
        self, client: Client, event_type: str, payload: object, reason: str
    ) -> None:
        """A field that is wrong is wrong here too."""
        instance_id = await begun(client)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await preview(client, instance_id, event_type, payload)

        assert reason == info_in(refused.value).reason


class TestWhoAsks:
    async def test_from_another_tenant_finds_nothing(
        self, client: Client, stranger: Client
    ) -> None:
        """A foreign id answers like an unknown one."""
        instance_id = await begun(client)
        for asking in (explain(stranger, instance_id), preview(stranger, instance_id, "SUBMIT")):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await asking

            assert "INSTANCE_NOT_FOUND" == info_in(refused.value).reason

    async def test_may_be_whoever_may_read_instances(
        self, serving: Serving, client: Client
    ) -> None:
        """Both tell of the context, as GetInstance does, and ask for the same permission."""
        instance_id = await begun(client)
        async with client_of(serving, await serving.key("viewer")) as viewer:
            told = await preview(viewer, instance_id, "SUBMIT")

            assert instance_id == (await explain(viewer, instance_id)).instance_id
            assert '"review"' == told.instance.state.json

    async def test_is_refused_without_that_permission(
        self, serving: Serving, client: Client
    ) -> None:
        """A human worker sees tasks, and what they are about is not in them."""
        instance_id = await begun(client)
        async with client_of(serving, await serving.key("human_worker")) as worker:
            for asking in (explain(worker, instance_id), preview(worker, instance_id, "SUBMIT")):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await asking

                assert "instance.read" == info_in(refused.value).metadata["permission"]
