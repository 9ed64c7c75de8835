"""Dead letters over the wire: how they are found, and tried once more."""

from typing import Any

import grpc
import pytest
from foliot.v1 import instance_pb2
from foliot.v1 import task_service_pb2 as pb
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from tests.api.serving import Client, Serving, client_of, detail_in
from tests.api.stories import activate, start
from tests.api.test_operating import FRAGILE, fail_work, got, refusal_of

DETACHED: dict[str, Any] = {
    "id": "detached",
    "initial": "waiting",
    "states": {
        "waiting": {
            "entry": {
                "type": "createTask",
                "params": {
                    "name": "mail",
                    "type": "SYSTEM",
                    "function": "mail",
                    "queue": "mails",
                    "detached": True,
                    "retry": {"maxAttempts": 1},
                },
            },
            "on": {"GO": "done"},
        },
        "done": {"type": "final"},
    },
}
ANSWERED: dict[str, Any] = {
    "id": "answered",
    "initial": "working",
    "states": {
        "working": {
            "invoke": {
                "id": "work",
                "src": "system.work",
                "retry": {"maxAttempts": 1},
                "onDone": "done",
                "onError": "sorry",
            }
        },
        "done": {"type": "final"},
        "sorry": {"on": {"GO": "done"}},
    },
}


@pytest.fixture(autouse=True)
async def definitions(client: Client) -> None:
    """One whose instance fails of its task, one that does not care, one that has an answer."""
    for key, spec in (("fragile", FRAGILE), ("detached", DETACHED), ("answered", ANSWERED)):
        await activate(client, spec, key)


async def dead(client: Client, filter_: str = "", **more: Any) -> pb.ListDeadTasksResponse:
    return await client.tasks.ListDeadTasks(pb.ListDeadTasksRequest(filter=filter_, **more))


async def died(client: Client, executor: Client, key: str) -> str:
    """Start an instance and let its task die: the instance's id."""
    instance = await start(client, key)
    if key == "detached":
        await _fail_mail(executor)
    else:
        await fail_work(executor)
    return instance.instance_id


async def redrive(client: Client, *task_ids: str, **more: Any) -> list[str]:
    """What became of each: "redriven", or the reason why not."""
    answer = await client.tasks.RedriveTasks(pb.RedriveTasksRequest(task_ids=task_ids, **more))
    if task_ids:
        assert list(task_ids) == [one.task_id for one in answer.results]
    return ["redriven" if one.redriven else _info(one.error).reason for one in answer.results]


class TestDeadTasks:
    async def test_are_listed_oldest_first_in_pages(self, client: Client, executor: Client) -> None:
        """Each once; what is alive is not among them."""
        ids = [await died(client, executor, "fragile") for _ in range(3)]
        await start(client, "fragile")

        first = await dead(client, page_size=2)
        rest = await dead(client, page_size=2, page_token=first.next_page_token)

        assert ids == [one.instance_id for one in [*first.tasks, *rest.tasks]]
        assert (2, "") == (len(first.tasks), rest.next_page_token)

    async def test_are_filtered(self, client: Client, executor: Client) -> None:
        """By type and queue."""
        await died(client, executor, "fragile")
        mail = await died(client, executor, "detached")

        assert 2 == len((await dead(client, "type = SYSTEM")).tasks)
        assert [] == list((await dead(client, "type = HTTP")).tasks)
        assert [mail] == [one.instance_id for one in (await dead(client, "queue = mails")).tasks]

    @pytest.mark.parametrize("filter_", ["status = FAILED", "nonsense"])
    async def test_take_only_their_own_filter(self, client: Client, filter_: str) -> None:
        """That they are dead goes without saying."""
        expected = (grpc.StatusCode.INVALID_ARGUMENT, "FILTER_INVALID")

        assert expected == await refusal_of(dead(client, filter_))
        assert expected == await refusal_of(redrive(client, filter=filter_))

    async def test_are_paged_with_their_own_tokens(self, client: Client, executor: Client) -> None:
        """One of another filter's means nothing here."""
        for _ in range(2):
            await died(client, executor, "fragile")
        first = await dead(client, page_size=1)

        refused = await refusal_of(dead(client, "type = SYSTEM", page_token=first.next_page_token))

        assert (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID") == refused

    async def test_are_the_tenants_own(
        self, client: Client, executor: Client, stranger: Client
    ) -> None:
        """Tenancy comes from the credential."""
        await died(client, executor, "fragile")

        assert [] == list((await dead(stranger)).tasks)


class TestRedriving:
    async def test_retries_the_instance_that_failed(self, client: Client, executor: Client) -> None:
        """Once, however often its task is named."""
        instance_id = await died(client, executor, "fragile")
        task_id = f"{instance_id}:1"

        assert ["redriven", "redriven"] == await redrive(client, task_id, task_id)
        revived = await got(client, instance_id)

        assert instance_pb2.INSTANCE_STATUS_RUNNING == revived.status
        assert ["TASK_NOT_REDRIVABLE"] == await redrive(client, task_id)
        assert revived == await got(client, instance_id)

    async def test_does_a_detached_task_again_once(self, client: Client, executor: Client) -> None:
        """A repeat makes no third task."""
        instance_id = await died(client, executor, "detached")
        task_id = f"{instance_id}:1"

        assert ["redriven"] == await redrive(client, task_id)
        before = await got(client, instance_id)
        assert ["TASK_NOT_DEAD"] == await redrive(client, task_id)

        assert before == await got(client, instance_id)
        await _fail_mail(executor)
        assert ["redriven"] == await redrive(client, f"{instance_id}:2")

    async def test_has_a_result_for_each(
        self, client: Client, executor: Client, stranger: Client
    ) -> None:
        """None affects another, and another tenant's is unknown."""
        answered = await died(client, executor, "answered")
        failed = await died(client, executor, "fragile")
        await activate(stranger, FRAGILE, "fragile")
        foreign = await died(stranger, executor, "fragile")
        alive = (await start(client, "fragile")).instance_id

        results = await redrive(
            client,
            f"{answered}:1",
            f"{failed}:1",
            f"{foreign}:1",
            f"{alive}:1",
            f"{alive}:9",
            "nonsense",
        )

        assert [
            "TASK_NOT_REDRIVABLE",
            "redriven",
            "INSTANCE_NOT_FOUND",
            "TASK_NOT_DEAD",
            "TASK_NOT_FOUND",
            "FIELD_INVALID",
        ] == results
        untouched = await got(stranger, foreign)
        assert instance_pb2.INSTANCE_STATUS_FAILED == untouched.status

    async def test_goes_by_a_filter(self, client: Client, executor: Client) -> None:
        """The oldest of what it finds, so many at most."""
        ids = [await died(client, executor, "fragile") for _ in range(2)]
        await died(client, executor, "detached")

        answer = await client.tasks.RedriveTasks(
            pb.RedriveTasksRequest(filter="queue = default", max_tasks=1)
        )

        assert [f"{ids[0]}:1"] == [one.task_id for one in answer.results]
        assert [True] == [one.redriven for one in answer.results]

    async def test_looks_past_what_its_filter_does_not_find(
        self, client: Client, executor: Client
    ) -> None:
        """Others of the tenant's dead may be older."""
        for _ in range(2):
            await died(client, executor, "fragile")
        mail = await died(client, executor, "detached")

        answer = await client.tasks.RedriveTasks(
            pb.RedriveTasksRequest(filter="queue = mails", max_tasks=1)
        )

        assert [f"{mail}:1"] == [one.task_id for one in answer.results]

    @pytest.mark.parametrize(
        ("request_", "reason"),
        [
            (pb.RedriveTasksRequest(), "FIELD_INVALID"),
            (pb.RedriveTasksRequest(task_ids=["x"], filter="type = HTTP"), "FIELD_INVALID"),
            (pb.RedriveTasksRequest(filter="type = HTTP", max_tasks=-1), "FIELD_INVALID"),
            (pb.RedriveTasksRequest(task_ids=["x"] * 201), "LIMIT_EXCEEDED"),
        ],
        ids=["neither", "both", "negative", "too many"],
    )
    async def test_takes_ids_or_a_filter(
        self, client: Client, request_: pb.RedriveTasksRequest, reason: str
    ) -> None:
        """A request that redrives all there is by mistake is not one."""
        _, refused = await refusal_of(client.tasks.RedriveTasks(request_))

        assert reason == refused

    async def test_is_for_operators_and_not_for_viewers(self, serving: Serving) -> None:
        """A viewer may list the dead."""
        async with (
            client_of(serving, await serving.key("viewer")) as viewer,
            client_of(serving, await serving.key("operator")) as operator,
        ):
            await dead(viewer)
            refused = await refusal_of(redrive(viewer, "x"))
            allowed = await redrive(operator, "x")

        assert (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED") == refused
        assert ["FIELD_INVALID"] == allowed


def _info(error: Any) -> error_details_pb2.ErrorInfo:
    found: Message = detail_in(error, error_details_pb2.ErrorInfo)
    assert isinstance(found, error_details_pb2.ErrorInfo)
    return found


async def _fail_mail(executor: Client) -> None:
    await fail_work(executor, queue="mails")
