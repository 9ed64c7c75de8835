"""What operators do to instances, over the wire: terminate, pause, resume, retry; signal, wait."""

import asyncio
from typing import Any

import grpc
import pytest
from foliot.executor.v1 import executor_service_pb2, outcome_pb2
from foliot.v1 import (
    event_pb2,
    event_service_pb2,
    failure_pb2,
    history_entry_pb2,
    instance_pb2,
    task_pb2,
)
from foliot.v1 import instance_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.api.serving import WITHIN_S, Client, Serving, client_of, info_in
from tests.api.stories import activate, as_json, history_of, send, start

FRAGILE: dict[str, Any] = {
    "id": "fragile",
    "initial": "working",
    "states": {
        "working": {
            "invoke": {
                "id": "work",
                "src": "system.work",
                "retry": {"maxAttempts": 1},
                "onDone": "done",
            },
            "on": {"ADD": {"actions": []}, "STOP": "done"},
        },
        "done": {"type": "final"},
    },
}
UNKNOWN = "01a2073e-c432-73a4-a443-a88f60270999"
REQUESTS: dict[str, Any] = {
    "TerminateInstance": pb.TerminateInstanceRequest,
    "PauseInstance": pb.PauseInstanceRequest,
    "ResumeInstance": pb.ResumeInstanceRequest,
    "RetryInstance": pb.RetryInstanceRequest,
}
EVERY_VERB = pytest.mark.parametrize("verb", REQUESTS)


@pytest.fixture(autouse=True)
async def fragile(client: Client) -> str:
    """A definition whose one task nothing answers for if it fails."""
    return await activate(client, FRAGILE, "fragile")


async def operate(
    client: Client, verb: str, instance_id: str, **more: Any
) -> instance_pb2.Instance:
    """Do one of the verbs to an instance."""
    request = REQUESTS[verb](**{"instance_id": instance_id, "reason": "as asked", **more})
    answer = await getattr(client.instances, verb)(request)
    instance: instance_pb2.Instance = answer.instance
    return instance


async def refusal_of(call: Any) -> tuple[grpc.StatusCode, str]:
    """The code and the reason that a call is refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value.code(), info_in(refused.value).reason


async def fail_work(executor: Client, queue: str = "default") -> None:
    """Claim the one task there is, and fail it for good."""
    claimed = await executor.executors.ClaimTasks(
        executor_service_pb2.ClaimTasksRequest(
            executor_name="tests", task_types=[task_pb2.TASK_TYPE_SYSTEM], queues=[queue]
        )
    )
    (task,) = claimed.tasks
    failed = outcome_pb2.Outcome.Failed(
        failure=failure_pb2.Failure(kind="test.failed", message="as asked")
    )
    await executor.executors.ReportOutcomes(
        executor_service_pb2.ReportOutcomesRequest(
            outcomes=[
                outcome_pb2.Outcome(
                    tenant_id=task.tenant_id,
                    task_id=task.task_id,
                    epoch=task.epoch,
                    failed=failed,
                )
            ]
        )
    )


async def got(client: Client, instance_id: str) -> instance_pb2.Instance:
    return (
        await client.instances.GetInstance(pb.GetInstanceRequest(instance_id=instance_id))
    ).instance


class TestEveryVerb:
    @EVERY_VERB
    async def test_finds_only_the_tenants_own(
        self, client: Client, stranger: Client, verb: str
    ) -> None:
        """A foreign id answers exactly like one that was never given."""
        instance = await start(client, "fragile")
        expected = (grpc.StatusCode.NOT_FOUND, "INSTANCE_NOT_FOUND")

        assert expected == await refusal_of(operate(stranger, verb, instance.instance_id))
        assert expected == await refusal_of(operate(client, verb, UNKNOWN))

    @EVERY_VERB
    @pytest.mark.parametrize("reason", ["", "x" * 1_001])
    async def test_takes_a_reason(self, client: Client, verb: str, reason: str) -> None:
        """What is done by hand is kept with a why."""
        instance = await start(client, "fragile")

        refused = await refusal_of(operate(client, verb, instance.instance_id, reason=reason))

        assert (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") == refused
        assert instance.revision == (await got(client, instance.instance_id)).revision

    @EVERY_VERB
    async def test_is_done_once_under_a_request_id(self, client: Client, verb: str) -> None:
        """The same again changes nothing; another request by the same id is refused."""
        instance = await start(client, "fragile")
        first = await operate(client, verb, instance.instance_id, request_id="r1")

        again = await operate(client, verb, instance.instance_id, request_id="r1")
        other = await refusal_of(
            operate(client, verb, instance.instance_id, request_id="r1", reason="another")
        )

        assert first.revision == again.revision
        assert (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_MISMATCH") == other

    @EVERY_VERB
    async def test_is_for_operators_and_not_for_viewers(
        self, client: Client, serving: Serving, verb: str
    ) -> None:
        """Who may look may not touch."""
        instance = await start(client, "fragile")
        async with (
            client_of(serving, await serving.key("viewer")) as viewer,
            client_of(serving, await serving.key("operator")) as operator,
        ):
            refused = await refusal_of(operate(viewer, verb, instance.instance_id))
            await operate(operator, verb, instance.instance_id)

        assert (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED") == refused

    @pytest.mark.parametrize("verb", ["TerminateInstance", "PauseInstance", "ResumeInstance"])
    async def test_but_retrying_is_refused_for_what_has_completed(
        self, client: Client, verb: str
    ) -> None:
        """It stays as it ended."""
        instance = await start(client, "fragile")
        await send(client, instance.instance_id, "STOP")

        refused = await refusal_of(operate(client, verb, instance.instance_id))

        assert (grpc.StatusCode.FAILED_PRECONDITION, "INSTANCE_CLOSED") == refused


class TestTerminating:
    async def test_ends_at_once_and_says_so(self, client: Client) -> None:
        """Its status is CANCELLED, its history tells how, and a repeat changes nothing."""
        instance = await start(client, "fragile")

        ended = await operate(client, "TerminateInstance", instance.instance_id)
        again = await operate(client, "TerminateInstance", instance.instance_id)

        assert instance_pb2.INSTANCE_STATUS_CANCELLED == ended.status
        assert ended == again
        assert ["INSTANCE_TERMINATED", "TASK_CANCELLED"] == (
            await history_of(client, instance.instance_id)
        )[-2:]

    async def test_ends_a_watch(self, client: Client) -> None:
        """Whoever follows the instance hears of its end, and the stream is over."""
        instance = await start(client, "fragile")
        watching = _watched(client, instance.instance_id)

        await operate(client, "TerminateInstance", instance.instance_id)

        assert "INSTANCE_TERMINATED" in await watching


class TestPausing:
    async def test_keeps_events_until_the_instance_is_resumed(self, client: Client) -> None:
        """Then they are applied in the commit of the resumption."""
        instance = await start(client, "fragile")
        paused = await operate(client, "PauseInstance", instance.instance_id)
        again = await operate(client, "PauseInstance", instance.instance_id)

        kept = await send(client, instance.instance_id, "STOP")
        resumed = await operate(client, "ResumeInstance", instance.instance_id)

        assert paused == again
        assert event_pb2.EVENT_DISPOSITION_DEFERRED == kept.disposition
        assert instance_pb2.INSTANCE_STATUS_COMPLETED == resumed.status
        told = await history_of(client, instance.instance_id)
        assert told.index("INSTANCE_PAUSED") < told.index("INSTANCE_RESUMED")

    async def test_is_ended_by_one_resumption(self, client: Client) -> None:
        """Resuming what is not paused changes nothing."""
        instance = await start(client, "fragile")
        await operate(client, "PauseInstance", instance.instance_id)

        first = await operate(client, "ResumeInstance", instance.instance_id)
        again = await operate(client, "ResumeInstance", instance.instance_id)

        assert first == again


class TestRetrying:
    async def test_takes_a_failed_instance_up(self, client: Client, executor: Client) -> None:
        """It is live again where it failed, and a repeat changes nothing."""
        instance = await start(client, "fragile")
        await fail_work(executor)
        failed = await got(client, instance.instance_id)

        retried = await operate(client, "RetryInstance", instance.instance_id)
        again = await operate(client, "RetryInstance", instance.instance_id)

        assert instance_pb2.INSTANCE_STATUS_FAILED == failed.status
        assert instance_pb2.INSTANCE_STATUS_RUNNING == retried.status
        assert retried == again

    async def test_is_for_failed_instances(self, client: Client) -> None:
        """What completed or was cancelled has nothing to take up."""
        instance = await start(client, "fragile")
        await send(client, instance.instance_id, "STOP")

        refused = await refusal_of(operate(client, "RetryInstance", instance.instance_id))

        assert (grpc.StatusCode.FAILED_PRECONDITION, "INSTANCE_NOT_FAILED") == refused

    async def test_is_refused_once_the_business_key_is_anothers(
        self, client: Client, executor: Client
    ) -> None:
        """There is one live instance of a key, or none."""
        instance = await start(client, "fragile", business_key="k")
        await fail_work(executor)
        await start(client, "fragile", business_key="k", on_closed=pb.ON_CLOSED_ALLOW)

        refused = await refusal_of(operate(client, "RetryInstance", instance.instance_id))

        assert (grpc.StatusCode.ALREADY_EXISTS, "BUSINESS_KEY_IN_USE") == refused

    async def test_is_seen_by_a_watch_to_the_later_end(
        self, client: Client, executor: Client
    ) -> None:
        """A watch from the beginning tells of the failure, the retry and the end."""
        instance = await start(client, "fragile")
        await fail_work(executor)
        await operate(client, "RetryInstance", instance.instance_id)
        watching = _watched(client, instance.instance_id)

        await send(client, instance.instance_id, "STOP")
        seen = await watching

        assert ["INSTANCE_FAILED", "INSTANCE_RETRIED", "INSTANCE_COMPLETED"] == [
            one for one in seen if one.startswith("INSTANCE_") and one != "INSTANCE_STARTED"
        ]


class TestSignallingWithStart:
    async def test_starts_once_and_then_signals(self, client: Client) -> None:
        """The first makes the instance, the next finds it."""
        first = await signal(client, "e1")
        second = await signal(client, "e2")

        assert (True, False) == (first.created, second.created)
        assert first.instance.instance_id == second.instance.instance_id
        assert first.instance.revision < second.instance.revision

    async def test_again_changes_nothing(self, client: Client) -> None:
        """A repeat gets what the first call was told, and no second event."""
        first = await signal(client, "e1")

        again = await signal(client, "e1")

        assert first == again

    async def test_otherwise_under_a_used_event_id_is_refused(self, client: Client) -> None:
        """The same id for another event is a bug that must not pass for a repeat."""
        await signal(client, "e1")

        refused = await refusal_of(signal(client, "e1", {"n": 2}))

        assert (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_MISMATCH") == refused

    async def test_for_an_ended_instance_goes_by_on_closed(self, client: Client) -> None:
        """None is started unless it may be; what the last one knows is no new signal."""
        first = await signal(client, "e1", type_="STOP")
        refused = await refusal_of(signal(client, "e2"))
        repeated = await signal(client, "e1", type_="STOP")

        next_ = await signal(client, "e3", on_closed=pb.ON_CLOSED_ALLOW)

        assert (grpc.StatusCode.ALREADY_EXISTS, "BUSINESS_KEY_IN_USE") == refused
        assert first == repeated
        assert (True, True) == (
            next_.created,
            next_.instance.instance_id != first.instance.instance_id,
        )

    async def test_that_is_not_accepted_starts_nothing(self, client: Client) -> None:
        """A start and its event are one commit."""
        refused = await refusal_of(signal(client, "e1", type_="NOBODY"))
        listed = await client.instances.ListInstances(pb.ListInstancesRequest())

        assert (grpc.StatusCode.FAILED_PRECONDITION, "EVENT_NOT_ACCEPTED") == refused
        assert [] == list(listed.instances)

    @pytest.mark.parametrize(
        ("field", "value"), [("business_key", ""), ("definition_key", ""), ("event", None)]
    )
    async def test_takes_a_key_a_definition_and_an_event(
        self, client: Client, field: str, value: Any
    ) -> None:
        """None of the three can be done without."""
        refused = await refusal_of(signal(client, "e1", **{field: value}))

        assert (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") == refused

    async def test_takes_the_permissions_for_both(self, serving: Serving) -> None:
        """An operator may send, and start nothing."""
        async with (
            client_of(serving, await serving.key("operator")) as operator,
            client_of(serving, await serving.key("starter")) as starter,
        ):
            refused = await refusal_of(signal(operator, "e1"))
            answer = await signal(starter, "e1")

        assert grpc.StatusCode.PERMISSION_DENIED == refused[0]
        assert answer.created


class TestWaiting:
    async def test_ends_with_the_instance(self, client: Client) -> None:
        """Long before the wait is over."""
        instance = await start(client, "fragile")
        waiting = asyncio.ensure_future(wait(client, instance.instance_id, 60))

        await send(client, instance.instance_id, "STOP")
        async with asyncio.timeout(WITHIN_S):
            ended = await waiting

        assert instance_pb2.INSTANCE_STATUS_COMPLETED == ended.status
        assert ended.HasField("complete_time")

    async def test_ends_with_its_time(self, client: Client) -> None:
        """The answer is the instance as it is then; a wait of nothing is a look."""
        instance = await start(client, "fragile")

        assert instance == await wait(client, instance.instance_id, 0)
        assert instance == await wait(client, instance.instance_id, 0.1)

    async def test_answers_before_the_callers_deadline(self, client: Client) -> None:
        """A wait that is over is an answer, not an error."""
        instance = await start(client, "fragile")

        waited = await client.instances.WaitInstance(
            pb.WaitInstanceRequest(instance_id=instance.instance_id), timeout=1.0
        )

        assert instance == waited.instance

    async def test_ends_when_the_server_drains(self, client: Client, serving: Serving) -> None:
        """Nobody holds a server back by waiting, nor loses the wait with it: it is an answer."""
        instance = await start(client, "fragile")
        waiting = asyncio.create_task(wait(client, instance.instance_id, 60))
        async with asyncio.timeout(WITHIN_S):
            while not serving.control_plane.admission.calls:  # noqa: ASYNC110 - bounded
                await asyncio.sleep(0.005)

        serving.stop.set()
        async with asyncio.timeout(1.0):  # of the 2 s that a drain may take
            waited = await waiting

        assert instance == waited

    @pytest.mark.parametrize("seconds", [-1, 61])
    async def test_longer_than_a_minute_or_less_than_nothing_is_refused(
        self, client: Client, seconds: int
    ) -> None:
        """Who wants to wait longer asks again."""
        instance = await start(client, "fragile")

        refused = await refusal_of(wait(client, instance.instance_id, seconds))

        assert (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID") == refused

    async def test_for_another_tenants_finds_nothing(
        self, client: Client, stranger: Client
    ) -> None:
        """A foreign id answers exactly like one that was never given."""
        instance = await start(client, "fragile")

        refused = await refusal_of(wait(stranger, instance.instance_id, 60))

        assert (grpc.StatusCode.NOT_FOUND, "INSTANCE_NOT_FOUND") == refused


async def signal(
    client: Client,
    event_id: str,
    payload: object = None,
    *,
    type_: str = "ADD",
    **more: Any,
) -> pb.SignalWithStartResponse:
    event = event_pb2.Event(
        event_id=event_id, type=type_, payload=None if payload is None else as_json(payload)
    )
    request = {"definition_key": "fragile", "business_key": "k", "event": event, **more}
    return await client.instances.SignalWithStart(pb.SignalWithStartRequest(**request))


async def wait(client: Client, instance_id: str, seconds: float) -> instance_pb2.Instance:
    timeout = Duration()
    timeout.FromNanoseconds(int(seconds * 1_000_000_000))
    answer = await client.instances.WaitInstance(
        pb.WaitInstanceRequest(instance_id=instance_id, timeout=timeout)
    )
    return answer.instance


def _watched(client: Client, instance_id: str) -> "asyncio.Task[list[str]]":
    """The types of all entries, until the stream ends by itself."""

    async def follow() -> list[str]:
        stream = client.events.WatchInstance(
            event_service_pb2.WatchInstanceRequest(instance_id=instance_id)
        )
        async with asyncio.timeout(WITHIN_S):
            seen = [one async for one in stream if one.HasField("entry")]
        return [
            history_entry_pb2.HistoryEntryType.Name(one.entry.type).removeprefix(
                "HISTORY_ENTRY_TYPE_"
            )
            for one in seen
        ]

    return asyncio.create_task(follow())
