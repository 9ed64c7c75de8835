"""
`foliot definition`: the versions that a server keeps.

A version is named by its id, or as `order@3`; where only the key is given, the command says
which of its versions is meant.
"""

from typing import Annotated, Literal

import typer

from control_plane.cli.completing import definition_ids, definition_keys
from control_plane.cli.definition import SpecFile, definition
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

__all__ = ["definition"]

Version = Annotated[
    str,
    typer.Argument(
        metavar="VERSION",
        help="An id, a key with a version as order@3, or a key alone.",
        show_default=False,
        autocompletion=definition_ids,
    ),
]


@definition.command(rich_help_panel="On a server")
@asks_a_server
def create(
    target: Target,
    definition_key: Annotated[
        str,
        typer.Argument(
            metavar="DEFINITION",
            help="The key that its versions have in common.",
            show_default=False,
            autocompletion=definition_keys,
        ),
    ],
    file: SpecFile,
    description: Annotated[str, typer.Option(help="For people.", show_default=False)] = "",
    request_id: RequestId = "",
    output: Output = "table",
    *,
    activate: Annotated[
        bool, typer.Option("--activate", "-a", help="Put it to use at once.")
    ] = False,
) -> None:
    """
    Keep a definition as the next version of its key, and print its id.

    `foliot definition create order order.yaml --activate`
    """
    from control_plane.cli.defining import run_create

    run_create(
        target,
        definition_key,
        file,
        description=description,
        request_id=request_id,
        activate=activate,
        output=output,
    )


@definition.command(rich_help_panel="On a server")
@asks_a_server
def get(
    target: Target,
    version: Version,
    output: Output = "table",
    *,
    spec: Annotated[bool, typer.Option("--spec", help="Only its spec, as it was sent.")] = False,
) -> None:
    """
    Show a version; of a key alone the active one.

    `foliot definition get order --spec > order.json`
    """
    from control_plane.cli.defining import run_get

    run_get(target, version, spec=spec, output=output)


@definition.command("list", rich_help_panel="On a server")
@asks_a_server
def list_(
    target: Target,
    definition_key: Annotated[
        str,
        typer.Option(
            "--definition",
            "-d",
            help="Only versions of this key.",
            show_default="all",
            autocompletion=definition_keys,
        ),
    ] = "",
    status: Annotated[
        Literal["inactive", "active", "archived"] | None,
        typer.Option("--status", "-s", help="Only with this status.", show_default="all"),
    ] = None,
    filter_: Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """List versions: by key, and of each key the newest first."""
    from control_plane.cli.defining import run_list

    run_list(
        target,
        definition_key,
        status=status or "",
        given=filter_,
        limit=None if every else limit,
        output=output,
    )


@definition.command(rich_help_panel="On a server")
@asks_a_server
def activate(target: Target, version: Version, output: Output = "table") -> None:
    """Start new instances from a version; of a key alone from its newest."""
    from control_plane.cli.defining import run_activate

    run_activate(target, version, output)


@definition.command(rich_help_panel="On a server")
@asks_a_server
def deactivate(target: Target, version: Version, output: Output = "table") -> None:
    """Start no more instances from a version; of a key alone from the active one."""
    from control_plane.cli.defining import run_deactivate

    run_deactivate(target, version, output)


@definition.command(rich_help_panel="On a server")
@asks_a_server
def archive(
    target: Target, version: Version, output: Output = "table", *, yes: Yes = False
) -> None:
    """Put an inactive version away for good; it takes an id, or a key with a version."""
    from control_plane.cli.defining import run_archive

    run_archive(target, version, output, yes=yes)
