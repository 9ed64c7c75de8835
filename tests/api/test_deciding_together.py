"""Several people and one task, over the wire: votes, duties kept apart, comments, delegation."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import grpc
import pytest
from foliot.v1 import event_service_pb2, history_entry_pb2, task_pb2
from foliot.v1 import task_service_pb2 as pb

from tests.api.serving import WITHIN_S, Client, Serving, client_of, info_in
from tests.api.stories import activate, as_json, history_of, start
from tests.orchestrator.persons import asking

FORM = {"type": "object", "required": ["limit"]}
BOARD = asking(
    candidates={"roles": ["boss"]},
    quorum={"approvals": 2, "of": 3},
    notBy={"starter": True},
    form=FORM,
)
APPROVE, REJECT = task_pb2.VOTE_CHOICE_APPROVE, task_pb2.VOTE_CHOICE_REJECT


@pytest.fixture
async def clients(serving: Serving) -> AsyncIterator[dict[str, Client]]:
    """Two bosses, an administrator who is one as well, and one who is nobody to them."""
    async with AsyncExitStack() as stack:
        roles = {"ada": "human_worker", "bo": "human_worker", "olga": "tenant_admin"}
        found = {}
        for user, role in roles.items():
            key = await serving.key(role, user=user, groups=("boss",))
            found[user] = await stack.enter_async_context(client_of(serving, key))
        eve = await serving.key("human_worker", user="eve")
        found["eve"] = await stack.enter_async_context(client_of(serving, eve))
        yield found


async def voted(client: Client, task_id: str, vote: Any = APPROVE, **more: Any) -> task_pb2.Task:
    request = pb.VoteTaskRequest(task_id=task_id, vote=vote, **more)
    return (await client.tasks.VoteTask(request)).task


async def reason_of(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return str(info_in(refused.value).reason)


class TestAVote:
    async def test_is_shown_with_the_task_and_decides_it(
        self, client: Client, clients: dict[str, Client]
    ) -> None:
        """Each sees how it stands; the last that is needed completes it."""
        await activate(client, BOARD, "board")
        task_id = f"{(await start(client, 'board')).instance_id}:1"
        first = await voted(clients["ada"], task_id, output=as_json({"limit": 5}), comment="ok")
        again = await voted(clients["ada"], task_id, output=as_json({"limit": 5}))
        changed = await reason_of(voted(clients["ada"], task_id, REJECT))
        formless = await reason_of(voted(clients["bo"], task_id))
        unset = await reason_of(voted(clients["bo"], task_id, 0))
        hidden = await reason_of(voted(clients["eve"], task_id))
        alone = await reason_of(
            clients["bo"].tasks.CompleteTask(
                pb.CompleteTaskRequest(task_id=task_id, output=as_json({"limit": 1}))
            )
        )
        last = await voted(clients["bo"], task_id, output=as_json({"limit": 7}), request_id="r")
        repeat = await voted(clients["bo"], task_id, output=as_json({"limit": 7}), request_id="r")

        assert [("ada", True, '{"limit":5}', "ok")] == [
            (one.user, one.approves, one.output.json, one.comment) for one in first.votes
        ]
        assert (2, 3, True) == (first.quorum.approvals, first.quorum.of, first.not_by.starter)
        assert (1, task_pb2.TASK_STATUS_PENDING) == (len(again.votes), again.status)
        assert ["TASK_VOTED_ALREADY", "FORM_NOT_KEPT", "FIELD_INVALID", "TASK_NOT_FOUND"] == [
            changed,
            formless,
            unset,
            hidden,
        ]
        assert "TASK_VOTED_ON" == alone
        assert [task_pb2.TASK_STATUS_SUCCEEDED] * 2 == [last.status, repeat.status]
        assert [5, 7] == [one["output"]["limit"] for one in json.loads(last.output.json)["votes"]]

    async def test_is_not_for_who_started_it(
        self, client: Client, clients: dict[str, Client]
    ) -> None:
        """Four eyes: by the user behind the key that the start came with."""
        await activate(client, BOARD, "board")
        task_id = f"{(await start(clients['olga'], 'board')).instance_id}:1"
        refused = await reason_of(voted(clients["olga"], task_id, output=as_json({"limit": 1})))
        _, rejected = [await voted(clients[one], task_id, REJECT) for one in ("ada", "bo")]

        assert "TASK_SEPARATED" == refused
        assert ("quorum.missed", task_pb2.TASK_STATUS_FAILED) == (
            rejected.error.kind,
            rejected.status,
        )

    async def test_of_too_much_is_refused(self, client: Client, clients: dict[str, Client]) -> None:
        """All votes together are one output."""
        await activate(client, BOARD, "board")
        task_id = f"{(await start(client, 'board')).instance_id}:1"
        large = as_json({"limit": "x" * 9_000})

        assert "LIMIT_EXCEEDED" == await reason_of(voted(clients["ada"], task_id, output=large))


class TestComments:
    async def test_are_listed_page_by_page(
        self, client: Client, clients: dict[str, Client]
    ) -> None:
        """In the order in which they were said; by those who may see the task."""
        await activate(client, asking(), "ask")
        task_id = f"{(await start(client, 'ask')).instance_id}:1"
        *_, said = [
            await clients["ada"].tasks.CommentTask(
                pb.CommentTaskRequest(task_id=task_id, text=f"no. {n}", request_id=f"r-{n}")
            )
            for n in range(3)
        ]
        first = await clients["bo"].tasks.ListTaskComments(
            pb.ListTaskCommentsRequest(task_id=task_id, page_size=2)
        )
        last = await clients["bo"].tasks.ListTaskComments(
            pb.ListTaskCommentsRequest(
                task_id=task_id, page_size=2, page_token=first.next_page_token
            )
        )
        bos = await clients["bo"].tasks.ListTaskComments(
            pb.ListTaskCommentsRequest(task_id=task_id, filter='author = "bo"')
        )
        hidden = await reason_of(
            clients["eve"].tasks.ListTaskComments(pb.ListTaskCommentsRequest(task_id=task_id))
        )
        empty = await reason_of(
            clients["ada"].tasks.CommentTask(pb.CommentTaskRequest(task_id=task_id))
        )
        forged = await reason_of(
            clients["ada"].tasks.ListTaskComments(
                pb.ListTaskCommentsRequest(
                    task_id=task_id.replace(":1", ":2"), page_token=first.next_page_token
                )
            )
        )

        assert (3, 0) == (said.task.comment_count, len(bos.comments))
        assert [["no. 0", "no. 1"], ["no. 2"]] == [
            [one.text for one in page.comments] for page in (first, last)
        ]
        assert ({"ada"}, "") == ({one.author for one in first.comments}, last.next_page_token)
        assert ["TASK_NOT_FOUND", "FIELD_INVALID", "PAGE_TOKEN_INVALID"] == [hidden, empty, forged]


class TestADelegatedTask:
    async def test_goes_there_and_back_and_inboxes_are_told(
        self, client: Client, clients: dict[str, Client]
    ) -> None:
        """Who gets it sees it from then on; who gives it back is told that it is gone."""
        await activate(client, asking(), "ask")
        task_id = f"{(await start(client, 'ask')).instance_id}:1"
        ada, eve = clients["ada"].tasks, clients["eve"].tasks
        await ada.ClaimTask(pb.ClaimTaskRequest(task_id=task_id))
        watch = clients["eve"].events.WatchTasks(event_service_pb2.WatchTasksRequest())
        async with asyncio.timeout(WITHIN_S):
            async for message in watch:
                if message.position:
                    break
        news: list[Any] = []

        async def hear() -> None:
            async for message in watch:
                news.extend(one.change for one in message.tasks)
                if message.tasks:
                    break

        async with asyncio.timeout(WITHIN_S):
            lent = await ada.DelegateTask(pb.DelegateTaskRequest(task_id=task_id, assignee="eve"))
            await hear()
            seen = await eve.GetTask(pb.GetTaskRequest(task_id=task_id))
            back = await eve.ReturnTask(pb.ReturnTaskRequest(task_id=task_id, request_id="r"))
            await hear()
        twice = await reason_of(ada.ReturnTask(pb.ReturnTaskRequest(task_id=task_id)))
        watch.cancel()

        assert ("eve", "ada") == (lent.task.assignee, seen.task.delegated_by)
        assert ("ada", "") == (back.task.assignee, back.task.delegated_by)
        assert "TASK_NOT_DELEGATED" == twice
        assert [
            history_entry_pb2.HISTORY_ENTRY_TYPE_TASK_DELEGATED,
            history_entry_pb2.HISTORY_ENTRY_TYPE_TASK_RETURNED,
        ] == news
        assert ["TASK_DELEGATED", "TASK_RETURNED"] == (
            await history_of(client, task_id.partition(":")[0])
        )[-2:]


class TestAReminder:
    async def test_reaches_whoever_watches_tasks(
        self, serving: Serving, client: Client, clients: dict[str, Client]
    ) -> None:
        """With the task and whom it is offered to: enough to write a mail from."""
        spec = asking(dueIn="PT2H", reminders=[{"before": "PT1H"}])
        await activate(client, spec, "ask")
        watch = clients["ada"].events.WatchTasks(event_service_pb2.WatchTasksRequest())
        reminded = []
        async with asyncio.timeout(WITHIN_S):
            await start(client, "ask")
            async for message in watch:
                if any(one.change or one.task.task_id for one in message.tasks):
                    break
            serving.database.move_clock(timedelta(minutes=61))
            async for message in watch:
                reminded += [
                    one.task
                    for one in message.tasks
                    if one.change == history_entry_pb2.HISTORY_ENTRY_TYPE_TASK_REMINDED
                ]
                if reminded:
                    break
        watch.cancel()

        assert [["boss"]] == [list(one.candidate_roles) for one in reminded]
