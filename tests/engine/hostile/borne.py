"""
Specs that are meant to do harm and are legal: what their instances are told, and what stops them.

What stops the last event, or the start where there is none, is a limit's name, or why it was
refused; "" that it is carried out. Every event brings PAYLOAD.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from tests.engine.telling import assign, expr, raised

TASK: Final[dict[str, Any]] = {"type": "createTask", "params": {"name": "x", "type": "HTTP"}}
COUNT: Final = assign(n=expr("context.n + 1"))


def chain(count: int, order: Callable[[int], list[int]] = lambda n: list(range(n))) -> Any:
    states: dict[str, Any] = {f"s{n}": {"on": {"GO": f"s{n + 1}"}} for n in order(count - 1)}
    return {"initial": "s0", "states": {**states, f"s{count - 1}": {"type": "final"}}}


def shuffled(count: int) -> list[int]:
    return sorted(range(count), key=lambda n: (n * 7919) % count)


def regions(count: int, region: Callable[[int], dict[str, Any]], **root: Any) -> dict[str, Any]:
    return {"type": "parallel", "states": {f"r{n}": region(n) for n in range(count)}, **root}


def flipping(number: int) -> dict[str, Any]:
    """A region that turns over whenever the counter says so, as a digit of a binary number."""
    turn = expr(f"context.n % {2 ** (number % 10 + 1)} == {2 ** (number % 10)}")
    return {
        "initial": "a",
        "states": {
            "a": {"on": {"TICK": {"guard": turn, "target": "b"}}},
            "b": {"on": {"TICK": {"guard": turn, "target": "a"}}},
        },
    }


def ticking(**states: Any) -> dict[str, Any]:
    """What answers TICK by raising it again, and counts."""
    return {"context": {"n": 0}, "on": {"TICK": {"actions": [COUNT, raised("TICK")]}}, **states}


def counting(count: int) -> dict[str, Any]:
    """Regions that turn over like the digits of a number, and one that counts."""
    clock = {"on": {"TICK": {"actions": [COUNT, raised("TICK")]}}}
    return regions(count, lambda n: flipping(n) if n else clock, context={"n": 0})


def spinning(a: dict[str, Any], **root: Any) -> dict[str, Any]:
    """Two states that follow on each other nine hundred times without an event."""
    again = {"guard": expr("context.n < 900"), "target": "b", "actions": COUNT}
    return {
        "context": {"n": 0},
        "initial": "a",
        "states": {"a": {"always": again, **a}, "b": {"always": "a"}},
        **root,
    }


def deep(inner: Any, around: Callable[[Any], Any], depth: int) -> Any:
    for _ in range(depth):
        inner = around(inner)
    return inner


def nested_parallels(depth: int) -> Any:
    state: dict[str, Any] = {"on": {"GO": {"actions": []}}}
    for _ in range(depth):
        state = {"type": "parallel", "states": {"l": state, "r": json.loads(json.dumps(state))}}
    return state


def fan(names: int, each: int, leaf: list[Any]) -> dict[str, Any]:
    levels = {f"a{n}": [f"a{n + 1}"] * each for n in range(names)}
    return {"actions": {**levels, f"a{names}": leaf}, "entry": "a0"}


def guard_fan(names: int, each: int) -> dict[str, Any]:
    levels = {
        f"g{n}": {"when": {"type": "@and", "guards": [f"g{n + 1}"] * each}} for n in range(names)
    }
    return {
        "guards": {**levels, f"g{names}": {"when": expr("true")}},
        "on": {"GO": {"guard": "g0", "actions": COUNT}},
        "context": {"n": 0},
    }


LONG: Final = " && ".join(["context.n >= 0"] * 110)
"""A guard as long as it may be."""

BIG: Final = "x" * 300_000


def told_often(action: dict[str, Any]) -> dict[str, Any]:
    return {"actions": {"tell": action}, "on": {"GO": {"actions": ["tell"] * 90}}}


def histories(count: int) -> dict[str, Any]:
    """Deep histories of a wide parallel state that is left and entered over and over."""
    inside = {"type": "history", "history": "deep"}
    states = {
        f"r{n}": {
            "initial": "a",
            "states": {"a": {"on": {f"E{n % 9}": "b"}}, "b": {}, "h": inside},
        }
        for n in range(count)
    }
    return {
        "context": {"n": 0},
        "initial": "p",
        "states": {
            "p": {
                "type": "parallel",
                "states": {**states, "all": {"type": "history", "history": "deep"}},
                "always": {"guard": expr("context.n % 2 == 0"), "target": "q", "actions": COUNT},
            },
            "q": {"always": {"target": "p.all", "actions": COUNT}},
        },
    }


NAMES: Final = (
    "constructor",
    "__init__",
    "toString",
    "hasOwnProperty",
    "prototype",
    "self",
    "None",
)
GO: Final = ("GO",)
PAYLOAD: Final = {"x": "((a{0,60}){0,60})+$"}

BORNE: Final[list[tuple[str, Callable[[], Any], tuple[str, ...], str]]] = [
    # large and harmless
    ("a chain", lambda: chain(498), GO, ""),
    ("a chain written backwards", lambda: chain(498, lambda n: list(reversed(range(n)))), GO, ""),
    ("a chain written in no order", lambda: chain(498, shuffled), GO, ""),
    ("every state to every other", lambda: {"initial": "s0", "states": {
        f"s{n}": {"on": {f"E{k}": f"s{(n * 7 + k) % 100}" for k in range(19)}, "always": {
            "guard": expr("false"), "target": f"s{(n + 1) % 100}"}} for n in range(100)}},
     ("E1",), ""),
    ("guarded eventless transitions from everywhere to everywhere", lambda: {
        "initial": "s0", "states": {f"s{n}": {"always": [
            {"guard": expr("false"), "target": f"s{(n + k) % 499}"} for k in (1, 2, 250, 498)]}
            for n in range(499)}}, ("X",), "EVENT_NOT_ACCEPTED"),
    ("eventless transitions into everything", lambda: {"initial": "x", "states": {
        "x": {"always": [{"guard": expr("false"), "target": "p"}] * 500},
        "p": {"type": "parallel", "states": {f"r{n}": {"always": [
            {"guard": expr("false"), "target": "#x"}] * 3} for n in range(490)}},
        "y": {"id": "x"}}}, ("X",), "EVENT_NOT_ACCEPTED"),
    ("as many values as fit", lambda: {"meta": list(range(49_990))}, ("X",), "EVENT_NOT_ACCEPTED"),
    ("a context of small things", lambda: {"context": {f"k{n}": n for n in range(18_000)},
     "on": {"GO": {"actions": assign(k1=expr("context.k2"))}}}, GO, ""),
    ("expressions that are alike", lambda: {"context": {
        f"k{n}": expr("1 + 1") for n in range(10_000)}}, ("X",), "EVENT_NOT_ACCEPTED"),
    ("names of JavaScript and Python", lambda: {"initial": NAMES[0], "context": {
        "__proto__": 1, "__class__": 2}, "states": {name: {"id": f"{name}x", "on": {
            other: other for other in NAMES}, "entry": assign(**{name: expr("context.__proto__")})}
            for name in NAMES}}, NAMES, ""),
    ("events named like attributes", lambda: {"on": {"__class__": {"actions": assign(a=1)}}},
     ("__class__",), ""),
    ("an injected pattern", lambda: {"on": {"GO": {"guard": expr(
        "context.text.matches(event.x)"), "actions": []}}, "context": {"text": "a" * 9_000}}, GO,
     "EXPRESSION_FAILED"),
    ("a ReDoS", lambda: {"context": {"x": "a" * 2_000 + "!"}, "on": {"GO": {"guard": expr(
        "context.x.matches('^(a|a)*(a|aa)+$')"), "actions": assign(y=1)}}}, GO,
     "EVENT_NOT_ACCEPTED"),
    ("macros inside macros", lambda: {"context": {"l": list(range(1_000))}, "on": {"GO": {
        "guard": expr("context.l.all(x, context.l.all(y, x + y >= 0))"), "actions": []}}}, GO,
     "EXPRESSION_FAILED"),
    ("macros in every guard", lambda: {"context": {"l": list(range(400))}, "on": {"GO": [{
        "guard": expr("context.l.exists(x, x < 0)"), "actions": []}] * 1_900}}, GO,
     "EXPRESSION_FAILED"),
    ("guards nested deep", lambda: {"on": {"GO": {"guard": deep(expr("true"), lambda one: {
        "type": "@not", "guard": one}, 28), "actions": assign(n=1)}}}, GO, ""),
    ("conditions nested deep", lambda: {"on": {"GO": {"actions": deep(assign(n=1), lambda one: {
        "type": "@if", "branches": [{"actions": one}]}, 14)}}}, GO, ""),
    ("guards that are asked again and again", lambda: {"context": {"n": 0}, "on": {"TICK": [
        *[{"guard": expr("context.n < 0"), "actions": []}] * 1_900,
        {"actions": [COUNT, raised("TICK")]}]}}, ("TICK",), "work per event"),
    ("a long guard under a name", lambda: {"context": {"n": 0}, "guards": {"g": {"when": {
        "type": "@and", "guards": [expr(LONG)] * 100}}}, "on": {"GO": [{"guard": {
            "type": "@not", "guard": "g"}, "actions": []}] * 1_900}}, GO, "work per event"),
    ("everything at once", lambda: {
        "context": {"n": 0, "l": list(range(280))},
        "actions": {"count": COUNT, "counts": ["count"] * 90},
        "on": {
            "GO": {"guard": expr("context.l.all(x, context.l.all(y, x + y >= 0))"),
                   "actions": [*["counts"] * 40, raised("TICK")]},
            "TICK": {"guard": expr("context.n < 4500"), "actions": [COUNT, raised("TICK")]},
        }}, GO, ""),
    # wide parallel states
    ("eventless transitions above every region", lambda: regions(
        480, lambda n: {}, context={"n": 0},
        always=[{"guard": expr("false"), "actions": COUNT}] * 500), (), "work per event"),
    ("regions that are all done at once", lambda: {"initial": "p", "states": {"p": regions(
        240, lambda n: {"initial": "a", "states": {"a": {"type": "final"}}})}}, (), ""),
    ("all regions left and entered again and again", lambda: regions(480, lambda n: {}, on={
        "GO": {"target": ".r0", "reenter": True, "actions": [raised("GO")]}}), GO,
     "work per event"),
    ("regions", lambda: regions(240, lambda n: {"initial": "a", "states": {"a": {"on": {
        "GO": "a"}}}}), GO, ""),
    ("regions that all leave", lambda: {"initial": "p", "states": {"p": regions(490, lambda n: {
        "on": {"GO": "#x", "A": "#x", "B": "#x", "C": "#x"}}), "x": {"id": "x"}}}, GO, ""),
    ("regions that all leave for each other", lambda: regions(
        240, lambda n: {"on": {"GO": f"#(machine).r{(n + 1) % 240}"}}), GO, ""),
    ("regions with final states", lambda: {"initial": "p", "states": {"p": regions(
        160, lambda n: {"initial": "a", "states": {"a": {"on": {"GO": "b"}}, "b": {
            "type": "final"}}}, onDone="x"), "x": {}}}, GO, ""),
    ("regions that are asked each other's state", lambda: regions(150, lambda n: {
        "initial": "a", "states": {"a": {"on": {"GO": {"target": "b", "guard": {
            "type": "@stateIn", "state": f"#(machine).r{(n + 1) % 150}.a"}}}}, "b": {}}}), GO, ""),
    ("parallel in parallel", lambda: nested_parallels(7), GO, ""),
    ("many targets many times", lambda: {"initial": "p", "states": {"p": regions(
        80, lambda n: {"initial": "a", "states": {"a": {}}}, on={f"E{k}": {
            "target": [f".r{n}.a" for n in range(80)]} for k in range(120)})}}, ("E3",), ""),
    ("a counter of regions", lambda: counting(150), ("TICK",), "work per event"),
    ("a counter of regions that are left", lambda: {**spinning(regions(240, lambda n: {
        "initial": "a", "states": {"a": {}}}))}, (), "work per event"),
    ("deep histories of regions", lambda: histories(110), (), "work per event"),
    # loops
    ("raising without end", lambda: ticking(initial="a", states={"a": {}}), ("TICK",),
     "microsteps per event"),
    ("raising several for each", lambda: {"on": {"TICK": {"actions": [raised("TICK")] * 50}}},
     ("TICK",), "raised events waiting"),
    ("raising under new names", lambda: {"context": {"n": 0}, "on": {**{
        f"x{n}.*": {} for n in range(1_900)}, "*": {"actions": [COUNT, {
            "type": "@raise", "event": {"type": expr("'E' + string(context.n)")}}]}}}, ("GO",),
     "microsteps per event"),
    ("raising under long names", lambda: {"context": {"n": 0, "x": "a." * 100_000}, "on": {
        "GO": {"actions": {"type": "@raise", "event": {"type": expr("context.x")}}}}}, GO,
     "EXPRESSION_FAILED"),
    ("eventless transitions without end", lambda: spinning({"always": {
        "guard": expr("context.n >= 0"), "target": "b", "actions": COUNT}}), (),
     "microsteps per event"),
    ("entering what starts tasks", lambda: spinning({"invoke": [{"src": "http"}] * 100}), (),
     "work per event"),
    ("leaving what started tasks, with many open", lambda: spinning({
        "invoke": {"src": "http"}}, entry=[TASK] * 90), (), "microsteps per event"),
    ("entering what arms timers", lambda: spinning({"after": {str(n): "b" for n in range(900)}}),
     (), "work per event"),
    ("timers without names", lambda: {"entry": [raised("X", delay=n) for n in range(1_000)]}, (),
     ""),
    ("timers without names, one too many", lambda: {"entry": [raised("X", delay=5)] * 1_001}, (),
     "armed timers"),
    ("tasks of one transition", lambda: {"entry": [TASK] * 101}, (), "tasks per transition"),
    ("tasks of many transitions", lambda: {"context": {"n": 0}, "on": {"GO": {"actions": [
        *[TASK] * 90, raised("GO")]}}}, GO, "open tasks per instance"),
    ("a fan-out", lambda: {"entry": {"type": "createTask", "params": {**TASK["params"],
        "forEach": [{"n": n} for n in range(1_000)], "input": expr("item.n")}}}, (), ""),
    ("fan-outs", lambda: {"entry": [{"type": "createTask", "params": {**TASK["params"],
        "forEach": expr("context.l"), "concurrency": 1, "input": expr("context.l")}}] * 100,
        "context": {"l": list(range(1_000))}}, (), "EXPRESSION_FAILED"),
    ("fan-outs of nothing new", lambda: {"entry": [{"type": "createTask", "params": {
        **TASK["params"], "forEach": list(range(1_000)), "concurrency": 1}}] * 40}, (),
     "waiting tasks per instance"),
    ("a fan-out of large inputs", lambda: {"entry": {"type": "createTask", "params": {
        **TASK["params"], "forEach": list(range(1_000)), "input": {
            f"k{n}": expr("1") for n in range(5_000)}}}}, (), "work per event"),
    ("a large task many times", lambda: told_often({"type": "createTask", "params": {
        **TASK["params"], "input": BIG}}), GO, "work per event"),
    ("a large event many times", lambda: told_often({"type": "@emit", "event": {
        "type": "X", "data": BIG}}), GO, "work per event"),
    ("an event of many dots", lambda: {"context": {"n": 0}, "on": {"*": {"actions": [COUNT, {
        "type": "@raise", "event": {"type": expr("'" + "a." * 95 + "' + string(context.n)")}}]}}},
     GO, "EXPRESSION_FAILED"),
    ("an event with a long name", lambda: {"context": {"x": "a." * 30_000}, "on": {
        "GO": {"actions": {"type": "@raise", "event": {"type": expr("context.x")}}}}}, GO,
     "EXPRESSION_FAILED"),
    ("events told", lambda: {"entry": [{"type": "@emit", "event": {"type": "X"}}] * 101}, (),
     "emitted events per event"),
    ("actions all at once", lambda: {"entry": ["n"] * 45_000, "actions": {"n": []}}, (),
     "work per event"),
    ("actions of every microstep", lambda: spinning({"entry": [{"type": "@cancel", "id": "x"}]
        * 9_000}), (), "work per event"),
    ("actions that multiply", lambda: fan(7, 100, []), (), "work per event"),
    ("guards that multiply", lambda: guard_fan(7, 100), GO, "work per event"),
    ("assigning in a circle", lambda: {"context": {f"k{n}": n for n in range(5_000)}, "on": {
        "GO": {"actions": [assign(k1=expr("context.k2")), raised("GO")]}}}, GO,
     "microsteps per event"),
    ("a context that doubles", lambda: {"context": {"x": "a"}, "on": {"GO": {"actions": [
        assign(x=expr("context.x + context.x")), raised("GO")]}}}, GO, "EXPRESSION_FAILED"),
    ("a context that nests", lambda: {"context": {"x": 1}, "on": {"GO": {"actions": [
        assign(x=[expr("context.x")]), raised("GO")]}}}, GO, "EXPRESSION_FAILED"),
    ("a context that holds itself again and again", lambda: {"context": {"x": 1}, "on": {
        "GO": {"actions": [assign(x=[expr("context"), expr("context")])] * 60}}}, GO,
     "EXPRESSION_FAILED"),
    ("a result that is large", lambda: {"context": {"l": list(range(9_000))}, "on": {"GO": {
        "actions": [assign(**{f"k{n}": expr("context.l") for n in range(100)})]}}}, GO,
     "EXPRESSION_FAILED"),
    ("a large result, told again and again", lambda: {"context": {"l": list(range(9_000))}, "on": {
        "GO": {"actions": [{"type": "@log", "value": expr("context.l")}] * 100}}}, GO,
     "EXPRESSION_FAILED"),
    # time
    ("a delay that is worked out to be too long", lambda: {"entry": raised(
        "X", delay=expr("4611686018427387904"))}, (), "EXPRESSION_FAILED"),
    ("a delay of a text that is long", lambda: {"context": {"x": "9" * 200_000}, "entry": raised(
        "X", delay=expr("context.x"))}, (), "EXPRESSION_FAILED"),
    ("a delay of a number that is no number", lambda: {"entry": raised(
        "X", delay=expr("0.0 / 0.0"))}, (), "EXPRESSION_FAILED"),
]  # fmt: skip
