"""`foliot key`: who is let in."""

from typing import Annotated

import typer

from control_plane.access.roles import PLATFORM_ADMIN
from control_plane.cli.options import (
    DEFAULT_LIMIT,
    All,
    Limit,
    Output,
    RequestId,
    Target,
    Yes,
    asks_a_server,
)

key = typer.Typer(
    name="key",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Let callers in, and keep them out.",
)

Role = Annotated[
    str,
    typer.Argument(
        help="viewer, starter, human_worker, definer, operator, auditor or tenant_admin; or of"
        " the platform, which is no tenant: executor or platform_admin.",
        show_default=False,
    ),
]
Tenant = Annotated[
    str,
    typer.Option(
        "--tenant", help="Whose; for keys of the platform.", show_default="the caller's own"
    ),
]


@key.command()
@asks_a_server
def create(
    target: Target,
    role: Role,
    label: Annotated[
        str, typer.Option("--label", "-l", help="What it is used for.", show_default=False)
    ] = "",
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            help="When, as 2027-01-31T00:00:00Z, or in how long, as P90D.",
            show_default="never",
        ),
    ] = "",
    user: Annotated[
        str,
        typer.Option(
            "--user", "-u", help="Who its holder is to human tasks.", show_default="the key itself"
        ),
    ] = "",
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            "-g",
            help="A role of the tenant's own that its holder has; human tasks are offered to such."
            " Repeatable.",
        ),
    ] = None,
    tenant: Tenant = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    Make an API key, and print it; it is shown this once.

    `export FOLIOT_KEY=$(foliot key create starter -l shop)`
    """
    from control_plane.cli.keeping_keys import run_create

    run_create(
        target,
        role,
        label=label,
        expires=expires,
        user=user,
        groups=group or [],
        tenant=tenant,
        request_id=request_id,
        output=output,
    )


@key.command("list")
@asks_a_server
def list_(
    target: Target,
    tenant: Tenant = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """List the keys, also those that are expired or revoked; never their secrets."""
    from control_plane.cli.keeping_keys import run_list

    run_list(target, tenant, None if every else limit, output)


@key.command()
@asks_a_server
def revoke(
    target: Target,
    key_id: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="The key's id: what stands between its first two underscores.",
            show_default=False,
        ),
    ],
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="Why: kept in the audit log.", show_default=False)
    ] = "",
    tenant: Tenant = "",
    output: Output = "table",
    *,
    yes: Yes = False,
) -> None:
    """Let a key be good no longer."""
    from control_plane.cli.keeping_keys import run_revoke

    run_revoke(target, key_id, reason=reason, tenant=tenant, yes=yes, output=output)


@key.command()
def first(
    role: Annotated[
        str, typer.Argument(help="Any role; another's than the default is for scripts.")
    ] = PLATFORM_ADMIN,
    tenant: Annotated[
        str, typer.Option(help="The tenant it is for; made if it is new.", show_default=False)
    ] = "",
    database_url: Annotated[
        str, typer.Option(envvar="FOLIOT_DATABASE_URL", show_default=False)
    ] = "",
    pepper: Annotated[
        str,
        typer.Option(envvar="FOLIOT_PEPPER", help="The control planes' own.", show_default=False),
    ] = "",
    *,
    another: Annotated[
        bool, typer.Option("--another", help="Also where an administrator has a key already.")
    ] = False,
) -> None:
    """
    Make an API key straight in the database, and print it; it is shown this once.

    For the first keys of a system: there is nobody yet who could ask the server for them. Once
    there is a good key of a platform_admin it refuses, as that one makes all others.
    """
    from control_plane.cli.key import run_first

    run_first(role, tenant=tenant, another=another, database_url=database_url, pepper=pepper)
