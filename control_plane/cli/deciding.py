"""What `foliot task` does where several people deal with one task: votes, comments, delegation."""

from collections.abc import Sequence

from foliot.v1 import task_pb2, task_service_pb2

from control_plane.cli.arguments import json_given
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import print_json, print_rows
from control_plane.cli.task_words import comment_columns, show_task


def run_delegate(
    target: Target, task_id: str, assignee: str, *, reason: str, request_id: str, output: str
) -> None:
    request = task_service_pb2.DelegateTaskRequest(
        task_id=task_id, assignee=assignee, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.DelegateTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_return(target: Target, task_id: str, *, reason: str, request_id: str, output: str) -> None:
    request = task_service_pb2.ReturnTaskRequest(
        task_id=task_id, reason=reason, request_id=request_id
    )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.ReturnTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_vote(
    target: Target,
    task_id: str,
    *,
    is_for: bool,
    result: str,
    comment: str,
    request_id: str,
    output: str,
) -> None:
    with explained():
        request = task_service_pb2.VoteTaskRequest(
            task_id=task_id,
            vote=task_pb2.VOTE_CHOICE_APPROVE if is_for else task_pb2.VOTE_CHOICE_REJECT,
            output=json_given(result, "--result") if result else None,
            comment=comment,
            request_id=request_id,
        )

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.VoteTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_comment(target: Target, task_id: str, text: str, *, request_id: str, output: str) -> None:
    request = task_service_pb2.CommentTaskRequest(task_id=task_id, text=text, request_id=request_id)

    async def ask(to: Caller) -> task_pb2.Task:
        return (await to.tasks.CommentTask(request, metadata=to.metadata)).task

    show_task(call(target, ask), output)


def run_comments(target: Target, task_id: str, *, limit: int | None, output: str) -> None:
    async def ask(to: Caller) -> Paged[task_pb2.TaskComment]:
        async def page(size: int, token: str) -> tuple[Sequence[task_pb2.TaskComment], str]:
            answer = await to.tasks.ListTaskComments(
                task_service_pb2.ListTaskCommentsRequest(
                    task_id=task_id, page_size=size, page_token=token
                ),
                metadata=to.metadata,
            )
            return answer.comments, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(found.rows, comment_columns())
    say_there_is_more(found)
