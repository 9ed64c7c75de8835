"""The definitions the suites run: small, and each about one thing."""

from typing import Any

ONE_TASK: dict[str, Any] = {
    "id": "order",
    "initial": "paying",
    "states": {
        "paying": {
            "invoke": {
                "id": "pay",
                "src": "system.noop",
                "retry": {"maxAttempts": 3, "initial": "PT10S", "factor": 2, "jitter": 0},
                "onDone": "paid",
                "onError": "unpaid",
            }
        },
        "paid": {"type": "final"},
        "unpaid": {"type": "final"},
    },
}

FRAGILE: dict[str, Any] = {
    "id": "order",
    "initial": "paying",
    "states": {
        "paying": {"invoke": {"id": "pay", "src": "system.noop", "onDone": "paid"}},
        "paid": {"type": "final", "output": {"@expr": "event.output"}},
    },
    "output": {"@expr": "event.output"},
}

REVIEW: dict[str, Any] = {
    "id": "order",
    "context": {"answer": ""},
    "initial": "reviewing",
    "states": {
        "reviewing": {
            "invoke": {
                "id": "review",
                "src": "human",
                "input": {"question": "Well?"},
                "onDone": {
                    "target": "reviewed",
                    "actions": {
                        "type": "@assign",
                        "context": {"answer": {"@expr": "event.output.answer"}},
                    },
                },
                "onError": "reviewed",
            },
            "after": {"PT1H": "expired"},
        },
        "reviewed": {"type": "final"},
        "expired": {"type": "final"},
    },
}

COUNTER: dict[str, Any] = {
    "id": "order",
    "context": {"n": 0},
    "initial": "counting",
    "states": {
        "counting": {
            "on": {
                "ADD": {
                    "actions": {
                        "type": "@assign",
                        "context": {"n": {"@expr": "context.n + event.by"}},
                    }
                },
                "END": "ended",
            }
        },
        "ended": {"type": "final"},
    },
}

DEFERRING: dict[str, Any] = {
    "id": "order",
    "unhandled": "defer",
    "context": {"seen": ""},
    "initial": "waiting",
    "states": {
        "waiting": {"on": {"OPEN": "open"}},
        "open": {
            "on": {
                "SAY": {
                    "actions": {
                        "type": "@assign",
                        "context": {"seen": {"@expr": "context.seen + event.word"}},
                    }
                },
                "CLOSE": "closed",
            }
        },
        "closed": {"type": "final"},
    },
}

CANCELS_ITS_TASK: dict[str, Any] = {
    "id": "order",
    "initial": "working",
    "states": {
        "working": {
            "invoke": {"id": "work", "src": "system.noop", "onDone": "ended", "onError": "ended"},
            "on": {"LEAVE": "ended"},
        },
        "ended": {"type": "final"},
    },
}

NEEDS_INPUT: dict[str, Any] = {
    "id": "order",
    "context": {"amount": {"@expr": "event.input.amount"}},
    "initial": "waiting",
    "states": {"waiting": {"on": {"END": "ended"}}, "ended": {"type": "final"}},
}

ASKING: dict[str, Any] = {
    "id": "asking",
    "context": {"said": None},
    "initial": "asking",
    "states": {
        "asking": {
            "invoke": {
                "id": "ask",
                "src": "human",
                "candidates": {"roles": ["cook"]},
                "dueIn": "PT8H",
                "skippable": True,
                "retry": {"initial": "PT1H", "jitter": 0},
                "onDone": {
                    "target": "asked",
                    "actions": {
                        "type": "@assign",
                        "context": {"said": {"@expr": "event.output"}},
                    },
                },
                "onError": "refused",
            }
        },
        "asked": {"type": "final"},
        "refused": {"type": "final"},
    },
}
"""A person of a role is asked, and may be passed over."""
