"""
`foliot limit`: how many of a tenant's tasks run at once, and how many begin in a time.

The commands talk to a control plane: the `foliot dev` of this directory, or another one.
"""

from typing import Annotated

import typer

from control_plane.cli.options import Output, Target, asks_a_server

limit = typer.Typer(
    name="limit",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Limit how many tasks run at once, and how many begin in a time.",
)

LimitKey = Annotated[
    str,
    typer.Option(
        "--limit-key",
        "-k",
        help="Of tasks with this limitKey in their definition.",
        show_default="all of the tenant's tasks",
    ),
]


@limit.command("set")
@asks_a_server
def set_(
    target: Target,
    limit_key: LimitKey = "",
    max_running: Annotated[
        int | None,
        typer.Option(min=0, help="How many run at once; 0 lets none begin.", show_default=False),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="How many begin in a second.", show_default=False)
    ] = None,
    burst: Annotated[
        int,
        typer.Option(help="How many begin at once after a rest.", show_default="as in a second"),
    ] = 0,
    output: Output = "table",
) -> None:
    """
    Set a limit; it replaces the one that there was, and holds for all that is claimed from now on.

    `foliot limit set --max-running 50`

    `foliot limit set -k bank --rate 5 --burst 10`
    """
    from control_plane.cli.limiting import run_set

    run_set(
        target,
        limit_key,
        max_running=max_running,
        rate=rate,
        burst=burst,
        output=output,
    )


@limit.command("list")
@asks_a_server
def list_(
    target: Target,
    output: Output = "table",
) -> None:
    """List the tenant's limits, and how many tasks run under each."""
    from control_plane.cli.limiting import run_list

    run_list(target, output)


@limit.command()
@asks_a_server
def remove(
    target: Target,
    limit_key: LimitKey = "",
) -> None:
    """Lift a limit: what it held back can be claimed at once."""
    from control_plane.cli.limiting import run_remove

    run_remove(target, limit_key)
