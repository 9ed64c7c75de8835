"""
Which features of the format a machine has, so that a campaign can tell what it has tried.
"""

from collections.abc import Iterator
from typing import Any, Final

FEATURES: Final = frozenset(
    {
        "compound", "parallel", "final", "history shallow", "history deep", "history target",
        "initial actions", "computed context", "on", "on at root", "always", "entry", "exit",
        "after ms", "after ISO 8601", "after named", "invoke", "invoke input", "invoke onDone",
        "invoke onError", "state onDone", "state output", "root output", "wildcard *",
        "wildcard prefix.*", "list of transitions", "forbidden", "no target", "reenter",
        "target sibling", "target .child", "target #id", "target #id.path", "target list",
        "@assign", "@raise", "@raise delayed", "@raise delayed with id", "@cancel", "@emit",
        "@log", "@if", "named action", "@expr guard", "@and", "@or", "@not", "@stateIn",
        "named guard",
    }
)  # fmt: skip
"""All of them; a long campaign that misses one has a generator to be mended."""


def features(spec: dict[str, Any]) -> set[str]:
    """Those of a spec, at least once each."""
    found = set(_of_state(spec))
    if "on" in spec:
        found.add("on at root")
    if "output" in spec:
        found.add("root output")
    if isinstance(spec["context"]["n"], dict):
        found.add("computed context")
    return found


def _of_state(state: dict[str, Any], *, is_root: bool = True) -> Iterator[str]:
    if state.get("type") == "history":
        yield "history deep" if state.get("history") == "deep" else "history shallow"
        if "target" in state:
            yield "history target"
        return
    if state.get("type") in {"parallel", "final"}:
        yield state["type"]
    elif "states" in state:
        yield "compound"
    if isinstance(state.get("initial"), dict):
        yield "initial actions"
        yield from _of_actions(state["initial"]["actions"])
    for key in ("entry", "exit"):
        if key in state:
            yield key
            yield from _of_actions(state[key])
    if "output" in state and not is_root:
        yield "state output"
    yield from _of_transitions(state)
    for child in state.get("states", {}).values():
        yield from _of_state(child, is_root=False)


def _of_transitions(state: dict[str, Any]) -> Iterator[str]:
    for descriptor, answer in state.get("on", {}).items():
        yield "on"
        if descriptor.endswith("*"):
            yield "wildcard *" if descriptor == "*" else "wildcard prefix.*"
        yield from _of_answer(answer)
    for key, answer in state.get("after", {}).items():
        ways = {True: "after ms", False: "after named"}
        yield "after ISO 8601" if key.startswith("P") else ways[key.isdigit()]
        yield from _of_answer(answer)
    if "always" in state:
        yield "always"
        yield from _of_answer(state["always"])
    if "onDone" in state:
        yield "state onDone"
        yield from _of_answer(state["onDone"])
    invokes = state.get("invoke", [])
    for invoke in invokes if isinstance(invokes, list) else [invokes]:
        yield "invoke"
        for key in ("input", "onDone", "onError"):
            if key in invoke:
                yield f"invoke {key}"
        for key in ("onDone", "onError"):
            yield from _of_answer(invoke.get(key, []))


def _of_answer(answer: Any) -> Iterator[str]:
    if isinstance(answer, list):
        yield "list of transitions"
        for one in answer:
            yield from _of_answer(one)
        return
    transition = {"target": answer} if isinstance(answer, str) else answer
    if not transition:
        yield "forbidden"
        return
    target = transition.get("target")
    if not target:
        yield "no target"
    elif isinstance(target, list):
        yield "target list"
    else:
        yield f"target {_way_of(target)}"
    if transition.get("reenter"):
        yield "reenter"
    if "guard" in transition:
        yield from _of_guard(transition["guard"])
    yield from _of_actions(transition.get("actions", []))


def _way_of(target: str) -> str:
    if target.startswith("#"):
        return "#id.path" if ".k" in target or ".his" in target or ".fin" in target else "#id"
    return ".child" if target.startswith(".") else "sibling"


def _of_guard(guard: Any) -> Iterator[str]:
    if isinstance(guard, str) or not guard.get("type", "@").startswith("@"):
        yield "named guard"
        return
    yield guard.get("type", "@expr guard")
    for inner in (*guard.get("guards", ()), *([guard["guard"]] if "guard" in guard else ())):
        yield from _of_guard(inner)


def _of_actions(given: Any) -> Iterator[str]:
    for action in given if isinstance(given, list) else [given]:
        if isinstance(action, str) or not action["type"].startswith("@"):
            yield "named action"
            continue
        yield action["type"]
        if "delay" in action:
            yield "@raise delayed with id" if "id" in action else "@raise delayed"
        for branch in action.get("branches", ()):
            if "guard" in branch:
                yield from _of_guard(branch["guard"])
            yield from _of_actions(branch["actions"])
