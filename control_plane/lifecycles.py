"""
How definitions, instances and tasks may change their status, once and for all.

Each lifecycle is a class of python-statemachine, which checks it when it is imported and
draws it; what the rest of the code uses is the frozen table of edges derived from it. A
test holds the tables against the CHECK constraints and against what people are shown.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from statemachine import State, StateMachine


class DefinitionLifecycle(StateMachine):
    """A version is tried out, used, replaced, and one day put away for good."""

    inactive = State(initial=True)
    active = State()
    archived = State(final=True)

    activate = inactive.to(active)
    deactivate = active.to(inactive)
    archive = inactive.to(archived)


class InstanceLifecycle(StateMachine):
    """
    pending: no decision made yet. running: an executor has or can claim work. waiting:
    only people, timers or events can move it. What has failed has ended, until an operator
    takes it up again.
    """

    pending = State(initial=True)
    running = State()
    waiting = State()
    completed = State(final=True)
    failed = State()
    cancelled = State(final=True)

    work = pending.to(running) | waiting.to(running) | failed.to(running)
    wait = pending.to(waiting) | running.to(waiting) | failed.to(waiting)
    complete = pending.to(completed) | running.to(completed) | waiting.to(completed)
    fail = pending.to(failed) | running.to(failed) | waiting.to(failed)
    cancel = pending.to(cancelled) | running.to(cancelled) | waiting.to(cancelled)


class TaskLifecycle(StateMachine):
    """
    pending: nobody has it. running: a lease names its holder, or a person or callback is
    to end it. A failed attempt, or one whose holder vanished, makes it pending again.
    """

    pending = State(initial=True)
    running = State()
    succeeded = State(final=True)
    failed = State(final=True)
    cancelled = State(final=True)
    skipped = State(final=True)

    claim = pending.to(running)
    hand_back = running.to(pending)
    succeed = running.to(succeeded) | pending.to(succeeded)
    fail = running.to(failed) | pending.to(failed)
    cancel = running.to(cancelled) | pending.to(cancelled)
    skip = running.to(skipped) | pending.to(skipped)


Edges = Mapping[tuple[str, str], str]


def edges_of(lifecycle: type[StateMachine]) -> Edges:
    """{(status, event): the status it leads to}."""
    found: dict[tuple[str, str], str] = {}
    states: Any = lifecycle.states
    for state in states:
        for transition in state.transitions:
            for event in transition.event.split():
                found[state.id, event] = transition.target.id
    return MappingProxyType(found)


DEFINITION = edges_of(DefinitionLifecycle)
INSTANCE = edges_of(InstanceLifecycle)
TASK = edges_of(TaskLifecycle)

_INSTANCE_STEPS = frozenset((source, target) for (source, _), target in INSTANCE.items())


def may_become(before: str, after: str) -> bool:
    """Whether an instance's status may be followed by that one; staying is always allowed."""
    return before == after or (before, after) in _INSTANCE_STEPS


def statuses_of(lifecycle: type[StateMachine]) -> frozenset[str]:
    states: Any = lifecycle.states
    return frozenset(state.id for state in states)


def final_statuses_of(lifecycle: type[StateMachine]) -> frozenset[str]:
    states: Any = lifecycle.states
    return frozenset(state.id for state in states if state.final)


def draw(lifecycle: type[StateMachine]) -> str:
    """The lifecycle as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    states: Any = lifecycle.states
    lines += [f"    [*] --> {state.id}" for state in states if state.initial]
    lines += [
        f"    {source} --> {target} : {event.replace('_', ' ')}"
        for (source, event), target in edges_of(lifecycle).items()
    ]
    lines += [f"    {state.id} --> [*]" for state in states if state.final]
    return "\n".join(lines)
