"""Specs that are meant to do harm, and are refused: by which rule, and where."""

import json
from collections.abc import Callable
from typing import Any, Final

from control_plane.engine.limits import MAX_SPEC_BYTES
from tests.engine.telling import assign, expr, raised

Spec = str | bytes | dict[str, Any]


def text_of(begin: str, part: str, end: str) -> str:
    """A text as long as a spec may be, of one part over and over."""
    count = (MAX_SPEC_BYTES - len(begin) - len(end)) // len(part)
    return begin + part * count + end


def flat(**a: Any) -> dict[str, Any]:
    return {"initial": "a", "states": {"a": a, "b": {"on": {"BACK": "a"}}}}


def nested(inner: Any, depth: int, around: Callable[[Any], Any]) -> Any:
    for _ in range(depth):
        inner = around(inner)
    return inner


def million_states() -> str:
    return '{"initial":"s0","states":{' + ",".join(f'"s{n}":{{}}' for n in range(10**6)) + "}}"


def as_many_states_as_fit() -> str:
    members = ",".join(f'"s{n:x}":{{}}' for n in range(40_000))
    return f'{{"initial":"s0","states":{{{members}}}}}'


def fan(names: int, each: int) -> dict[str, Any]:
    """Named actions each of which calls the next several times: each ^ names actions."""
    levels = {f"a{n}": [f"a{n + 1}"] * each for n in range(names)}
    return {"actions": {**levels, f"a{names}": []}, "entry": "a0"}


REFUSED: Final[list[tuple[str, Callable[[], Spec], str, str]]] = [
    # the text
    ("a million states", million_states, "limit-exceeded", ""),
    ("a text too long", lambda: '{"meta":"' + "x" * MAX_SPEC_BYTES + '"}', "limit-exceeded", ""),
    ("brackets all the way", lambda: "[" * (MAX_SPEC_BYTES // 2), "not-json", ""),
    ("objects all the way", lambda: '{"a":' * 80_000 + "1" + "}" * 80_000, "not-json", ""),
    ("states as deep as JSON goes", lambda: '{"states":{"s":' * 500 + "{}" + "}}" * 500,
     "limit-exceeded", ""),
    ("empty lists", lambda: text_of('{"meta":[', "[],", "0]}"), "limit-exceeded", ""),
    ("empty objects", lambda: text_of('{"meta":[', "{},", "0]}"), "limit-exceeded", ""),
    ("digits", lambda: text_of('{"meta":[', "0,", "0]}"), "limit-exceeded", ""),
    ("one long integer", lambda: text_of('{"meta":', "1", "}"), "not-json", ""),
    ("one large exponent", lambda: '{"meta":1e999999999}', "not-json", ""),
    ("an integer beyond 64 bits", lambda: '{"meta":[0,' + "9" * 4000 + "]}", "not-json", ""),
    ("an integer just beyond", lambda: '{"a":{"b":[9223372036854775808]}}', "not-json", "/a/b/0"),
    ("NaN", lambda: '{"context":{"n":NaN}}', "not-json", ""),
    ("a lone surrogate", lambda: '{"states":{"\\ud800":{}}}', "not-json", ""),
    ("a lone surrogate in a value", lambda: '{"id":"\\udfff"}', "not-json", ""),
    ("bytes that are no UTF-8", lambda: b'{"id":"\xed\xa0\x80"}', "not-json", ""),
    ("a byte order mark", lambda: b"\xef\xbb\xbf{}", "not-json", ""),
    ("a key twice", lambda: '{"states":{"a":{},"a":{"on":{"X":"a"}}}}', "not-json", "/states"),
    ("a key twice among many",
     lambda: '{"meta":{' + ",".join(f'"{n}":0' for n in range(40_000)) + ',"39999":1}}',
     "not-json", "/meta"),
    ("a long key", lambda: {"context": {"k" * 500_000: expr("1 +")}}, "limit-exceeded", "/context"),
    # names
    ("NUL in a state", lambda: {"initial": "\0", "states": {"\0": {}}}, "bad-name", "/states/\0"),
    ("__proto__", lambda: {"initial": "__proto__", "states": {"__proto__": {}}}, "bad-name",
     "/states/__proto__"),
    ("integer-like keys", lambda: {"initial": "1", "states": {"1": {}, "0": {}}}, "bad-name",
     "/states/1"),
    ("a line end in an event", lambda: flat(on={"GO\n": "b"}), "bad-event", "/states/a/on/GO\n"),
    ("a long event", lambda: flat(on={"E" * 250: "b"}), "bad-event", f"/states/a/on/{'E' * 250}"),
    ("a long raised event", lambda: flat(entry=raised("x." * 100_000)), "bad-event",
     "/states/a/entry/event/type"),
    ("a long task id", lambda: flat(invoke={"src": "http", "id": "x" * 100_000}), "wrong-type",
     "/states/a/invoke/id"),
    ("an event of the engine's", lambda: flat(entry=raised("xstate.done.state.a")),
     "reserved-event", "/states/a/entry/event/type"),
    # numbers
    ("a delay of a thousand years", lambda: flat(after={"P9999Y": "b"}), "limit-exceeded",
     "/states/a/after/P9999Y"),
    ("a delay in the past", lambda: flat(after={"-1": "b"}), "bad-delay", "/states/a/after/-1"),
    ("a delay of many digits", lambda: flat(after={"9" * 250: "b"}), "bad-delay",
     f"/states/a/after/{'9' * 250}"),
    ("a thousand million attempts", lambda: flat(invoke={"src": "http", "retry": {
        "maxAttempts": 10**9}}), "wrong-type", "/states/a/invoke/retry/maxAttempts"),
    ("a factor of 1e308", lambda: flat(invoke={"src": "http", "retry": {"factor": 1e308}}),
     "wrong-type", "/states/a/invoke/retry/factor"),
    ("a priority of 2 ** 63 - 1", lambda: flat(invoke={"src": "http", "priority": 2**63 - 1}),
     "wrong-type", "/states/a/invoke/priority"),
    # too much of one thing
    ("as many states as fit", as_many_states_as_fit, "limit-exceeded", "/states"),
    ("states eleven deep", lambda: nested({}, 11, lambda one: {
        "initial": "s", "states": {"s": one}}), "limit-exceeded", "/states/s" * 10),
    ("transitions", lambda: {"on": {f"E{n}": [{}] * 10 for n in range(2_000)}}, "limit-exceeded",
     "/on/E200/0"),
    ("targets", lambda: {"type": "parallel", "states": {f"r{n}": {} for n in range(499)}, "on": {
        f"E{n}": {"target": [f".r{m}" for m in range(499)]} for n in range(90)}},
     "limit-exceeded", "/on/E20/target"),
    ("the same target", lambda: {"initial": "a", "states": {"a": {}}, "on": {
        "GO": {"target": [".a"] * 9_999}}}, "targets-exclude-each-other", "/on/GO/target"),
    ("expressions", lambda: {"context": {f"k{n}": expr(f"{n} + 1") for n in range(15_000)}},
     "limit-exceeded", "/context/k1000/@expr"),
    ("long expressions", lambda: {"context": {
        f"k{n}": expr(f"{n}" + " + context.a" * 30) for n in range(1_000)}}, "limit-exceeded",
     "/context/k88/@expr"),
    ("expressions that are wrong", lambda: {"context": {
        f"k{n}": expr(f"nobody{n}") for n in range(15_000)}}, "expression-invalid",
     "/context/k0/@expr"),
    ("patterns", lambda: {"context": {
        f"k{n}": expr(f"'x'.matches('(a{{1,30}}){{1,30}}{n}')") for n in range(1_000)}},
     "limit-exceeded", "/context/k60/@expr"),
    ("tasks on entry", lambda: flat(invoke=[{"src": "http"}] * 1_000), "limit-exceeded",
     "/states/a/invoke"),
    ("a context that does not fit", lambda: {"context": {"x": ["y" * 100_000] * 4}},
     "limit-exceeded", "/context"),
    ("a context too deep", lambda: {"context": {"x": nested(1, 40, lambda one: [one])}},
     "limit-exceeded", "/context"),
    ("named guards", lambda: {"guards": {f"g{n}": {"when": "g0"} for n in range(5_000)}},
     "limit-exceeded", "/guards"),
    ("named delays", lambda: {"delays": {f"d{n}": n for n in range(9_000)}}, "limit-exceeded",
     "/delays"),
    ("choices of a model", lambda: flat(invoke={
        "src": "ai", "events": [f"E{n}" for n in range(9_000)]}), "wrong-type",
     "/states/a/invoke/events"),
    # everything wrong
    ("unknown keys", lambda: {f"key{n}": 1 for n in range(30_000)}, "unknown-key", "/key0"),
    ("unknown actions", lambda: {"actions": {f"act{n}": [] for n in range(1_000)}, "entry": [
        f"atc{n}" for n in range(30_000)]}, "unknown-action", "/entry/0"),
    ("unknown guards", lambda: {"guards": {f"act{n}": {"when": expr("true")} for n in range(999)},
     "on": {f"E{n}": {"guard": f"gct{n}"} for n in range(9_000)}}, "unknown-guard",
     "/on/E0/guard"),
    ("unknown targets", lambda: {"initial": "s0", "states": {
        f"s{n}": {"on": {f"E{m}": f"t{n}{m}" for m in range(20)}} for n in range(100)}},
     "unknown-target", "/states/s0/on/E0"),
    ("values of the wrong type", lambda: flat(entry=[[[[0] * 9] * 9] * 9] * 40), "wrong-type",
     "/states/a/entry/0"),
    # circles
    ("an eventless loop", lambda: {"initial": "a", "states": {
        "a": {"always": "b"}, "b": {"always": "a"}}}, "eventless-cycle", "/states/a/always"),
    ("an eventless loop over all states", lambda: {"initial": "s0", "states": {
        f"s{n}": {"always": f"s{(n + 1) % 499}"} for n in range(499)}}, "eventless-cycle",
     "/states/s0/always"),
    ("many eventless loops", lambda: {"initial": "s0", "states": {
        f"s{n}": {"always": f"s{n ^ 1}"} for n in range(498)}}, "eventless-cycle",
     "/states/s0/always"),
    ("an eventless loop through its own entry", lambda: flat(
        always={"target": "a", "actions": assign(n=1)}), "eventless-cycle", "/states/a/always"),
    ("a circle of guards", lambda: {"guards": {
        f"g{n}": {"when": {"type": "@not", "guard": f"g{(n + 1) % 999}"}} for n in range(999)}},
     "guard-cycle", "/guards/g0"),
    ("every action calls every action", lambda: {"actions": {
        f"a{n}": [f"a{m}" for m in range(200)] for n in range(200)}}, "action-cycle",
     "/actions/a0"),
    ("every action calls every later one", lambda: {"actions": {
        f"a{n}": [f"a{m}" for m in range(n + 1, 290)] for n in range(290)}}, "limit-exceeded",
     "/actions/a281"),
    ("names that lead far", lambda: fan(500, 1), "limit-exceeded", "/actions/a492"),
    ("names that multiply", lambda: fan(9, 100), "limit-exceeded", "/actions/a1"),
]  # fmt: skip


def as_text(spec: Spec) -> str | bytes:
    """As it would arrive."""
    return json.dumps(spec) if isinstance(spec, dict) else spec
