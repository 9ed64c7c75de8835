"""How a history entry is told in a line."""

import json
from collections.abc import Sequence
from typing import Any

from foliot.v1 import history_entry_pb2
from rich.text import Text

from control_plane.cli.plain import visible
from control_plane.cli.printing import Column, local, word

_STYLES = {
    "STATE_TRANSITION": ("●", "bold cyan"),
    "TASK_CREATED": ("+", "yellow"),
    "TASK_STARTED": ("▸", "dim"),
    "TASK_COMPLETED": ("✓", "green"),
    "TASK_RETRY_SCHEDULED": ("↻", "magenta"),
    "TASK_FAILED": ("✗", "red"),
    "INSTANCE_COMPLETED": ("■", "bold green"),
    "INSTANCE_FAILED": ("■", "bold red"),
    "INSTANCE_CANCELLED": ("■", "bold yellow"),
    "INSTANCE_TERMINATED": ("■", "bold yellow"),
    "EVENT_REJECTED": ("✗", "red"),
    "ERROR": ("✗", "red"),
}

WIDTH = 24
"""Of a headline, so that what comes after it stands in a column."""


def entry_columns() -> Sequence[Column[history_entry_pb2.HistoryEntry]]:
    return (
        Column(name="seq", of=lambda one: str(one.seq), whole=True),
        Column(name="time", of=lambda one: local(one.create_time), whole=True),
        Column(name="what", of=headline, whole=True),
        Column(name="task", of=lambda one: one.task_id.rpartition(":")[2], whole=True),
        Column(name="", of=gist),
    )


def kind_of(entry: history_entry_pb2.HistoryEntry) -> str:
    """Its type, without the prefix."""
    return word(history_entry_pb2.HistoryEntryType, entry.type)


def headline(entry: history_entry_pb2.HistoryEntry) -> Text:
    """Its type in words, with a sign for the eye."""
    kind = kind_of(entry)
    symbol, style = _STYLES.get(kind, ("·", "dim"))
    return Text(f"{symbol} {kind.lower().replace('_', ' ')}", style=style)


def line_of(entry: history_entry_pb2.HistoryEntry) -> Text:
    """All of it that is worth a line, to be read as it comes in."""
    told = headline(entry)
    told.pad_right(max(0, WIDTH - len(told.plain)))
    when = (f"{entry.seq:>4}  {local(entry.create_time)}  ", "dim")
    return Text.assemble(when, told, f"  {visible(gist(entry))}")


def gist(entry: history_entry_pb2.HistoryEntry) -> str:
    """The one thing of an entry that is worth a line."""
    payload: dict[str, Any] = json.loads(entry.payload.json or "{}")
    # What a payload holds for certain is the engine's business; here none of it is.
    try:
        return _gist(kind_of(entry), payload)
    except (KeyError, TypeError):
        return json.dumps(payload, ensure_ascii=False)


def _gist(kind: str, payload: dict[str, Any]) -> str:
    match kind:
        case "STATE_TRANSITION":
            return f"{' '.join(payload['from']) or '∅'} → {' '.join(payload['to']) or '∅'}"
        case "TASK_CREATED":
            function = f".{payload['function']}" if payload.get("function") else ""
            return f"{payload['name']} ({payload['type']}{function})"
        case "TASK_STARTED":
            return f"attempt {payload['attempt']}"
        case "TASK_RETRY_SCHEDULED":
            return f"{payload['error']['kind']}: {payload['error']['message']}"
        case "TASK_COMPLETED" | "INSTANCE_COMPLETED":
            return json.dumps(payload.get("output"), ensure_ascii=False)
        case _:
            return json.dumps(payload, ensure_ascii=False)
