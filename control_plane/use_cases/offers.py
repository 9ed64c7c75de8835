"""
What this server can carry out, and where a spec asks for more.

A spec may be kept that asks for what is not offered: it is checked in full, and refused
when it is activated, so that no instance ever waits for a worker that does not exist.
"""

from collections.abc import Iterator
from typing import NamedTuple

from control_plane.engine import Machine
from shared.tasks import TaskType

TASK_TYPES = (
    TaskType.HUMAN,
    TaskType.TIMER,
    TaskType.HTTP,
    TaskType.EMAIL,
    TaskType.AI,
    TaskType.SYSTEM,
    TaskType.WORKFLOW,
)
"""The task types that executors have handlers for, and children, which need none."""

_BEATING = "give the attempt a `startToClose` timeout; only functions can say that they go on"


class Unavailable(NamedTuple):
    """One place of a spec that asks for what is not offered."""

    what: str
    json_pointer: str
    instead: str


def unavailable(machine: Machine) -> Iterator[Unavailable]:
    """
    The places of a spec that ask for what this server does not offer, the tasks in the order
    in which they were compiled. `machine` is what the spec was compiled to.
    """
    for plan in machine.task_plans:
        if plan.timeout.heartbeat is not None and plan.type not in {TaskType.SYSTEM, None}:
            pointer = f"{plan.json_pointer}/timeout/heartbeat"
            yield Unavailable(f"a heartbeat timeout of {plan.type} tasks", pointer, _BEATING)
