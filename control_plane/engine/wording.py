"""
The parts of a machine in words, as diagrams, explanations and comparisons say them.

What an author wrote comes out as it was written, of whatever length and with whatever
characters: who puts it into a page or a picture escapes it there.
"""

from control_plane.engine.actions import (
    Action,
    Assign,
    Call,
    Cancel,
    CreateTaskAction,
    Emit,
    If,
    Log,
    Raise,
)
from control_plane.engine.groups import Compensate
from control_plane.engine.guards import And, Condition, Guard, NamedGuard, Not, Or, StateIn
from control_plane.engine.invocations import TaskPlan
from control_plane.engine.machine import Machine
from control_plane.engine.states import Transition
from control_plane.engine.templates import Computed, Constant, Object, Template

_DONE_ACTOR = "xstate.done.actor."
_FAILED_ACTOR = "xstate.error.actor."
_DONE_STATE = "xstate.done.state."
_AFTER = "xstate.after."


def trigger_words(machine: Machine, transition: Transition) -> str:
    """What a transition answers: `SUBMIT`, `after P1D`, `approve done`, `always`."""
    source = machine.states[transition.source]
    for prefix in (_DONE_ACTOR, _FAILED_ACTOR):
        if transition.descriptor.startswith(prefix):
            wanted = transition.descriptor.removeprefix(prefix)
            for invocation in source.invokes:
                # One without an id has a long one of its own making; its name says more.
                if invocation.id == wanted:
                    return event_words(f"{prefix}{invocation.plan.name}")
    return event_words(transition.descriptor, source.id)


def event_words(kind: str, state_id: str = "") -> str:
    """An event type, without the spelling of those that the engine sends itself."""
    if not kind:
        return "always"
    if kind.startswith(_AFTER):
        delay = kind.removeprefix(_AFTER)
        shorter = delay.removesuffix(f".{state_id}") if state_id else delay
        return f"after {shorter}"
    if kind.startswith(_DONE_STATE):
        return "done"
    if kind.startswith(_DONE_ACTOR):
        return f"{kind.removeprefix(_DONE_ACTOR)} done"
    if kind.startswith(_FAILED_ACTOR):
        return f"{kind.removeprefix(_FAILED_ACTOR)} failed"
    if kind.startswith("task."):
        name, _, outcome = kind.removeprefix("task.").rpartition(".")
        return f"{name} {outcome}" if name else kind
    return kind


def guard_words(machine: Machine, guard: Guard) -> str:
    """A guard: its expression, its name, or how it is put together."""
    match guard:
        case Condition():
            return guard.computed.text
        case NamedGuard():
            return guard.name
        case And():
            return " and ".join(_within(machine, one) for one in guard.guards)
        case Or():
            return " or ".join(_within(machine, one) for one in guard.guards)
        case Not():
            return f"not {_within(machine, guard.guard)}"
        case _:
            assert isinstance(guard, StateIn)
            return "in " + ", ".join(machine.states[one].path for one in sorted(guard.states))


def action_words(action: Action) -> str:
    """An action: `set total, paid`, `raise TICK`, `task notify`, or its name."""
    match action:
        case Assign():
            return "set " + ", ".join(key for key, _ in action.members)
        case Raise():
            later = "" if action.delay is None else " later"
            return f"raise {_type_of(action.event)}{later}"
        case Cancel():
            return f"cancel timer {_text_of(action.id)}"
        case Emit():
            return f"emit {_type_of(action.event)}"
        case Log():
            return "log"
        case If():
            return "if …"
        case CreateTaskAction():
            return f"task {task_words(action.plan)}"
        case Compensate():
            return "compensate"
        case _:
            assert isinstance(action, Call)
            return action.name


def task_words(plan: TaskPlan) -> str:
    """A task: `approve (HUMAN)`, `greet (SYSTEM greet)`, `ship ×n (HTTP)` of a `forEach`."""
    kind = plan.kind if plan.function is None else f"{plan.kind} {plan.function}"
    many = " ×n" if plan.for_each is not None else ""
    return f"{plan.name}{many} ({kind})"


def _within(machine: Machine, guard: Guard) -> str:
    words = guard_words(machine, guard)
    return f"({words})" if isinstance(guard, And | Or) else words


def _type_of(event: Template) -> str:
    """An event is an object with a `type`, or an expression that gives one."""
    match event:
        case Constant(value=dict() as value):
            return str(value["type"])
        case Object():
            return _text_of(dict(event.members)["type"])
        case _:
            return _text_of(event)


def _text_of(template: Template) -> str:
    """Of what is a text or an expression: the validator lets nothing else stand there."""
    if isinstance(template, Computed):
        return template.text
    assert isinstance(template, Constant)
    return str(template.value)
