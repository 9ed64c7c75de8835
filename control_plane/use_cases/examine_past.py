"""
What an instance's past must say, held against its row: the hash chain, the replay, the
lives of its tasks, its timers and its end.

Pure: an instance with everything that was written of it goes in, what is wrong comes out.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from control_plane.engine import Entry, Machine, Snapshot, dump_snapshot, fold, load_snapshot
from control_plane.engine.instants import read_instant
from control_plane.orchestrator.chain import GENESIS, link
from control_plane.orchestrator.deadlines import task_of_deadline, task_of_nudge
from control_plane.ports.doctor import Past
from control_plane.ports.records import CLOSED_TASK, HistoryEntry, InstanceStatus, TaskStatus
from shared import json

MAX_PROBLEMS = 20
"""Of one instance: who finds so many has seen enough."""

_BIRTHS = frozenset({"TASK_CREATED", "TASK_REDRIVEN"})
_TRIES = frozenset({"TASK_STARTED", "TASK_RETRY_SCHEDULED"})
_ENDS: Mapping[str, TaskStatus] = {
    "TASK_COMPLETED": "succeeded",
    "TASK_FAILED": "failed",
    "TASK_CANCELLED": "cancelled",
}
_CLOSINGS: Mapping[str, InstanceStatus] = {
    "INSTANCE_COMPLETED": "completed",
    "INSTANCE_FAILED": "failed",
    "INSTANCE_CANCELLED": "cancelled",
    "INSTANCE_TERMINATED": "cancelled",
}
_REOPENING = "INSTANCE_RETRIED"
_MOVES = frozenset({"STATE_TRANSITION", "TIMER_FIRED", "TASK_CREATED", *_CLOSINGS})
"""What an instance that has ended does no more. Its detached tasks may go on."""


class Problem(NamedTuple):
    invariant: str
    ordinal: int | None
    message: str


def problems_of(past: Past, machine: Machine) -> list[Problem]:
    """All that is wrong with an instance whose definition is this machine."""
    found: list[Problem] = []
    entries = past.entries
    if entries is not None:
        found += _chain(past, entries)
        found += _tasks(past, entries)
        found += _timers(entries)
        found += _end(past, entries)
        found += _events(entries)
        found += _replay(past, entries, machine)
    try:
        snapshot = load_snapshot(machine, past.instance.snapshot)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the bytes is what is looked for
        found.append(Problem("I12", None, f"its snapshot cannot be read: {error}"))
    else:
        found += _rows(past, snapshot)
        found += _orphan(past, snapshot, machine)
    return found[:MAX_PROBLEMS]


def _chain(past: Past, entries: Sequence[HistoryEntry]) -> Iterator[Problem]:
    chain = GENESIS
    for entry in entries:
        chain = link(chain, entry.seq, entry.type, entry.payload)
        if chain != entry.hash:
            yield Problem("I11", None, f"entry {entry.seq} was changed, or one before it")
            return
    if chain != past.instance.history_hash:
        yield Problem("I11", None, f"its row continues another history than ends at {len(entries)}")


def _tasks(past: Past, entries: Sequence[HistoryEntry]) -> Iterator[Problem]:
    ended: dict[int, TaskStatus | None] = {}
    epochs: dict[int, int] = {}
    for entry in entries:
        ordinal = entry.ordinal
        if ordinal is None or entry.type not in (_BIRTHS | _TRIES | _ENDS.keys()):
            continue
        if entry.type in _BIRTHS:
            if ordinal in ended:
                yield Problem("I6", ordinal, f"it was created again, by entry {entry.seq}")
            ended[ordinal] = None
        elif ordinal not in ended:
            yield Problem("I6", ordinal, f"entry {entry.seq} {entry.type} is before its creation")
        elif ended[ordinal] is not None:
            which = "I4" if entry.type in _ENDS else "I5"
            yield Problem(which, ordinal, f"entry {entry.seq} {entry.type} is after its end")
        elif entry.type in _ENDS:
            ended[ordinal] = _ENDS[entry.type]
        elif entry.type == "TASK_STARTED":
            epoch = int(_payload(entry)["epoch"])
            if epoch <= epochs.get(ordinal, 0):
                yield Problem("I3", ordinal, f"entry {entry.seq} began it by epoch {epoch} again")
            epochs[ordinal] = epoch
    for ordinal in sorted(ended.keys() | past.tasks.keys()):
        told, status = ended.get(ordinal), past.tasks.get(ordinal)
        if status is None or ordinal not in ended:
            where = "its row" if status is None else "its creation in the history"
            yield Problem("I13", ordinal, f"{where} is missing")
        elif (status if status in CLOSED_TASK else None) != told:
            yield Problem("I4", ordinal, f"its row says {status}, the history {told or 'no end'}")


def _timers(entries: Sequence[HistoryEntry]) -> Iterator[Problem]:
    fired: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.type != "TIMER_FIRED":
            continue
        payload = _payload(entry)
        due = read_instant(payload["due"])
        if due is None or entry.created_at < due:
            yield Problem("I24", None, f"entry {entry.seq}: the timer fired before {due}")
        key = str(payload["timer_id"]), str(payload["due"])
        fired[key] += 1
        if fired[key] == 2:
            yield Problem("I24", None, f"entry {entry.seq}: timer {key[0]!r} fired twice")


def _end(past: Past, entries: Sequence[HistoryEntry]) -> Iterator[Problem]:
    closed: InstanceStatus | None = None
    for entry in entries:
        if closed is not None and entry.type in _MOVES:
            yield Problem("I5", None, f"entry {entry.seq} {entry.type} is after its end")
        if entry.type in _CLOSINGS:
            closed = _CLOSINGS[entry.type]
        elif entry.type == _REOPENING:
            closed = None
    status = past.instance.status if past.instance.is_closed else None
    if status != closed:
        yield Problem("I5", None, f"its row says {past.instance.status}, the history {closed}")


def _events(entries: Sequence[HistoryEntry]) -> Iterator[Problem]:
    seen: set[str] = set()
    for entry in entries:
        if entry.type != "EVENT_RECEIVED":
            continue
        payload = _payload(entry)
        event_id = str(payload["event_id"])
        if not event_id or payload["disposition"] != "APPLIED":
            continue
        if event_id in seen:
            yield Problem("I17", None, f"entry {entry.seq}: event id {event_id!r} applied twice")
        seen.add(event_id)


def _replay(past: Past, entries: Sequence[HistoryEntry], machine: Machine) -> Iterator[Problem]:
    try:
        folded = fold(
            machine,
            [
                (Entry(type=one.type, payload=_payload(one), ordinal=one.ordinal), one.created_at)
                for one in entries
            ],
        )
        stored = replace(load_snapshot(machine, past.instance.snapshot), context={})
        is_same = dump_snapshot(replace(folded, context={})) == dump_snapshot(stored)
        is_same &= json.dump(folded.context) == json.dump(json.load(past.instance.context))
    except Exception as error:  # noqa: BLE001 - a broken history may break the replay in any way
        yield Problem("I12", None, f"its history cannot be replayed: {error!r}")
        return
    if not is_same:
        yield Problem("I12", None, "replaying its history leads to another state than its row has")


def _rows(past: Past, snapshot: Snapshot) -> Iterator[Problem]:
    open_tasks = {ordinal for ordinal, status in past.tasks.items() if status not in CLOSED_TASK}
    for ordinal in sorted(open_tasks ^ snapshot.tasks.keys()):
        where = "its row is" if ordinal in open_tasks else "its instance has it"
        yield Problem("I12", ordinal, f"{where} open, and the other is not")
    timers = {timer_id: timer.due for timer_id, timer in snapshot.timers.items()}
    if past.instance.paused_at is not None:
        # They rest.
        timers = {}
    for timer_id in sorted(timers.keys() | past.timers.keys()):
        is_of_task = task_of_deadline(timer_id) or task_of_nudge(timer_id)
        if is_of_task is None and timers.get(timer_id) != past.timers.get(timer_id):
            yield Problem(
                "I13",
                None,
                f"timer {timer_id!r} is due at {past.timers.get(timer_id)}, its instance says"
                f" {timers.get(timer_id)}",
            )


def _orphan(past: Past, snapshot: Snapshot, machine: Machine) -> Iterator[Problem]:
    """Whether open tasks can be claimed is for the checks of rows to say."""
    instance = past.instance
    if (
        instance.is_closed
        or instance.paused_at is not None
        or snapshot.tasks
        or past.timers
        or past.inbox
    ):
        return
    if not machine.accepts(snapshot):
        yield Problem("I9", None, f"it is {instance.status}, and nothing can ever move it")


def _payload(entry: HistoryEntry) -> dict[str, Any]:
    payload = json.load(entry.payload)
    if not isinstance(payload, dict):
        raise TypeError(f"entry {entry.seq} holds no object")
    return payload
