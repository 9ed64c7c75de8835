"""The command line as a tree. Each command imports what it needs when it runs, so help is quick."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from control_plane.cli.ai import ai
from control_plane.cli.api_key import key
from control_plane.cli.audit import audit
from control_plane.cli.definition_versions import definition
from control_plane.cli.event import event
from control_plane.cli.instance_operations import instance
from control_plane.cli.limit import limit
from control_plane.cli.options import (
    DEFAULT_DATA_DIR,
    SERVER_PANEL,
    DataDir,
    Output,
    Target,
    asks_a_server,
)
from control_plane.cli.profile import profile
from control_plane.cli.queue import queue
from control_plane.cli.quota import quota
from control_plane.cli.retention import retention
from control_plane.cli.role import role
from control_plane.cli.schedule import schedule
from control_plane.cli.server import server, whoami
from control_plane.cli.task_following import task
from control_plane.cli.tenant import tenant

HERE = "On this machine"
WORK = "Workflows"
WHERE = SERVER_PANEL
OPERATE = "Operating"
PANELS = (HERE, WORK, WHERE, OPERATE)


class _InOrder(TyperGroup):
    """Lists the commands panel by panel."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class names it
        def place(name: str) -> int:
            panel = getattr(self.commands[name], "rich_help_panel", None)
            return PANELS.index(panel) if panel in PANELS else len(PANELS)

        return sorted(self.commands, key=place)


app = typer.Typer(
    name="foliot",
    cls=_InOrder,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="A durable workflow engine: statecharts as data, Postgres as the only truth.",
    epilog="Begin with `foliot demo`; then `foliot dev`, and `foliot instance --help`.",
)

app.command(rich_help_panel=WHERE)(whoami)
for panel, groups in (
    (WORK, (definition, instance, task, event, schedule)),
    (WHERE, (profile, server)),
    (OPERATE, (queue, limit, quota, ai, retention, tenant, key, role, audit)),
):
    for group in groups:
        app.add_typer(group, rich_help_panel=panel)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"foliot {version('foliot')}")
        raise typer.Exit


@app.callback()
def of_all(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say which release this is."
        ),
    ] = False,
) -> None:
    """A durable workflow engine: statecharts as data, Postgres as the only truth."""


@app.command(rich_help_panel=HERE)
def demo(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    *,
    pause: Annotated[
        bool, typer.Option(help="Answer the human task yourself, instead of the demo.")
    ] = False,
) -> None:
    """
    Tell foliot's story in one minute: a workflow that survives, live.

    Starts the embedded servers (or uses a `foliot dev` that runs in the same directory),
    creates the hello definition over gRPC, and follows one instance to its end.
    """
    from control_plane.cli.demo import run_demo

    run_demo(data_dir, ask=pause)


@app.command(rich_help_panel=HERE)
def dev(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    listen: Annotated[
        str,
        typer.Option(
            envvar="FOLIOT_LISTEN",
            help="Address to serve gRPC on. Not set takes 127.0.0.1:7233, or a free port.",
        ),
    ] = "",
    functions: Annotated[
        list[str] | None,
        typer.Option(
            "--functions",
            "-f",
            help="Your SYSTEM functions: `package.module:registry`. Repeatable.",
        ),
    ] = None,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every log line.")] = False,
) -> None:
    """
    Run everything here: PostgreSQL, Valkey, control plane and executor, in one terminal.

    With FOLIOT_DATABASE_URL and FOLIOT_REDIS_URL set, your own servers are used instead of
    the embedded ones. Ctrl-C stops everything.
    """
    from control_plane.cli.dev import run_dev

    run_dev(data_dir, listen=listen, functions=functions or [], verbose=verbose)


@app.command(rich_help_panel=HERE)
@asks_a_server
def mcp(
    target: Target,
    definition: Annotated[
        list[str] | None,
        typer.Option(
            "--definition",
            "-d",
            help="Only this definition is for agents. Repeatable.",
            show_default="all",
        ),
    ] = None,
    allow_event: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this event is for agents. Repeatable.",
            show_default="all but those whose names cancel, delete, pay or change rights",
        ),
    ] = None,
    *,
    read_only: Annotated[bool, typer.Option("--read-only", help="Agents may look.")] = False,
) -> None:
    """
    Serve tools for agents by the Model Context Protocol, on standard input and output.

    An agent's program starts it: it looks at definitions and instances, starts instances, and
    sends events that they accept, all with your key and no right beyond it. See docs/agents.md.

    `foliot mcp --definition order --read-only`
    """
    from control_plane.cli.agent_server import run_mcp

    run_mcp(
        target,
        definitions=definition or [],
        events=allow_event or [],
        is_read_only=read_only,
    )


@app.command("test", rich_help_panel=HERE)
def run_scenarios(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="Scenarios: files, and folders to look for them in.",
            show_default=False,
        ),
    ],
    junit: Annotated[
        Path | None,
        typer.Option(help="Also write the results here, as JUnit XML.", show_default=False),
    ] = None,
    *,
    on_servers: Annotated[
        bool,
        typer.Option(
            "--on-servers",
            help="Play them on a real PostgreSQL and control plane, in virtual time, instead of"
            " on the engine alone. Needs the extra `embedded`.",
        ),
    ] = False,
) -> None:
    """
    Run scenarios: definitions, what happens to an instance, and what is expected.

    Exits with 1 if one fails. How to write them is in docs/scenarios.md.

    `foliot test scenarios/ --junit results.xml`
    """
    from control_plane.cli.testing import run_test

    run_test(paths, on_servers=on_servers, junit=junit)


@app.command(rich_help_panel=OPERATE)
def serve() -> None:
    """
    Serve the control plane; configured by FOLIOT_… environment variables.

    SIGTERM drains: health turns NOT_SERVING, calls under way finish, then it exits.
    """
    from control_plane.cli.serve import run_serve

    run_serve()


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
    rich_help_panel=HERE,
)
def bench(context: typer.Context) -> None:
    """
    Measure a whole foliot, as `python -m bench` does; it takes the same options.

    The bench comes with foliot's sources, and is not installed with the rest.
    """
    from control_plane.cli.measuring import run_bench

    run_bench(context.args)


@app.command(rich_help_panel=OPERATE)
@asks_a_server
def doctor(
    target: Target,
    database_url: Annotated[
        str,
        typer.Option(
            help="Read this database instead, where no server answers: a login that may act as"
            " foliot_control_plane.",
            show_default=False,
        ),
    ] = "",
    tenant: Annotated[str, typer.Option(help="Only this tenant.", show_default="all")] = "",
    output: Output = "table",
    patience: Annotated[
        float, typer.Option(help="Seconds that a thing may be overdue before it is a finding.")
    ] = 120.0,
    within: Annotated[
        float, typer.Option(min=1, max=3_600, help="Seconds to look for at most.")
    ] = 600.0,
) -> None:
    """
    Look for what must not be: gaps, orphans, tasks lost or held twice, a clock that is wrong.

    A server does it, for a key of the platform. It reads only, in short slices, beside its other
    work. Exits with 1 if it finds something, or the time runs out before all was seen.
    """
    from control_plane.cli.doctor import run_doctor

    run_doctor(
        target,
        database_url,
        tenant=tenant,
        output=output,
        patience_s=patience,
        within_s=within,
    )


@app.command(rich_help_panel=OPERATE)
def migrate(
    database_url: Annotated[
        str,
        typer.Option(
            envvar="FOLIOT_DATABASE_URL",
            help="The database, with a login that may create schemas and roles.",
            show_default=False,
        ),
    ],
    revision: Annotated[str, typer.Option(help="Where to go: a revision, or `head`.")] = "head",
) -> None:
    """Bring the database's schema up to this release. Safe to repeat, and to run twice at once."""
    from control_plane.cli.migrate import run_migrate

    run_migrate(database_url, revision)
