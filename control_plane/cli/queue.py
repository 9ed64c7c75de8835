"""`foliot queue`: what waits for executors, and whether it is given out."""

from typing import Annotated

import typer

from control_plane.cli.options import Output, Target, Yes, asks_a_server

queue = typer.Typer(
    name="queue",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="See what waits for executors; pause and resume queues with a key of the platform.",
)

Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name.", show_default=False)]


@queue.command("list")
@asks_a_server
def list_(
    target: Target,
    name: Annotated[
        str, typer.Option("--queue", "-q", help="Only this one.", show_default="all")
    ] = "",
    output: Output = "table",
) -> None:
    """List the queues: what is ready, for how long, and what executors have."""
    from control_plane.cli.queueing import run_list

    run_list(target, name, output)


@queue.command()
@asks_a_server
def pause(
    target: Target,
    name: Name,
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why: others see it.", show_default=False)
    ],
    output: Output = "table",
    *,
    yes: Yes = False,
) -> None:
    """Give nothing of a queue out any more, to any executor, of any tenant."""
    from control_plane.cli.queueing import run_pause

    run_pause(target, name, reason, output, yes=yes)


@queue.command()
@asks_a_server
def resume(target: Target, name: Name) -> None:
    """Give what waits in a queue out again."""
    from control_plane.cli.queueing import run_resume

    run_resume(target, name)
