"""What `foliot task` does with single tasks, and with lists of them."""

from collections.abc import Mapping, Sequence

from foliot.v1 import failure_pb2, task_pb2, task_service_pb2

from control_plane.cli.arguments import filter_of, json_given
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import print_json, print_rows
from control_plane.cli.task_words import show_task, task_columns


def run_list(
    target: Target,
    fields: Mapping[str, str],
    words: Mapping[str, str],
    *,
    given: str,
    limit: int | None,
    output: str,
) -> None:
    asked = filter_of(given, fields, words)

    async def ask(to: Caller) -> Paged[task_pb2.Task]:
        async def page(size: int, token: str) -> tuple[Sequence[task_pb2.Task], str]:
            answer = await to.tasks.ListTasks(
                task_service_pb2.ListTasksRequest(page_size=size, page_token=token, filter=asked),
                metadata=to.metadata,
            )
            return answer.tasks, answer.next_page_token

        return await read_all(page, limit)

    _show(call(target, ask, within_s=None), output)


def run_dead(
    target: Target,
    fields: Mapping[str, str],
    words: Mapping[str, str],
    *,
    given: str,
    limit: int | None,
    output: str,
) -> None:
    asked = filter_of(given, fields, words)

    async def ask(to: Caller) -> Paged[task_pb2.Task]:
        async def page(size: int, token: str) -> tuple[Sequence[task_pb2.Task], str]:
            answer = await to.tasks.ListDeadTasks(
                task_service_pb2.ListDeadTasksRequest(
                    page_size=size, page_token=token, filter=asked
                ),
                metadata=to.metadata,
            )
            return answer.tasks, answer.next_page_token

        return await read_all(page, limit)

    _show(call(target, ask, within_s=None), output)


def run_get(target: Target, task_id: str, output: str) -> None:
    async def ask(to: Caller) -> task_pb2.Task:
        request = task_service_pb2.GetTaskRequest(task_id=task_id)
        return (await to.tasks.GetTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_complete(
    target: Target, task_id: str, *, result: str, reason: str, request_id: str, output: str
) -> None:
    with explained():
        request = task_service_pb2.CompleteTaskRequest(
            task_id=task_id,
            output=json_given(result, "--result"),
            request_id=request_id,
            reason=reason,
        )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.CompleteTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_fail(
    target: Target,
    task_id: str,
    *,
    kind: str,
    message: str,
    details: str,
    retryable: bool,
    reason: str,
    request_id: str,
    output: str,
) -> None:
    with explained():
        request = task_service_pb2.FailTaskRequest(
            task_id=task_id,
            failure=failure_pb2.Failure(
                kind=kind,
                message=message,
                retryable=retryable,
                details=json_given(details, "--details") if details else None,
            ),
            request_id=request_id,
            reason=reason,
        )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.FailTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def _show(found: Paged[task_pb2.Task], output: str) -> None:
    if output == "json":
        print_json(found.rows)
        return
    print_rows(found.rows, task_columns())
    say_there_is_more(found)
