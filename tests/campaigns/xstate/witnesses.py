"""
For each decision a machine on which it can be seen: XState as published goes another way,
XState with just this decision goes ours. A campaign plays them first, so that none of its
explanations is an empty one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from control_plane.engine import compile_spec
from tests.campaigns.xstate.decisions import (
    DECISIONS,
    DOCUMENT_ORDER,
    DOMAIN_FIRST,
    HISTORY_CONFLICTS,
    REGIONS_STAY,
    START_IS_EMPTY,
    Decision,
)
from tests.campaigns.xstate.match import Setting
from tests.campaigns.xstate.oracle import Oracle
from tests.campaigns.xstate.shrinking import replay
from tests.campaigns.xstate.steps import Send, Step


@dataclass(frozen=True, slots=True)
class Witness:
    """A spec, and what happens to its instance."""

    decision: Decision
    spec: dict[str, Any]
    steps: tuple[Step, ...]


def _say(number: int) -> dict[str, Any]:
    return {"type": "@emit", "event": {"type": "said", "at": number}}


_WHEN_LARGE = {"guard": {"@expr": "context.n > 3"}}

WITNESSES = (
    Witness(
        DOCUMENT_ORDER,
        {
            "id": "m",
            "context": {"n": 3},
            "type": "parallel",
            "on": {
                "B": {"actions": {"type": "@assign", "context": {"n": {"@expr": "context.n + 1"}}}}
            },
            "states": {
                "left": {
                    "initial": "a",
                    "states": {
                        "a": {"on": {"A": "b"}},
                        "b": {"always": {**_WHEN_LARGE, "actions": _say(1)}},
                    },
                },
                "right": {
                    "initial": "a",
                    "states": {"a": {"always": {**_WHEN_LARGE, "actions": _say(2)}}},
                },
            },
        },
        (Send("A", None), Send("B", None)),
    ),
    Witness(
        DOMAIN_FIRST,
        {
            "id": "m",
            "initial": "outer",
            "states": {
                "outer": {
                    "type": "parallel",
                    "states": {
                        "region": {
                            "type": "parallel",
                            "states": {"inner": {"on": {"A": "#m.outer.memory"}}},
                        },
                        "memory": {"type": "history"},
                    },
                }
            },
        },
        (Send("A", None),),
    ),
    Witness(
        HISTORY_CONFLICTS,
        {
            "id": "m",
            "initial": "off",
            "states": {
                "off": {"on": {"B": "on"}},
                "on": {
                    "type": "parallel",
                    "states": {
                        "region": {
                            "type": "parallel",
                            "states": {
                                "left": {"on": {"A": "#m.memory"}},
                                "right": {"on": {"A": "#m.off"}},
                            },
                        }
                    },
                },
                "memory": {"type": "history", "target": "on.region.left"},
            },
        },
        (Send("B", None), Send("A", None)),
    ),
    Witness(
        REGIONS_STAY,
        {
            "id": "m",
            "initial": "p",
            "states": {
                "p": {
                    "type": "parallel",
                    "states": {
                        "left": {
                            "initial": "a",
                            "on": {"A": "#m.memory"},
                            "states": {"a": {}, "b": {}},
                        },
                        "right": {
                            "initial": "a",
                            "states": {"a": {"on": {"B": "b"}}, "b": {}},
                        },
                    },
                },
                "memory": {"type": "history", "target": "p.left.b"},
            },
        },
        (Send("B", None), Send("A", None)),
    ),
    Witness(
        START_IS_EMPTY,
        {
            "id": "m",
            "initial": "a",
            "entry": {
                "type": "@if",
                "branches": [
                    {"guard": {"type": "@stateIn", "state": "a"}, "actions": _say(1)},
                ],
            },
            "states": {"a": {}},
        },
        (),
    ),
)


def silent_decisions(oracle: Oracle) -> Iterator[str]:
    """What is wrong with an explanation: its witness does not need it, or needs more."""
    assert {witness.decision for witness in WITNESSES} == set(DECISIONS)
    for witness in WITNESSES:
        setting = Setting(compile_spec(witness.spec), witness.spec, None, trace=False)
        verdict = replay(oracle, setting, list(witness.steps))
        if verdict.finding is not None or verdict.explained != [witness.decision.name]:
            yield (
                f"the witness of {witness.decision.name} was explained by {verdict.explained}, "
                f"its finding is {verdict.finding}"
            )
