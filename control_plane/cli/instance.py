"""
`foliot instance`: start instances, feed them events, and see what becomes of them.

What operators do to them is in instance_operations.py.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from control_plane.cli.completing import definition_keys, instance_ids
from control_plane.cli.options import (
    DEFAULT_LIMIT,
    All,
    Filter,
    Input,
    Labels,
    Limit,
    Output,
    RequestId,
    Target,
    asks_a_server,
)

instance = typer.Typer(
    name="instance",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Start instances, feed them events, and see what becomes of them.",
)

InstanceId = Annotated[
    str,
    typer.Argument(
        metavar="INSTANCE",
        help="The instance's id.",
        show_default=False,
        autocompletion=instance_ids,
    ),
]
EventType = Annotated[
    str,
    typer.Argument(metavar="TYPE", help="The event's type, as APPROVE.", show_default=False),
]
Payload = Annotated[
    str,
    typer.Option(
        "--payload",
        "-p",
        metavar="JSON",
        help="What comes with it, an object: JSON or YAML, `@file`, or `-` for standard input.",
    ),
]
EventId = Annotated[
    str,
    typer.Option(
        "--event-id",
        help="Its name: a repeat with the same one changes nothing.",
        show_default="a new one",
    ),
]
BusinessKey = Annotated[
    str,
    typer.Option(
        "--business-key", "-b", help="What it is about, as an order number.", show_default=False
    ),
]
OnClosed = Annotated[
    Literal["reject", "allow", "allow_if_failed"],
    typer.Option(help="What to do if only ended instances have the business key."),
]
DefinitionKey = Annotated[
    str,
    typer.Argument(
        metavar="DEFINITION",
        help="The definition's key; its active version is started.",
        show_default=False,
        autocompletion=definition_keys,
    ),
]
OfDefinition = Annotated[
    str,
    typer.Option(
        "--definition",
        "-d",
        help="Only of this definition's key.",
        show_default="all",
        autocompletion=definition_keys,
    ),
]
Status = Annotated[
    Literal["pending", "running", "waiting", "completed", "failed", "cancelled"] | None,
    typer.Option("--status", "-s", help="Only with this status.", show_default="all"),
]


@instance.command()
@asks_a_server
def start(
    target: Target,
    definition: DefinitionKey,
    given: Input = "{}",
    business_key: BusinessKey = "",
    label: Labels = None,
    on_running: Annotated[
        Literal["use_existing", "fail", "cancel_existing"],
        typer.Option(help="What to do if a live instance has the business key."),
    ] = "use_existing",
    on_closed: OnClosed = "reject",
    request_id: RequestId = "",
    output: Output = "table",
) -> None:
    """
    Start an instance, and print its id.

    With a business key, a repeat finds the instance that is there, and starts none.

    `foliot instance start order -b A-1 -i '{"lines": []}'`
    """
    from control_plane.cli.starting import run_start

    run_start(
        target,
        definition,
        given=given,
        business_key=business_key,
        labels=label or [],
        on_running=on_running,
        on_closed=on_closed,
        request_id=request_id,
        output=output,
    )


@instance.command()
@asks_a_server
def send(
    target: Target,
    instance_id: InstanceId,
    event_type: EventType,
    payload: Payload = "{}",
    event_id: EventId = "",
    output: Output = "table",
) -> None:
    """
    Send an instance an event, and say what became of it.

    `foliot instance send 01a20740-… APPROVE -p '{"by": "kim"}'`
    """
    from control_plane.cli.starting import run_send

    run_send(target, instance_id, event_type, payload=payload, event_id=event_id, output=output)


@instance.command()
@asks_a_server
def signal(
    target: Target,
    definition: DefinitionKey,
    business_key: Annotated[
        str, typer.Argument(metavar="BUSINESS_KEY", help="What it is about.", show_default=False)
    ],
    event_type: EventType,
    payload: Payload = "{}",
    event_id: EventId = "",
    given: Input = "{}",
    label: Labels = None,
    on_closed: OnClosed = "reject",
    output: Output = "table",
) -> None:
    """
    Send the live instance of a business key an event, and start one first if there is none.

    `foliot instance signal order A-1 PAID -p '{"amount": 1250}'`
    """
    from control_plane.cli.starting import run_signal

    run_signal(
        target,
        definition,
        business_key,
        event_type,
        payload=payload,
        event_id=event_id,
        given=given,
        labels=label or [],
        on_closed=on_closed,
        output=output,
    )


@instance.command()
@asks_a_server
def get(
    target: Target,
    instance_id: InstanceId,
    output: Output = "table",
    *,
    tasks: Annotated[bool, typer.Option("--tasks", "-t", help="Its tasks as well.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Its history as well.")] = False,
) -> None:
    """Show an instance: where it stands, and what it knows."""
    from control_plane.cli.looking import run_get

    run_get(target, instance_id, tasks=tasks, history=history, output=output)


@instance.command("list")
@asks_a_server
def list_(
    target: Target,
    definition: OfDefinition = "",
    status: Status = None,
    business_key: BusinessKey = "",
    schedule: Annotated[
        str, typer.Option("--schedule", help="Only those it has started.", show_default=False)
    ] = "",
    filter_: Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    every: All = False,
) -> None:
    """
    List instances, the newest first.

    `foliot instance list -d order -s waiting`
    """
    from control_plane.cli.looking import run_list

    run_list(
        target,
        {"definition_key": definition, "business_key": business_key, "schedule_id": schedule},
        status=status or "",
        given=filter_,
        limit=None if every else limit,
        output=output,
    )


@instance.command()
@asks_a_server
def count(
    target: Target,
    definition: OfDefinition = "",
    status: Status = None,
    business_key: BusinessKey = "",
    filter_: Filter = "",
    output: Output = "table",
) -> None:
    """Count instances, up to 100,000."""
    from control_plane.cli.looking import run_count

    run_count(
        target,
        {"definition_key": definition, "business_key": business_key},
        status=status or "",
        given=filter_,
        output=output,
    )


@instance.command()
@asks_a_server
def wait(
    target: Target,
    instance_id: InstanceId,
    timeout: Annotated[
        str, typer.Option(help="For how long at most, as PT30S.", show_default="for ever")
    ] = "",
    output: Output = "table",
) -> None:
    """
    Wait for an instance's end, and show it.

    Exits with 0 if it has completed, with 1 if it failed or was cancelled, and with 5 if it
    has not ended in time.
    """
    from control_plane.cli.looking import run_wait

    run_wait(target, instance_id, timeout=timeout, output=output)


@instance.command()
@asks_a_server
def watch(
    target: Target,
    instance_id: InstanceId,
    after: Annotated[
        int, typer.Option("--after", min=0, help="Only what comes after this seq.")
    ] = 0,
    output: Output = "table",
) -> None:
    """
    Follow what happens to an instance, a line an entry, to its end.

    Goes on by itself after a disconnect. With `--output json`, each line is a JSON object.
    """
    from control_plane.cli.watching import run_watch

    run_watch(target, instance_id, after=after, output=output)


@instance.command()
@asks_a_server
def history(
    target: Target,
    instance_id: InstanceId,
    filter_: Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    output: Output = "table",
    *,
    newest: Annotated[bool, typer.Option("--newest", help="The newest entry first.")] = False,
    every: All = False,
) -> None:
    """
    List what happened to an instance.

    `foliot instance history 01a20740-… -f 'type = TASK_FAILED'`
    """
    from control_plane.cli.recounting import run_history

    run_history(
        target,
        instance_id,
        given=filter_,
        newest=newest,
        limit=None if every else limit,
        output=output,
    )


@instance.command()
@asks_a_server
def export(
    target: Target,
    instance_id: InstanceId,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Where to write; standard output if not given."),
    ] = None,
) -> None:
    """
    Write an instance and its whole history as JSON lines: the instance first, then the entries.

    Every entry has its hash, so that it can be verified anywhere.
    """
    from control_plane.cli.recounting import run_export

    run_export(target, instance_id, to=to)


@instance.command()
@asks_a_server
def explain(target: Target, instance_id: InstanceId, output: Output = "table") -> None:
    """Say why an instance stands where it stands, and what would move it."""
    from control_plane.cli.explaining import run_explain

    run_explain(target, instance_id, output)


@instance.command()
@asks_a_server
def preview(
    target: Target,
    instance_id: InstanceId,
    event_type: EventType,
    payload: Payload = "{}",
    output: Output = "table",
) -> None:
    """Say what an event would do to an instance now, and do none of it."""
    from control_plane.cli.explaining import run_preview

    run_preview(target, instance_id, event_type, payload=payload, output=output)
