"""
The words of the format: which keys stand where, what stands under each, and what it says.

One table for each kind of object. The parser refuses what is not in them, and the JSON Schema
is made of them, so the two know the same words.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from control_plane.engine.limits import (
    MAX_CHOICES,
    MAX_DELAY,
    MAX_ESCALATIONS,
    MAX_FAN_OUT,
    MAX_REMINDERS,
)
from shared.retry import MAX_ATTEMPTS, MAX_BACKOFF
from shared.tasks import MAX_QUEUE_NAME

MAX_PRIORITY: Final = 100
"""Priorities run from minus this to this; larger ones are claimed first."""

MAX_FACTOR: Final = 100
"""By how much a wait between attempts may grow from one to the next."""


class Word(NamedTuple):
    """A key. `shape` names what stands under it: a definition of the schema."""

    shape: str
    about: str
    required: bool = False


Words: TypeAlias = Mapping[str, Word]

_TEXT = "A text for people; it changes nothing."
_META = "Data of your own; the engine does not look at it."
_SECONDS = "milliseconds, or an ISO 8601 duration of a fixed length such as PT30S or P2D"

_STATE: Words = {
    "id": Word("id", "A name for targets: `#id`. 1 to 200 characters; one state has it."),
    "type": Word("stateType", "Left out, it follows from `states` and `history`."),
    "description": Word("text", _TEXT),
    "initial": Word("initial", "Which of the states inside comes first; compound states need it."),
    "states": Word("states", "The states inside, in document order, which has a meaning."),
    "on": Word("on", "Transitions by event: a type, `prefix.*` or `*`; the exact one goes first."),
    "always": Word("transitions", "Transitions without an event, asked after every event."),
    "after": Word(
        "after",
        "Transitions by delay since the entry: milliseconds, ISO 8601 (PT15M), or the name of one"
        f" of the root's `delays`; at most {MAX_DELAY.days} days.",
    ),
    "entry": Word("actions", "Actions on entry."),
    "exit": Word("actions", "Actions on exit, before those of the transition."),
    "invoke": Word("invokes", "Tasks bound to the state: created on entry, cancelled on exit."),
    "onDone": Word("transitions", "Taken when the state is done: a final state inside is reached."),
    "output": Word("value", "What the state, being final, gives to `onDone` as `event.output`."),
    "tags": Word("tags", "Words by which instances can be told apart and found."),
    "meta": Word("anything", _META),
}

STATE: Final[Words] = {
    **_STATE,
    "history": Word("history", "What a history state remembers: the child, or all the way down."),
    "target": Word("targets", "Of a history state: where it leads while nothing is remembered."),
}

ROOT: Final[Words] = {
    "$schema": Word("text", "Where this schema is, for editors."),
    **_STATE,
    "id": Word("id", "The machine's name; targets may begin with `#` and it."),
    "output": Word("value", "The instance's output, worked out when it is done."),
    "version": Word("text", "A version of your own; the server numbers versions itself."),
    "context": Word("context", "The data of an instance. `event.input` is the input of the start."),
    "guards": Word("guards", "Guards by name."),
    "actions": Word("namedActions", "Actions by name: one, or a list."),
    "delays": Word("delays", "Delays by name, for `after` and for actions."),
    "unhandled": Word(
        "unhandled",
        "What becomes of a sender's event that no transition answers: `reject` (the default)"
        " tells the sender, `ignore` records it, `defer` keeps it until the instance moves on.",
    ),
    "onCancel": Word("onCancel", "`compensate`: undo what was done before being cancelled."),
    "guardrails": Word(
        "guardrails",
        "What models may do at most in any AI task of the definition, written as policies are; it"
        " can only narrow what policies allow.",
    ),
}

INITIAL: Final[Words] = {
    "target": Word("childKey", "The key of the child that comes first.", required=True),
    "actions": Word("actions", "Actions when it is entered by default."),
    "meta": Word("anything", _META),
    "description": Word("text", _TEXT),
}

TRANSITION: Final[Words] = {
    "target": Word("targets", "`sibling`, `.child`, `#id`, `#id.path`, or a list; none stays."),
    "guard": Word("guard", "The transition is taken only if this holds."),
    "actions": Word("actions", "Actions between the exits and the entries."),
    "reenter": Word("boolean", "Leave and enter the source even if the target is inside of it."),
    "description": Word("text", _TEXT),
    "meta": Word("anything", _META),
}

_ATTEMPTS: Words = {
    "input": Word("value", "What the executor gets; worked out when the task is created."),
    "retry": Word("retry", "When a failed attempt is tried again."),
    "timeout": Word("timeout", f"How long an attempt may take: {_SECONDS}; or one for each phase."),
    "queue": Word("queue", f"The executors' queue; 1 to {MAX_QUEUE_NAME} characters. `default`."),
    "priority": Word("priority", f"{-MAX_PRIORITY} to {MAX_PRIORITY}, larger first; 0 by default."),
    "limitKey": Word("keyText", "The key of the tenant's limit that it counts against."),
}
_TASK: Words = {
    **_ATTEMPTS,
    "compensation": Word("compensation", "The task that undoes this one, once it has succeeded."),
    "forEach": Word("forEach", f"A list of at most {MAX_FAN_OUT} items: one task for each."),
    "concurrency": Word(
        "concurrency", f"How many tasks of a `forEach` are open at a time, 1 to {MAX_FAN_OUT}."
    ),
    "join": Word(
        "join",
        "When a `forEach` has ended: `all` have succeeded or one has failed; `any` has succeeded;"
        " a number of them have; all are `settled`, one way or the other.",
    ),
    "events": Word(
        "choices", f"Of an AI task: the 1 to {MAX_CHOICES} event types among which it may choose."
    ),
    "policy": Word("name", "Of an AI task: the name of the tenant's policy that binds it."),
    "guardrails": Word(
        "guardrails", "Of an AI task: what a model may do at most here, written as policies are."
    ),
    "candidates": Word("candidates", "Of a human task: whom it is offered to."),
    "dueIn": Word("delay", "Of a human task: how long after its creation it should be done."),
    "form": Word("form", "Of a human task: what its output must be like, as a JSON Schema."),
    "quorum": Word("quorum", "Of a human task: how many of those it is offered to must approve."),
    "notBy": Word("notBy", "Of a human task: who may not decide it, of those it is offered to."),
    "reminders": Word(
        "reminders", f"Of a human task: when people are reminded of it, {MAX_REMINDERS} at most."
    ),
    "escalations": Word(
        "escalations",
        f"Of a human task: what happens if it stays open, {MAX_ESCALATIONS} at most.",
    ),
    "skippable": Word(
        "boolean",
        "Whether an operator may skip it, with an output in its place.",
    ),
    "version": Word(
        "version", "Of a child instance: the definition's version; the newest by default."
    ),
    "businessKey": Word("keyText", "Of a child instance: its business key."),
    "onParentClose": Word(
        "onParentClose",
        "Of a child instance: what becomes of it when its task is no longer wanted. `cancel` (the"
        " default) is orderly, `terminate` at once, and `abandon` leaves it alone.",
    ),
    "description": Word("text", _TEXT),
}

INVOKE: Final[Words] = {
    "id": Word("name", "The task's name within its state; outcomes are told under it."),
    "src": Word("source", "The kind of task: `http`, `system.<function>` …", required=True),
    **_TASK,
    "onDone": Word("transitions", "Taken when it has succeeded; `event.output` is its output."),
    "onError": Word("transitions", "Taken when it has failed for good; `event.error` says why."),
    "meta": Word("anything", _META),
}

CREATE_TASK: Final[Words] = {
    "name": Word("name", "The task's name: it ends as `task.<name>.done` or `.failed`."),
    "type": Word("taskType", "The kind of task, in capitals; or write `src`."),
    "function": Word("name", "Of a SYSTEM task: the function's name."),
    "src": Word("source", "The kind of task as `invoke` writes it."),
    **_TASK,
    "detached": Word("boolean", "The instance does not wait for it before it is completed."),
}

COMPENSATION: Final[Words] = {
    "name": Word("name", "Its name; `undo` and the other's name if left out."),
    "src": Word("source", "The kind of task.", required=True),
    **_ATTEMPTS,
    "input": Word("value", "Worked out when the other task succeeds; `event.output` is its output"),
    **{key: _TASK[key] for key in ("version", "onParentClose")},
}

CANDIDATES: Final[Words] = {
    "users": Word("candidateNames", "The users it is offered to."),
    "roles": Word("candidateNames", "The roles it is offered to: whoever has one of them."),
}

QUORUM: Final[Words] = {
    "approvals": Word("voters", "So many must approve; then it has succeeded.", required=True),
    "of": Word("voters", "So many may vote. It fails when too few are left.", required=True),
}

NOT_BY: Final[Words] = {
    "tasks": Word("taskNames", "Not by whoever decided human tasks of these names before."),
    "starter": Word("boolean", "Not by whoever started the instance."),
    "users": Word("candidateNames", "Not by these users."),
}

REMINDER: Final[Words] = {
    "before": Word("duration", f"So long before it is due: {_SECONDS}."),
    "after": Word("duration", f"So long after it was due: {_SECONDS}."),
    "event": Word("eventName", "An event that its instance is told then."),
}

ESCALATION: Final[Words] = {
    "overdue": Word("duration", f"So long after it was due: {_SECONDS}."),
    "unclaimedFor": Word("duration", f"So long after its creation, if nobody has it: {_SECONDS}."),
    "openFor": Word("duration", f"So long after its creation: {_SECONDS}."),
    "addCandidates": Word("candidates", "Whom it is offered to as well from then on."),
    "assignTo": Word("candidateName", "The user who gets it."),
    "priority": Word("priority", "Its priority from then on."),
    "event": Word("eventName", "An event that its instance is told then."),
    "fail": Word("boolean", "Whether it ends then, by an error of the kind `task.expired`."),
}

RETRY: Final[Words] = {
    "maxAttempts": Word("maxAttempts", f"1 to {MAX_ATTEMPTS}; 5 by default."),
    "initial": Word("backoff", f"The first wait: {_SECONDS}; 1 second by default."),
    "factor": Word("factor", f"How much longer each wait is, 1 to {MAX_FACTOR}; 2 by default."),
    "cap": Word("backoff", f"The longest wait, at most {MAX_BACKOFF.days} day; 5 minutes."),
    "jitter": Word("share", "The share of a wait that is left to chance, 0 to 1; 0.2 by default."),
    "nonRetryable": Word("texts", "Kinds of error after which there is no other attempt."),
}

TIMEOUT: Final[Words] = {
    "scheduleToStart": Word("duration", f"How long it may wait for its first attempt: {_SECONDS}."),
    "startToClose": Word("duration", f"How long one attempt may take: {_SECONDS}."),
    "heartbeat": Word("duration", f"How long an attempt may be silent: {_SECONDS}."),
}

EXPRESSION: Final[Words] = {
    "@expr": Word("text", "An expression in CEL on JSON.", required=True),
    "@exprLang": Word("expressionLanguage", "The language; there is one."),
}

GUARD_BODY: Final[Words] = {
    "when": Word("guard", "What the name stands for.", required=True),
    "description": Word("text", _TEXT),
}

_KIND = Word("text", "Which one.", required=True)

ACTIONS: Final[Mapping[str, Words]] = {
    "assign": {
        "type": _KIND,
        "context": Word("assignments", "Keys of the context to set, together.", required=True),
    },
    "raise": {
        "type": _KIND,
        "event": Word("event", "The event that the machine sends itself.", required=True),
        "delay": Word("delay", "Send it later, by a timer."),
        "id": Word("textValue", "A name for `@cancel`."),
    },
    "cancel": {
        "type": _KIND,
        "id": Word("textValue", "The delayed event that is not sent after all.", required=True),
    },
    "emit": {
        "type": _KIND,
        "event": Word("event", "Written into the history, for watchers.", required=True),
    },
    "log": {
        "type": _KIND,
        "label": Word("anything", _TEXT),
        "value": Word("value", "Shown in a trace."),
        "args": Word("value", "Shown in a trace."),
    },
    "if": {
        "type": _KIND,
        "branches": Word("branches", "The actions of the first that holds.", required=True),
    },
}
"""Of the built-in actions: `@assign`, or `@xstate.assign`."""

BRANCH: Final[Words] = {
    "guard": Word("guard", "The branch is taken if this holds, or if there is none."),
    "actions": Word("actions", "What is done then."),
}

CREATE_TASK_ACTION: Final[Words] = {
    "type": _KIND,
    "params": Word("createTask", "The task.", required=True),
}

COMPENSATE: Final[Words] = {"type": _KIND}

NAMED: Final[Words] = {
    "type": Word("name", "The name of a guard or an action of the root's.", required=True),
    "params": Word("value", "What expressions in it see as `params`."),
}

GUARDS: Final[Mapping[str, Words]] = {
    "and": {"type": _KIND, "guards": Word("guardList", "All must hold.", required=True)},
    "or": {"type": _KIND, "guards": Word("guardList", "One must hold.", required=True)},
    "not": {"type": _KIND, "guard": Word("guard", "It must not hold.", required=True)},
    "stateIn": {"type": _KIND, "state": Word("stateIn", "It must be active.", required=True)},
}

DATA: Final = frozenset({"anything", "value"})
"""Shapes under which null is a value like any other; elsewhere a key is left out instead."""

OLD_SPELLINGS: Final[Mapping[str, str]] = {
    "cond": "XState 5 says `guard`",
    "internal": "XState 5 transitions are internal unless they say `reenter: true`",
    "in": 'use a guard: {"type": "@stateIn", "state": …}',
    "send": 'use {"type": "@raise", "event": …}, or a task',
    "pure": 'use {"type": "@if", "branches": …}',
    "choose": 'use {"type": "@if", "branches": …}',
    "activities": "use `invoke`",
    "schema": "leave it out: types are of no use here",
    "schemas": "leave it out: types are of no use here",
    "data": "XState 5 says `output` on final states and `input` on invokes",
    "onSnapshot": "tasks have no snapshots; use `onDone` and `onError`",
    "systemId": "leave it out: tasks are named by `id`",
    "route": "use a transition of the root with a target",
    "strict": "leave it out; see `unhandled`",
    "predictableActionArguments": "leave it out: XState 5 always does",
    "preserveActionOrder": "leave it out: XState 5 always does",
    "delay": "use `after`",
}
"""What XState 4 said, and what became of it."""


def builtin(kind: str) -> str | None:
    """`assign` of `@assign` and `@xstate.assign`; None of what is no built-in."""
    for prefix in ("@xstate.", "@"):
        if kind.startswith(prefix):
            return kind.removeprefix(prefix)
    return None
