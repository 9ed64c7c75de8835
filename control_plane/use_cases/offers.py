"""
What this server can carry out, and where a spec asks for more.

A spec may be kept that asks for what is not offered: it is checked in full, and refused
when it is activated, so that no instance ever waits for a worker that does not exist.
"""

from collections.abc import Iterator
from typing import NamedTuple

from shared import json
from shared.json import Json
from shared.tasks import TaskType

TASK_TYPES = (
    TaskType.HUMAN,
    TaskType.TIMER,
    TaskType.HTTP,
    TaskType.SYSTEM,
    TaskType.WORKFLOW,
)
"""The task types that executors have handlers for, and children, which need none."""

_INSTEAD = {
    TaskType.EMAIL: "send the mail from a 'system.<name>' function, or by 'http' to a mail service",
    TaskType.AI: "ask the model from a 'system.<name>' function, or by 'http' from its API",
}
_TIMEOUTS = {"heartbeat": "give the attempt a `startToClose` timeout"}

Path = tuple[str | int, ...]


class Unavailable(NamedTuple):
    """One place of a spec that asks for what is not offered."""

    what: str
    json_pointer: str
    instead: str


def unavailable(spec: str) -> Unavailable | None:
    """The first place, in document order, that asks for what this server does not offer."""
    return next(_search(json.load(spec), ()), None)


def _search(value: Json, path: Path) -> Iterator[Unavailable]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _search(item, (*path, index))
        return
    if not isinstance(value, dict):
        return
    yield from _asked_here(value, path)
    for key, item in value.items():
        # What the author computes or describes is data, whatever its keys are called.
        if key not in ("context", "input", "output", "meta", "@expr"):
            yield from _search(item, (*path, key))


def _asked_here(value: dict[str, Json], path: Path) -> Iterator[Unavailable]:
    source = value.get("src")
    if isinstance(source, str):
        yield from _of_source(source, (*path, "src"))
        yield from _of_task(value, path)
    kind = value.get("type")
    params = value.get("params")
    if kind == "createTask" and isinstance(params, dict):
        asked = params.get("type")
        if isinstance(asked, str):
            yield from _of_source(asked.lower(), (*path, "params", "type"))
        yield from _of_task(params, (*path, "params"))


def _of_source(source: str, path: Path) -> Iterator[Unavailable]:
    name = source.partition(".")[0].upper()
    if name in TaskType.__members__ and TaskType[name] not in TASK_TYPES:
        yield Unavailable(name, _pointer(path), _INSTEAD[TaskType[name]])


def _of_task(task: dict[str, Json], path: Path) -> Iterator[Unavailable]:
    timeout = task.get("timeout")
    if isinstance(timeout, dict):
        for name, instead in _TIMEOUTS.items():
            if name in timeout:
                yield Unavailable(f"a {name} timeout", _pointer((*path, "timeout", name)), instead)


def _pointer(path: Path) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
