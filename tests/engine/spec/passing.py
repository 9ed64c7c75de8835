"""Specs that the validator has nothing to say about, and for each rule one that keeps it."""

from typing import Any

from tests.engine.spec.failing import (
    FINAL,
    GO,
    HTTP,
    TASK,
    acting,
    asking,
    choosing,
    flat,
    guarded,
    invoking,
    on,
    restricted,
)
from tests.engine.telling import assign, expr, raised

GOOD: list[Any] = [
    asking(escalations=[{"openFor": "P7D", "fail": True}]),
    invoking(src="timer", input={"cron": "0 9 * * MON-FRI", "zone": "Europe/Berlin"}),
    invoking(src="timer", input={"date": "2030-12-24", "time": "18:00", "zone": "Europe/Berlin"}),
    asking(dueIn="P1D", reminders=[{"after": "PT0S", "event": "LATE"}]),
    {"on": {"GO": {"actions": assign(n=1)}}},
    {
        "on": {"GO": {"actions": assign(n=1)}},
        "$schema": "https://example.com/s.json",
        "version": "1",
        "description": "d",
        "meta": {"x": 1},
    },
    on("b"),
    on([{"target": "b", "guard": expr("event.x == 1")}, "a"]),
    on({"target": "b", "description": "d", "meta": {}, "reenter": True}),
    flat({"tags": "t", "on": {"GO": "b"}}),
    flat({"on": {"*": "b", "a.*": "b", "GO": {"target": ""}}}),
    flat({"after": {"1000": "b", "PT5S": ["b"]}}),
    flat({"always": {"actions": [{"type": "@log", "args": [1]}]}, "on": {"GO": "b"}}),
    guarded(
        {"type": "@and", "guards": ["g", {"type": "@not", "guard": expr("false")}]},
        guards={"g": {"when": expr("true"), "description": "d"}},
    ),
    acting(["n", {"type": "n", "params": {"x": 1}}], actions={"n": assign(k=expr("1"))}),
    guarded(expr("!has(context.maybe) || context.maybe > 1"), context={}),
    guarded(expr("context.any > 1"), context=expr("event.input")),
    invoking(
        id="x",
        input={"url": "https://x.example"},
        timeout=5000,
        retry={"maxAttempts": 2, "cap": "PT1M"},
    ),
    invoking(src="timer", input={"delay": "PT1S"}),
    invoking(src="human", timeout="P2D"),
    invoking(forEach=expr("event.items"), input=expr("item"), concurrency=2, join="settled"),
    invoking(src="system.do", compensation={"src": "system.undo", "input": expr("event.output")}),
    {
        "initial": "p",
        "states": {
            "p": {"type": "parallel", "states": {"l": {"on": {"GO": "#x"}}, "r": {}}},
            "x": {"id": "x", "on": {"BACK": "p"}},
        },
    },
    {
        "initial": "a",
        "states": {
            "a": {"on": {"GO": {"target": ["p.l.y", "p.r.y"]}}},
            "p": {
                "type": "parallel",
                "on": {"OUT": "a"},
                "states": {k: {"initial": "x", "states": {"x": {}, "y": {}}} for k in "lr"},
            },
        },
    },
    {
        "id": "order",
        "initial": "a",
        "states": {"a": {"on": {"GO": "#order.b"}}, "b": {"on": {"X": "#order"}}},
    },
    {
        "initial": "a",
        "states": {"a": {"always": {"target": "a"}, "on": {"GO": "b"}}, "b": {"on": {"X": "a"}}},
    },
]


GOOD.append(
    {
        "initial": "a",
        "always": {"target": ".f", "actions": assign(n=1)},
        "states": {"a": {"on": {"X": "f"}}, "f": FINAL},
    }
)

# A model's choice may be answered by another region of the parallel state it is asked in.
GOOD.append(
    {
        "initial": "p",
        "states": {
            "p": {
                "type": "parallel",
                "states": {
                    "asking": {"invoke": {"src": "ai", "events": ["BACK"], "onError": "#e"}},
                    "answering": {"on": {"BACK": "#e"}},
                },
            },
            "e": {**FINAL, "id": "e"},
        },
    }
)

CHOSEN = choosing("APPROVE")
RESTRICTED = restricted(
    {"decisions": {"APPROVE": {"risk": "low", "act": "auto", "min_confidence": 0.9}}},
    guardrails={"mode": "suggest", "redact": ["/customer"], "limits": {"cost_per_task": 1000}},
)
INSIDE: dict[str, Any] = {"initial": "x", "states": {"x": {"on": {"GO": "f"}}, "f": FINAL}}
TOLD = {"type": "createTask", "params": {**TASK, "detached": True}}

PASSING: dict[str, Any] = {
    "not-json": '{"id": "a", "meta": 9223372036854775807}',
    "limit-exceeded": flat({"after": {"P4Y": "b"}}),
    "unknown-key": {"states": {"a": {"on": {"X": {"meta": {"staets": 1}}}}}, "initial": "a"},
    "old-spelling": on({"target": "b", "guard": expr("event.x")}),
    "wrong-type": flat({"tags": ["t"], "on": {"GO": "b"}}),
    "bad-name": {"initial": "a1", "states": {"a1": {"on": {"X": "é-_1 x"}}, "é-_1 x": FINAL}},
    "duplicate-id": {"initial": "a", "states": {"a": {"id": "x", **GO}, "b": {**FINAL, "id": "y"}}},
    "bad-root": {"type": "parallel", "states": {"a": {"on": {"GO": {"actions": []}}}}},
    "empty-states": {"type": "parallel", "states": {"a": {"on": {"GO": {"actions": []}}}}},
    "atomic-with-states": flat({"type": "atomic", "states": {}, **GO}),
    "missing-initial": flat({**INSIDE, "onDone": "b"}),
    "unknown-initial": flat({**INSIDE, "initial": {"target": "x"}, "onDone": "b"}),
    "initial-not-compound": {"type": "parallel", "states": {"a": {"on": {"GO": {"actions": []}}}}},
    "initial-without-record": {
        "initial": "h",
        "states": {"h": {"type": "history", "target": "a"}, "a": {"on": {"GO": "#(machine)"}}},
    },
    "initial-is-history": flat(GO),
    "initial-is-final": {"initial": "a", "states": {"a": GO, "b": FINAL}},
    "final-with-content": {
        "initial": "a",
        "states": {"a": GO, "b": {**FINAL, "output": 1, "tags": "over"}},
    },
    "history-with-content": {
        "initial": "a",
        "states": {"a": GO, "b": {"on": {"BACK": "h"}}, "h": {"type": "history", "target": "a"}},
    },
    "history-key": {
        "initial": "a",
        "states": {"a": GO, "b": {"on": {"X": "h"}}, "h": {"history": "deep", "target": "b"}},
    },
    "bad-history-default": {
        "initial": "a",
        "states": {"a": GO, "b": {"on": {"X": "h"}}, "h": {"type": "history", "target": "b"}},
    },
    "output-not-final": {"output": 1, "initial": "a", "states": {"a": GO, "b": FINAL}},
    "never-done": flat({**INSIDE, "onDone": "b"}),
    "parallel-never-done": {
        "type": "parallel",
        "states": {"l": {"initial": "a", "states": {"a": GO, "b": FINAL}}},
    },
    "unknown-target": on("#(machine).b"),
    "ambiguous-target": flat({"initial": "b", "states": {"b": {}}, "on": {"GO": "#(machine).b"}}),
    "targets-exclude-each-other": {
        "type": "parallel",
        "on": {"GO": {"target": [".p.x", ".q"]}},
        "states": {"p": {"initial": "x", "states": {"x": {}}}, "q": {}},
    },
    "bad-event": flat({"on": {"a.b.*": "b", "*": "a"}}),
    "reserved-event": acting({"type": "@emit", "event": {"type": "xstates"}}),
    "unknown-guard": guarded("g", guards={"g": {"when": expr("true")}}),
    "guard-cycle": guarded("g", guards={"g": {"when": "h"}, "h": {"when": expr("true")}}),
    "guard-not-boolean": guarded(expr("1 + 1 == 2")),
    "expression-invalid": guarded(expr("context.n > 1"), context={"n": 1}),
    "unknown-action": acting("n", actions={"n": assign(k=1)}),
    "action-cycle": acting("n", actions={"n": ["m", "m"], "m": assign(k=1)}),
    "bad-delay": flat({"after": {"soon": "b"}}, delays={"soon": expr("5 * 60000")}),
    "bad-duration": invoking(timeout={"heartbeat": "PT1S"}),
    "unknown-task-type": invoking(src="workflow.billing"),
    "word-not-for-task": invoking(
        src="workflow.billing", version=3, businessKey=expr("event.id"), onParentClose="abandon"
    ),
    "without-for-each": invoking(forEach=[1, 2, 3], join=2, concurrency=1),
    "for-each-not-list": invoking(forEach=expr("[1, 2].map(n, n + 1)"), input=expr("item")),
    "bad-timer-input": invoking(src="timer", input={"at": "2030-01-31T12:00:00Z"}),
    "secret-computed": invoking(
        src="http", input={"url": expr("context.url"), "auth": {"bearer": {"$secret": "token"}}}
    ),
    "bad-form": invoking(
        src="human",
        form={
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}},
            "x-layout": "wide",
        },
    ),
    "ai-without-events": CHOSEN,
    "quorum-out-of-reach": asking(
        candidates={"users": ["ada", "bo", expr("event.input")]},
        quorum={"approvals": 2, "of": 3},
    ),
    "no-due-time": asking(
        dueIn="P1D",
        reminders=[{"before": "PT4H"}, {"after": "PT0S", "event": "LATE"}],
        escalations=[
            {"overdue": "PT4H", "assignTo": "boss"},
            {"unclaimedFor": "PT8H", "addCandidates": {"roles": ["lead"]}, "priority": 50},
            {"openFor": "P3D", "fail": True},
        ],
    ),
    "decided-by-no-task": asking(
        id="check",
        candidates={"roles": ["boss"]},
        notBy={"tasks": ["check"], "starter": True, "users": expr("[event.input]")},
    ),
    "ai-event-not-accepted": {
        "initial": "p",
        "states": {
            "p": {
                "type": "parallel",
                "states": {"l": {"on": {"BACK": "#e"}}, "r": {"on": {"ODD": "r"}}},
                "invoke": {"src": "ai", "events": ["BACK", "ODD", "UP"], "onError": "e"},
                "on": {"UP": "e"},
            },
            "e": {**FINAL, "id": "e"},
        },
    },
    "ai-outcome-awaited": CHOSEN,
    "bad-guardrails": RESTRICTED,
    "ai-nothing-to-choose": RESTRICTED,
    "task-without-error-path": acting(TOLD),
    "outcome-of-no-task": {
        "initial": "a",
        "states": {
            "a": {"entry": [TOLD, {"type": "compensate"}], **GO},
            "b": {"on": {"task.x.done": "a", "task.compensation.failed": "a"}},
        },
    },
    "eventless-cycle": {
        "initial": "a",
        "states": {"a": {"always": "b"}, "b": {"always": {"target": "b"}, "on": {"X": "a"}}},
    },
    "guarded-eventless-cycle": {
        "context": {"n": 0},
        "initial": "a",
        "states": {
            "a": {"always": {"guard": expr("context.n == 0"), "target": "b"}, **GO},
            "b": {},
        },
        "on": {"X": ".a"},
    },
    "raise-cycle": flat({"on": {"GO": {"actions": raised("OUT")}, "OUT": "b"}}),
    "unreachable-state": {
        "initial": "a",
        "states": {"a": {"on": {"GO": "h"}}, "h": {"type": "history", "target": "b"}, "b": FINAL},
    },
    "dead-end": {"initial": "a", "states": {"a": GO, "b": {}}, "on": {"BACK": ".a"}},
    "wait-without-exit": flat({"invoke": {**HTTP, "onError": "b"}}),
    "wait-without-deadline": invoking(src="human", timeout="P2D"),
    "final-out-of-reach": {
        "initial": "a",
        "states": {"a": GO, "b": {"on": {"X": "c"}}, "c": {"on": {"X": "f"}}, "f": FINAL},
    },
    "shadowed-transition": on([{"target": "b", "guard": expr("event.x")}, {"target": "a"}]),
    "child-hides-parent": {"on": {"GO": ".b"}, **on({"target": "b", "guard": expr("event.x")})},
    "regions-disagree": {
        "initial": "p",
        "states": {
            "p": {
                "type": "parallel",
                "states": {"l": {"on": {"GO": "#x"}}, "r": {"on": {"GO": {"target": "r"}}}},
            },
            "x": {"id": "x", "on": {"BACK": "p"}},
        },
    },
    "wildcard-swallows": flat({"after": {"10": "b"}, "initial": "x", "states": {"x": {}}}),
    "http-input-unread": invoking(
        src="http", input={"url": expr("event.url"), "json": {}, "method": "POST", "timeout_s": 5}
    ),
    "email-input-unread": invoking(
        src="email", input={"to": expr("event.to"), "subject": "x", "text": "y", "timeout_s": 5}
    ),
    "raised-to-nobody": {
        "initial": "a",
        "states": {"a": {"on": {"GO": {"target": "b", "actions": raised("x.y.z")}}}, "b": {}},
        "on": {"x.y.*": ".a"},
    },
    "history-of-active": {
        "initial": "a",
        "states": {
            "a": {
                **INSIDE,
                "onDone": "b",
                "states": {**INSIDE["states"], "h": {"type": "history", "target": "x"}},
            },
            "b": {"on": {"BACK": "a.h"}},
        },
    },
    "too-many-combinations": {
        "type": "parallel",
        "states": {
            f"r{n}": {
                "initial": "a",
                "states": {"a": {"on": {"X": "b"}}, "b": {"on": {"X": "a"}}},
            }
            for n in range(9)
        },
    },
    "unknown-context-key": guarded(expr("has(context.x) && context.x"), context={"y": 1}),
}
"""For each rule a spec that comes close and keeps it; some are warned of for something else."""
