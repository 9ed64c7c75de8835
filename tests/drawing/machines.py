"""Machines to draw."""

from typing import Any

from tests.engine.telling import assign, expr, raised, say

ORDER: dict[str, Any] = {
    "id": "order",
    "guards": {"big": {"when": expr("context.amount > 1000")}},
    "context": {"amount": 1},
    "initial": "draft",
    "on": {"CANCEL": ".dropped", "NOTE": {"actions": assign(note=expr("event.text"))}},
    "states": {
        "draft": {
            "on": {
                "SUBMIT": [{"guard": "big", "target": "review"}, "work"],
                "PEEK": {},
            }
        },
        "review": {
            "entry": say("asked"),
            "invoke": {"id": "approve", "src": "human", "onDone": "work", "onError": "draft"},
            "after": {"P2D": "draft"},
        },
        "work": {
            "type": "parallel",
            "on": {"PAUSE": "paused", "END": "done", "AGAIN": {"target": "work", "reenter": True}},
            "states": {
                "pack": {
                    "initial": "picking",
                    "on": {"RESTART": {"target": ".picking"}},
                    "states": {
                        "picking": {"on": {"PICKED": "packed"}},
                        "packed": {"type": "final"},
                    },
                },
                "bill": {"after": {"PT15M": {"actions": raised("LATE")}}},
                "back": {"type": "history", "history": "deep", "target": "pack"},
            },
        },
        "paused": {"on": {"RESUME": "work.back"}, "always": {"guard": "big", "target": "done"}},
        "done": {"type": "final"},
        "dropped": {"type": "final"},
    },
}
"""Every kind of state and of arrow, once."""
