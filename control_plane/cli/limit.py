"""
`foliot limit`: how many of a tenant's tasks run at once, and how many begin in a time.

The commands talk to a control plane: the `foliot dev` of this directory, or another one.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

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
Output = Annotated[Literal["table", "json"], typer.Option(help="For reading, or for programs.")]
Address = Annotated[
    str,
    typer.Option(
        envvar="FOLIOT_CONTROL_PLANE",
        help="The control plane's address.",
        show_default=False,
    ),
]
Key = Annotated[
    str,
    typer.Option(
        envvar="FOLIOT_KEY",
        help="The API key of a tenant. Not set takes that of the `foliot dev` that runs here.",
        show_default=False,
    ),
]
DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="FOLIOT_DATA_DIR", help="Where that `foliot dev` runs."),
]
DEFAULT_DATA_DIR = Path(".foliot")


@limit.command("set")
def set_(
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
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """
    Set a limit; it replaces the one that there was, and holds for all that is claimed from now on.

    `foliot limit set --max-running 50`

    `foliot limit set -k bank --rate 5 --burst 10`
    """
    from control_plane.cli.calling import Target
    from control_plane.cli.limiting import run_set

    run_set(
        Target(address=address, key=key, data_dir=data_dir),
        limit_key,
        max_running=max_running,
        rate=rate,
        burst=burst,
        output=output,
    )


@limit.command("list")
def list_(
    output: Output = "table",
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """List the tenant's limits, and how many tasks run under each."""
    from control_plane.cli.calling import Target
    from control_plane.cli.limiting import run_list

    run_list(Target(address=address, key=key, data_dir=data_dir), output)


@limit.command()
def remove(
    limit_key: LimitKey = "",
    address: Address = "",
    key: Key = "",
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Lift a limit: what it held back can be claimed at once."""
    from control_plane.cli.calling import Target
    from control_plane.cli.limiting import run_remove

    run_remove(Target(address=address, key=key, data_dir=data_dir), limit_key)
