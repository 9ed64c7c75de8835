"""
`foliot retention`: for how long instances are kept after their end.

`set`, `list` and `remove` talk to a control plane, the `foliot dev` of this directory or another
one; `run` goes to the database.
"""

from pathlib import Path
from typing import Annotated

import typer

from control_plane.cli.completing import definition_keys
from control_plane.cli.options import Output, Target, asks_a_server

retention = typer.Typer(
    name="retention",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Say for how long instances are kept after their end, and remove what is past that.",
)

Definition = Annotated[
    str,
    typer.Option(
        "--definition",
        "-d",
        help="The key of the definition whose instances it is about.",
        show_default="all that have no retention of their own",
        autocompletion=definition_keys,
    ),
]


@retention.command("set")
@asks_a_server
def set_(
    target: Target,
    keep: Annotated[
        str,
        typer.Argument(help="For how long: `P90D`, `PT12H`, or `forever`.", show_default=False),
    ],
    definition: Definition = "",
    output: Output = "table",
    *,
    discard: Annotated[
        bool, typer.Option("--discard", help="Remove them without archiving them before.")
    ] = False,
) -> None:
    """
    Set for how long instances are kept after their end; it replaces what was set before.

    `foliot retention set P90D`

    `foliot retention set PT1H -d heartbeat --discard`
    """
    from control_plane.cli.retaining import run_set

    run_set(
        target,
        keep,
        definition=definition,
        discards=discard,
        output=output,
    )


@retention.command("list")
@asks_a_server
def list_(
    target: Target,
    output: Output = "table",
) -> None:
    """List the tenant's retentions. What none applies to is kept for ever."""
    from control_plane.cli.retaining import run_list

    run_list(target, output)


@retention.command()
@asks_a_server
def remove(
    target: Target,
    definition: Definition = "",
) -> None:
    """Take a retention back: the tenant's own holds instead, or for ever."""
    from control_plane.cli.retaining import run_remove

    run_remove(target, definition)


@retention.command()
def run(
    database_url: Annotated[
        str,
        typer.Option(
            envvar="FOLIOT_DATABASE_URL",
            help="PostgreSQL of the control plane.",
            show_default=False,
        ),
    ],
    archive_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="FOLIOT_ARCHIVE_DIR",
            help="Where instances are archived before they are removed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """
    Remove all that is past its retention, now and at full speed, for every tenant.

    Servers do it by themselves, at a pace that leaves room for others; this is for a first time,
    or for a night of its own.
    """
    from control_plane.cli.retaining import run_now

    run_now(database_url, archive_dir)
