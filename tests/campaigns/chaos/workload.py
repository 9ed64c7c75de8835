"""
The definitions that a run starts, and the function that their tasks call.

A fifth of the attempts last about as long as a lease, so that executors which are paused or
cut off wake up as zombies in the middle of one.
"""

import asyncio
import os
import random
import uuid
from typing import Any

from executor.functions import Functions, TaskContext, TaskFailed
from shared.json import Json

functions = Functions()

LEASE_S = 1.0
"""The shortest there is."""

LONG = "CHAOS_LONG_SHARE"
"""The variable that says how many attempts last long."""

LONG_SHARE = 0.2
LONG_S = (0.5 * LEASE_S, 1.6 * LEASE_S)
SHORT_S = (0.0, 0.02)
FAILING_SHARE = 0.05
STEPS = 3
WIDTH = 4
WORDS = 4
HUMAN_WAITS = "PT3S"
TIMER_RUNS = "PT0.4S"
ITEMS = 5
FAR = "far"
"""The queue that only workers without a database take from."""

SCARCE = "scarce"
"""The limit key of what only so many tasks may use at once, in runs that have the limit."""

MAX_SCARCE = 3

RETRY = {"maxAttempts": 8, "initial": "PT0.1S", "factor": 2, "cap": "PT1S"}

Spec = dict[str, Any]


@functions.register("work")
async def carry_out(_: Json, context: TaskContext) -> Json:
    """
    Take a while, fail now and then, and say by a number of its own that it was this run. It
    says that it goes on, too, whether anybody waits for that or not.
    """
    context.heartbeat({"attempt": context.attempt})
    await asyncio.sleep(takes_s(random))
    if random.random() < FAILING_SHARE:
        raise TaskFailed("chaos.failed", "as it happens")
    return {"run": uuid.uuid4().hex}


def takes_s(dice: Any) -> float:
    """How long an attempt lasts."""
    share = float(os.environ.get(LONG, LONG_SHARE))
    seconds: float = dice.uniform(*(LONG_S if dice.random() < share else SHORT_S))
    return seconds


def work(onwards: str | None, **more: Any) -> Spec:
    """A task, and what it leads to; without that, one that undoes."""
    leads = {} if onwards is None else {"onDone": onwards, "onError": "#failed"}
    return {"src": "system.work", "retry": RETRY, **leads, **more}


def ends(*names: str) -> Spec:
    """Final states, and `failed` beside them."""
    return {name: {"id": name, "type": "final"} for name in (*names, "failed")}


def chain() -> Spec:
    """Tasks one after another."""
    steps = {
        f"s{number}": {"invoke": work(f"s{number + 1}" if number < STEPS else "done")}
        for number in range(1, STEPS + 1)
    }
    return {"initial": "s1", "states": {**steps, **ends("done")}}


def fan() -> Spec:
    """Tasks beside one another."""
    return _beside()


def scarce() -> Spec:
    """The same, of something that there is not enough of."""
    return _beside(limitKey=SCARCE)


def _beside(**more: Any) -> Spec:
    region = {
        "initial": "busy",
        "states": {"busy": {"invoke": work("idle", **more)}, "idle": {"type": "final"}},
    }
    return {
        "initial": "all",
        "states": {
            "all": {
                "type": "parallel",
                "states": {f"r{number}": region for number in range(WIDTH)},
                "onDone": "done",
            },
            **ends("done"),
        },
    }


def talk() -> Spec:
    """Words that come in an order, most of them while a task runs: those have to wait."""
    states: Spec = {}
    for number in range(1, WORDS + 1):
        after = f"hears{number + 1}" if number < WORDS else "done"
        states[f"hears{number}"] = {
            "on": {
                "WORD": {
                    "target": f"thinks{number}",
                    "actions": {
                        "type": "@assign",
                        "context": {"heard": {"@expr": "context.heard + event.word + ' '"}},
                    },
                }
            }
        }
        states[f"thinks{number}"] = {"invoke": work(after)}
    return {
        "unhandled": "defer",
        "context": {"heard": ""},
        "initial": "hears1",
        "states": {**states, **ends("done")},
    }


def ask() -> Spec:
    """A person is asked, and a timer does not wait for long."""
    return {
        "context": {"answer": ""},
        "initial": "works",
        "states": {
            "works": {"invoke": work("asks")},
            "asks": {
                "invoke": {
                    "src": "human",
                    "onDone": {
                        "target": "done",
                        "actions": {
                            "type": "@assign",
                            "context": {"answer": {"@expr": "event.output.answer"}},
                        },
                    },
                    "onError": "#failed",
                },
                "after": {HUMAN_WAITS: "late"},
            },
            "late": {"after": {"PT0.2S": "done"}},
            **ends("done"),
        },
    }


def parent() -> Spec:
    """An instance of `chain` is started, and waited for."""
    return {
        "initial": "waits",
        "states": {
            "waits": {
                "invoke": {
                    "src": "workflow.chain",
                    "onDone": "done",
                    "onError": "#failed",
                }
            },
            **ends("done"),
        },
    }


def call(url: str) -> Spec:
    """A service elsewhere is asked."""
    asks = work("done", src="http", input={"method": "POST", "url": url, "json": {}})
    return {"initial": "asks", "states": {"asks": {"invoke": asks}, **ends("done")}}


def rest() -> Spec:
    """A timer as a task, and then work."""
    rests = {"src": "timer", "input": {"delay": TIMER_RUNS}, "onDone": "works"}
    return {
        "initial": "rests",
        "states": {
            "rests": {"invoke": {**rests, "onError": "#failed"}},
            "works": {"invoke": work("done")},
            **ends("done"),
        },
    }


def far() -> Spec:
    """Work for those who have no database, and then for those who do."""
    return {
        "initial": "away",
        "states": {
            "away": {"invoke": work("here", queue=FAR)},
            "here": {"invoke": work("done")},
            **ends("done"),
        },
    }


def each() -> Spec:
    """A task for each item of a list, two at a time."""
    items = {"@expr": str(list(range(ITEMS)))}
    works = work("done", forEach=items, concurrency=2, join="all", input={"@expr": "item"})
    return {"initial": "works", "states": {"works": {"invoke": works}, **ends("done")}}
