"""`foliot tenant`: those who share a server; for keys of the platform."""

from typing import Annotated

import typer

from control_plane.cli.options import (
    DEFAULT_LIMIT,
    All,
    Limit,
    Output,
    Reason,
    Target,
    Yes,
    asks_a_server,
)

tenant = typer.Typer(
    name="tenant",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Keep the tenants of a server; with a key of the platform.",
)

TenantId = Annotated[
    str, typer.Argument(metavar="TENANT", help="The tenant's id.", show_default=False)
]
DisplayName = Annotated[
    str, typer.Option("--name", help="Its name for people.", show_default="its id")
]


@tenant.command()
@asks_a_server
def create(
    target: Target, tenant_id: TenantId, name: DisplayName = "", output: Output = "table"
) -> None:
    """
    Add a tenant. It has no keys yet: `foliot key create` makes them.

    `foliot tenant create acme --name 'Acme Ltd.'`
    """
    from control_plane.cli.tenancy import run_create

    run_create(target, tenant_id, name, output)


@tenant.command()
@asks_a_server
def get(target: Target, tenant_id: TenantId, output: Output = "table") -> None:
    """Show a tenant."""
    from control_plane.cli.tenancy import run_get

    run_get(target, tenant_id, output)


@tenant.command("list")
@asks_a_server
def list_(
    target: Target,
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    suspended: Annotated[
        bool | None, typer.Option("--suspended/--not-suspended", help="Only those.")
    ] = None,
    every: All = False,
) -> None:
    """List the tenants."""
    from control_plane.cli.tenancy import run_list

    run_list(target, suspended=suspended, limit=None if every else limit, output=output)


@tenant.command()
@asks_a_server
def rename(
    target: Target,
    tenant_id: TenantId,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its name for people.", show_default=False)
    ],
    output: Output = "table",
) -> None:
    """Give a tenant another name for people. Its id stays."""
    from control_plane.cli.tenancy import run_rename

    run_rename(target, tenant_id, name, output)


@tenant.command()
@asks_a_server
def suspend(
    target: Target,
    tenant_id: TenantId,
    reason: Reason,
    output: Output = "table",
    *,
    yes: Yes = False,
) -> None:
    """Let a tenant's work wait, and refuse its keys. Nothing is lost."""
    from control_plane.cli.tenancy import run_suspend

    run_suspend(target, tenant_id, reason, output, yes=yes)


@tenant.command()
@asks_a_server
def resume(
    target: Target,
    tenant_id: TenantId,
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why: kept in the audit log.", show_default=False)
    ] = "",
    output: Output = "table",
) -> None:
    """Let a suspended tenant go on."""
    from control_plane.cli.tenancy import run_resume

    run_resume(target, tenant_id, reason, output)
