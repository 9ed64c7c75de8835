"""`foliot task watch`: an inbox that keeps itself up to date."""

from typing import Annotated

import typer

from control_plane.cli.options import Filter, Output, Target, asks_a_server
from control_plane.cli.task import Queue
from control_plane.cli.task_people import task

__all__ = ["task"]


@task.command()
@asks_a_server
def watch(
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
    after: Annotated[
        str,
        typer.Option(
            "--after", help="Only what comes after this position.", show_default="open tasks first"
        ),
    ] = "",
    output: Output = "table",
) -> None:
    """
    Follow an inbox: the open tasks of people, and what happens to them, until Ctrl-C.

    Goes on by itself after a disconnect. With `--output json`, each line is a message with the
    `position` to go on after.

    `foliot task watch -c role:underwriter`
    """
    from control_plane.cli.watching import run_watch_tasks

    run_watch_tasks(
        target,
        {"candidate": candidate, "assignee": assignee, "queue": queue},
        given=filter_,
        after=after,
        output=output,
    )
