"""`foliot instance`: what operators do to instances; each says why, for the history."""

from typing import Annotated

import typer

from control_plane.cli.instance import InstanceId, instance
from control_plane.cli.options import Output, Reason, RequestId, Target, Yes, asks_a_server

__all__ = ["instance"]


@instance.command()
@asks_a_server
def cancel(
    target: Target,
    instance_id: InstanceId,
    reason: Reason,
    request_id: RequestId = "",
    output: Output = "table",
    *,
    yes: Yes = False,
) -> None:
    """
    End an instance in order: its exit actions and its compensations run.

    `foliot instance cancel 01a20740-… -r 'ordered twice'`
    """
    from control_plane.cli.operating import run_cancel

    run_cancel(target, instance_id, reason=reason, request_id=request_id, output=output, yes=yes)


@instance.command()
@asks_a_server
def terminate(
    target: Target,
    instance_id: InstanceId,
    reason: Reason,
    request_id: RequestId = "",
    output: Output = "table",
    *,
    yes: Yes = False,
) -> None:
    """End an instance at once: nothing of its definition runs any more."""
    from control_plane.cli.operating import run_terminate

    run_terminate(target, instance_id, reason=reason, request_id=request_id, output=output, yes=yes)


@instance.command()
@asks_a_server
def pause(
    target: Target,
    instance_id: InstanceId,
    reason: Reason,
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """Let an instance rest: events are kept, timers do not fire, no task is handed out."""
    from control_plane.cli.operating import run_pause

    run_pause(target, instance_id, reason=reason, request_id=request_id, output=output)


@instance.command()
@asks_a_server
def resume(
    target: Target,
    instance_id: InstanceId,
    reason: Reason,
    request_id: RequestId = "",
    output: Output = "table",
    *,
    shift_timers: Annotated[
        bool,
        typer.Option(
            "--shift-timers", help="What it waits for comes as much later as the pause was long."
        ),
    ] = False,
) -> None:
    """Let a paused instance go on."""
    from control_plane.cli.operating import run_resume

    run_resume(
        target,
        instance_id,
        reason=reason,
        request_id=request_id,
        shift_timers=shift_timers,
        output=output,
    )


@instance.command()
@asks_a_server
def retry(
    target: Target,
    instance_id: InstanceId,
    reason: Reason,
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """Take up a failed instance from where it failed."""
    from control_plane.cli.operating import run_retry

    run_retry(target, instance_id, reason=reason, request_id=request_id, output=output)


@instance.command()
@asks_a_server
def labels(
    target: Target,
    instance_id: InstanceId,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="NAME=VALUE", help="Put this label on it. Repeatable."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="NAME", help="Take this label off it. Repeatable."),
    ] = None,
    output: Output = "table",
) -> None:
    """
    Put labels on an instance, and take others off it.

    `foliot instance labels 01a20740-… --set region=eu --remove draft`
    """
    from control_plane.cli.operating import run_labels

    run_labels(target, instance_id, labels=set_ or [], remove=remove or [], output=output)
