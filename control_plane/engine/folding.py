"""
From an instance's history back to its snapshot: the proof that the history is complete.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from control_plane.engine.decide import decide
from control_plane.engine.decision import Entry
from control_plane.engine.events import (
    Cancelled,
    Event,
    Received,
    Redriven,
    Resumed,
    Retried,
    Started,
    Suggested,
    TaskFailed,
    TaskSkipped,
    TaskSucceeded,
    Terminated,
    TimerFired,
)
from control_plane.engine.instants import read_instant
from control_plane.engine.machine import Machine
from control_plane.engine.snapshot import Snapshot


def fold(machine: Machine, history: Iterable[tuple[Entry, datetime]]) -> Snapshot:
    """
    The snapshot that a history leads to, each entry with the time of its decision.

    Entries that follow from others, and those written by others than the engine, are
    passed over. Raises ValueError for a history that does not begin with a start.
    """
    snapshot: Snapshot | None = None
    for entry, now in history:
        event = event_of(entry)
        if event is None:
            continue
        if (snapshot is None) != isinstance(event, Started):
            raise ValueError(f"a history begins with INSTANCE_STARTED, and not with {entry.type}")
        snapshot = decide(machine, snapshot, event, now).snapshot
    if snapshot is None:
        raise ValueError("this history holds no INSTANCE_STARTED; read it from its first entry")
    return snapshot


def event_of(entry: Entry) -> Event | None:
    """What happened to the instance that the entry tells of; None if it only follows."""
    payload: Mapping[str, Any] = entry.payload
    match entry.type:
        case "INSTANCE_STARTED":
            return Started(input=payload["input"])
        case "EVENT_RECEIVED" if payload["disposition"] == "APPLIED":
            return Received(
                type=payload["type"], payload=payload["payload"], event_id=payload["event_id"]
            )
        case "TASK_COMPLETED" if entry.ordinal is not None:
            return TaskSucceeded(ordinal=entry.ordinal, output=payload["output"])
        case "TASK_SKIPPED" if entry.ordinal is not None:
            return TaskSkipped(ordinal=entry.ordinal, output=payload["output"])
        case "TASK_FAILED" if entry.ordinal is not None:
            return TaskFailed(ordinal=entry.ordinal, error=payload["error"])
        case "AI_SUGGESTED" if entry.ordinal is not None:
            return Suggested(of=entry.ordinal)
        case "TIMER_FIRED":
            due = read_instant(payload["due"])
            return None if due is None else TimerFired(timer_id=payload["timer_id"], due=due)
        case "INSTANCE_CANCELLING":
            return Cancelled(reason=payload["reason"])
        case "INSTANCE_TERMINATED":
            return Terminated(reason=payload["reason"])
        case "INSTANCE_RETRIED":
            return Retried(reason=payload["reason"])
        case "INSTANCE_RESUMED":
            return Resumed(shift=timedelta(microseconds=payload["shift_us"]))
        case "TASK_REDRIVEN":
            return Redriven(of=payload["repeats"], name=payload["name"], type=payload["type"])
        case "INSTANCE_CANCELLED" if not payload.get("compensated"):
            return Cancelled(reason=payload["reason"])
        case _:
            return None
