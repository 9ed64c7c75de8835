"""The definitions that a roll is survived by, and the function that their tasks call."""

import asyncio
import json
import os
import random
import uuid
from typing import Any

from executor.functions import Functions, TaskContext
from shared.json import Json

functions = Functions()

EFFECTS = "TOPOLOGY_EFFECTS"
"""The variable with the file in which every run of the function is written down."""

FAR = "far"
"""The queue of workers without a database."""

STEPS = 3
WORDS = 3
SHORT_S = (0.0, 0.02)
LONG_S = (0.5, 2.0)
LONG_SHARE = 0.1
"""Some attempts are under way whenever a process is told to end."""

Spec = dict[str, Any]


@functions.register("work")
async def work(_: Json, context: TaskContext) -> Json:
    """Take a while, and leave a trace that no other run leaves."""
    await asyncio.sleep(takes_s(random))
    run = uuid.uuid4().hex
    file = os.open(os.environ[EFFECTS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        line = {"task": context.task_id, "key": str(context.idempotency_key), "run": run}
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)
    return {"run": run}


def takes_s(dice: Any) -> float:
    """How long an attempt lasts."""
    seconds: float = dice.uniform(*(LONG_S if dice.random() < LONG_SHARE else SHORT_S))
    return seconds


def chain() -> Spec:
    """Tasks one after another."""
    states = {
        f"s{number}": {"invoke": _work(f"s{number + 1}" if number < STEPS else "done")}
        for number in range(1, STEPS + 1)
    }
    return {"initial": "s1", "states": {**states, **_ends()}}


def talk() -> Spec:
    """Words in an order, most of which come while a task runs and have to wait."""
    states: Spec = {}
    for number in range(1, WORDS + 1):
        states[f"hears{number}"] = {"on": {"WORD": f"thinks{number}"}}
        states[f"thinks{number}"] = {
            "invoke": _work(f"hears{number + 1}" if number < WORDS else "done")
        }
    return {"unhandled": "defer", "initial": "hears1", "states": {**states, **_ends()}}


def ask() -> Spec:
    """A person decides."""
    human = {"src": "human", "onDone": "works", "onError": "#failed"}
    return {
        "initial": "asks",
        "states": {"asks": {"invoke": human}, "works": {"invoke": _work("done")}, **_ends()},
    }


def far() -> Spec:
    """Work for those who have no database."""
    states = {"away": {"invoke": _work("done", queue=FAR)}, **_ends()}
    return {"initial": "away", "states": states}


def vigil() -> Spec:
    """What lasts through everything: it hears the hours, and then of the end."""
    count = {"hours": {"@expr": "context.hours + 1"}}
    hour = {"actions": {"type": "@assign", "context": count}}
    states = {"wakes": {"on": {"HOUR": hour, "END": "done"}}, **_ends()}
    return {"context": {"hours": 0}, "initial": "wakes", "states": states}


def specs() -> dict[str, Spec]:
    """Every definition by its key."""
    return {made.__name__: made() for made in (chain, talk, ask, far, vigil)}


def _work(onwards: str, **more: Any) -> Spec:
    return {"src": "system.work", "onDone": onwards, "onError": "#failed", **more}


def _ends() -> Spec:
    return {"done": {"type": "final"}, "failed": {"id": "failed", "type": "final"}}
