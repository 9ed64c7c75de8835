"""Definitions with several people, services that answer later, and models; and what undoes."""

from typing import Any

from executor.ports.llm import LlmReply, Usage
from shared import json
from shared.guardrails.gates import Classification
from tests.campaigns.chaos import workload
from tests.campaigns.chaos.workload import HUMAN_WAITS, Spec, ends, work
from tests.executor.providers import Behaviour, Status

VOTERS = ("ada", "ben", "cyd")
APPROVALS = 2
BRIEF = "brief"
"""The key of a definition whose instances are hardly kept, once they have ended."""

YEARLY = "yearly"
"""A schedule that starts something when somebody asks it to."""

PROVIDER = "house"
CHOICES = ("LEFT", "RIGHT")
POLICY: dict[str, Any] = {
    "mode": "act",
    "models": [{"provider": PROVIDER, "model": "coin", "input_price": 1, "output_price": 1}],
    "instructions": "Choose a side.",
    "decisions": {
        choice: {"describe": "a side", "risk": "low", "act": "auto", "min_confidence": 0.1}
        for choice in CHOICES
    },
    "send": ["/side"],
    "approval": {"users": list(VOTERS), "expires_in": "PT24H"},
    "limits": {"cost_per_task": 10**9, "cost_per_instance": 10**9, "cost_per_day": 10**12},
}


def undo() -> Spec:
    """Two things are done, and then undone, the last first."""
    steps = {
        f"s{number}": {
            "invoke": work(onwards, compensation=work(None, name=f"undo{number}"), id=f"do{number}")
        }
        for number, onwards in ((1, "s2"), (2, "back"))
    }
    back = {
        "entry": {"type": "compensate"},
        "on": {"task.compensation.done": "done", "task.compensation.failed": "#failed"},
    }
    return {"initial": "s1", "states": {**steps, "back": back, **ends("done")}}


def brief() -> Spec:
    """One task, and soon after it all is gone."""
    return {"initial": "works", "states": {"works": {"invoke": work("done")}, **ends("done")}}


def panel() -> Spec:
    """Several people are asked at once, and a timer does not wait for all of them."""
    asks = {
        "invoke": {
            "src": "human",
            "candidates": {"users": list(VOTERS)},
            "quorum": {"approvals": APPROVALS, "of": len(VOTERS)},
            "onDone": "done",
            "onError": "#failed",
        },
        "after": {HUMAN_WAITS: "done"},
    }
    return {"initial": "asks", "states": {"asks": asks, **ends("done")}}


def later(url: str) -> Spec:
    """A service elsewhere is asked, and answers when it has an answer."""
    given = {"method": "POST", "url": url, "json": {}, "callback": {"within_s": 3600}}
    asks = work("done", src="http", input=given)
    return {"initial": "asks", "states": {"asks": {"invoke": asks}, **ends("done")}}


def choose() -> Spec:
    """A model chooses which way it goes."""
    asks = {
        "invoke": {
            "src": "ai",
            "input": {"side": "either"},
            "events": list(CHOICES),
            "policy": "sides",
            "onError": "#failed",
        },
        "on": {"LEFT": "works", "RIGHT": "done"},
    }
    works = {"invoke": work("done")}
    return {"initial": "asks", "states": {"asks": asks, "works": works, **ends("done")}}


def coin(dice: Any) -> Behaviour:
    """What a model says: a side, mostly; now and then nothing, or nonsense."""
    chance = dice.random()
    if chance < 0.1:
        return Status(status=503)
    said = {"choice": dice.choice(CHOICES), "confidence": 0.9, "reason": "so it fell"}
    return LlmReply(
        classification=Classification.OK,
        text="heads" if chance < 0.15 else json.dump(said),
        reported_model="coin",
        usage=Usage(input_tokens=10, output_tokens=5),
    )


def specs(elsewhere: str) -> dict[str, Spec]:
    """Every definition by its key. `elsewhere` is the URL of the service that is asked."""
    made = (
        *(workload.chain, workload.fan, workload.scarce, workload.talk, workload.ask),
        *(workload.parent, workload.rest, workload.far, workload.each),
        *(undo, brief, panel, choose),
    )
    asking = {"call": workload.call(elsewhere), "later": later(elsewhere)}
    return {**{one.__name__: one() for one in made}, **asking}
