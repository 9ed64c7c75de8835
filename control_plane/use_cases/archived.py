"""An instance as one line of JSON, and whether such a line is whole."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from control_plane.orchestrator.chain import GENESIS, link
from control_plane.ports.records import HistoryEntry, Instance, Task
from control_plane.ports.retention import Whole
from shared import json
from shared.errors import FoliotError
from shared.json import Json

FORMAT = 1
"""Grows when a line means something else."""

_JSON = {"current_state", "context", "output", "last_error", "labels", "snapshot", "idle"}
_JSON_OF_TASK = {"input", "output", "error", "retry", "child"}
_LEFT_OUT = {"tenant_id", "instance_id", "lease"}
"""Of a task: its instance is around it, and it has ended."""


class ArchiveBroken(FoliotError):
    """A line that was made of an instance does not hold it. It is a bug, and nothing goes."""

    reason = "ARCHIVE_BROKEN"


def archive_line(whole: Whole) -> str:
    """
    The instance, its tasks and its history: all that the API ever told of it.

    Each entry has its hash, so that the history can be verified where the line is kept. Raises
    ArchiveBroken if it could not, as when something of it is missing.
    """
    line = json.dump(
        {
            "format": FORMAT,
            "instance": _instance(whole.instance),
            "tasks": [_task(task) for task in whole.tasks],
            "history": [_entry(entry) for entry in whole.entries],
        }
    )
    _verify(line, whole.instance)
    return line


def _verify(line: str, instance: Instance) -> None:
    read: Any = json.load(line)
    chain, seq = GENESIS, 0
    for entry in read["history"]:
        seq += 1
        chain = link(chain, entry["seq"], entry["type"], json.dump(entry["payload"]))
        if entry["seq"] != seq or chain.hex() != entry["hash"]:
            raise ArchiveBroken(
                f"entry {seq} of instance {instance.instance_id} is not as it was written; the"
                " instance is kept. `foliot doctor` says what else is wrong"
            )
    if (seq, chain) != (instance.seq, instance.history_hash):
        raise ArchiveBroken(
            f"instance {instance.instance_id} has {seq} of {instance.seq} history entries; it is"
            " kept. `foliot doctor` says what else is wrong"
        )


def _instance(instance: Instance) -> Json:
    return {
        field.name: _told(field.name, getattr(instance, field.name), _JSON)
        for field in fields(Instance)
    }


def _task(task: Task) -> Json:
    return {
        field.name: _told(field.name, getattr(task, field.name), _JSON_OF_TASK)
        for field in fields(Task)
        if field.name not in _LEFT_OUT
    }


def _entry(entry: HistoryEntry) -> Json:
    return {
        field.name: _told(field.name, getattr(entry, field.name), {"payload"})
        for field in fields(HistoryEntry)
    }


def _told(name: str, value: Any, of_json: Mapping[str, object] | set[str]) -> Json:
    """A column as JSON: texts of JSON as what they say, bytes in hexadecimal."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if name in of_json:
        return json.load(value)
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
