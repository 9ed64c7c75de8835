"""
What a run left: the logs of those who took part, and the database when all was quiet.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from tests.campaigns.chaos.logs import CLIENT, EFFECTS, FEED, WATCHERS, Line, read
from tests.campaigns.chaos.shop import BOUGHT

_INSTANCE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Entry(NamedTuple):
    seq: int
    type: str
    ordinal: int | None
    payload: str

    def said(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.payload)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    type: str
    name: str = ""
    status: str
    epoch: int
    output: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    key: str | None
    status: str
    tasks: Mapping[int, Task] = field(default_factory=dict)
    history: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything the checker looks at."""

    client: Sequence[Line]
    effects: Sequence[Line]
    watchers: Sequence[Line]
    feed: Sequence[Line]
    bought: frozenset[str]
    """What the shop has in its own table."""
    instances: Mapping[str, Instance]

    def task(self, task_id: str) -> Task | None:
        instance_id, _, ordinal = task_id.partition(":")
        instance = self.instances.get(instance_id)
        return None if instance is None else instance.tasks.get(int(ordinal))


def keep(evidence: Evidence, directory: Path, named: str) -> None:
    """Write down how the instances that are named stood, for whoever looks when all is gone."""
    for instance_id in set(_INSTANCE_ID.findall(named)):
        instance = evidence.instances.get(instance_id)
        if instance is not None:
            lines = [f"{instance.key} {instance.status} {instance.tasks}"]
            lines += [" ".join(map(str, entry)) for entry in instance.history]
            (directory / f"{instance_id}.txt").write_text("\n".join(lines))


async def gather(directory: Path, owner: asyncpg.Connection) -> Evidence:
    """Read the logs and the database."""
    tasks: defaultdict[str, dict[int, Task]] = defaultdict(dict)
    for row in await owner.fetch(
        "SELECT instance_id, ordinal, type, name, status, epoch, output FROM foliot.task"
    ):
        tasks[str(row["instance_id"])][row["ordinal"]] = Task(
            type=row["type"],
            name=row["name"],
            status=row["status"],
            epoch=row["epoch"],
            output=None if row["output"] is None else json.loads(row["output"]),
        )
    history: defaultdict[str, list[Entry]] = defaultdict(list)
    for row in await owner.fetch(
        "SELECT instance_id, seq, type, ordinal, payload FROM foliot.history"
        " ORDER BY instance_id, seq"
    ):
        history[str(row["instance_id"])].append(Entry(*row[1:]))
    return Evidence(
        client=list(read(directory / CLIENT)),
        effects=list(read(directory / EFFECTS)),
        watchers=list(read(directory / WATCHERS)),
        feed=list(read(directory / FEED)),
        bought=frozenset(row["key"] for row in await owner.fetch(BOUGHT)),
        instances={
            (key := str(row["instance_id"])): Instance(
                key=row["business_key"],
                status=row["status"],
                tasks=tasks[key],
                history=history[key],
            )
            for row in await owner.fetch(
                "SELECT instance_id, business_key, status FROM foliot.instance"
            )
        },
    )
