"""
Random specs, small and wild, and random things to tell their instances.

Drawn from a seeded `Random`, and not from hypothesis piece by piece: a hundred times as
fast, so that a property sees hundreds of machines. The seed is what a failure reports.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from control_plane.engine import Event, Received, Snapshot, TaskFailed, TaskSucceeded, TimerFired
from control_plane.engine.machine import Machine
from tests.engine.telling import ERROR, assign, expr, raised, say

KINDS = ("A", "B", "C")
GUARDS = (
    "context.n % 2 == 0",
    "context.n > 3",
    "event.type == 'A'",
    "true",
    "false",
    "event.missing == 1",
)
UNDONE = {
    "type": "createTask",
    "params": {
        "name": "y",
        "type": "HTTP",
        "compensation": {"src": "email", "input": expr("event.output")},
    },
}
CREATE = {"type": "createTask", "params": {"name": "x", "type": "HTTP", "input": expr("context.n")}}


def random_spec(chance: Random) -> dict[str, Any]:
    """Any feature of the format may turn up anywhere; targets are resolved at the end."""
    ids: list[str] = []
    waiting: list[dict[str, Any]] = []
    root = _state(chance, ids, waiting, 0)
    for transition in waiting:
        transition["target"] = f"#{chance.choice(ids)}"
    root["context"] = {"n": 0}
    if chance.random() < 0.5:
        root["onCancel"] = "compensate"
    root["unhandled"] = chance.choice(("ignore", "reject", "defer"))
    return root


def random_event(chance: Random, snapshot: Snapshot) -> Event:
    """An event, an outcome or a timer, of those that make sense now and some that don't."""
    choices: list[Event] = [Received(type=kind, payload={"x": 1}) for kind in (*KINDS, "D")]
    for ordinal in (*snapshot.tasks, 99):
        choices.append(TaskSucceeded(ordinal=ordinal, output=5))
        choices.append(TaskFailed(ordinal=ordinal, error=ERROR))
    for timer_id, timer in snapshot.timers.items():
        choices.append(TimerFired(timer_id=timer_id, due=timer.due))
    return chance.choice(choices)


def _state(
    chance: Random, ids: list[str], waiting: list[dict[str, Any]], depth: int
) -> dict[str, Any]:
    state: dict[str, Any] = {"id": _next(ids)}
    kind = chance.choice(("atomic", "atomic", "compound", "parallel")) if depth else "compound"
    if depth < 3 and kind != "atomic" and len(ids) < 12:
        count = chance.randint(1, 3)
        state["states"] = {f"k{n}": _state(chance, ids, waiting, depth + 1) for n in range(count)}
        if kind == "parallel":
            state["type"] = "parallel"
        else:
            state["initial"] = f"k{chance.randrange(count)}"
            if chance.random() < 0.5:
                end = {"id": _next(ids), "type": "final", "output": expr("context.n")}
                state["states"]["end"] = end
        if chance.random() < 0.3:
            depth_of_it = chance.choice(("shallow", "deep"))
            memory = {"id": _next(ids), "type": "history", "history": depth_of_it}
            state["states"]["memory"] = memory
    state["on"] = {event: _transition(chance, waiting) for event in KINDS if chance.random() < 0.4}
    for key in ("entry", "exit"):
        if chance.random() < 0.3:
            state[key] = _actions(chance)
    if chance.random() < 0.2:
        guard = expr(chance.choice(GUARDS))
        state["always"] = {**_transition(chance, waiting), "guard": guard}
        state["always"].pop("target", None)
        waiting.append(state["always"])
    if chance.random() < 0.2:
        state["after"] = {chance.choice(("10", "PT1S")): _transition(chance, waiting)}
    if chance.random() < 0.3:
        invoke: dict[str, Any] = {"src": "http", "input": expr("context.n")}
        if chance.random() < 0.3:
            invoke["forEach"] = expr("[1, 2, 3].filter(n, n <= context.n)")
            invoke["input"] = expr("item + index")
            invoke["join"] = chance.choice(("all", "any", "settled"))
            invoke["concurrency"] = chance.choice((1, 2, 9))
        for key in ("onDone", "onError"):
            if chance.random() < 0.7:
                invoke[key] = _transition(chance, waiting)
        state["invoke"] = invoke
    return state


def _next(ids: list[str]) -> str:
    ids.append(f"s{len(ids)}")
    return ids[-1]


def _transition(chance: Random, waiting: list[dict[str, Any]]) -> dict[str, Any]:
    transition: dict[str, Any] = {"actions": _actions(chance)}
    if chance.random() < 0.75:
        waiting.append(transition)
    if chance.random() < 0.4:
        transition["guard"] = expr(chance.choice(GUARDS))
    if chance.random() < 0.2:
        transition["reenter"] = True
    return transition


def _actions(chance: Random) -> list[dict[str, Any]]:
    known = (
        say("x"),
        assign(n=expr("context.n + 1")),
        raised("B"),
        raised("C", delay=1000),
        raised("A", delay="PT5S", id="again"),
        {"type": "@cancel", "id": "again"},
        CREATE,
        UNDONE,
        {"type": "compensate"},
        assign(n=expr("event.x")),
    )
    return chance.choices(known, k=chance.choice((0, 1, 1, 2)))


def is_legal(machine: Machine, snapshot: Snapshot) -> bool:
    """Whether what is active is a legal configuration, as the standard defines it."""
    active = machine.configuration(snapshot.configuration).active
    return 0 in active and all(_is_complete(machine, index, active) for index in active)


def _is_complete(machine: Machine, index: int, active: frozenset[int]) -> bool:
    state = machine.states[index]
    inside = sum(1 for _ in _active_children(machine, index, active))
    if state.kind == "compound":
        return inside == 1
    return inside == len(state.children) and state.kind != "history"


def _active_children(machine: Machine, index: int, active: frozenset[int]) -> Iterator[int]:
    return (child for child in machine.states[index].children if child in active)
