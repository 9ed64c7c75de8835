"""What `foliot task` does with the tasks of people, and with those that stick."""

from collections.abc import Mapping, Sequence

from foliot.v1 import task_pb2, task_service_pb2

from control_plane.cli.arguments import filter_of, json_given
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import print_json, print_rows
from control_plane.cli.task_words import inbox_columns, show_task


def run_inbox(
    target: Target,
    fields: Mapping[str, str],
    *,
    given: str,
    limit: int | None,
    output: str,
) -> None:
    asked = filter_of(given, fields, {"type": "HUMAN", "status": "PENDING"})

    async def ask(to: Caller) -> Paged[task_pb2.Task]:
        async def page(size: int, token: str) -> tuple[Sequence[task_pb2.Task], str]:
            answer = await to.tasks.ListTasks(
                task_service_pb2.ListTasksRequest(page_size=size, page_token=token, filter=asked),
                metadata=to.metadata,
            )
            return answer.tasks, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(found.rows, inbox_columns())
    say_there_is_more(found)


def run_claim(target: Target, task_id: str, *, request_id: str, output: str) -> None:
    request = task_service_pb2.ClaimTaskRequest(task_id=task_id, request_id=request_id)

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.ClaimTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_unclaim(target: Target, task_id: str, *, reason: str, request_id: str, output: str) -> None:
    request = task_service_pb2.UnclaimTaskRequest(
        task_id=task_id, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.UnclaimTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_assign(
    target: Target, task_id: str, assignee: str, *, reason: str, request_id: str, output: str
) -> None:
    request = task_service_pb2.AssignTaskRequest(
        task_id=task_id, assignee=assignee, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.AssignTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_throw(
    target: Target,
    task_id: str,
    code: str,
    *,
    message: str,
    data: str,
    reason: str,
    request_id: str,
    output: str,
) -> None:
    with explained():
        request = task_service_pb2.ThrowTaskErrorRequest(
            task_id=task_id,
            code=code,
            message=message,
            data=json_given(data, "--data") if data else None,
            reason=reason,
            request_id=request_id,
        )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.ThrowTaskError(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_retry(target: Target, task_id: str, *, reason: str, request_id: str, output: str) -> None:
    request = task_service_pb2.RetryTaskRequest(
        task_id=task_id, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.RetryTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_skip(
    target: Target, task_id: str, *, result: str, reason: str, request_id: str, output: str
) -> None:
    with explained():
        request = task_service_pb2.SkipTaskRequest(
            task_id=task_id,
            output=json_given(result, "--result"),
            reason=reason,
            request_id=request_id,
        )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.SkipTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)
