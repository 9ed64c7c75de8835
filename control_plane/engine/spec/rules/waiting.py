"""
Rules about what an instance waits for, and what if it does not come.
"""

from collections.abc import Iterator

from control_plane.engine.configurations import descriptors_for
from control_plane.engine.invocations import TaskPlan
from control_plane.engine.naming import state_words
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.rules.found import Found
from control_plane.engine.spec.rules.graph import Graph, climb
from control_plane.engine.states import State
from shared.tasks import TaskType


def task_without_error_path(graph: Graph, assembler: Assembler) -> Iterator[Found]:
    """A task whose failure no transition answers, so that it fails the instance."""
    machine = graph.machine
    for state in machine.states:
        if not state.invokes:
            continue
        above = list(climb(machine, state.index))
        for invocation in state.invokes:
            wanted = descriptors_for(f"xstate.error.actor.{invocation.id}")
            if not any(_answers(one, wanted) for one in above):
                yield _no_error_path(invocation.plan, "onError")
    answered = {
        descriptor for state in machine.states for descriptor in state.on if state.on[descriptor]
    }
    for plan in assembler.actions.created:
        kind = f"task.{plan.name}.failed"
        if not plan.detached and answered.isdisjoint(descriptors_for(kind)):
            yield _no_error_path(plan, kind)


def wait_without_deadline(graph: Graph) -> Iterator[Found]:
    """A person's task that may stay undone for ever."""
    machine = graph.machine
    for state in machine.states:
        if not state.invokes or any(one.after for one in climb(machine, state.index)):
            continue
        for invocation in state.invokes:
            plan = invocation.plan
            if plan.type is TaskType.HUMAN and not _has_deadline(plan):
                yield Found(
                    "wait-without-deadline",
                    plan.json_pointer,
                    f"{state_words(state.path)} waits for a person as long as it takes",
                    "add `after` to the state, or an escalation that fails the task",
                    graph.way_to(state.index) if state.index in graph.via else (state.path,),
                )


def _has_deadline(plan: TaskPlan) -> bool:
    """Whether its time ends it, or tells the instance."""
    nudges = () if plan.people is None else plan.people.nudges
    return plan.timeout.start_to_close is not None or any(
        not one.fixed.keys().isdisjoint({"fail", "event"}) for one in nudges
    )


def _answers(state: State, descriptors: tuple[str, ...]) -> bool:
    return any(state.on.get(descriptor) for descriptor in descriptors)


def _no_error_path(plan: TaskPlan, missing: str) -> Found:
    return Found(
        "task-without-error-path",
        plan.json_pointer,
        f"if task {plan.name!r} fails, so does the instance: nothing answers its failure",
        f"add `{missing}`, or leave it if that is meant",
        (plan.name,),
    )
