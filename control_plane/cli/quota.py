"""`foliot quota`: how much a tenant may have, and how much it has."""

from typing import Annotated, Literal

import typer

from control_plane.cli.options import Output, Target, asks_a_server

quota = typer.Typer(
    name="quota",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="See how much a tenant may have, and how much it has; set it with a key of the platform.",
)

Kind = Annotated[
    Literal["open_instances", "open_tasks", "definitions", "streams", "calls_per_second"],
    typer.Argument(metavar="KIND", help="What it is a quota of.", show_default=False),
]
Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="Whose.", show_default=False)]


@quota.command("list")
@asks_a_server
def list_(
    target: Target,
    tenant: Annotated[
        str,
        typer.Option(
            "--tenant", help="Whose; for keys of the platform.", show_default="the caller's own"
        ),
    ] = "",
    output: Output = "table",
) -> None:
    """List a tenant's quotas, and how much of each it uses."""
    from control_plane.cli.rationing import run_list

    run_list(target, tenant, output)


@quota.command("set")
@asks_a_server
def set_(
    target: Target,
    tenant: Tenant,
    kind: Kind,
    limit: Annotated[
        int,
        typer.Argument(
            metavar="LIMIT", min=0, help="The most; 0 lets nothing begin.", show_default=False
        ),
    ],
    output: Output = "table",
) -> None:
    """
    Set how much a tenant may have, in place of the platform's default.

    `foliot quota set acme open_instances 50000`
    """
    from control_plane.cli.rationing import run_set

    run_set(target, tenant, kind, limit, output)


@quota.command()
@asks_a_server
def remove(target: Target, tenant: Tenant, kind: Kind, output: Output = "table") -> None:
    """Take a tenant's own limit back: the platform's default holds again."""
    from control_plane.cli.rationing import run_remove

    run_remove(target, tenant, kind, output)
