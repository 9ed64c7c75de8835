"""
Rules about who may decide a human task.
"""

from collections.abc import Iterator

from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.graph import Graph
from shared.tasks import TaskType

_BY_PEOPLE = frozenset({TaskType.HUMAN, TaskType.AI})
"""What an AI task suggests, people approve in a task of its name."""


def decided_by_no_task(graph: Graph, assembler: Assembler) -> Iterator[Found]:
    """A name in `notBy` that no task for people has."""
    plans = graph.machine.task_plans
    known = {plan.name for plan in plans if plan.type in _BY_PEOPLE}
    for plan in plans:
        not_by = None if plan.people is None else plan.people.not_by
        for at, name in enumerate(() if not_by is None else not_by.tasks):
            if name not in known:
                near = assembler.values.findings.did_you_mean(name, known)
                yield Found(
                    "decided-by-no-task",
                    f"{plan.json_pointer}/notBy/tasks/{at}",
                    f"there is no human task named {name!r}",
                    f"write the name of a human task; {near}",
                    (name,),
                )
