"""Rows as asyncpg hands them over, turned into the records of the ports."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from control_plane.ports.records import Definition, HistoryEntry, Instance, Lease, Task
from shared.tasks import TaskType

Row = Mapping[str, Any]

_DEFINITION = tuple(field.name for field in fields(Definition))
_INSTANCE = tuple(field.name for field in fields(Instance))
_OF_PEOPLE = ("terms", "due_at", "assignee", "standing")
_TASK = tuple(field.name for field in fields(Task) if field.name not in {"lease", *_OF_PEOPLE})
_ENTRY = tuple(field.name for field in fields(HistoryEntry))


def definition_of(row: Row) -> Definition:
    return Definition(**{name: row[name] for name in _DEFINITION})


def instance_of(row: Row) -> Instance:
    return Instance(**{name: row[name] for name in _INSTANCE})


def task_of(row: Row) -> Task:
    """A task with its lease in columns named lease_…, null where there is none."""
    values = {name: row[name] for name in _TASK}
    values["type"] = TaskType(row["type"])
    return Task(**values, lease=_lease_of(row))


def with_people(task: Task, row: Row) -> Task:
    """The task with what its row of task_terms says."""
    return replace(task, **{name: row[name] for name in _OF_PEOPLE})


def entry_of(row: Row) -> HistoryEntry:
    return HistoryEntry(**{name: row[name] for name in _ENTRY})


def _lease_of(row: Row) -> Lease | None:
    if row["lease_session_id"] is None:
        return None
    return Lease(
        session_id=row["lease_session_id"],
        attempt=row["lease_attempt"],
        epoch=row["lease_epoch"],
        claimed_at=row["lease_claimed_at"],
        silent_at=row.get("lease_silent_at"),
        progress=row.get("lease_progress"),
    )
