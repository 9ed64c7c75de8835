"""
`foliot ai`: what AI tasks may do, what they did and cost; and `foliot task resolve`, by which a
person decides in a model's place.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from control_plane.cli.options import (
    DEFAULT_LIMIT,
    All,
    Limit,
    Output,
    RequestId,
    Target,
    asks_a_server,
)
from control_plane.cli.task import InAnothersPlace, TaskId
from control_plane.cli.task_following import task

__all__ = ["ai"]

ai = typer.Typer(
    name="ai",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Say what AI tasks may do, switch them off, and see what they did and cost.",
)
policy = typer.Typer(
    name="policy",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Make policies of AI tasks, and put them in force.",
)
switch = typer.Typer(
    name="switch",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Switch AI tasks off at once, and on again.",
)
ai.add_typer(policy)
ai.add_typer(switch)

Name = Annotated[str, typer.Argument(help="What definitions call it.", show_default=False)]
Version = Annotated[int, typer.Argument(min=1, help="Which version.", show_default=False)]
OfPolicy = Annotated[
    str,
    typer.Option("--policy", "-p", help="Only those under this policy.", show_default="all"),
]
OfTenant = Annotated[
    str,
    typer.Option("--tenant", help="Whose, for a key of the platform.", show_default="your own"),
]


class Choice(StrEnum):
    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"


@policy.command("create")
@asks_a_server
def create(
    target: Target,
    name: Name,
    file: Annotated[
        Path, typer.Argument(help="Its JSON or YAML; - is standard input.", show_default=False)
    ],
    tenant: OfTenant = "",
    output: Output = "table",
) -> None:
    """
    Keep a document as the next version of a policy. It binds nothing until it is activated.

    `foliot ai policy create claims examples/policies/claims.json`
    """
    from control_plane.cli.guarding import run_create

    run_create(target, name, tenant, file, output)


@policy.command("list")
@asks_a_server
def list_(
    target: Target,
    name: Annotated[
        str, typer.Option("--name", help="Only versions of this one.", show_default="all")
    ] = "",
    tenant: OfTenant = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """List policies, the newest version of each first."""
    from control_plane.cli.guarding import run_list

    run_list(target, name, tenant, limit=None if every else limit, output=output)


@policy.command("show")
@asks_a_server
def show(
    target: Target,
    name: Name,
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, help="Which one.", show_default="the active one"),
    ] = None,
    tenant: OfTenant = "",
) -> None:
    """Print what a policy says."""
    from control_plane.cli.guarding import run_show

    run_show(target, name, tenant, version or 0)


@policy.command("activate")
@asks_a_server
def activate(
    target: Target, name: Name, version: Version, tenant: OfTenant = "", output: Output = "table"
) -> None:
    """Have a version bind the AI tasks that are created from now on."""
    from control_plane.cli.guarding import run_activate

    run_activate(target, name, tenant, version, output)


@policy.command("deactivate")
@asks_a_server
def deactivate(target: Target, name: Name, tenant: OfTenant = "", output: Output = "table") -> None:
    """Leave a policy without an active version: AI tasks created under it fail."""
    from control_plane.cli.guarding import run_deactivate

    run_deactivate(target, name, tenant, output)


@switch.command("off")
@asks_a_server
def off(
    target: Target,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why.", show_default=False)],
    policy_name: OfPolicy = "",
    tenant: OfTenant = "",
) -> None:
    """
    Switch AI tasks off: no model is called any more, and no answer moves anything.

    `foliot ai switch off --policy claims --reason "odd answers"`
    """
    from control_plane.cli.guarding import run_switch

    run_switch(target, policy_name, tenant, off=True, reason=reason)


@switch.command("on")
@asks_a_server
def on(target: Target, policy_name: OfPolicy = "", tenant: OfTenant = "") -> None:
    """Switch AI tasks on again."""
    from control_plane.cli.guarding import run_switch

    run_switch(target, policy_name, tenant, off=False, reason="")


@switch.command("list")
@asks_a_server
def switches(target: Target, tenant: OfTenant = "", output: Output = "table") -> None:
    """List what is switched off, by whom and why."""
    from control_plane.cli.guarding import run_switches

    run_switches(target, tenant, output)


@ai.command()
@asks_a_server
def spend(
    target: Target,
    day: Annotated[
        str, typer.Option("--day", help="A day in UTC, as 2030-01-31.", show_default="today")
    ] = "",
    instance: Annotated[
        str, typer.Option("--instance", "-i", help="An instance, too.", show_default="none")
    ] = "",
    output: Output = "table",
) -> None:
    """Show what AI tasks have cost, in millionths of your currency."""
    from control_plane.cli.guarding import run_spend

    run_spend(target, day, instance, output)


@ai.command()
@asks_a_server
def calls(
    target: Target,
    instance: Annotated[
        str, typer.Option("--instance", "-i", help="Only this one's.", show_default="all")
    ] = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """List calls of models, the newest first."""
    from control_plane.cli.guarding import run_calls

    run_calls(target, instance, limit=None if every else limit, output=output)


@ai.command("call")
@asks_a_server
def call_(
    target: Target,
    task_id: TaskId,
    number: Annotated[
        int, typer.Option("--number", "-n", min=1, help="Which call of the task.")
    ] = 1,
) -> None:
    """Show one call of a model, with all that was recorded of it."""
    from control_plane.cli.guarding import run_call

    run_call(target, task_id, number)


@ai.command()
@asks_a_server
def agreement(target: Target, name: Name, output: Output = "table") -> None:
    """Count how often people decided as a model had proposed."""
    from control_plane.cli.guarding import run_agreement

    run_agreement(target, name, output)


@task.command()
@asks_a_server
def resolve(
    target: Target,
    task_id: TaskId,
    decision: Annotated[
        Choice, typer.Argument(help="approve, edit or reject.", show_default=False)
    ],
    suggestion_hash: Annotated[
        str,
        typer.Option(
            "--hash", help="Of what you decide on: it is in the task's input.", show_default=False
        ),
    ],
    event: Annotated[
        str,
        typer.Option("--event", "-e", help="With edit: the event instead.", show_default="none"),
    ] = "",
    data: Annotated[
        str, typer.Option("--data", help="With edit: JSON that goes with it.", show_default="null")
    ] = "",
    reason: InAnothersPlace = "",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    Decide on what a model suggested: as suggested, otherwise, or not at all.

    `foliot task resolve 0199f0c0-0000-7000-8000-000000000000:2 approve --hash 5d41…`
    """
    from control_plane.cli.guarding import run_resolve

    run_resolve(
        target,
        task_id,
        decision,
        suggestion_hash,
        event=event,
        data=data,
        reason=reason,
        request_id=request_id,
        output=output,
    )
