"""How the demo looks on a terminal."""

import json
from collections.abc import Iterable
from typing import Any

from foliot.v1 import definition_pb2, history_entry_pb2, instance_pb2
from rich.console import Console
from rich.json import JSON
from rich.panel import Panel
from rich.rule import Rule
from rich.status import Status
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from control_plane.cli.entries import gist, headline, kind_of
from control_plane.embedded import Running


class Story:
    """One method a moment of the story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._first_s: float | None = None

    def begins(self) -> None:
        self._console.print(
            Panel(
                "One instance of a small workflow, on a real PostgreSQL, a real queue and real"
                " streams:\na [bold]Python function[/] writes a greeting, a [bold]timer[/] lets it"
                " rest, an [bold]HTTP[/] call asks for the weather,\na [bold]person[/] decides, a"
                " [bold]guard[/] picks the way.",
                title="[bold]foliot demo",
                title_align="left",
                border_style="cyan",
                padding=(1, 2),
            )
        )

    def waiting(self, text: str) -> Status:
        return self._console.status(text)

    def serves(self, running: Running) -> None:
        self._say(f"serving gRPC on [bold]{running.address}[/], data in {running.data_dir}")

    def defined(self, definition: definition_pb2.Definition) -> None:
        self._say(f"definition [bold]{definition.key}[/] version {definition.version} is active")

    def started(self, instance: instance_pb2.Instance) -> None:
        self._say(f"instance [bold]{instance.instance_id}[/] has started; watching it live")
        self._console.print()

    def happened(self, entry: history_entry_pb2.HistoryEntry) -> None:
        """One entry, as it comes in."""
        at_s = entry.create_time.seconds + entry.create_time.nanos / 1e9
        if self._first_s is None:
            self._first_s = at_s
        line = Text(f"  {at_s - self._first_s:6.2f} s  ", style="dim")
        told = headline(entry)
        told.pad_right(max(0, 24 - len(told.plain)))
        line.append_text(told).append(gist(entry))
        self._console.print(line, soft_wrap=True)

    def answered(self, question: dict[str, Any], *, approved: bool) -> None:
        answer = "approves" if approved else "declines"
        line = Text("            ☺ ", style="bold yellow")
        line.append(f"a person reads “{question['greeting']}” and {answer}, by RPC")
        self._console.print(line, soft_wrap=True)

    def reconnects(self) -> None:
        self._console.print(
            Text("            … reconnecting, and going on from there", style="dim")
        )

    def snapshot(self, instance: instance_pb2.Instance) -> None:
        self._title("The instance at rest")
        self._console.print(
            JSON.from_data(
                {
                    "status": instance_pb2.InstanceStatus.Name(instance.status).removeprefix(
                        "INSTANCE_STATUS_"
                    ),
                    "state": json.loads(instance.state.json),
                    "revision": instance.revision,
                    "context": json.loads(instance.context.json),
                    "output": json.loads(instance.output.json or "null"),
                }
            )
        )

    def history(self, entries: Iterable[history_entry_pb2.HistoryEntry]) -> None:
        self._title("Its history: append-only, each hash continuing the one before")
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for name in ("seq", "type", "task", "hash", "payload"):
            table.add_column(name, no_wrap=name != "payload", overflow="ellipsis")
        for entry in entries:
            table.add_row(
                str(entry.seq),
                kind_of(entry),
                entry.task_id.rpartition(":")[2],
                entry.hash.hex()[:8],
                Text(entry.payload.json, style="dim", no_wrap=True, overflow="ellipsis"),
            )
        self._console.print(table)

    def diagram(self, mermaid: str) -> None:
        self._title("Its definition, as a Mermaid diagram")
        self._console.print(Syntax(mermaid.strip(), "text", background_color="default"))

    def ends(self) -> None:
        self._console.print()
        self._say("next: [bold]foliot dev[/] keeps it all running; the README goes on from there")

    def _say(self, text: str) -> None:
        self._console.print(f"[cyan]›[/] {text}", highlight=False, soft_wrap=True)

    def _title(self, text: str) -> None:
        self._console.print()
        self._console.print(Rule(Text(text, style="bold"), align="left", style="dim"))
