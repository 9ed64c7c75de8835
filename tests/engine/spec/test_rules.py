"""Every rule of the validator: what it refuses or warns of, and what it lets pass."""

import json
from typing import Any

import pytest

from control_plane.engine import SpecInvalid, check_spec, compile_spec
from control_plane.engine.diagnostics import Diagnostic
from tests.engine.telling import assign, expr, raised


def found(spec: Any) -> tuple[Diagnostic, ...]:
    return check_spec(spec)[1]


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


TASK = {"name": "x", "type": "HTTP"}
GO = {"on": {"GO": "b"}}
FINAL = {"type": "final"}
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
        "initial-is-history",
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
    ("unknown-task-type", "/states/a/invoke", invoking(src="htpp")),
    ("unknown-task-type", "/states/a/invoke", invoking(src="system")),
    ("unknown-task-type", "/states/a/invoke", invoking(src="http.get")),
    ("unknown-task-type", "/states/a/invoke", invoking(src="workflow")),
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
    ("wrong-type", "/states/a/invoke/retry/cap", invoking(retry={"cap": "P2D"})),
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
    ("without-for-each", "/states/a/invoke/join", invoking(join="any")),
    ("wrong-type", "/states/a/invoke/forEach", invoking(forEach=5)),
    ("wrong-type", "/states/a/invoke/forEach", invoking(forEach=expr("1"))),
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
    ("limit-exceeded", "", {"on": {f"E{n}": {"actions": []} for n in range(2001)}}),
    ("limit-exceeded", "/states/s" * 10, DEEP),
    ("limit-exceeded", "", json.dumps({"description": "x" * 600_000})),
    ("limit-exceeded", "", '{"meta":' + "[" * 70 + "]" * 70 + "}"),
    (
        "limit-exceeded",
        "/actions/a4992",
        {"actions": {**{f"a{n}": f"a{n + 1}" for n in range(5000)}, "a5000": []}},
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
    ("not-json", "", '{"meta": 9223372036854775808}'),
    ("not-json", "", b"\xff"),
    ("not-json", "", "[" * 5000),
    ("not-json", "", {"meta": object()}),
]

WARNINGS: list[tuple[str, str, Any]] = [
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
]

GOOD: list[Any] = [
    {"on": {"GO": {"actions": assign(n=1)}}},
    {
        "on": {"GO": {"actions": assign(n=1)}},
        "$schema": "https://example.com/s.json",
        "version": "1",
        "description": "d",
        "meta": {"x": 1},
    },
    on("b"),
    on([{"target": "b", "guard": expr("event.x == 1")}, "a"]),
    on({"target": "b", "description": "d", "meta": {}, "reenter": True}),
    flat({"tags": "t", "on": {"GO": "b"}}),
    flat({"on": {"*": "b", "a.*": "b", "GO": {"target": ""}}}),
    flat({"after": {"1000": "b", "PT5S": ["b"]}}),
    flat({"always": {"actions": [{"type": "@log", "args": [1]}]}, "on": {"GO": "b"}}),
    guarded(
        {"type": "@and", "guards": ["g", {"type": "@not", "guard": expr("false")}]},
        guards={"g": {"when": expr("true"), "description": "d"}},
    ),
    acting(["n", {"type": "n", "params": {"x": 1}}], actions={"n": assign(k=expr("1"))}),
    guarded(expr("!has(context.maybe) || context.maybe > 1"), context={}),
    guarded(expr("context.any > 1"), context=expr("event.input")),
    invoking(id="x", timeout=5000, retry={"maxAttempts": 2, "cap": "PT1M"}),
    invoking(src="timer", input={"delay": "PT1S"}),
    invoking(src="human", timeout="P2D"),
    invoking(forEach=expr("event.items"), input=expr("item"), concurrency=2, join="settled"),
    invoking(compensation={"src": "system.undo", "input": expr("event.output")}),
    {
        "initial": "p",
        "states": {
            "p": {"type": "parallel", "states": {"l": {"on": {"GO": "#x"}}, "r": {}}},
            "x": {"id": "x", "on": {"BACK": "p"}},
        },
    },
    {
        "initial": "a",
        "states": {
            "a": {"on": {"GO": {"target": ["p.l.y", "p.r.y"]}}},
            "p": {
                "type": "parallel",
                "on": {"OUT": "a"},
                "states": {k: {"initial": "x", "states": {"x": {}, "y": {}}} for k in "lr"},
            },
        },
    },
    {
        "id": "order",
        "initial": "a",
        "states": {"a": {"on": {"GO": "#order.b"}}, "b": {"on": {"X": "#order"}}},
    },
    {
        "initial": "a",
        "states": {"a": {"always": {"target": "a"}, "on": {"GO": "b"}}, "b": {"on": {"X": "a"}}},
    },
]


GOOD.append(
    {
        "initial": "a",
        "always": {"target": ".f", "actions": assign(n=1)},
        "states": {"a": {"on": {"X": "f"}}, "f": FINAL},
    }
)


def named(case: tuple[str, str, Any]) -> str:
    return f"{case[0]} {case[1][-40:]}"


class TestASpecWithAMistake:
    @pytest.mark.parametrize(("rule", "pointer", "spec"), ERRORS, ids=map(named, ERRORS))
    def test_is_refused_with_the_rule_the_place_and_a_remedy(
        self, rule: str, pointer: str, spec: Any
    ) -> None:
        """An author is told where to look and what to do, not only that something is wrong."""
        machine, diagnostics = check_spec(spec)
        errors = [one for one in diagnostics if one.severity == "error"]

        assert machine is None
        assert (rule, pointer) in [(one.rule, one.json_pointer) for one in errors]
        assert all(one.message and one.remedy for one in errors)
        assert all(len(one.message) < 500 for one in errors)

    def test_cannot_be_compiled(self) -> None:
        """The exception carries everything that was found."""
        with pytest.raises(SpecInvalid, match="/states/a/on/GO: 'c' names no state") as refused:
            compile_spec(on("c"))

        assert "unknown-target" == refused.value.diagnostics[0].rule

    def test_is_told_of_all_its_mistakes_at_once(self) -> None:
        """One round trip for an author, not one a mistake."""
        spec = flat({"on": {"GO": "c", "X": {"guard": "nope"}}, "after": {"soon": "b"}})

        assert ["bad-delay", "unknown-guard", "unknown-target"] == sorted(
            one.rule for one in found(spec) if one.severity == "error"
        )

    def test_is_offered_the_word_that_was_meant(self) -> None:
        """A typing error is the commonest mistake."""
        (first, *_) = found(on({"taget": "b"}))

        assert "did you mean 'target'?" == first.remedy

    def test_is_told_of_errors_whatever_the_number_of_warnings(self) -> None:
        """Neither floods the other: two hundred of each at most."""
        states: dict[str, Any] = {f"s{n}": {} for n in range(400)}
        states["s0"] = {"always": "s1"}
        states["s1"] = {"always": "s0"}
        diagnostics = found({"initial": "s0", "states": states})

        assert "error" == diagnostics[0].severity
        assert len(diagnostics) <= 400

    def test_is_not_compared_with_every_word_when_everything_is_wrong(self) -> None:
        """Looking for the word that was meant is slow: thousands of mistakes must not be."""
        spec = {
            "actions": {f"act{n}": [] for n in range(5000)},
            "entry": [f"atc{n}" for n in range(5000)],
        }

        assert ["unknown-action"] * 200 == [
            one.rule for one in found(spec) if one.severity == "error"
        ]
        assert "correct the others first" == found(spec)[199].remedy


class TestASpecThatMayBeAMistake:
    @pytest.mark.parametrize(("rule", "pointer", "spec"), WARNINGS, ids=map(named, WARNINGS))
    def test_is_compiled_with_a_warning(self, rule: str, pointer: str, spec: Any) -> None:
        """It is legal, and seldom what was meant."""
        machine, diagnostics = check_spec(spec)

        assert machine is not None
        assert (rule, pointer, "warning") in [
            (one.rule, one.json_pointer, one.severity) for one in diagnostics
        ]


class TestASpecWithoutMistakes:
    @pytest.mark.parametrize("spec", GOOD, ids=lambda spec: json.dumps(spec)[:60])
    def test_is_compiled_without_a_word(self, spec: Any) -> None:
        """A rule that cries wolf is switched off in people's minds."""
        assert () == found(spec)

    def test_is_known_by_the_hash_of_its_text(self) -> None:
        """The text as it was stored: another white space is another spec."""
        one, other = compile_spec('{"id": "m"}'), compile_spec('{"id":"m"}')

        assert one.spec_hash != other.spec_hash
        assert other.spec_hash == compile_spec({"id": "m"}).spec_hash
        assert 64 == len(one.spec_hash)

    def test_says_what_its_tasks_need(self) -> None:
        """So that a definition nobody can execute is seen when it is activated."""
        machine = compile_spec(
            {
                "initial": "a",
                "states": {
                    "a": {"invoke": [{"src": "system.f"}, {"src": "human"}]},
                    "b": {
                        "entry": {"type": "createTask", "params": {"name": "x", "src": "system.g"}}
                    },
                },
            }
        )

        assert frozenset({"SYSTEM", "HUMAN"}) == machine.task_types
        assert frozenset({"f", "g"}) == machine.functions
        assert frozenset() == machine.needs
