"""Human tasks over the wire: whom they are offered to, who has them, and what ends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from foliot.v1 import event_service_pb2, history_entry_pb2, instance_service_pb2, task_pb2
from foliot.v1 import failure_pb2 as failures
from foliot.v1 import task_service_pb2 as pb
from google.rpc import error_details_pb2, status_pb2

from shared.rpc import STATUS_DETAILS
from tests.api.serving import WITHIN_S, Client, Serving, client_of, info_in
from tests.api.stories import LOAN, activate, as_json, send, start

GOOD = as_json({"approved": True})


@dataclass(frozen=True, slots=True)
class People:
    """Ada and Bo are underwriters, Grace is named by the definition, Eve is nobody."""

    ada: Client
    bo: Client
    grace: Client
    eve: Client
    operator: Client


@pytest.fixture
async def people(serving: Serving) -> AsyncIterator[People]:
    """Four who work, and one who watches over it."""
    async with AsyncExitStack() as stack:

        async def worker(user: str, *groups: str, role: str = "human_worker") -> Client:
            key = await serving.key(role, user=user, groups=groups)
            return await stack.enter_async_context(client_of(serving, key))

        yield People(
            ada=await worker("ada", "underwriter"),
            bo=await worker("bo", "underwriter"),
            grace=await worker("grace"),
            eve=await worker("eve", "cook"),
            operator=await worker("olga", role="operator"),
        )


@pytest.fixture
async def task_id(client: Client) -> str:
    """A task that is offered to underwriters and to Grace."""
    await activate(client, LOAN, "loan")
    instance = await start(client, "loan")
    return f"{instance.instance_id}:1"


async def listed(client: Client, text: str = "") -> list[str]:
    answer = await client.tasks.ListTasks(pb.ListTasksRequest(filter=text))
    count = await client.tasks.CountTasks(pb.CountTasksRequest(filter=text))
    assert count.count == len(answer.tasks)
    return [task.task_id for task in answer.tasks]


async def claimed(client: Client, task_id: str, request_id: str = "") -> task_pb2.Task:
    request = pb.ClaimTaskRequest(task_id=task_id, request_id=request_id)
    return (await client.tasks.ClaimTask(request)).task


async def completed(client: Client, task_id: str, **more: Any) -> task_pb2.Task:
    request = pb.CompleteTaskRequest(task_id=task_id, **{"output": GOOD, **more})
    return (await client.tasks.CompleteTask(request)).task


async def reason_of(call: Any) -> str:
    """The reason with which a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return str(info_in(refused.value).reason)


async def told(client: Client, task_id: str) -> list[tuple[str, str]]:
    """The types and the payloads of what the history tells of people."""
    request = event_service_pb2.ListHistoryRequest(instance_id=task_id.partition(":")[0])
    answer = await client.events.ListHistory(request)
    names = history_entry_pb2.HistoryEntryType.Name
    return [
        (names(entry.type).removeprefix("HISTORY_ENTRY_TYPE_"), entry.payload.json)
        for entry in answer.entries
        if entry.task_id == task_id
    ]


class TestAnInbox:
    async def test_has_what_is_offered_to_a_user_or_a_role_of_theirs(
        self, people: People, task_id: str
    ) -> None:
        """And nothing else: of the rest a worker learns nothing."""
        inboxes = [await listed(one) for one in (people.ada, people.grace, people.eve)]
        refused = await reason_of(people.eve.tasks.GetTask(pb.GetTaskRequest(task_id=task_id)))
        shown = (await people.ada.tasks.GetTask(pb.GetTaskRequest(task_id=task_id))).task

        assert [[task_id], [task_id], []] == inboxes
        assert "TASK_NOT_FOUND" == refused
        assert (["grace"], ["underwriter"], "", True) == (
            list(shown.candidate_users),
            list(shown.candidate_roles),
            shown.assignee,
            shown.skippable,
        )
        assert shown.due_time.ToDatetime() > shown.create_time.ToDatetime()
        assert '"approved"' in shown.form.json

    async def test_finds_by_candidate_by_assignee_and_by_when_it_is_due(
        self, people: People, task_id: str
    ) -> None:
        """An operator looks for the work of others."""
        await claimed(people.ada, task_id)
        found = [
            await listed(people.operator, text)
            for text in (
                'candidate = "role:underwriter"',
                'candidate = "user:ada"',
                'assignee = "ada" AND status = PENDING',
                'candidate = "role:underwriter" AND assignee = ""',
                'due < "2020-01-01T00:00:00Z"',
                'due >= "2020-01-01T00:00:00Z"',
            )
        ]

        assert [True, False, True, False, False, True] == [task_id in one for one in found]

    @pytest.mark.parametrize("text", ['candidate = "ada"', 'assignee = ""', "due = 5"])
    async def test_refuses_a_filter_that_finds_nothing_by_its_form(
        self, people: People, text: str
    ) -> None:
        """A wrong word should not look like an empty inbox."""
        refused = await reason_of(people.operator.tasks.ListTasks(pb.ListTasksRequest(filter=text)))

        assert "FILTER_INVALID" == refused

    async def test_is_told_when_somebody_else_takes_a_task(
        self, client: Client, people: People, task_id: str
    ) -> None:
        """Else two people begin the same work."""
        stream = people.bo.events.WatchTasks(event_service_pb2.WatchTasksRequest())
        seen: list[event_service_pb2.WatchedTask] = []
        async with asyncio.timeout(WITHIN_S):
            async for message in stream:
                seen += message.tasks
                if message.position:
                    break
            await claimed(people.ada, task_id)
            await client.tasks.AssignTask(
                pb.AssignTaskRequest(task_id=task_id, assignee="zoe", reason="ill")
            )
            async for message in stream:
                seen += message.tasks
                if seen[-1].change == history_entry_pb2.HISTORY_ENTRY_TYPE_TASK_ASSIGNED:
                    break
        stream.cancel()

        assert ["", history_entry_pb2.HISTORY_ENTRY_TYPE_TASK_CLAIMED] == [
            seen[0].task.assignee,
            seen[1].change,
        ]
        assert "zoe" == seen[-1].task.assignee


class TestAClaimedTask:
    async def test_is_one_persons_of_all_that_want_it(self, people: People, task_id: str) -> None:
        """However close they come."""
        wanted = [claimed(one, task_id) for one in (people.ada, people.bo, people.grace)]
        results = await asyncio.gather(*wanted, return_exceptions=True)
        got = [one for one in results if isinstance(one, task_pb2.Task)]
        lost = [info_in(one) for one in results if isinstance(one, grpc.aio.AioRpcError)]

        assert 1 == len(got)
        assert ["TASK_TAKEN"] * 2 == [one.reason for one in lost]
        assert {got[0].assignee} == {one.metadata["assignee"] for one in lost}

    async def test_may_be_claimed_again_by_whoever_has_it(
        self, people: People, task_id: str
    ) -> None:
        """A repeat changes nothing, with a request id and without."""
        first = await claimed(people.ada, task_id, "r-1")
        again = [await claimed(people.ada, task_id, "r-1"), await claimed(people.ada, task_id)]

        assert [first, first] == again
        assert 1 == len([one for one, _ in await told(people.operator, task_id) if "CLAIM" in one])

    async def test_is_completed_by_nobody_else(self, people: People, task_id: str) -> None:
        """That is what claiming is for."""
        await claimed(people.ada, task_id)
        refused = await reason_of(completed(people.bo, task_id))
        done = await completed(people.ada, task_id)

        assert "TASK_TAKEN" == refused
        assert task_pb2.TASK_STATUS_SUCCEEDED == done.status

    async def test_is_completed_by_an_operator_who_says_why(
        self, client: Client, people: People, task_id: str
    ) -> None:
        """People fall ill; the history tells who did it in their place."""
        await claimed(people.ada, task_id)
        refused = await reason_of(completed(people.operator, task_id))
        await completed(people.operator, task_id, reason="ada is ill")
        entries = dict(await told(client, task_id))

        assert "FIELD_INVALID" == refused
        assert '"reason":"ada is ill"' in entries["TASK_COMPLETED"]
        assert '"assignee":"ada"' in entries["TASK_CLAIMED"]

    async def test_is_everybodys_again_when_it_is_let_go(
        self, people: People, task_id: str
    ) -> None:
        """By whoever has it; nobody else may, and what is nobody's stays so."""
        await claimed(people.ada, task_id)
        request = pb.UnclaimTaskRequest(task_id=task_id)
        refused = await reason_of(people.bo.tasks.UnclaimTask(request))
        first = (await people.ada.tasks.UnclaimTask(request)).task
        again = (await people.ada.tasks.UnclaimTask(request)).task
        other = await claimed(people.bo, task_id)

        assert ("TASK_TAKEN", "", "", "bo") == (
            refused,
            first.assignee,
            again.assignee,
            other.assignee,
        )

    async def test_can_be_handed_on_to_whom_it_was_not_offered(
        self, people: People, task_id: str
    ) -> None:
        """Whoever has it decides who can do it; that one finds it then."""
        request = pb.AssignTaskRequest(task_id=task_id, assignee="eve")
        too_early = await reason_of(people.ada.tasks.AssignTask(request))
        await claimed(people.ada, task_id)
        await people.ada.tasks.AssignTask(request)
        inbox = await listed(people.eve)
        too_late = await reason_of(completed(people.ada, task_id))
        done = await completed(people.eve, task_id)

        assert ("TASK_NOT_CLAIMED", [task_id], "TASK_TAKEN") == (too_early, inbox, too_late)
        assert (task_pb2.TASK_STATUS_SUCCEEDED, []) == (done.status, await listed(people.eve))


class TestATaskThatNobodyHas:
    async def test_is_assigned_by_an_operator(self, people: People, task_id: str) -> None:
        """Without a reason, as nobody is deprived of it."""
        request = pb.AssignTaskRequest(task_id=task_id, assignee="bo")
        task = (await people.operator.tasks.AssignTask(request)).task

        assert "bo" == task.assignee
        assert ("TASK_ASSIGNED", "bo") == (
            (await told(people.operator, task_id))[-1][0],
            task.assignee,
        )

    async def test_is_completed_by_anybody_it_is_offered_to(
        self, people: People, task_id: str
    ) -> None:
        """Claiming first is a courtesy, and no duty."""
        refused = [
            await reason_of(call)
            for call in (
                completed(people.eve, task_id),
                claimed(people.eve, task_id),
                people.eve.tasks.UnclaimTask(pb.UnclaimTaskRequest(task_id=task_id)),
                people.eve.tasks.ThrowTaskError(
                    pb.ThrowTaskErrorRequest(task_id=task_id, code="a.b")
                ),
            )
        ]
        done = await completed(people.grace, task_id)

        assert ["TASK_NOT_FOUND"] * 4 == refused
        assert task_pb2.TASK_STATUS_SUCCEEDED == done.status

    async def test_that_has_ended_is_nobodys_to_take(self, people: People, task_id: str) -> None:
        """What is done is done."""
        await completed(people.ada, task_id)

        assert "TASK_CLOSED" == await reason_of(claimed(people.bo, task_id))


class TestAForm:
    async def test_keeps_out_what_it_does_not_ask_for_and_says_where(
        self, people: People, task_id: str
    ) -> None:
        """By field paths, so that whoever draws the form can show it there."""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await completed(people.ada, task_id, output=as_json({"approved": "yes"}))
        status = status_pb2.Status()
        for name, value in refused.value.trailing_metadata() or ():
            if name == STATUS_DETAILS:
                status.ParseFromString(value if isinstance(value, bytes) else value.encode())
        bad = error_details_pb2.BadRequest()
        assert any(detail.Unpack(bad) for detail in status.details)

        assert "FORM_NOT_KEPT" == info_in(refused.value).reason
        assert [("output.approved", "must be of type boolean")] == [
            (one.field, one.description) for one in bad.field_violations
        ]

    async def test_holds_for_what_is_given_in_place_of_a_skipped_task(
        self, people: People, task_id: str
    ) -> None:
        """The flow that goes on expects it."""
        request = pb.SkipTaskRequest(task_id=task_id, reason="obvious", output=as_json(5))

        assert "FORM_NOT_KEPT" == await reason_of(people.operator.tasks.SkipTask(request))


class TestABusinessError:
    async def test_takes_the_way_that_the_definition_has_for_it(
        self, client: Client, people: People, task_id: str
    ) -> None:
        """And is never tried again, whatever the policy says."""
        answer = await people.ada.tasks.ThrowTaskError(
            pb.ThrowTaskErrorRequest(
                task_id=task_id, code="fraud.suspected", data=as_json({"score": 9})
            )
        )
        instance = await client.instances.GetInstance(
            instance_service_pb2.GetInstanceRequest(instance_id=answer.task.instance_id)
        )

        assert task_pb2.TASK_STATUS_FAILED == answer.task.status
        assert ("fraud.suspected", '{"score":9}') == (
            answer.task.error.kind,
            answer.task.error.details.json,
        )
        assert '"police"' == instance.instance.state.json

    async def test_differs_from_a_failure_which_is_tried_again(
        self, people: People, task_id: str
    ) -> None:
        """A failure is of the attempt, an error of the matter."""
        failed = await people.ada.tasks.FailTask(
            pb.FailTaskRequest(
                task_id=task_id, failure=failures.Failure(kind="a.b", message="m", retryable=True)
            )
        )

        assert task_pb2.TASK_STATUS_PENDING == failed.task.status


class TestASkippedTask:
    async def test_lets_the_instance_go_on(
        self, client: Client, people: People, task_id: str
    ) -> None:
        """With an output, by an operator, and with a word why."""
        request = pb.SkipTaskRequest(
            task_id=task_id, reason="agreed by phone", output=GOOD, request_id="s-1"
        )
        first = (await people.operator.tasks.SkipTask(request)).task
        again = (await people.operator.tasks.SkipTask(request)).task
        instance = await client.instances.GetInstance(
            instance_service_pb2.GetInstanceRequest(instance_id=first.instance_id)
        )
        (entry,) = [text for kind, text in await told(client, task_id) if kind == "TASK_SKIPPED"]

        assert task_pb2.TASK_STATUS_SKIPPED == first.status
        assert first == again
        assert '"paid"' == instance.instance.state.json
        assert '"reason":"agreed by phone"' in entry
        assert '"output":{"approved":true}' in entry

    async def test_is_an_operators_and_one_that_allows_it(
        self, client: Client, people: People
    ) -> None:
        """A person who cannot do a task hands it on; a definition knows what may be left out."""
        await activate(client)
        instance = await start(client)
        await send(client, instance.instance_id, "SUBMIT")
        request = pb.SkipTaskRequest(task_id=f"{instance.instance_id}:1", reason="why not")

        assert "PERMISSION_DENIED" == await reason_of(people.ada.tasks.SkipTask(request))
        assert "TASK_NOT_SKIPPABLE" == await reason_of(people.operator.tasks.SkipTask(request))


class TestARetriedTask:
    async def test_does_not_wait_for_its_next_attempt(self, people: People, task_id: str) -> None:
        """An operator has repaired what was broken, and a back-off is long."""
        await people.ada.tasks.FailTask(
            pb.FailTaskRequest(
                task_id=task_id, failure=failures.Failure(kind="a.b", message="m", retryable=True)
            )
        )
        waiting = (await people.operator.tasks.GetTask(pb.GetTaskRequest(task_id=task_id))).task
        request = pb.RetryTaskRequest(task_id=task_id, reason="repaired")
        hurried = (await people.operator.tasks.RetryTask(request)).task
        again = (await people.operator.tasks.RetryTask(request)).task

        assert hurried.run_time.ToDatetime() < waiting.run_time.ToDatetime()
        assert hurried == again
        assert 2 == len(
            [k for k, _ in await told(people.operator, task_id) if k == "TASK_RETRY_SCHEDULED"]
        )

    async def test_that_has_ended_well_is_not_tried_again(
        self, people: People, task_id: str
    ) -> None:
        """Nor is one that only waits for its time."""
        await completed(people.ada, task_id)
        request = pb.RetryTaskRequest(task_id=task_id, reason="once more")

        assert "TASK_CLOSED" == await reason_of(people.operator.tasks.RetryTask(request))
