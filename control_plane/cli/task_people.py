"""`foliot task`: whom tasks are offered to, who has them, and what becomes of those that stick."""

from enum import StrEnum
from typing import Annotated

import typer

from control_plane.cli.options import (
    DEFAULT_LIMIT,
    All,
    Filter,
    Limit,
    Output,
    Reason,
    RequestId,
    Target,
    asks_a_server,
)
from control_plane.cli.task import InAnothersPlace, Queue, TaskId, task

__all__ = ["task"]


class Choice(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


@task.command()
@asks_a_server
def inbox(
    target: Target,
    candidate: Annotated[
        str,
        typer.Option(
            "--candidate",
            "-c",
            help="Only what is offered to them: user:<name> or role:<name>.",
            show_default="all",
        ),
    ] = "",
    assignee: Annotated[
        str, typer.Option("--assignee", help="Only what this user has.", show_default="all")
    ] = "",
    queue: Queue = "",
    filter_: Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """
    List the open tasks of people, with what they ask.

    With a key of the role human_worker: those that are offered to its user.

    `foliot task inbox -c role:underwriter`
    """
    from control_plane.cli.peopling import run_inbox

    run_inbox(
        target,
        {"candidate": candidate, "assignee": assignee, "queue": queue},
        given=filter_,
        limit=None if every else limit,
        output=output,
    )


@task.command()
@asks_a_server
def claim(
    target: Target, task_id: TaskId, request_id: RequestId = "", output: Output = "table"
) -> None:
    """Take a task that is offered to you: nobody else can claim or complete it then."""
    from control_plane.cli.peopling import run_claim

    run_claim(target, task_id, request_id=request_id, output=output)


@task.command()
@asks_a_server
def unclaim(
    target: Target,
    task_id: TaskId,
    reason: InAnothersPlace = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """Give a task back to those whom it is offered to."""
    from control_plane.cli.peopling import run_unclaim

    run_unclaim(target, task_id, reason=reason, request_id=request_id, output=output)


@task.command()
@asks_a_server
def assign(
    target: Target,
    task_id: TaskId,
    assignee: Annotated[
        str, typer.Argument(metavar="USER", help="Who gets it.", show_default=False)
    ],
    reason: InAnothersPlace = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    Give a task to somebody.

    `foliot task assign 01a20740-…:1 kim`
    """
    from control_plane.cli.peopling import run_assign

    run_assign(target, task_id, assignee, reason=reason, request_id=request_id, output=output)


@task.command()
@asks_a_server
def delegate(
    target: Target,
    task_id: TaskId,
    assignee: Annotated[
        str, typer.Argument(metavar="USER", help="Who gets it for a while.", show_default=False)
    ],
    reason: InAnothersPlace = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    Hand a task to somebody who may give it back, by `foliot task return`.

    `foliot task delegate 01a20740-…:1 kim`
    """
    from control_plane.cli.deciding import run_delegate

    run_delegate(target, task_id, assignee, reason=reason, request_id=request_id, output=output)


@task.command("return")
@asks_a_server
def give_back(
    target: Target,
    task_id: TaskId,
    reason: InAnothersPlace = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """Give a task back to who delegated it to you."""
    from control_plane.cli.deciding import run_return

    run_return(target, task_id, reason=reason, request_id=request_id, output=output)


@task.command()
@asks_a_server
def vote(
    target: Target,
    task_id: TaskId,
    choice: Annotated[
        Choice, typer.Argument(metavar="approve|reject", help="For it, or against it.")
    ],
    result: Annotated[
        str,
        typer.Option(
            "--result",
            metavar="JSON",
            help="What you give with it: JSON or YAML, `@file`, or `-`.",
            show_default=False,
        ),
    ] = "",
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why.")] = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    Approve a task that several people decide, or reject it.

    `foliot task vote 01a20740-…:1 approve -m "as agreed"`
    """
    from control_plane.cli.deciding import run_vote

    run_vote(
        target,
        task_id,
        is_for=choice is Choice.APPROVE,
        result=result,
        comment=comment,
        request_id=request_id,
        output=output,
    )


@task.command()
@asks_a_server
def comment(
    target: Target,
    task_id: TaskId,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What is said of it.", show_default=False)
    ],
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    Say something of a task. It stays as it was said.

    `foliot task comment 01a20740-…:1 "the invoice is missing"`
    """
    from control_plane.cli.deciding import run_comment

    run_comment(target, task_id, text, request_id=request_id, output=output)


@task.command()
@asks_a_server
def comments(
    target: Target,
    task_id: TaskId,
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """List what was said of a task, the oldest first."""
    from control_plane.cli.deciding import run_comments

    run_comments(target, task_id, limit=None if every else limit, output=output)


@task.command()
@asks_a_server
def throw(
    target: Target,
    task_id: TaskId,
    code: Annotated[
        str,
        typer.Argument(metavar="CODE", help="Which error, as card.declined.", show_default=False),
    ],
    message: Annotated[str, typer.Option("--message", "-m", help="For people.")] = "",
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="JSON",
            help="More about it: JSON or YAML, `@file`, or `-`.",
            show_default=False,
        ),
    ] = "",
    reason: InAnothersPlace = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    End a task by a business error, which its definition has a way for; it is never tried again.

    `foliot task throw 01a20740-…:1 card.declined`
    """
    from control_plane.cli.peopling import run_throw

    run_throw(
        target,
        task_id,
        code,
        message=message,
        data=data,
        reason=reason,
        request_id=request_id,
        output=output,
    )


@task.command()
@asks_a_server
def retry(
    target: Target,
    task_id: TaskId,
    reason: Reason,
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """Try a task now that waits for its next attempt, or a dead one once more."""
    from control_plane.cli.peopling import run_retry

    run_retry(target, task_id, reason=reason, request_id=request_id, output=output)


@task.command()
@asks_a_server
def skip(
    target: Target,
    task_id: TaskId,
    reason: Reason,
    result: Annotated[
        str,
        typer.Option(
            "--result",
            metavar="JSON",
            help="What stands in for its result: JSON or YAML, `@file`, or `-`.",
        ),
    ] = "null",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """Pass a task over, if its definition says that it may be."""
    from control_plane.cli.peopling import run_skip

    run_skip(target, task_id, result=result, reason=reason, request_id=request_id, output=output)
