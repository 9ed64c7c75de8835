"""ExecutorService: the stream, and its unary twins."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc
import pytest
from foliot.executor.v1 import claimed_task_pb2, outcome_pb2
from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.v1 import failure_pb2, instance_pb2, instance_service_pb2, task_pb2, task_service_pb2
from foliot.v1.json_pb2 import Json
from google.protobuf import duration_pb2

from control_plane.orchestrator import HandedOut
from control_plane.ports.claims import HeldTask
from shared.ids import SessionId, parse_uuid
from shared.rpc import MAX_PROGRESS_BYTES
from tests.api.serving import WITHIN_S, Client, Serving, info_in
from tests.api.stories import CHAIN, GREETING, activate, as_json, history_of, send, start
from tests.executor.eventually import eventually

_Call = grpc.aio.StreamStreamCall[pb.ConnectRequest, pb.ConnectResponse]


@pytest.fixture(autouse=True)
async def greeting(client: Client) -> str:
    """A definition whose first state has a task for an executor."""
    return await activate(client, GREETING, "greeting")


def claiming(session_id: str = "", max_tasks: int = 10) -> pb.ClaimTasksRequest:
    return pb.ClaimTasksRequest(
        session_id=session_id,
        executor_name="tests",
        task_types=[task_pb2.TASK_TYPE_SYSTEM],
        max_tasks=max_tasks,
    )


def succeeded(task: claimed_task_pb2.ClaimedTask, output: object = "hi") -> outcome_pb2.Outcome:
    return outcome_pb2.Outcome(
        tenant_id=task.tenant_id,
        task_id=task.task_id,
        epoch=task.epoch,
        succeeded=outcome_pb2.Outcome.Succeeded(output=as_json(output)),
    )


def reporting(*outcomes: outcome_pb2.Outcome) -> pb.ConnectRequest:
    return pb.ConnectRequest(outcomes=pb.Outcomes(outcomes=outcomes))


async def status_of(client: Client, instance_id: str) -> str:
    answer = await client.instances.GetInstance(
        instance_service_pb2.GetInstanceRequest(instance_id=instance_id)
    )
    return instance_pb2.InstanceStatus.Name(answer.instance.status)


@asynccontextmanager
async def connected(
    executor: Client, session_id: str = "", limit: int = 5
) -> AsyncIterator[tuple[_Call, str]]:
    """A stream that has been welcomed, and its session."""
    call = executor.executors.Connect(metadata=executor.metadata)
    await call.write(
        pb.ConnectRequest(
            hello=pb.Hello(
                executor_name="tests",
                task_types=[task_pb2.TASK_TYPE_SYSTEM],
                credits=pb.Credits(limit=limit),
                session_id=session_id,
            )
        )
    )
    welcome = await heard(call)
    try:
        yield call, welcome.welcome.session_id
    finally:
        call.cancel()


async def heard(call: _Call) -> pb.ConnectResponse:
    """The next message down."""
    async with asyncio.timeout(WITHIN_S):
        message = await call.read()
    assert isinstance(message, pb.ConnectResponse), await call.details()
    return message


async def ended(call: _Call) -> grpc.aio.AioRpcError:
    """The error that the stream ends with."""
    try:
        async with asyncio.timeout(WITHIN_S):
            while await call.read() is not grpc.aio.EOF:
                pass
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the stream ended well")


class TestClaiming:
    async def test_hands_out_what_is_ready_with_all_it_takes(
        self, client: Client, executor: Client
    ) -> None:
        """A worker in any language needs nothing but this message."""
        instance = await start(client, "greeting")

        answer = await executor.executors.ClaimTasks(claiming())

        (task,) = answer.tasks
        assert (instance.instance_id, "acme", "greet") == (
            task.instance_id,
            task.tenant_id,
            task.function,
        )
        assert '{"name":"world"}' == task.input.json
        assert (1, 1) == (task.attempt, task.epoch)
        assert task.idempotency_key

    async def test_hands_nothing_out_twice(self, client: Client, executor: Client) -> None:
        """A lease is one holder's."""
        await start(client, "greeting")
        first = await executor.executors.ClaimTasks(claiming())

        again = await executor.executors.ClaimTasks(claiming(first.session_id))
        other = await executor.executors.ClaimTasks(claiming())

        assert (1, 0, 0) == (len(first.tasks), len(again.tasks), len(other.tasks))

    async def test_for_an_unknown_session_is_aborted(self, executor: Client) -> None:
        """Its worker must notice that what it held is others' now."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await executor.executors.ClaimTasks(claiming("01a2073e-c432-73a4-a443-a88f60270999"))

        assert grpc.StatusCode.ABORTED == refused.value.code()
        assert "LEASE_LOST" == info_in(refused.value).reason

    async def test_is_bounded(self, executor: Client) -> None:
        """No claim takes more than a hundred tasks."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await executor.executors.ClaimTasks(claiming(max_tasks=101))

        assert "LIMIT_EXCEEDED" == info_in(refused.value).reason


class TestReportingByCall:
    async def test_moves_the_instance_and_is_acknowledged(
        self, client: Client, executor: Client
    ) -> None:
        """When the ack is heard, the commit is done."""
        instance = await start(client, "greeting")
        claimed = await executor.executors.ClaimTasks(claiming())

        answer = await executor.executors.ReportOutcomes(
            pb.ReportOutcomesRequest(outcomes=[succeeded(claimed.tasks[0])])
        )

        assert [outcome_pb2.OUTCOME_VERDICT_APPLIED] == [one.verdict for one in answer.acks]
        assert "INSTANCE_STATUS_COMPLETED" == await status_of(client, instance.instance_id)

    async def test_again_is_a_duplicate(self, client: Client, executor: Client) -> None:
        """Resending is always safe."""
        instance = await start(client, "greeting")
        claimed = await executor.executors.ClaimTasks(claiming())
        request = pb.ReportOutcomesRequest(outcomes=[succeeded(claimed.tasks[0])])
        await executor.executors.ReportOutcomes(request)
        before = await history_of(client, instance.instance_id)

        again = await executor.executors.ReportOutcomes(request)

        assert [outcome_pb2.OUTCOME_VERDICT_DUPLICATE] == [one.verdict for one in again.acks]
        assert before == await history_of(client, instance.instance_id)

    async def test_with_an_old_epoch_changes_nothing(
        self, client: Client, executor: Client
    ) -> None:
        """Only the hand-out that is current counts."""
        instance = await start(client, "greeting")
        claimed = await executor.executors.ClaimTasks(claiming())
        outcome = succeeded(claimed.tasks[0])
        outcome.epoch += 1

        answer = await executor.executors.ReportOutcomes(
            pb.ReportOutcomesRequest(outcomes=[outcome])
        )

        assert [outcome_pb2.OUTCOME_VERDICT_LEASE_LOST] == [one.verdict for one in answer.acks]
        assert "INSTANCE_STATUS_RUNNING" == await status_of(client, instance.instance_id)

    async def test_what_is_malformed_ends_the_attempt(
        self, client: Client, executor: Client
    ) -> None:
        """A result that cannot be taken must not leave its task hanging."""
        instance = await start(client, "greeting")
        claimed = await executor.executors.ClaimTasks(claiming())
        outcome = outcome_pb2.Outcome(
            tenant_id=claimed.tasks[0].tenant_id,
            task_id=claimed.tasks[0].task_id,
            epoch=claimed.tasks[0].epoch,
            succeeded=outcome_pb2.Outcome.Succeeded(output=Json(json="{")),
        )

        answer = await executor.executors.ReportOutcomes(
            pb.ReportOutcomesRequest(outcomes=[outcome])
        )

        (ack,) = answer.acks
        assert outcome_pb2.OUTCOME_VERDICT_REFUSED == ack.verdict
        assert grpc.StatusCode.INVALID_ARGUMENT.value[0] == ack.error.code
        assert "TASK_FAILED" in await history_of(client, instance.instance_id)

    async def test_answers_each_for_itself_in_order(self, client: Client, executor: Client) -> None:
        """One that is refused does not keep the others from being applied."""
        await start(client, "greeting")
        claimed = await executor.executors.ClaimTasks(claiming())
        nowhere = outcome_pb2.Outcome(
            tenant_id="acme",
            task_id="01a2073e-c432-73a4-a443-a88f60270999:1",
            epoch=1,
            awaiting=outcome_pb2.Outcome.Awaiting(),
        )

        answer = await executor.executors.ReportOutcomes(
            pb.ReportOutcomesRequest(
                outcomes=[outcome_pb2.Outcome(), nowhere, succeeded(claimed.tasks[0])]
            )
        )

        assert [
            outcome_pb2.OUTCOME_VERDICT_REFUSED,
            outcome_pb2.OUTCOME_VERDICT_REFUSED,
            outcome_pb2.OUTCOME_VERDICT_APPLIED,
        ] == [one.verdict for one in answer.acks]

    async def test_refuses_a_delay_that_is_none_without_refusing_the_batch(
        self, client: Client, executor: Client
    ) -> None:
        """An executor that sends its outcomes again, all of them, would never be rid of them."""
        for _ in range(2):
            await start(client, "greeting")
        claimed = await executor.executors.ClaimTasks(claiming())
        failed = outcome_pb2.Outcome(
            tenant_id=claimed.tasks[0].tenant_id,
            task_id=claimed.tasks[0].task_id,
            epoch=claimed.tasks[0].epoch,
            failed=outcome_pb2.Outcome.Failed(
                failure=failure_pb2.Failure(kind="busy", message="later", retryable=True),
                retry_after=duration_pb2.Duration(seconds=2**62),
            ),
        )

        answer = await executor.executors.ReportOutcomes(
            pb.ReportOutcomesRequest(outcomes=[failed, succeeded(claimed.tasks[1])])
        )

        assert [outcome_pb2.OUTCOME_VERDICT_REFUSED, outcome_pb2.OUTCOME_VERDICT_APPLIED] == [
            one.verdict for one in answer.acks
        ]
        assert "failed.retry_after" in answer.acks[0].error.message

    @pytest.mark.parametrize(("count", "reason"), [(0, "FIELD_INVALID"), (201, "LIMIT_EXCEEDED")])
    async def test_is_bounded(self, executor: Client, count: int, reason: str) -> None:
        """A message has from one to 200 outcomes."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await executor.executors.ReportOutcomes(
                pb.ReportOutcomesRequest(outcomes=[outcome_pb2.Outcome()] * count)
            )

        assert reason == info_in(refused.value).reason


class TestExtendingLeases:
    async def test_tells_what_is_unwanted_and_what_is_lost(
        self, client: Client, executor: Client
    ) -> None:
        """A task that was cancelled is nobody's; one at another epoch is somebody else's."""
        unwanted, kept, lost = [await start(client, "greeting") for _ in range(3)]
        claimed = await executor.executors.ClaimTasks(claiming())
        epochs = {one.instance_id: one.epoch for one in claimed.tasks}
        await send(client, unwanted.instance_id, "STOP")

        answer = await executor.executors.ExtendLeases(
            pb.ExtendLeasesRequest(
                session_id=claimed.session_id,
                running=[
                    pb.RunningAttempt(
                        tenant_id=claimed.tasks[0].tenant_id,
                        task_id=f"{one.instance_id}:1",
                        epoch=epoch,
                    )
                    for one, epoch in (
                        (unwanted, epochs[unwanted.instance_id]),
                        (kept, epochs[kept.instance_id]),
                        (lost, epochs[lost.instance_id] - 1),
                    )
                ],
            )
        )

        assert [f"{unwanted.instance_id}:1"] == [one.task_id for one in answer.cancelled]
        assert [f"{lost.instance_id}:1"] == [one.task_id for one in answer.lost]


class TestTheStream:
    async def test_is_welcomed_with_its_terms(self, executor: Client) -> None:
        """An executor learns how long its lease is and how often to say that it lives."""
        async with connected(executor) as (call, session_id):
            assert session_id
            assert not call.done()

    async def test_goes_on_with_a_session(self, executor: Client) -> None:
        """After a reconnect the same tasks are held under the same session."""
        chosen = "01a2073e-c432-73a4-a443-a88f60270999"

        async with connected(executor, chosen) as (_, session_id):
            assert chosen == session_id

    async def test_acknowledges_outcomes_together(self, client: Client, executor: Client) -> None:
        """One message for a batch, never one for an item."""
        for _ in range(5):
            await start(client, "greeting")
        claimed = await executor.executors.ClaimTasks(claiming())

        async with connected(executor) as (call, _):
            await call.write(reporting(*(succeeded(one) for one in claimed.tasks)))
            acks = (await heard(call)).outcome_acks.acks

        assert [one.task_id for one in claimed.tasks] == [one.task_id for one in acks]
        assert {outcome_pb2.OUTCOME_VERDICT_APPLIED} == {one.verdict for one in acks}

    async def test_answers_a_heartbeat_with_what_to_stop(
        self, client: Client, executor: Client
    ) -> None:
        """An attempt whose task is not needed any more hears of it at its next heartbeat."""
        instance = await start(client, "greeting")
        async with connected(executor) as (call, session_id):
            claimed = await executor.executors.ClaimTasks(claiming(session_id))
            await send(client, instance.instance_id, "STOP")

            attempt = pb.RunningAttempt(
                tenant_id=claimed.tasks[0].tenant_id, task_id=claimed.tasks[0].task_id, epoch=1
            )
            await call.write(pb.ConnectRequest(heartbeat=pb.Heartbeat(running=[attempt])))
            told = await heard(call)

        assert [attempt.task_id] == [one.task_id for one in told.cancel_attempt.tasks]

    async def test_hears_at_once_of_an_attempt_that_is_called_off(
        self, client: Client, executor: Client
    ) -> None:
        """A handler that nobody waits for any more is stopped without a heartbeat."""
        instance = await start(client, "greeting")
        async with connected(executor, limit=0) as (call, session_id):
            claimed = await executor.executors.ClaimTasks(claiming(session_id))
            await send(client, instance.instance_id, "STOP")
            told = await heard(call)

        assert [(claimed.tasks[0].task_id, 1)] == [
            (one.task_id, one.epoch) for one in told.cancel_attempt.tasks
        ]

    async def test_brings_what_an_attempt_says_of_itself(
        self, client: Client, executor: Client
    ) -> None:
        """Whoever looks at the task sees what it is at."""
        await start(client, "greeting")
        async with connected(executor, limit=0) as (call, session_id):
            (task,) = (await executor.executors.ClaimTasks(claiming(session_id))).tasks
            beat = pb.RunningAttempt(
                tenant_id=task.tenant_id,
                task_id=task.task_id,
                epoch=1,
                has_beaten=True,
                progress=as_json({"page": 3}),
            )
            await call.write(pb.ConnectRequest(heartbeat=pb.Heartbeat(running=[beat])))

            async def shown() -> str:
                asked = task_service_pb2.GetTaskRequest(task_id=task.task_id)
                return (await client.tasks.GetTask(asked)).task.progress.json

            await eventually(shown)
            progress = await shown()

        assert '{"page":3}' == progress

    async def test_refuses_progress_of_too_many_bytes(
        self, client: Client, executor: Client
    ) -> None:
        """What is to be kept is checked before it is."""
        await start(client, "greeting")
        async with connected(executor, limit=0) as (call, session_id):
            (task,) = (await executor.executors.ClaimTasks(claiming(session_id))).tasks
            beat = pb.RunningAttempt(
                tenant_id=task.tenant_id,
                task_id=task.task_id,
                epoch=1,
                has_beaten=True,
                progress=as_json("x" * MAX_PROGRESS_BYTES),
            )
            await call.write(pb.ConnectRequest(heartbeat=pb.Heartbeat(running=[beat])))
            error = await ended(call)

        assert grpc.StatusCode.RESOURCE_EXHAUSTED == error.code()

    async def test_ends_the_session_at_goodbye(self, executor: Client) -> None:
        """What it still holds is ready for others, and the stream ends well."""
        async with connected(executor) as (call, session_id):
            await call.write(pb.ConnectRequest(goodbye=pb.Goodbye()))
            async with asyncio.timeout(WITHIN_S):
                last = await call.read()
            code = await call.code()

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await executor.executors.ClaimTasks(claiming(session_id))

        assert grpc.aio.EOF is last
        assert grpc.StatusCode.OK == code
        assert "LEASE_LOST" == info_in(refused.value).reason

    @pytest.mark.parametrize(
        "message",
        [
            pb.ConnectRequest(credits=pb.Credits(limit=1)),
            pb.ConnectRequest(),
            pb.ConnectRequest(hello=pb.Hello(task_types=[task_pb2.TASK_TYPE_SYSTEM])),
            pb.ConnectRequest(hello=pb.Hello(executor_name="x")),
            pb.ConnectRequest(hello=pb.Hello(executor_name="x", task_types=[99])),  # type: ignore[list-item]  # unknown on purpose
        ],
    )
    async def test_must_begin_with_a_whole_hello(
        self, executor: Client, message: pb.ConnectRequest
    ) -> None:
        """Whoever does not say who it is gets no session."""
        call = executor.executors.Connect(metadata=executor.metadata)
        await call.write(message)

        error = await ended(call)

        assert "FIELD_INVALID" == info_in(error).reason

    async def test_takes_no_second_hello(self, executor: Client) -> None:
        """One stream is one session."""
        async with connected(executor) as (call, _):
            await call.write(pb.ConnectRequest(hello=pb.Hello(executor_name="tests")))
            error = await ended(call)

        assert "FIELD_INVALID" == info_in(error).reason

    async def test_is_told_of_a_drain_and_then_ends(
        self, executor: Client, serving: Serving
    ) -> None:
        """An executor has some seconds to connect elsewhere; its leases go on."""
        async with connected(executor) as (call, _):
            serving.stop.set()
            told = await heard(call)
            error = await ended(call)

        assert told.HasField("drain")
        assert "SERVER_DRAINING" == info_in(error).reason

    async def test_is_not_for_tenants(self, client: Client) -> None:
        """A tenant's administrator holds no tasks of other tenants."""
        call = client.executors.Connect(metadata=client.metadata)

        error = await ended(call)

        assert ("PERMISSION_DENIED", "executor.work") == (
            info_in(error).reason,
            info_in(error).metadata["permission"],
        )


class TestAnAssignedTask:
    async def test_comes_without_being_claimed(self, client: Client, executor: Client) -> None:
        """Whoever has credits need not ask."""
        async with connected(executor) as (call, _):
            instance = await start(client, "greeting")
            (task,) = (await heard(call)).assign.tasks
            await call.write(reporting(succeeded(task)))
            (ack,) = (await heard(call)).outcome_acks.acks

        assert (instance.instance_id, "acme", "greet", "greeting", 1, 1) == (
            task.instance_id,
            task.tenant_id,
            task.function,
            task.definition_key,
            task.attempt,
            task.epoch,
        )
        assert '{"name":"world"}' == task.input.json
        assert outcome_pb2.OUTCOME_VERDICT_APPLIED == ack.verdict
        assert "INSTANCE_STATUS_COMPLETED" == await status_of(client, instance.instance_id)

    async def test_that_follows_from_an_outcome_comes_with_its_acknowledgement(
        self, client: Client, executor: Client
    ) -> None:
        """One message down for one message up."""
        await activate(client, CHAIN, "chain")
        await start(client, "chain")
        async with connected(executor) as (call, session_id):
            (first,) = (await executor.executors.ClaimTasks(claiming(session_id))).tasks
            await call.write(reporting(succeeded(first)))
            answer = (await heard(call)).outcome_acks

        assert [first.task_id] == [one.task_id for one in answer.acks]
        assert ["second"] == [one.name for one in answer.assign.tasks]

    async def test_comes_before_word_that_it_is_called_off(
        self, client: Client, executor: Client, serving: Serving
    ) -> None:
        """Both waited for a slow stream; the other way round the attempt would go on."""
        async with connected(executor) as (call, session_id):
            hands = serving.control_plane._hands
            hand = hands._by_session[SessionId(parse_uuid(session_id, "session_id"))]
            deliver = hand.deliver

            def deliver_and_recall(tasks: Sequence[HandedOut]) -> None:
                held = [HeldTask(one.instance_id, one.task.ordinal, 1) for one in tasks]
                deliver(tasks)
                hand.recall(held)

            hand.deliver = deliver_and_recall
            await start(client, "greeting")
            told = [(await heard(call)).WhichOneof("message") for _ in range(2)]

        assert ["assign", "cancel_attempt"] == told

    async def test_does_not_come_without_credits(self, client: Client, executor: Client) -> None:
        """It is ready for whoever claims it."""
        async with connected(executor, limit=0) as (_, session_id):
            await start(client, "greeting")
            claimed = await executor.executors.ClaimTasks(claiming(session_id))

        assert 1 == len(claimed.tasks)

    async def test_uses_up_a_credit_until_there_are_more(
        self, client: Client, executor: Client
    ) -> None:
        """A limit counts from the beginning of the stream."""
        async with connected(executor, limit=1) as (call, _):
            first = await start(client, "greeting")
            (task,) = (await heard(call)).assign.tasks
            await start(client, "greeting")
            raised = pb.Outcomes(outcomes=[succeeded(task)], credits=pb.Credits(limit=2))
            await call.write(pb.ConnectRequest(outcomes=raised))
            acks = (await heard(call)).outcome_acks
            second = await executor.executors.ClaimTasks(claiming())
            third = await start(client, "greeting")
            (assigned,) = (await heard(call)).assign.tasks

        assert (first.instance_id, 0) == (task.instance_id, len(acks.assign.tasks))
        assert (1, third.instance_id) == (len(second.tasks), assigned.instance_id)

    async def test_does_not_come_when_the_server_drains(
        self, client: Client, executor: Client, serving: Serving
    ) -> None:
        """Its stream is about to end."""
        async with connected(executor) as (call, _):
            await start(client, "greeting")
            await heard(call)
            serving.stop.set()
            told = await heard(call)
            hands = serving.control_plane._hands

        assert (True, 0) == (told.HasField("drain"), len(hands._in_turn))

    async def test_may_not_be_asked_for_by_a_negative_limit(self, executor: Client) -> None:
        """It would be a mistake, and says so."""
        async with connected(executor) as (call, _):
            await call.write(pb.ConnectRequest(credits=pb.Credits(limit=-1)))
            error = await ended(call)

        assert "FIELD_INVALID" == info_in(error).reason


class TestAFailedAttempt:
    async def test_ends_the_task_when_there_are_no_more(
        self, client: Client, executor: Client
    ) -> None:
        """The control plane applies the policy, whatever the worker is written in."""
        instance = await start(client, "greeting")
        claimed = await executor.executors.ClaimTasks(claiming())
        outcome = outcome_pb2.Outcome(
            tenant_id=claimed.tasks[0].tenant_id,
            task_id=claimed.tasks[0].task_id,
            epoch=1,
            failed=outcome_pb2.Outcome.Failed(
                failure=failure_pb2.Failure(kind="greeting.lost", retryable=True)
            ),
        )

        await executor.executors.ReportOutcomes(pb.ReportOutcomesRequest(outcomes=[outcome]))

        assert "TASK_FAILED" in await history_of(client, instance.instance_id)
