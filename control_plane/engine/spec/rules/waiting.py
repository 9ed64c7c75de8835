"""
Rules about what an instance waits for, and what if it does not come.
"""

from collections.abc import Iterator

from control_plane.engine.configurations import answers
from control_plane.engine.diagnostics import Diagnostic
from control_plane.engine.machine import Machine
from control_plane.engine.spec.assembling import Assembler
from control_plane.engine.spec.rules.graph import climb
from control_plane.engine.states import State
from shared.tasks import TaskType


def task_without_error_path(machine: Machine, assembler: Assembler) -> Iterator[Diagnostic]:
    """A task whose failure no transition answers, so that it fails the instance."""
    for state in machine.states:
        for invocation in state.invokes:
            kind = f"xstate.error.actor.{invocation.id}"
            if not any(_answers(one, kind) for one in climb(machine, state.index)):
                yield _no_error_path(invocation.plan.json_pointer, invocation.plan.name, "onError")
    for plan in assembler.actions.created:
        kind = f"task.{plan.name}.failed"
        if not plan.detached and not any(_answers(state, kind) for state in machine.states):
            yield _no_error_path(plan.json_pointer, plan.name, kind)


def wait_without_deadline(machine: Machine) -> Iterator[Diagnostic]:
    """A person's task that may stay undone for ever."""
    for state in machine.states:
        if any(one.after for one in climb(machine, state.index)):
            continue
        for invocation in state.invokes:
            plan = invocation.plan
            if plan.type is TaskType.HUMAN and plan.timeout.start_to_close is None:
                yield Diagnostic(
                    severity="warning",
                    rule="wait-without-deadline",
                    json_pointer=plan.json_pointer,
                    message=f"state {state.path!r} waits for a person as long as it takes",
                    remedy="add `after` to the state",
                    witness=(state.path,),
                )


def _answers(state: State, kind: str) -> bool:
    return any(answers(descriptor, kind) and several for descriptor, several in state.on.items())


def _no_error_path(pointer: str, name: str, missing: str) -> Diagnostic:
    return Diagnostic(
        severity="warning",
        rule="task-without-error-path",
        json_pointer=pointer,
        message=f"if task {name!r} fails, so does the instance: nothing answers its failure",
        remedy=f"add `{missing}`, or leave it if that is meant",
        witness=(name,),
    )
