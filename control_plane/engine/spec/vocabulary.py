"""
The words of the format: which keys stand where, and what older spellings became.
"""

STATE_KEYS = frozenset(
    {
        "id", "type", "initial", "states", "history", "target", "on", "always", "after",
        "entry", "exit", "invoke", "onDone", "output", "tags", "meta", "description",
    }
)  # fmt: skip
ROOT_KEYS = (STATE_KEYS - {"history", "target"}) | {
    "$schema", "version", "context", "guards", "actions", "delays", "unhandled", "onCancel",
}  # fmt: skip
INITIAL_KEYS = frozenset({"target", "actions", "meta", "description"})
TRANSITION_KEYS = frozenset({"target", "guard", "actions", "reenter", "description", "meta"})
TASK_KEYS = frozenset(
    {
        "input", "retry", "timeout", "queue", "priority", "compensation",
        "forEach", "concurrency", "join", "description",
    }
)  # fmt: skip
INVOKE_KEYS = TASK_KEYS | {"id", "src", "onDone", "onError", "meta"}
CREATE_TASK_KEYS = TASK_KEYS | {"name", "type", "function", "src", "detached"}
COMPENSATION_KEYS = frozenset({"name", "src", "input", "retry", "timeout", "queue", "priority"})
RETRY_KEYS = frozenset({"maxAttempts", "initial", "factor", "cap", "jitter", "nonRetryable"})
TIMEOUT_KEYS = frozenset({"scheduleToStart", "startToClose", "heartbeat"})

ACTION_KEYS = {
    "assign": frozenset({"type", "context"}),
    "raise": frozenset({"type", "event", "delay", "id"}),
    "cancel": frozenset({"type", "id"}),
    "emit": frozenset({"type", "event"}),
    "log": frozenset({"type", "label", "value", "args"}),
    "if": frozenset({"type", "branches"}),
}
"""Of the built-in actions: `@assign`, or `@xstate.assign`."""

GUARD_KEYS = {
    "and": frozenset({"type", "guards"}),
    "or": frozenset({"type", "guards"}),
    "not": frozenset({"type", "guard"}),
    "stateIn": frozenset({"type", "state"}),
}

OLD_SPELLINGS = {
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
