"""The campaign's checker: silent about a good run, loud about each promise that is broken."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.campaigns.chaos.checking import check
from tests.campaigns.chaos.evidence import Entry, Evidence, Instance, Task
from tests.campaigns.chaos.logs import Line

A, B, C, D, E, F, G = (f"01890000-0000-7000-8000-00000000000{last}" for last in "abcdef0")


def entries(*told: tuple[str, int | None, dict[str, Any]]) -> list[Entry]:
    return [
        Entry(seq, type_, ordinal, json.dumps(payload))
        for seq, (type_, ordinal, payload) in enumerate(told, start=1)
    ]


def word(event_id: str, disposition: str = "APPLIED") -> tuple[str, None, dict[str, Any]]:
    return "EVENT_RECEIVED", None, {"event_id": event_id, "disposition": disposition}


GOOD = Evidence(
    client=[
        {"what": "asked", "number": 1, "kind": "start", "key": "talk-1"},
        {"what": "answered", "number": 1, "instance": A},
        {"what": "answered again", "number": 1, "instance": A},
        {"what": "asked", "number": 2, "kind": "event", "instance": A, "event": "w1"},
        {"what": "answered", "number": 2, "disposition": 1},
        {"what": "asked", "number": 3, "kind": "event", "instance": A, "event": "w2"},
        {"what": "answered", "number": 3, "disposition": 2},
        {"what": "asked", "number": 4, "kind": "start", "key": "ask-2"},
        {"what": "answered", "number": 4, "instance": B},
        {"what": "asked", "number": 5, "kind": "decide", "instance": B, "output": "ask-2"},
        {"what": "answered", "number": 5},
        {"what": "asked", "number": 6, "kind": "pause", "instance": B},
        {"what": "answered", "number": 6},
        {"what": "asked", "number": 7, "kind": "cancel", "instance": B},
        {"what": "answered", "number": 7},
        {"what": "asked", "number": 8, "kind": "cancel", "instance": A},
        {"what": "refused", "number": 8, "code": "FAILED_PRECONDITION"},
        {"what": "asked", "number": 9, "kind": "event", "instance": A, "event": "w9"},
        {"what": "refused", "number": 9, "code": "FAILED_PRECONDITION"},
        {"what": "asked", "number": 10, "kind": "decide", "instance": A, "output": "never"},
        {"what": "refused", "number": 10, "code": "FAILED_PRECONDITION"},
        {"what": "asked", "number": 11, "kind": "limit", "most": 3},
        {"what": "running", "scarce": 3},
        {
            "what": "asked",
            "number": 12,
            "kind": "vote",
            "instance": D,
            "by": "ada",
            "approve": True,
        },
        {"what": "answered", "number": 12},
        {
            "what": "asked",
            "number": 13,
            "kind": "vote",
            "instance": D,
            "by": "ben",
            "approve": True,
        },
        {"what": "refused", "number": 13, "code": "FAILED_PRECONDITION"},
        {"what": "asked", "number": 14, "kind": "finish", "task": f"{E}:1", "run": "late"},
        {"what": "answered", "number": 14},
        {"what": "asked", "number": 15, "kind": "finish", "task": f"{E}:1", "run": "later"},
        {"what": "refused", "number": 15, "code": "FAILED_PRECONDITION"},
        {"what": "asked", "number": 16, "kind": "trigger"},
        {"what": "answered", "number": 16, "instance": F},
        {"what": "asked", "number": 17, "kind": "start", "key": "brief-17"},
        {"what": "answered", "number": 17, "instance": G},
        {"what": "refused again", "number": 17, "code": "NOT_FOUND"},
    ],
    effects=[
        {
            "what": "begun",
            "task": f"{A}:1",
            "epoch": epoch,
            "key": "k1",
            "attempt": epoch,
            "max_attempts": 3,
        }
        for epoch in (1, 2)
    ]
    + [
        {"what": "ended", "task": f"{A}:1", "epoch": 2, "state": "succeeded", "output": "two"},
        {"what": "acked", "task": f"{A}:1", "epoch": 2, "verdict": "OUTCOME_VERDICT_APPLIED"},
        {"what": "ended", "task": f"{A}:1", "epoch": 1, "state": "succeeded", "output": "one"},
        {"what": "acked", "task": f"{A}:1", "epoch": 1, "verdict": "OUTCOME_VERDICT_LEASE_LOST"},
        *(
            {"what": "begun", "task": task, "epoch": 1, "key": key, "attempt": 1, "max_attempts": 3}
            for task, key in ((f"{E}:1", "k3"), (f"{G}:1", "k4"))
        ),
        {"what": "ended", "task": f"{E}:1", "epoch": 1, "state": "awaiting", "output": None},
        {"what": "ended", "task": f"{G}:1", "epoch": 1, "state": "succeeded", "output": "gone"},
        {"what": "acked", "task": f"{G}:1", "epoch": 1, "verdict": "OUTCOME_VERDICT_APPLIED"},
    ],
    watchers=[
        {"what": "opened", "watch": f"1:{A}", "after": 0},
        {"what": "entry", "watch": f"1:{A}", "seq": 1, "type": "INSTANCE_STARTED", "payload": "{}"},
        {"what": "bookmark", "watch": f"1:{A}", "seq": 1},
        {"what": "broken", "watch": f"1:{A}", "code": "UNAVAILABLE"},
        {"what": "opened", "watch": f"1:{A}", "after": 1},
        *(
            {
                "what": "entry",
                "watch": f"1:{A}",
                "seq": seq,
                "type": "EVENT_RECEIVED",
                "payload": json.dumps(word(f"w{seq - 1}")[2]),
            }
            for seq in (2, 3)
        ),
        {
            "what": "entry",
            "watch": f"1:{A}",
            "seq": 4,
            "type": "INSTANCE_COMPLETED",
            "payload": "{}",
        },
        {"what": "followed", "watch": f"1:{A}", "seq": 4},
    ],
    feed=[{"what": "opened", "follower": follower, "after": ""} for follower in (0, 1)]
    + [
        {"what": "told", "follower": 0, "entries": [[A, 1], [A, 2], [B, 1]]},
        {"what": "told", "follower": 0, "entries": [[A, 3], [B, 2], [A, 4], [C, 1], [G, 1]]},
        {"what": "told", "follower": 1, "entries": [[A, 1], [A, 2], [B, 1], [A, 3], [B, 2]]},
        {"what": "told", "follower": 1, "entries": [[A, 4], [C, 1]]},
        *(
            {"what": "told", "follower": follower, "entries": [[D, 1], [D, 2], [E, 1], [F, 1]]}
            for follower in (0, 1)
        ),
    ],
    bought=frozenset({"own-1"}),
    instances={
        C: Instance(
            key="own-1", status="completed", history=entries(("INSTANCE_COMPLETED", None, {}))
        ),
        D: Instance(
            key="panel-4",
            status="completed",
            tasks={1: Task(type="HUMAN", status="cancelled", epoch=0, output=None)},
            history=entries(
                ("TASK_VOTED", 1, {"user": "ada", "approve": True}),
                ("INSTANCE_COMPLETED", None, {}),
            ),
        ),
        E: Instance(
            key="later-5",
            status="completed",
            tasks={1: Task(type="HTTP", status="succeeded", epoch=1, output={"run": "late"})},
            history=entries(("INSTANCE_COMPLETED", None, {})),
        ),
        F: Instance(
            key="undo-6",
            status="completed",
            tasks={
                ordinal: Task(type="TOOL", name=name, status="succeeded", epoch=1, output=None)
                for ordinal, name in enumerate(("do1", "do2", "undo2", "undo1"), start=1)
            },
            history=entries(("INSTANCE_COMPLETED", None, {})),
        ),
        A: Instance(
            key="talk-1",
            status="completed",
            tasks={1: Task(type="SYSTEM", status="succeeded", epoch=2, output="two")},
            history=entries(
                ("INSTANCE_STARTED", None, {}),
                word("w1"),
                word("w2"),
                ("INSTANCE_COMPLETED", None, {}),
            ),
        ),
        B: Instance(
            key="ask-2",
            status="cancelled",
            tasks={2: Task(type="HUMAN", status="succeeded", epoch=1, output={"answer": "ask-2"})},
            history=entries(("INSTANCE_PAUSED", None, {}), ("INSTANCE_CANCELLED", None, {})),
        ),
    },
)


def told(log: str, at: int, **values: Any) -> Callable[[Evidence], Evidence]:
    """One line of a log says something else."""

    def change(evidence: Evidence) -> Evidence:
        lines = deepcopy(list(getattr(evidence, log)))
        lines[at].update(values)
        return _with(evidence, log, lines)

    return change


def more(log: str, at: int, **values: Any) -> Callable[[Evidence], Evidence]:
    """There is one more line, like the one at a place."""

    def change(evidence: Evidence) -> Evidence:
        lines = deepcopy(list(getattr(evidence, log)))
        return _with(evidence, log, [*lines, {**lines[at], **values}])

    return change


def _with(evidence: Evidence, log: str, lines: list[Line]) -> Evidence:
    changes: dict[str, Any] = {log: lines}
    return replace(evidence, **changes)


def kept(instance_id: str, **values: Any) -> Callable[[Evidence], Evidence]:
    """The database holds something else of an instance."""

    def change(evidence: Evidence) -> Evidence:
        instance = replace(evidence.instances[instance_id], **values)
        return replace(evidence, instances={**evidence.instances, instance_id: instance})

    return change


def lost(evidence: Evidence) -> Evidence:
    """An instance is not in the database."""
    return replace(
        evidence,
        watchers=(),
        effects=(),
        feed=[],
        instances={B: evidence.instances[B]},
    )


BREAKAGES: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "an acknowledged start is lost": ("I1", lost),
    "an acknowledged event is lost": (
        "I1",
        kept(A, history=entries(("INSTANCE_STARTED", None, {}), word("w1"))),
    ),
    "an acknowledged decision is lost": (
        "I1",
        kept(B, tasks={2: Task(type="HUMAN", status="pending", epoch=1, output=None)}),
    ),
    "an acknowledged cancel is lost": ("I1", kept(B, status="completed")),
    "an acknowledged pause is lost": (
        "I1",
        kept(B, history=entries(("INSTANCE_CANCELLED", None, {}))),
    ),
    "an acknowledged outcome is lost": (
        "I1",
        kept(A, tasks={1: Task(type="SYSTEM", status="pending", epoch=1, output=None)}),
    ),
    "an event is applied twice": (
        "I17",
        kept(A, history=entries(word("w1"), word("w2"), word("w2"))),
    ),
    "events are applied in another order": (
        "I17",
        kept(A, history=entries(word("w2"), word("w1"))),
    ),
    "a refused event was applied": (
        "I19",
        kept(A, history=entries(word("w1"), word("w2"), word("w9"))),
    ),
    "a refused cancel was carried out": ("I19", kept(A, status="cancelled")),
    "a refused decision counts": (
        "I19",
        told("client", 19, instance=B, output="ask-2"),
    ),
    "a repeated start made another instance": ("I18", told("client", 2, instance=B)),
    "a caller sees an exception": (
        "I37",
        more("client", 0, what="unknown", text="KeyError: 'x'"),
    ),
    "what came with a start that is lost was committed": (
        "I1",
        lambda evidence: replace(evidence, bought=frozenset({"own-1", "own-2"})),
    ),
    "what was rolled back was started all the same": (
        "I13",
        lambda evidence: replace(evidence, bought=frozenset()),
    ),
    "a limit is not kept": ("I38", told("client", 22, scarce=4)),
    "an epoch is handed out twice": ("I3", more("effects", 0)),
    "the outcome of a zombie counts": (
        "I3",
        kept(A, tasks={1: Task(type="SYSTEM", status="succeeded", epoch=2, output="one")}),
    ),
    "two outcomes of one task are accepted": (
        "I4",
        told("effects", 5, verdict="OUTCOME_VERDICT_APPLIED"),
    ),
    "a task is handed out after it has succeeded": ("I2", more("effects", 0, epoch=3)),
    "an instance was started without its event": ("I1", told("client", 0, event="w0")),
    "an HTTP call has a key that is no task's": (
        "I22",
        more("effects", 0, what="called", key="k9"),
    ),
    "an attempt too many": ("I7", told("effects", 1, attempt=4)),
    "another key for the second attempt": ("I22", told("effects", 1, key="k2")),
    "one key for two tasks": ("I22", more("effects", 0, task=f"{B}:1")),
    "a stream leaves an entry out": ("I28", told("watchers", 5, seq=3)),
    "a stream repeats an entry": ("I28", told("watchers", 5, seq=1)),
    "a stream is resumed at another place": ("I28", told("watchers", 4, after=0)),
    "a bookmark is ahead of what was told": ("I28", told("watchers", 2, seq=2)),
    "a stream tells what was never committed": ("I23", told("watchers", 5, payload='{"x":1}')),
    "a stream ends before the instance does": ("I30", told("watchers", 7, type="TASK_CREATED")),
    "the feed leaves an entry out": ("I28", told("feed", 4, entries=[[A, 1], [A, 2], [A, 3]])),
    "the feed repeats an entry": ("I28", told("feed", 5, entries=[[A, 3]])),
    "the feed ends too early": ("I30", told("feed", 5, entries=[])),
    "the feed has two orders": (
        "I28",
        told("feed", 4, entries=[[B, 1], [A, 1], [A, 2], [A, 3], [B, 2]]),
    ),
    "an acknowledged vote is lost": (
        "I1",
        kept(D, history=entries(("INSTANCE_COMPLETED", None, {}))),
    ),
    "a refused vote counts": ("I19", told("client", 25, by="ada")),
    "an answer that came later is lost": (
        "I1",
        kept(E, tasks={1: Task(type="HTTP", status="failed", epoch=1, output=None)}),
    ),
    "an answer that was refused counts": ("I19", told("client", 29, run="late")),
    "what a schedule started is lost": ("I1", told("client", 32, instance=G)),
    "a removed instance never was": ("I1", told("effects", 7, task=f"{C}:1")),
    "an outcome of an instance that is kept is taken for a removed one's": (
        "I1",
        told("client", 33, key="chain-17"),
    ),
    "what was done last is undone last": (
        "I12",
        kept(
            F,
            tasks={
                ordinal: Task(type="TOOL", name=name, status="succeeded", epoch=1, output=None)
                for ordinal, name in enumerate(("do1", "do2", "undo1", "undo2"), start=1)
            },
        ),
    ),
    "an instance never ends": (
        "I9",
        kept(A, status="waiting", history=entries(word("w1"), word("w2"))),
    ),
}


class TestTheChecker:
    def test_has_nothing_to_say_of_a_good_run(self) -> None:
        """A retry, a zombie, a repeat, a reconnect and refusals are how it should be."""
        assert [] == check(GOOD)

    def test_finds_every_promise_that_is_broken(self) -> None:
        """A checker that overlooks one would call the run good."""
        overlooked = {
            what: invariant
            for what, (invariant, breakage) in BREAKAGES.items()
            if invariant not in {violation.invariant for violation in check(breakage(GOOD))}
        }

        assert {} == overlooked
