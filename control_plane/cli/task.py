"""`foliot task`: what is to be done, by whom, and what has failed for good."""

from typing import Annotated, Literal

import typer

from control_plane.cli.completing import instance_ids, task_ids
from control_plane.cli.options import (
    DEFAULT_LIMIT,
    All,
    Filter,
    Limit,
    Output,
    RequestId,
    Target,
    Yes,
    asks_a_server,
)

task = typer.Typer(
    name="task",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="See what is to be done, do what people do, and take up what has failed.",
)

TaskId = Annotated[
    str,
    typer.Argument(
        metavar="TASK",
        help="The task's id, as <instance>:3.",
        show_default=False,
        autocompletion=task_ids,
    ),
]
Queue = Annotated[
    str, typer.Option("--queue", "-q", help="Only in this queue.", show_default="all")
]
OfInstance = Annotated[
    str,
    typer.Option(
        "--instance",
        help="Only of this instance.",
        show_default="all",
        autocompletion=instance_ids,
    ),
]
InAnothersPlace = Annotated[
    str,
    typer.Option(
        "--reason",
        "-r",
        help="Why; needed where somebody else has the task.",
        show_default=False,
    ),
]
Type = Annotated[
    Literal["human", "timer", "http", "email", "ai", "system", "workflow"] | None,
    typer.Option("--type", "-t", help="Only of this type.", show_default="all"),
]


@task.command("list")
@asks_a_server
def list_(
    target: Target,
    instance: OfInstance = "",
    status: Annotated[
        Literal["pending", "running", "succeeded", "failed", "cancelled", "skipped"] | None,
        typer.Option("--status", "-s", help="Only with this status.", show_default="all"),
    ] = None,
    type_: Type = None,
    queue: Queue = "",
    filter_: Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """
    List tasks.

    `foliot task list -s pending -t http`
    """
    from control_plane.cli.tasking import run_list

    run_list(
        target,
        {"instance_id": instance, "queue": queue},
        {"status": status or "", "type": type_ or ""},
        given=filter_,
        limit=None if every else limit,
        output=output,
    )


@task.command()
@asks_a_server
def get(target: Target, task_id: TaskId, output: Output = "table") -> None:
    """Show a task, with its input and output."""
    from control_plane.cli.tasking import run_get

    run_get(target, task_id, output)


@task.command()
@asks_a_server
def complete(
    target: Target,
    task_id: TaskId,
    result: Annotated[
        str,
        typer.Option(
            "--result",
            metavar="JSON",
            help="What it came to: JSON or YAML, `@file`, or `-` for standard input.",
        ),
    ] = "null",
    reason: InAnothersPlace = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    End a task well: one that a person has done, or whose result comes later.

    `foliot task complete 01a20740-…:1 --result '{"approved": true}'`
    """
    from control_plane.cli.tasking import run_complete

    run_complete(
        target, task_id, result=result, reason=reason, request_id=request_id, output=output
    )


@task.command()
@asks_a_server
def fail(
    target: Target,
    task_id: TaskId,
    kind: Annotated[
        str, typer.Option("--kind", "-k", help="For programs, as payment.declined.")
    ] = "task.failed",
    message: Annotated[str, typer.Option("--message", "-m", help="For people; no secrets.")] = "",
    details: Annotated[
        str,
        typer.Option(
            "--details",
            metavar="JSON",
            help="More about it: JSON or YAML, `@file`, or `-`.",
            show_default=False,
        ),
    ] = "",
    reason: InAnothersPlace = "",
    request_id: RequestId = "",
    output: Output = "table",
    *,
    retryable: Annotated[
        bool, typer.Option("--retryable", help="Another attempt may succeed.")
    ] = False,
) -> None:
    """End an attempt of a task badly; if it is retryable, it is tried again."""
    from control_plane.cli.tasking import run_fail

    run_fail(
        target,
        task_id,
        kind=kind,
        message=message,
        details=details,
        retryable=retryable,
        reason=reason,
        request_id=request_id,
        output=output,
    )


@task.command()
@asks_a_server
def dead(
    target: Target,
    type_: Type = None,
    queue: Queue = "",
    filter_: Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """List dead letters: tasks that have failed for good, the oldest first."""
    from control_plane.cli.tasking import run_dead

    run_dead(
        target,
        {"queue": queue},
        {"type": type_ or ""},
        given=filter_,
        limit=None if every else limit,
        output=output,
    )


@task.command()
@asks_a_server
def redrive(
    target: Target,
    task_id: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TASK]…", help="Dead tasks, by their ids.", show_default=False),
    ] = None,
    type_: Type = None,
    queue: Queue = "",
    filter_: Filter = "",
    output: Output = "table",
    *,
    every: Annotated[
        bool, typer.Option("--all", help="All dead tasks that the other options find.")
    ] = False,
    yes: Yes = False,
) -> None:
    """
    Try dead tasks once more: those that are named, or with `--all` those that are found.

    Exits with 1 if one of them could not be; the others are tried all the same.

    `foliot task redrive --all -q billing`
    """
    from control_plane.cli.redriving import run_redrive

    run_redrive(
        target,
        task_id or [],
        {"queue": queue},
        {"type": type_ or ""},
        given=filter_,
        every=every,
        yes=yes,
        output=output,
    )
