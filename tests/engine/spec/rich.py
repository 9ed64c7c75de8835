"""A spec in which every word of the format stands, and what can be done to one to break it."""

import copy
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from tests.engine.telling import expr

_TASK: dict[str, Any] = {
    "input": {"url": expr("context.url"), "list": [1, expr("2"), None]},
    "retry": {
        "maxAttempts": 3,
        "initial": "PT1S",
        "factor": 1.5,
        "cap": 60_000,
        "jitter": 0,
        "nonRetryable": ["http.refused"],
    },
    "timeout": {"scheduleToStart": "PT1H", "startToClose": 5000, "heartbeat": "PT10S"},
    "queue": "mail-1",
    "priority": -5,
    "limitKey": {"@expr": "context.name"},
    "compensation": {
        "name": "unsend",
        "src": "http",
        "input": expr("event.output"),
        "retry": {"maxAttempts": 1},
        "timeout": "PT5S",
        "queue": "mail-1",
        "priority": 1,
    },
    "description": "sends it",
}
_CHILD: dict[str, Any] = {
    "id": "bill",
    "src": "workflow.billing",
    "input": expr("item"),
    "forEach": expr("context.orders"),
    "concurrency": 2,
    "join": 2,
    "version": 3,
    "businessKey": expr("string(index)"),
    "onParentClose": "abandon",
    "compensation": {"src": "workflow.unbill", "version": 1, "onParentClose": "terminate"},
    "onDone": {"target": "asked"},
    "onError": [{"target": "over"}],
    "meta": {"any": None},
}
_ACTIONS: list[Any] = [
    "count",
    {"type": "count", "params": {"by": expr("context.n")}},
    {"type": "@assign", "context": {"n": expr("context.n + 1"), "m": None}},
    {"type": "@raise", "event": {"type": "TICK", "at": expr("context.n")}},
    {"type": "@raise", "event": {"type": expr("'TOCK'")}, "delay": "soon", "id": "later"},
    {"type": "@raise", "event": expr("{'type': 'X'}"), "delay": expr("5"), "id": expr("'x'")},
    {"type": "@xstate.cancel", "id": "later"},
    {"type": "@emit", "event": {"type": "shown", "n": 1}},
    {"type": "@log", "label": "n", "value": expr("context.n")},
    {"type": "@log", "args": ["n", expr("context.n")]},
    {"type": "@if", "branches": [{"guard": "small", "actions": "count"}, {"actions": ["count"]}]},
    {"type": "createTask", "params": {"name": "mail", "type": "EMAIL", "detached": True, **_TASK}},
    {"type": "createTask", "params": {"name": "run", "type": "SYSTEM", "function": "run.it"}},
    {"type": "createTask", "params": {"name": "think", "src": "ai", "events": ["GO"]}},
    {"type": "compensate"},
]
_GUARD: dict[str, Any] = {
    "type": "@and",
    "guards": [
        "small",
        {"type": "small", "params": {"than": 5}},
        expr("event.ok == true"),
        {"@expr": "context.n == 1", "@exprLang": "cel"},
        {"type": "@or", "guards": [expr("true")]},
        {"type": "@xstate.not", "guard": "small"},
        {"type": "@stateIn", "state": "#here"},
        {"type": "@stateIn", "state": {"both": {"left": "one"}}},
    ],
}

RICH: dict[str, Any] = {
    "$schema": "definition.schema.json",
    "id": "everything",
    "version": "1.0",
    "description": "every word once",
    "context": {"n": 0, "url": expr("event.input.url"), "orders": [], "m": None},
    "guards": {"small": {"when": expr("context.n < 5"), "description": "less"}},
    "actions": {"count": {"type": "@assign", "context": {"n": expr("context.n + 1")}}},
    "delays": {"soon": "PT1S", "then": 5, "computed": expr("context.n * 1000")},
    "unhandled": "defer",
    "onCancel": "compensate",
    "guardrails": {"mode": "act", "denied_events": ["STOP*"]},
    "output": {"n": expr("context.n")},
    "tags": "root",
    "meta": {"owner": ["us"]},
    "type": "compound",
    "initial": {"target": "here", "actions": "count", "meta": 1, "description": "first"},
    "on": {"*": {}, "order.*": {"actions": "count"}},
    "states": {
        "here": {
            "id": "here",
            "type": "atomic",
            "description": "first",
            "tags": ["a", "b"],
            "on": {
                "GO": {
                    "target": "both",
                    "guard": _GUARD,
                    "actions": _ACTIONS,
                    "reenter": True,
                    "description": "on",
                    "meta": {},
                },
                "BOTH": [{"target": ["both.left.two", "both.right"]}, "both"],
            },
            "always": {"guard": expr("context.n > 100"), "target": "over"},
            "after": {"1000": "both", "PT5S": {"actions": "count"}, "soon": ["over"]},
            "entry": "count",
            "exit": ["count"],
            "invoke": [
                {"id": "call", "src": "http", **_TASK, "onDone": "both", "onError": "over"},
                _CHILD | {"onDone": "both"},
                {
                    "src": "ai",
                    "input": {},
                    "events": ["GO"],
                    "policy": "careful",
                    "guardrails": {"mode": "suggest", "approval": {"quorum": 2}},
                },
                {
                    "id": "sign",
                    "src": "human",
                    "candidates": {
                        "users": ["ada", expr("context.url")],
                        "roles": expr("context.orders"),
                    },
                    "dueIn": "PT8H",
                    "form": {"type": "object", "required": ["ok"]},
                    "quorum": {"approvals": 1, "of": expr("context.n + 1")},
                    "notBy": {"tasks": ["sign"], "starter": True, "users": ["eve"]},
                    "reminders": [{"before": "PT1H"}, {"after": "PT1H", "event": "LATE"}],
                    "escalations": [
                        {
                            "overdue": "PT2H",
                            "addCandidates": {"users": ["bo"], "roles": ["lead"]},
                            "priority": 9,
                        },
                        {"unclaimedFor": "PT3H", "assignTo": "bo"},
                        {"openFor": "P2D", "event": "LATE", "fail": True},
                    ],
                    "skippable": True,
                },
            ],
        },
        "both": {
            "type": "parallel",
            "states": {
                "left": {
                    "initial": "one",
                    "states": {
                        "one": {"on": {"NEXT": "two"}},
                        "two": {"type": "final", "output": expr("context.n")},
                        "was": {"type": "history", "history": "deep", "target": "one"},
                    },
                },
                "right": {"type": "final"},
            },
            "onDone": "over",
            "on": {"BACK": ".left.was"},
            "invoke": {"src": "timer", "input": {"delay": "PT1H"}},
        },
        "over": {"type": "final", "output": None, "meta": None},
    },
}

_OTHERS: tuple[Any, ...] = (None, True, 5, -1, 1.5, "", "some text", [], [5], {}, {"odd": 5})


_NAMES = (
    "a.b", "#x", "1", "0", "*", "a.*", "a*", "__proto__", "__init__", "constructor", "", "x" * 201,
    "nul\0", "@x", "createTask", "xstate.x",
)  # fmt: skip

Path: TypeAlias = tuple[str | int, ...]


class Change(NamedTuple):
    """One thing that is done to a spec: a key too many, one too few, another key or value."""

    kind: Literal["add", "drop", "rename", "put"]
    path: Path
    value: Any = None

    def of(self, spec: dict[str, Any]) -> dict[str, Any]:
        """A changed copy."""
        changed: dict[str, Any] = copy.deepcopy(spec)
        *above, last = self.path
        holder: Any = changed
        for step in above:
            holder = holder[step]
        if self.kind == "drop":
            del holder[last]
        elif self.kind == "rename":
            renamed = {self.value if key == last else key: one for key, one in holder.items()}
            holder.clear()
            holder.update(renamed)
        else:
            holder[last] = self.value
        return changed


def changes(value: Any, path: Path = ()) -> Iterator[Change]:
    """Every change that can be made to a spec by one of these means, in a fixed order."""
    if path:
        yield from (Change("put", path, other) for other in _OTHERS if not _is_same(other, value))
    if isinstance(value, dict):
        yield Change("add", (*path, "odd"), 5)
        yield Change("add", (*path, "cond"), "x")
        for key, item in value.items():
            yield Change("drop", (*path, key))
            yield from (Change("rename", (*path, key), name) for name in _NAMES)
            yield from changes(item, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from changes(item, (*path, at))


def keys(value: Any) -> Iterator[str]:
    """Every key in a value."""
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
