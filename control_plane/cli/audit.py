"""`foliot audit`: who changed what."""

from typing import Annotated

import typer

from control_plane.cli.options import (
    DEFAULT_LIMIT,
    All,
    Filter,
    Limit,
    Output,
    Target,
    asks_a_server,
)

audit = typer.Typer(
    name="audit",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="See who changed what, when, and why.",
)


@audit.command("list")
@asks_a_server
def list_(
    target: Target,
    principal: Annotated[
        str, typer.Option("--principal", help="Only what they did.", show_default="all")
    ] = "",
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="Only this RPC, as foliot.v1.InstanceService/CancelInstance.",
            show_default="all",
        ),
    ] = "",
    of: Annotated[
        str,
        typer.Option(
            "--of", help="Only what was done to the thing with this id.", show_default="all"
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since",
            help="Only what was done from this time on, as 2027-01-31T08:00:00Z.",
            show_default="all",
        ),
    ] = "",
    tenant: Annotated[
        str,
        typer.Option(
            "--tenant", help="Whose; for keys of the platform.", show_default="the caller's own"
        ),
    ] = "",
    filter_: Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """
    List what was changed, the newest first.

    `foliot audit list --principal key:x7k2 --since 2027-01-31`
    """
    from control_plane.cli.auditing import run_list

    run_list(
        target,
        {"principal": principal, "method": method, "target_id": of},
        since=since,
        given=filter_,
        tenant=tenant,
        limit=None if every else limit,
        output=output,
    )
