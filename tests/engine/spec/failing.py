"""
What the validator refuses and what it warns of, by rule: the rule, where it is told, the spec.

The first of each rule is the one that docs/definition-rules.md shows.
"""

import json
from typing import Any

from tests.engine.telling import assign, expr, raised


def flat(a: dict[str, Any], **root: Any) -> dict[str, Any]:
    """A spec whose state `a` is of interest; `b` is where it may go."""
    return {"initial": "a", "states": {"a": a, "b": {"on": {"BACK": "a"}}}, **root}


def on(transition: Any, **root: Any) -> dict[str, Any]:
    return flat({"on": {"GO": transition}}, **root)


def acting(action: Any, **root: Any) -> dict[str, Any]:
    return on({"target": "b", "actions": action}, **root)


def guarded(guard: Any, **root: Any) -> dict[str, Any]:
    return on({"target": "b", "guard": guard}, **root)


def invoking(**invoke: Any) -> dict[str, Any]:
    return flat({"invoke": {"src": "http", "onDone": "b", "onError": "b", **invoke}})


def asking(**people: Any) -> dict[str, Any]:
    """A spec whose state `a` asks people."""
    return invoking(src="human", **people)


def choosing(*events: str, **state: Any) -> dict[str, Any]:
    """A spec whose state `a` lets a model choose among events; only APPROVE is answered."""
    invoke = {"src": "ai", "input": "a text", "events": list(events), "onError": "b"}
    return flat({"on": {"APPROVE": "b"}, "invoke": invoke, **state})


def restricted(task: Any, **root: Any) -> dict[str, Any]:
    """A spec that lets its AI task do no more than that."""
    spec = choosing("APPROVE")
    spec["states"]["a"]["invoke"]["guardrails"] = task
    return {**spec, **root}


def remembering(history: str, *, width: int) -> dict[str, Any]:
    """A parallel state so wide, and 25 histories of it; all of its regions can be compound."""
    region = {"initial": "x", "states": {"x": {}, "y": {"initial": "z", "states": {"z": {}}}}}
    few = {f"r{n}": region for n in range(width // 2 if history == "deep" else 10)}
    many: dict[str, Any] = {f"r{n}": {} for n in range(len(few), width)}
    histories = {f"h{n}": {"type": "history", "history": history} for n in range(25)}
    return {"type": "parallel", "states": {**few, **many, **histories}}


TASK = {"name": "x", "type": "HTTP"}
GO = {"on": {"GO": "b"}}
FINAL = {"type": "final"}
HTTP = {"src": "http"}
LONG: dict[str, Any] = {}
for _ in range(3):
    LONG = {"initial": "s" * 190, "states": {"s" * 190: LONG}}
INNER: dict[str, Any] = {"initial": "x", "states": {"x": {}}}
DEEP: dict[str, Any] = {}
for _ in range(11):
    DEEP = {"initial": "s", "states": {"s": DEEP}}

ERRORS: list[tuple[str, str, Any]] = [
    # what stands where
    ("unknown-key", "/staets", {"staets": {}}),
    ("unknown-key", "/states/a/on/GO/gaurd", on({"gaurd": "x"})),
    ("unknown-key", "/states/a/unhandled", flat({"unhandled": "ignore"})),
    ("unknown-key", "/states/a/invoke/retry/attempts", invoking(retry={"attempts": 1})),
    ("unknown-key", "/context/x/more", {"context": {"x": {"@expr": "1", "more": 2}}}),
    ("old-spelling", "/states/a/on/GO/cond", on({"target": "b", "cond": "x"})),
    ("old-spelling", "/states/a/activities", flat({"activities": ["x"]})),
    ("wrong-type", "/states", {"states": []}),
    ("wrong-type", "/states/a", {"initial": "a", "states": {"a": 5}}),
    ("wrong-type", "/states/a/type", flat({"type": "atomik"})),
    ("wrong-type", "/states/a/on", flat({"on": []})),
    ("wrong-type", "/states/a/on/GO", on(5)),
    ("wrong-type", "/states/a/on/GO", on(None)),
    ("wrong-type", "/states/a/on/GO/reenter", on({"reenter": 1})),
    ("wrong-type", "/states/a/on/GO/target", on({"target": 1})),
    ("wrong-type", "/states/a/on/GO/target/1", on({"target": ["b", 1]})),
    ("wrong-type", "/states/a/after", flat({"after": []})),
    ("wrong-type", "/states/a/tags", flat({"tags": 5})),
    ("wrong-type", "/description", {"description": 5}),
    ("wrong-type", "/id", {"id": 5}),
    ("wrong-type", "/context", {"context": []}),
    ("wrong-type", "/guards", {"guards": []}),
    ("wrong-type", "/guards/g", {"guards": {"g": expr("true")}}),
    ("wrong-type", "/actions", {"actions": 5}),
    ("wrong-type", "/delays", {"delays": []}),
    ("wrong-type", "/unhandled", {"unhandled": "drop"}),
    ("wrong-type", "/unhandled", {"unhandled": []}),
    ("wrong-type", "/onCancel", {"onCancel": ["x"]}),
    ("wrong-type", "/context/x/@expr", {"context": {"x": {"@expr": 5}}}),
    ("wrong-type", "/context/x/@exprLang", {"context": {"x": {"@expr": "1", "@exprLang": "js"}}}),
    # names
    ("bad-name", "/states/a.b", {"initial": "a.b", "states": {"a.b": {}}}),
    ("bad-name", "/states/1", {"initial": "1", "states": {"1": {}}}),
    ("bad-name", "/states/*", {"initial": "*", "states": {"*": {}}}),
    ("bad-name", "/states/__proto__", {"initial": "__proto__", "states": {"__proto__": {}}}),
    ("bad-name", "/states/a/id", flat({"id": "#x"})),
    ("bad-name", "/id", {"id": "a.b"}),
    ("bad-name", "/actions/createTask", {"actions": {"createTask": []}}),
    (
        "duplicate-id",
        "/states/b/id",
        {"initial": "a", "states": {"a": {"id": "x"}, "b": {"id": "x"}}},
    ),
    ("duplicate-id", "/states/a/invoke/1/id", flat({"invoke": [{"id": "x", "src": "http"}] * 2})),
    # kinds of state
    ("bad-root", "/type", {"type": "final"}),
    ("bad-root", "/type", {"type": "history"}),
    ("empty-states", "/states/a", flat({"type": "parallel", "states": {}})),
    ("empty-states", "/states/a", flat({"type": "compound", "initial": "x"})),
    ("empty-states", "/states/a", flat({"type": "parallel", "states": {"h": {"type": "history"}}})),
    ("atomic-with-states", "/states/a/states", flat({"type": "atomic", "states": {"x": {}}})),
    ("missing-initial", "/states/a", flat({"states": {"x": {}}})),
    ("unknown-initial", "/initial", {"initial": "c", "states": {"a": {}}}),
    ("unknown-initial", "/initial/target", {"initial": {"target": "a.x"}, "states": {"a": {}}}),
    ("initial-not-compound", "/initial", {"type": "parallel", "initial": "a", "states": {"a": {}}}),
    ("initial-not-compound", "/states/a/initial", flat({"initial": "x"})),
    (
        "initial-without-record",
        "/initial",
        {"initial": "h", "states": {"h": {"type": "history"}, "a": {}}},
    ),
    (
        "final-with-content",
        "/states/b/on",
        {"initial": "a", "states": {"a": GO, "b": {**FINAL, "on": {"X": "a"}}}},
    ),
    (
        "final-with-content",
        "/states/b/after",
        {"initial": "a", "states": {"a": GO, "b": {**FINAL, "after": {"1": "a"}}}},
    ),
    (
        "final-with-content",
        "/states/b/states",
        {"initial": "a", "states": {"a": GO, "b": {**FINAL, "states": {"x": {}}}}},
    ),
    (
        "history-with-content",
        "/states/h/entry",
        {"initial": "a", "states": {"a": {}, "h": {"type": "history", "entry": [raised("X")]}}},
    ),
    (
        "wrong-type",
        "/states/h/history",
        {"initial": "a", "states": {"a": {}, "h": {"type": "history", "history": "long"}}},
    ),
    ("history-key", "/states/a/target", flat({"target": "b"})),
    ("output-not-final", "/states/a/output", flat({"output": 1})),
    ("never-done", "/states/a/onDone", flat({"onDone": "b"})),
    ("never-done", "/states/a/onDone", flat({"initial": "x", "states": {"x": {}}, "onDone": "b"})),
    (
        "never-done",
        "/states/a/onDone",
        flat(
            {
                "type": "parallel",
                "states": {"x": {"initial": "f", "states": {"f": FINAL}}, "y": {}},
                "onDone": "b",
            }
        ),
    ),
    # targets
    ("unknown-target", "/states/a/on/GO", on("c")),
    ("unknown-target", "/states/a/on/GO", on(".c")),
    ("unknown-target", "/states/a/on/GO", on("#c")),
    ("unknown-target", "/states/a/on/GO", on("b.x")),
    ("unknown-target", "/on/GO", {"on": {"GO": "a"}, "initial": "a", "states": {"a": {}}}),
    ("targets-exclude-each-other", "/states/a/on/GO/target", on({"target": ["a", "b"]})),
    (
        "bad-history-default",
        "/states/a/states/h/target",
        flat(
            {
                "initial": "x",
                "states": {"x": {}, "h": {"type": "history", "target": "#(machine).b"}},
            }
        ),
    ),
    (
        "bad-history-default",
        "/states/h/target",
        {
            "initial": "a",
            "states": {"a": {}, "h": {"type": "history", "target": "i"}, "i": {"type": "history"}},
        },
    ),
    # events
    ("bad-event", "/states/a/on/", flat({"on": {"": "b"}})),
    ("bad-event", "/states/a/on/*.x", flat({"on": {"*.x": "b"}})),
    ("bad-event", "/states/a/on/a*", flat({"on": {"a*": "b"}})),
    ("reserved-event", "/states/a/on/GO/actions/event/type", acting(raised("xstate.done.state.a"))),
    ("reserved-event", "/states/a/on/GO/actions/event/type", acting(raised("task.x.done"))),
    (
        "reserved-event",
        "/states/a/on/GO/actions/event/type",
        acting({"type": "@emit", "event": {"type": ""}}),
    ),
    ("wrong-type", "/states/a/on/GO/actions/event", acting({"type": "@raise", "event": "X"})),
    (
        "wrong-type",
        "/states/a/on/GO/actions/event/type",
        acting({"type": "@raise", "event": {"type": 5}}),
    ),
    # guards
    ("unknown-guard", "/states/a/on/GO/guard", guarded("nope")),
    ("unknown-guard", "/states/a/on/GO/guard/type", guarded({"type": "@nand", "guards": []})),
    (
        "guard-cycle",
        "/guards/a",
        {"guards": {"a": {"when": "b"}, "b": {"when": {"type": "@not", "guard": "a"}}}},
    ),
    ("guard-not-boolean", "/states/a/on/GO/guard/@expr", guarded(expr("1 + 1"))),
    ("wrong-type", "/states/a/on/GO/guard", guarded(5)),
    ("wrong-type", "/states/a/on/GO/guard/guards", guarded({"type": "@and", "guards": "x"})),
    ("wrong-type", "/states/a/on/GO/guard/type", guarded({"params": {}})),
    ("wrong-type", "/states/a/on/GO/guard/state", guarded({"type": "@stateIn", "state": 5})),
    (
        "wrong-type",
        "/states/a/on/GO/guard/state/a",
        guarded({"type": "@stateIn", "state": {"a": 5}}),
    ),
    ("unknown-target", "/states/a/on/GO/guard/state", guarded({"type": "@stateIn", "state": "c"})),
    (
        "unknown-target",
        "/states/a/on/GO/guard/state/a",
        guarded({"type": "@stateIn", "state": {"a": "c"}}),
    ),
    ("expression-invalid", "/states/a/on/GO/guard/@expr", guarded(expr("context.n >"))),
    ("expression-invalid", "/states/a/on/GO/guard/@expr", guarded(expr("nobody.knows"))),
    # actions
    ("unknown-action", "/states/a/on/GO/actions", acting("nope")),
    ("unknown-action", "/states/a/on/GO/actions/1/type", acting([raised("X"), {"type": "@send"}])),
    ("action-cycle", "/actions/a", {"actions": {"a": ["b"], "b": "a"}}),
    ("wrong-type", "/states/a/on/GO/actions", acting(5)),
    (
        "wrong-type",
        "/states/a/on/GO/actions/context",
        acting({"type": "@assign", "context": expr("{}")}),
    ),
    ("wrong-type", "/states/a/on/GO/actions/id", acting({"type": "@cancel"})),
    ("wrong-type", "/states/a/on/GO/actions/branches", acting({"type": "@if"})),
    ("wrong-type", "/states/a/on/GO/actions/branches/0", acting({"type": "@if", "branches": [5]})),
    ("wrong-type", "/states/a/on/GO/actions/params", acting({"type": "createTask"})),
    # delays
    ("bad-delay", "/states/a/after/soon", flat({"after": {"soon": "b"}})),
    ("bad-delay", "/states/a/after/-1", flat({"after": {"-1": "b"}})),
    ("bad-delay", "/delays/d", {"delays": {"d": []}}),
    ("bad-delay", "/delays/d", {"delays": {"d": expr("true")}}),
    ("bad-delay", "/states/a/on/GO/actions/delay", acting(raised("X", delay="later"))),
    ("limit-exceeded", "/states/a/after/P6Y", flat({"after": {"P6Y": "b"}})),
    # tasks
    ("unknown-task-type", "/states/a/invoke/src", invoking(src="htpp")),
    ("unknown-task-type", "/states/a/invoke/src", invoking(src="system")),
    ("unknown-task-type", "/states/a/invoke/src", invoking(src="http.get")),
    ("unknown-task-type", "/states/a/invoke/src", invoking(src="workflow")),
    (
        "unknown-task-type",
        "/states/a/on/GO/actions/params/type",
        acting({"type": "createTask", "params": {"name": "x", "type": "FAX"}}),
    ),
    (
        "wrong-type",
        "/states/a/on/GO/actions/params/name",
        acting({"type": "createTask", "params": {**TASK, "name": 5}}),
    ),
    (
        "wrong-type",
        "/states/a/on/GO/actions/params/src",
        acting({"type": "createTask", "params": {"src": 5}}),
    ),
    (
        "wrong-type",
        "/states/a/on/GO/actions/params/detached",
        acting({"type": "createTask", "params": {**TASK, "detached": 1}}),
    ),
    ("wrong-type", "/states/a/invoke", flat({"invoke": 5})),
    ("wrong-type", "/states/a/invoke/src", flat({"invoke": {"src": 5}})),
    ("wrong-type", "/states/a/invoke/id", invoking(id="")),
    ("wrong-type", "/states/a/invoke/queue", invoking(queue="my queue")),
    ("wrong-type", "/states/a/invoke/priority", invoking(priority=1000)),
    ("wrong-type", "/states/a/invoke/retry", invoking(retry=3)),
    ("wrong-type", "/states/a/invoke/retry/maxAttempts", invoking(retry={"maxAttempts": 0})),
    ("wrong-type", "/states/a/invoke/retry/maxAttempts", invoking(retry={"maxAttempts": 1.5})),
    ("wrong-type", "/states/a/invoke/retry/jitter", invoking(retry={"jitter": 2})),
    ("limit-exceeded", "/states/a/invoke/retry/cap", invoking(retry={"cap": "P2D"})),
    ("wrong-type", "/states/a/invoke/retry/nonRetryable", invoking(retry={"nonRetryable": "x"})),
    ("bad-duration", "/states/a/invoke/timeout", invoking(timeout="P1M")),
    (
        "bad-duration",
        "/states/a/invoke/timeout/heartbeat",
        invoking(timeout={"heartbeat": "often"}),
    ),
    ("bad-timer-input", "/states/a/invoke/input", invoking(src="timer")),
    (
        "bad-timer-input",
        "/states/a/invoke/input",
        invoking(src="timer", input={"delay": "PT1S", "at": "x"}),
    ),
    (
        "secret-computed",
        "/states/a/invoke/input/auth/bearer/$secret/@expr",
        invoking(src="http", input={"auth": {"bearer": {"$secret": expr("context.which")}}}),
    ),
    (
        "secret-computed",
        "/states/a/invoke/input/headers/x/0/$secret/0/b/@expr",
        invoking(src="email", input={"headers": {"x": [{"$secret": [{"a": 1, "b": expr("1")}]}]}}),
    ),
    (
        "bad-timer-input",
        "/states/a/invoke/input",
        invoking(src="timer", input={"cron": "0 0 30 2 *"}),
    ),
    ("without-for-each", "/states/a/invoke/join", invoking(join="any")),
    ("wrong-type", "/states/a/invoke/forEach", invoking(forEach=5)),
    ("for-each-not-list", "/states/a/invoke/forEach", invoking(forEach=expr("1"))),
    ("wrong-type", "/states/a/invoke/join", invoking(forEach=[1], join="first")),
    ("wrong-type", "/states/a/invoke/concurrency", invoking(forEach=[1], concurrency=0)),
    ("wrong-type", "/states/a/invoke/compensation", invoking(compensation="undo")),
    (
        "wrong-type",
        "/states/a/invoke/compensation/name",
        invoking(compensation={"src": "http", "name": 5}),
    ),
    (
        "unknown-key",
        "/states/a/invoke/compensation/forEach",
        invoking(compensation={"src": "http", "forEach": []}),
    ),
    ("expression-invalid", "/states/a/invoke/input/@expr", invoking(input=expr("item"))),
    # the whole
    (
        "eventless-cycle",
        "/states/a/always",
        {"initial": "a", "states": {"a": {"always": "b"}, "b": {"always": "a"}}},
    ),
    (
        "eventless-cycle",
        "/states/a/always",
        {"initial": "a", "states": {"a": {"always": {"target": "a", "actions": assign(n=1)}}}},
    ),
    (
        "eventless-cycle",
        "/states/a/always",
        {
            "initial": "a",
            "states": {
                "a": {"always": "b"},
                "b": {"initial": "x", "always": "a", "states": {"x": {}}},
            },
        },
    ),
    ("limit-exceeded", "/states", {"initial": "s0", "states": {f"s{n}": {} for n in range(501)}}),
    ("limit-exceeded", "/on/E2000", {"on": {f"E{n}": {"actions": []} for n in range(2001)}}),
    ("limit-exceeded", "/states/s" * 10, DEEP),
    ("limit-exceeded", "", json.dumps({"description": "x" * 600_000})),
    ("limit-exceeded", "", '{"meta":' + "[" * 70 + "]" * 70 + "}"),
    (
        "limit-exceeded",
        "/actions/a492",
        {"actions": {**{f"a{n}": f"a{n + 1}" for n in range(500)}, "a500": []}},
    ),
    (
        "limit-exceeded",
        "/guards/g1",
        {
            "guards": {
                **{f"g{n}": {"when": f"g{n + 1}"} for n in range(9)},
                "g9": {"when": expr("true")},
            }
        },
    ),
    ("not-json", "", "{"),
    ("not-json", "", "[]"),
    ("not-json", "", '{"id": "a", "id": "b"}'),
    ("not-json", "", '{"meta": NaN}'),
    ("not-json", "", '{"meta": 1e999}'),
    ("not-json", "/meta", '{"meta": 9223372036854775808}'),
    ("not-json", "", b"\xff"),
    ("not-json", "", "[" * 5000),
    ("not-json", "", {"meta": object()}),
    # what is in the tables beyond one rule a line
    ("wrong-type", "/actions/n", {"actions": {"n": None}}),
    (
        "wrong-type",
        "/states/a/on/GO/actions/branches/0",
        acting({"type": "@if", "branches": ["x"]}),
    ),
    (
        "wrong-type",
        "/states/a/on/GO/actions/params/function",
        acting({"type": "createTask", "params": {"type": "SYSTEM", "function": ""}}),
    ),
    ("bad-name", f"/states/{'s' * 201}", {"initial": "s" * 201, "states": {"s" * 201: {}}}),
    ("wrong-type", "/initial", {"initial": ["a"], "states": {"a": {}}}),
    ("limit-exceeded", f"/states/{'s' * 190}" * 3, LONG),
    ("limit-exceeded", "/states/h12", remembering("deep", width=160)),
    ("limit-exceeded", "/states/h20", remembering("shallow", width=100)),
    (
        "unknown-task-type",
        "/states/a/on/GO/actions/params/src",
        acting({"type": "createTask", "params": {"src": "fax"}}),
    ),
    (
        "targets-exclude-each-other",
        "/on/GO/target",
        {"initial": "a", "states": {"a": {**INNER}}, "on": {"GO": {"target": [".a", ".a.x"]}}},
    ),
    (
        "expression-invalid",
        "/states/a/on/GO/actions/delay/@expr",
        acting(raised("X", delay=expr("1 +"))),
    ),
    ("wrong-type", "/states/a/entry", flat({"entry": None})),
    ("wrong-type", "/states/a/on/GO/guard", on({"guard": None})),
    ("wrong-type", "/description", {"description": None}),
    ("not-json", "/meta/1", '{"meta": [1, {"x": 1, "y": 2, "x": 3}]}'),
    ("bad-name", "/states/a\x00", {"initial": "a\x00", "states": {"a\x00": {}}}),
    ("bad-event", "/states/a/on/a\x00", flat({"on": {"a\x00": "b"}})),
    ("bad-event", "/states/a/on/GO/actions/event/type", acting(raised("x" * 300))),
    ("wrong-type", "/states/a/invoke/id", invoking(id="a\x00")),
    ("limit-exceeded", "/context", {"context": {"x": ["y" * 60_000] * 5}}),
    ("limit-exceeded", "/meta", {"meta": {"k" * 300: 1}}),
    ("limit-exceeded", "", {"meta": [0] * 60_000}),
    ("limit-exceeded", "/guards", {"guards": {f"g{n}": {"when": "g0"} for n in range(1001)}}),
    ("limit-exceeded", "/delays", {"delays": {f"d{n}": 1 for n in range(1001)}}),
    (
        "limit-exceeded",
        "/context/k1000/@expr",
        {"context": {f"k{n}": expr(f"1 + {n}") for n in range(1001)}},
    ),
    (
        "limit-exceeded",
        "/context/k16/@expr",
        {"context": {f"k{n}": expr(f"'{n}{'x' * 1900}'") for n in range(40)}},
    ),
    ("limit-exceeded", "/states/a/invoke", flat({"invoke": [{"src": "http"}] * 101})),
    (
        "limit-exceeded",
        "/on/E20/target",
        {
            "type": "parallel",
            "states": {f"r{n}": {} for n in range(490)},
            "on": {f"E{n}": {"target": [f".r{m}" for m in range(490)]} for n in range(22)},
        },
    ),
    ("targets-exclude-each-other", "/states/a/on/GO/target", on({"target": ["b", "b"]})),
    (
        "targets-exclude-each-other",
        "/on/GO/target",
        {
            "type": "parallel",
            "on": {"GO": {"target": [".p.x", ".p"]}},
            "states": {"p": {"initial": "x", "states": {"x": {}}}, "q": {}},
        },
    ),
    # children and models
    ("word-not-for-task", "/states/a/invoke/version", invoking(version=1)),
    ("word-not-for-task", "/states/a/invoke/events", invoking(events=["GO"])),
    (
        "word-not-for-task",
        "/states/a/on/GO/actions/params/events",
        acting({"type": "createTask", "params": {**TASK, "events": ["GO"]}}),
    ),
    ("word-not-for-task", "/states/a/invoke/retry", invoking(src="workflow.x", retry={})),
    ("word-not-for-task", "/states/a/invoke/form", invoking(form={"type": "object"})),
    ("word-not-for-task", "/states/a/invoke/candidates", invoking(candidates={"users": ["a"]})),
    ("word-not-for-task", "/states/a/invoke/skippable", invoking(src="workflow.x", skippable=True)),
    ("wrong-type", "/states/a/invoke/skippable", invoking(skippable="yes")),
    ("wrong-type", "/states/a/invoke/candidates", invoking(src="human", candidates=["ada"])),
    (
        "wrong-type",
        "/states/a/invoke/candidates/users",
        invoking(src="human", candidates={"users": "ada"}),
    ),
    (
        "wrong-type",
        "/states/a/invoke/candidates/roles/1",
        invoking(src="human", candidates={"roles": ["cook", ""]}),
    ),
    (
        "wrong-type",
        "/states/a/invoke/candidates/roles",
        invoking(src="human", candidates={"roles": ["cook"] * 51}),
    ),
    (
        "unknown-key",
        "/states/a/invoke/candidates/groups",
        invoking(src="human", candidates={"groups": ["cook"]}),
    ),
    ("wrong-type", "/states/a/invoke/form", invoking(src="human", form="none")),
    (
        "bad-form",
        "/states/a/invoke/form/properties/name/pattern",
        invoking(src="human", form={"properties": {"name": {"pattern": "(?!x)"}}}),
    ),
    (
        "bad-form",
        "/states/a/invoke/form/properties/next/$ref",
        invoking(src="human", form={"properties": {"next": {"$ref": "#"}}}),
    ),
    (
        "bad-form",
        "/states/a/invoke/form/properties/amount/minimum",
        invoking(src="human", form={"properties": {"amount": {"minimum": "1"}}}),
    ),
    ("bad-form", "/states/a/invoke/form", invoking(src="human", form={"title": "x" * 17_000})),
    ("bad-delay", "/states/a/invoke/dueIn", invoking(src="human", dueIn="soon")),
    (
        "quorum-out-of-reach",
        "/states/a/invoke/quorum",
        asking(candidates={"roles": ["boss"]}, quorum={"approvals": 3, "of": 2}),
    ),
    (
        "quorum-out-of-reach",
        "/states/a/invoke/quorum",
        asking(candidates={"users": ["ada"]}, quorum={"approvals": 2, "of": 2}),
    ),
    (
        "quorum-out-of-reach",
        "/states/a/invoke/quorum",
        asking(quorum={"approvals": expr("1"), "of": expr("2")}),
    ),
    ("wrong-type", "/states/a/invoke/quorum", asking(quorum=2)),
    ("wrong-type", "/states/a/invoke/quorum", asking(quorum={"approvals": 2})),
    ("wrong-type", "/states/a/invoke/quorum/of", asking(quorum={"approvals": 2, "of": 21})),
    (
        "unknown-key",
        "/states/a/invoke/quorum/most",
        asking(candidates={"users": ["ada"]}, quorum={"approvals": 1, "of": 1, "most": 1}),
    ),
    (
        "decided-by-no-task",
        "/states/a/invoke/notBy/tasks/0",
        asking(candidates={"roles": ["boss"]}, notBy={"tasks": ["drafts"]}),
    ),
    ("wrong-type", "/states/a/invoke/notBy", asking(notBy="starter")),
    ("wrong-type", "/states/a/invoke/notBy/tasks", asking(notBy={"tasks": "draft"})),
    ("wrong-type", "/states/a/invoke/notBy/tasks/0", asking(notBy={"tasks": [1]})),
    ("wrong-type", "/states/a/invoke/notBy/starter", asking(notBy={"starter": "ada"})),
    ("wrong-type", "/states/a/invoke/notBy/users", asking(notBy={"users": "ada"})),
    (
        "no-due-time",
        "/states/a/invoke/reminders/0",
        asking(reminders=[{"before": "PT1H"}]),
    ),
    (
        "no-due-time",
        "/states/a/invoke/escalations/0",
        asking(escalations=[{"overdue": "PT1H", "priority": 50}]),
    ),
    ("wrong-type", "/states/a/invoke/reminders", asking(reminders="PT1H")),
    ("wrong-type", "/states/a/invoke/reminders/0", asking(reminders=["PT1H"])),
    (
        "wrong-type",
        "/states/a/invoke/reminders/0",
        asking(dueIn="P1D", reminders=[{"before": "PT1H", "after": "PT1H"}]),
    ),
    (
        "bad-duration",
        "/states/a/invoke/reminders/0/before",
        asking(dueIn="P1D", reminders=[{"before": "P1M"}]),
    ),
    (
        "reserved-event",
        "/states/a/invoke/reminders/0/event",
        asking(dueIn="P1D", reminders=[{"after": "PT0S", "event": "xstate.init"}]),
    ),
    (
        "wrong-type",
        "/states/a/invoke/reminders/0/event",
        asking(dueIn="P1D", reminders=[{"after": "PT0S", "event": 5}]),
    ),
    ("wrong-type", "/states/a/invoke/escalations/0", asking(escalations=[{"openFor": "PT1H"}])),
    ("wrong-type", "/states/a/invoke/escalations/0", asking(escalations=[{"priority": 1}])),
    (
        "wrong-type",
        "/states/a/invoke/escalations/0/priority",
        asking(escalations=[{"openFor": "PT1H", "priority": 101}]),
    ),
    (
        "wrong-type",
        "/states/a/invoke/escalations/0/fail",
        asking(escalations=[{"openFor": "PT1H", "fail": "yes"}]),
    ),
    (
        "wrong-type",
        "/states/a/invoke/escalations/0/assignTo",
        asking(escalations=[{"openFor": "PT1H", "assignTo": ""}]),
    ),
    (
        "wrong-type",
        "/states/a/invoke/escalations/0/addCandidates",
        asking(escalations=[{"openFor": "PT1H", "addCandidates": ["boss"]}]),
    ),
    ("word-not-for-task", "/states/a/invoke/quorum", invoking(quorum={"approvals": 1, "of": 1})),
    ("wrong-type", "/states/a/invoke/version", invoking(src="workflow.x", version=0)),
    ("wrong-type", "/states/a/invoke/businessKey", invoking(src="workflow.x", businessKey=5)),
    ("wrong-type", "/states/a/invoke/onParentClose", invoking(src="workflow.x", onParentClose="x")),
    ("wrong-type", "/states/a/invoke/join", invoking(forEach=[1], join=0)),
    ("ai-without-events", "/states/a/invoke", invoking(src="ai")),
    ("ai-without-events", "/states/a/invoke", invoking(src="ai", events=[])),
    (
        "ai-outcome-awaited",
        "/states/a/invoke/onDone",
        flat(
            {
                "on": {"APPROVE": "b"},
                "invoke": {"src": "ai", "events": ["APPROVE"], "onDone": "b", "onError": "b"},
            }
        ),
    ),
    (
        "ai-outcome-awaited",
        "/states/a/invoke/forEach",
        invoking(src="ai", events=["GO"], forEach=[1]),
    ),
    (
        "ai-outcome-awaited",
        "/states/a/invoke/compensation/src",
        invoking(compensation={"src": "ai", "events": ["GO"]}),
    ),
    (
        "word-not-for-task",
        "/states/a/invoke/compensation",
        invoking(src="ai", events=["GO"], compensation={"src": "system.undo"}),
    ),
    ("ai-event-not-accepted", "/states/a/invoke/events/1", choosing("APPROVE", "DENY")),
    (
        "bad-guardrails",
        "/guardrails/mode",
        {**choosing("APPROVE"), "guardrails": {"mode": "always"}},
    ),
    ("bad-guardrails", "/guardrails", {**choosing("APPROVE"), "guardrails": []}),
    ("wrong-type", "/guardrails", {**choosing("APPROVE"), "guardrails": None}),
    (
        "bad-guardrails",
        "/states/a/invoke/guardrails/decisions/APPROVE/rsik",
        restricted({"decisions": {"APPROVE": {"rsik": "low"}}}),
    ),
    (
        "limit-exceeded",
        "/states/a/invoke/guardrails",
        restricted({"instructions": "x" * 70_000}),
    ),
    ("word-not-for-task", "/states/a/invoke/guardrails", invoking(guardrails={})),
    (
        "ai-event-not-accepted",
        "/states/a/on/GO/actions/params/events/0",
        acting({"type": "createTask", "params": {"src": "ai", "events": ["DENY"]}}),
    ),
    (
        "ai-event-not-accepted",
        "/states/a/invoke/events/0",
        {"on": {"APPROVE": ".b"}, **choosing("APPROVE", on={"APPROVE": {}})},
    ),
    ("reserved-event", "/states/a/invoke/events/0", choosing("xstate.stop")),
    ("reserved-event", "/states/a/invoke/events/0", choosing("*")),
    ("wrong-type", "/states/a/invoke/events", invoking(src="ai", events="GO")),
    ("wrong-type", "/states/a/invoke/events/1", choosing("APPROVE", "APPROVE")),
    ("wrong-type", "/states/a/invoke/policy", invoking(src="ai", events=["BACK"], policy=5)),
    (
        "wrong-type",
        "/states/a/on/GO/actions/params/type",
        acting({"type": "createTask", "params": {"src": "http", "type": "HTTP"}}),
    ),
]

WARNINGS: list[tuple[str, str, Any]] = [
    (
        "ai-nothing-to-choose",
        "/states/a/invoke/events",
        restricted({"denied_events": ["APPROVE"]}),
    ),
    (
        "ai-nothing-to-choose",
        "/states/a/invoke/events",
        restricted(
            {"decisions": {"APPROVE": {}}}, guardrails={"decisions": {"APPROVE": {"act": "never"}}}
        ),
    ),
    ("initial-is-final", "/initial", {"initial": "a", "states": {"a": FINAL}}),
    (
        "initial-is-history",
        "/initial",
        {"initial": "h", "states": {"h": {"type": "history", "target": "a"}, "a": {}}},
    ),
    (
        "guarded-eventless-cycle",
        "/states/a/always",
        {
            "context": {"n": 0},
            "initial": "a",
            "states": {
                "a": {"always": {"guard": expr("context.n == 0"), "target": "b"}},
                "b": {"always": "a"},
            },
        },
    ),
    ("raise-cycle", "/states/a/on/GO", flat({"on": {"GO": {"actions": raised("GO")}, "OUT": "b"}})),
    (
        "unreachable-state",
        "/states/c",
        {"initial": "a", "states": {"a": GO, "b": {"on": {"X": "a"}}, "c": {"on": {"X": "a"}}}},
    ),
    ("dead-end", "/states/b", {"initial": "a", "states": {"a": GO, "b": {}}}),
    (
        "final-out-of-reach",
        "/states/b",
        {
            "initial": "a",
            "states": {
                "a": {"on": {"GO": "b", "OK": "f"}},
                "b": {"on": {"X": "c"}},
                "c": {"on": {"X": "b"}},
                "f": FINAL,
            },
        },
    ),
    (
        "history-of-active",
        "/states/a/on/GO",
        {"initial": "a", "states": {"a": {"on": {"GO": "h"}}, "h": {"type": "history"}}},
    ),
    (
        "too-many-combinations",
        "",
        {
            "type": "parallel",
            "states": {
                f"r{n}": {"initial": "a", "states": {k: {"on": {"X": "a"}} for k in "abc"}}
                for n in range(9)
            },
        },
    ),
    ("shadowed-transition", "/states/a/on/GO/1", on(["b", {"target": "a"}])),
    (
        "regions-disagree",
        "/states/p",
        {
            "initial": "p",
            "states": {
                "p": {
                    "type": "parallel",
                    "states": {"l": {"on": {"GO": "#x"}}, "r": {"on": {"GO": "#x"}}},
                },
                "x": {"id": "x"},
            },
        },
    ),
    ("child-hides-parent", "/states/a/on/GO", {"on": {"GO": ".b"}, **on("b")}),
    ("raised-to-nobody", "/states/a/on/GO/actions", acting(raised("NOBODY"))),
    (
        "wildcard-swallows",
        "/states/a/states/x/on/*",
        flat({"after": {"10": "b"}, "initial": "x", "states": {"x": {"on": {"*": "x"}}}}),
    ),
    (
        "wildcard-swallows",
        "/states/a/on/*",
        {
            "type": "parallel",
            "states": {
                "a": {"on": {"*": {"target": "a", "reenter": True}}},
                "b": {"initial": "x", "states": {"x": {"after": {"10": "y"}}, "y": {}}},
            },
        },
    ),
    (
        "http-input-unread",
        "/states/a/invoke/input/ulr",
        flat({"invoke": {"src": "http", "input": {"ulr": "https://x"}, "onError": "b"}}),
    ),
    (
        "http-input-unread",
        "/states/a/invoke/input",
        flat({"invoke": {"src": "http", "input": {"json": expr("context")}, "onError": "b"}}),
    ),
    ("http-input-unread", "/states/a/invoke", flat({"invoke": {"src": "http", "onError": "b"}})),
    (
        "email-input-unread",
        "/states/a/invoke/input/subjet",
        flat({"invoke": {"src": "email", "input": {"to": "x", "subjet": "hello"}, "onError": "b"}}),
    ),
    ("email-input-unread", "/states/a/invoke", flat({"invoke": {"src": "email", "onError": "b"}})),
    (
        "task-without-error-path",
        "/states/a/invoke",
        flat({"invoke": {"src": "http", "onDone": "b"}}),
    ),
    (
        "task-without-error-path",
        "/states/a/on/GO/actions/params",
        acting({"type": "createTask", "params": TASK}),
    ),
    (
        "wait-without-deadline",
        "/states/a/invoke",
        flat({"invoke": {"src": "human", "onDone": "b", "onError": "b"}}),
    ),
    (
        "unknown-context-key",
        "/states/a/on/GO/guard/@expr",
        guarded(expr("context.amuont > 1"), context={"amount": 1}),
    ),
    (
        "ambiguous-target",
        "/states/a/on/GO",
        flat({"initial": "b", "states": {"b": {}}, "on": {"GO": "b"}}),
    ),
    (
        "parallel-never-done",
        "",
        {
            "type": "parallel",
            "states": {
                "l": {"initial": "x", "states": {"x": {"on": {"GO": "f"}}, "f": FINAL}},
                "r": {"on": {"GO": {"actions": []}}},
            },
        },
    ),
    ("wait-without-exit", "/states/a", {"initial": "a", "states": {"a": {"invoke": HTTP}}}),
    ("outcome-of-no-task", "/states/a/on/task.x.done", flat({"on": {"task.x.done": "b"}})),
    (
        "outcome-of-no-task",
        "/states/a/on/xstate.done.actor.x",
        flat({"on": {"xstate.done.actor.x": "b"}}),
    ),
    (
        "shadowed-transition",
        "/states/a/on/GO/1",
        on([{"target": "b", "guard": expr("event.x")}, {"target": "a", "guard": expr("event.x")}]),
    ),
    (
        "raise-cycle",
        "/states/a/on/ONE",
        flat(
            {
                "on": {
                    "ONE": {"actions": raised("TWO")},
                    "TWO": {"actions": raised("ONE")},
                    "OUT": "b",
                }
            }
        ),
    ),
]
