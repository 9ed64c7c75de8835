"""
What this server can carry out, and where a spec asks for more.

A spec may be kept that asks for what is not offered: it is checked in full, and refused
when it is activated, so that no instance ever waits for a worker that does not exist.
"""

from collections.abc import Iterator
from typing import NamedTuple

from control_plane.engine import Machine
from shared import json
from shared.json import Json
from shared.tasks import TaskType

TASK_TYPES = (
    TaskType.HUMAN,
    TaskType.TIMER,
    TaskType.HTTP,
    TaskType.EMAIL,
    TaskType.SYSTEM,
    TaskType.WORKFLOW,
)
"""The task types that executors have handlers for, and children, which need none."""

_INSTEAD = {
    TaskType.AI: "ask the model from a 'system.<name>' function, or by 'http' from its API",
}
_BEATING = "give the attempt a `startToClose` timeout; only functions can say that they go on"


class Unavailable(NamedTuple):
    """One place of a spec that asks for what is not offered."""

    what: str
    json_pointer: str
    instead: str


def unavailable(machine: Machine, spec: str) -> Iterator[Unavailable]:
    """
    The places of a spec that ask for what this server does not offer, the tasks in the order
    in which they were compiled. `machine` is what the spec was compiled to.
    """
    written = json.load(spec)
    for plan in machine.task_plans:
        if plan.type is not None and plan.type not in TASK_TYPES:
            # A `createTask` may say `type` where an invocation says `src`.
            word = "src" if "src" in _at(written, plan.json_pointer) else "type"
            pointer = f"{plan.json_pointer}/{word}"
            yield Unavailable(plan.type.value, pointer, _INSTEAD[plan.type])
        if plan.timeout.heartbeat is not None and plan.type not in {TaskType.SYSTEM, None}:
            pointer = f"{plan.json_pointer}/timeout/heartbeat"
            yield Unavailable(f"a heartbeat timeout of {plan.type} tasks", pointer, _BEATING)


def _at(value: Json, pointer: str) -> dict[str, Json]:
    """The object at a JSON pointer that leads to one."""
    for part in pointer.split("/")[1:]:
        if isinstance(value, list):
            value = value[int(part)]
        else:
            assert isinstance(value, dict)
            value = value[part.replace("~1", "/").replace("~0", "~")]
    assert isinstance(value, dict)
    return value
