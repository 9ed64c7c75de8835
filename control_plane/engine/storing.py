"""
A snapshot as the bytes that are stored: canonical JSON, in which members that have their
usual value are left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from control_plane.engine.instants import read_instant, write_instant
from control_plane.engine.machine import Machine
from control_plane.engine.snapshot import (
    OpenGroup,
    OpenTask,
    OpenTimer,
    Snapshot,
    Stalled,
    Undo,
    WaitingTask,
)
from shared.json import Json

FORMAT = 1
"""Grows when what is stored means something else; older ones stay readable."""

_HASH_LENGTH = 16
"""How much of the spec's hash is stored: enough to notice a snapshot of another spec."""

_UTF8_BYTES = 4
"""No character of a text is longer in UTF-8."""


class SnapshotUnreadable(ValueError):
    """The bytes are no snapshot of this machine; nothing was changed."""


def dump_snapshot(snapshot: Snapshot, *, with_context: bool = True) -> bytes:
    """Equal snapshots give equal bytes. Without its context where that is stored apart."""
    body: dict[str, Any] = {
        "format": FORMAT,
        "spec": snapshot.spec_hash[:_HASH_LENGTH],
        "configuration": snapshot.configuration,
        "context": snapshot.context if with_context else {},
        "next_ordinal": snapshot.next_ordinal,
    }
    if snapshot.status != "active":
        body["status"] = snapshot.status
    if snapshot.finishing:
        body["finishing"] = True
    if snapshot.history:
        body["history"] = snapshot.history
    if snapshot.output is not None:
        body["output"] = snapshot.output
    if snapshot.error is not None:
        body["error"] = snapshot.error
    if snapshot.tasks:
        body["tasks"] = {str(key): _task(task) for key, task in snapshot.tasks.items()}
    if snapshot.timers:
        body["timers"] = {key: _timer(timer) for key, timer in snapshot.timers.items()}
    if snapshot.cancelling is not None:
        body["cancelling"] = snapshot.cancelling
    if snapshot.groups:
        body["groups"] = {str(key): _group(group) for key, group in snapshot.groups.items()}
    if snapshot.undo:
        body["undo"] = [[one.ordinal, one.plan, one.input] for one in snapshot.undo]
    if snapshot.stalled is not None:
        body["stalled"] = _stalled(snapshot.stalled)
    if snapshot.redriven:
        body["redriven"] = sorted(snapshot.redriven)
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def load_snapshot(
    machine: Machine, data: bytes | str, context: bytes | str | None = None
) -> Snapshot:
    """
    The snapshot of these bytes. `context` is its text where that is stored apart.

    Raises SnapshotUnreadable for those of another spec.
    """
    body: Mapping[str, Any] = orjson.loads(data)
    if body.get("format") != FORMAT:
        raise SnapshotUnreadable(
            f"the snapshot has format {body.get('format')!r}, this engine reads {FORMAT}; "
            "run a version that knows it"
        )
    if body["spec"] != machine.spec_hash[:_HASH_LENGTH]:
        raise SnapshotUnreadable(
            f"the snapshot is of spec {body['spec']}…, the machine of "
            f"{machine.spec_hash[:_HASH_LENGTH]}…; load it with the definition it was made by"
        )
    held: dict[str, Json] = body["context"] if context is None else orjson.loads(context)
    snapshot = Snapshot(
        machine.spec_hash,
        body.get("status", "active"),
        tuple(body["configuration"]),
        _history(body["history"]) if "history" in body else {},
        held,
        body.get("output"),
        body.get("error"),
        _open_tasks(body["tasks"]) if "tasks" in body else {},
        _open_timers(body["timers"]) if "timers" in body else {},
        body["next_ordinal"],
        body.get("finishing", False),
        body.get("cancelling"),
        _open_groups(body["groups"]) if "groups" in body else {},
        _undo(body["undo"]) if "undo" in body else (),
        _load_stalled(body["stalled"]) if "stalled" in body else None,
        frozenset(body.get("redriven", ())),
    )
    text = data if context is None else context
    size = len(text) * (1 if isinstance(text, bytes) else _UTF8_BYTES)
    snapshot.context_bytes = size  # type: ignore[misc]  # it is still ours alone
    return snapshot


def _stalled(stalled: Stalled) -> dict[str, Json]:
    body: dict[str, Json] = {
        "tasks": {str(key): _task(task) for key, task in stalled.tasks.items()},
        "timers": {key: _timer(timer) for key, timer in stalled.timers.items()},
        "groups": {str(key): _group(group) for key, group in stalled.groups.items()},
        "finishing": stalled.finishing,
        "cancelling": stalled.cancelling,
    }
    return body


def _load_stalled(body: Mapping[str, Any]) -> Stalled:
    return Stalled(
        tasks=_open_tasks(body["tasks"]),
        timers=_open_timers(body["timers"]),
        groups=_open_groups(body["groups"]),
        finishing=body["finishing"],
        cancelling=body["cancelling"],
    )


def _open_tasks(body: Mapping[str, Any]) -> dict[int, OpenTask]:
    """In the order of their numbers, whatever the order of the text."""
    return {key: _open_task(body[str(key)]) for key in sorted(map(int, body))}


def _history(body: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(paths) for key, paths in body.items()}


def _undo(body: Sequence[Any]) -> tuple[Undo, ...]:
    return tuple(Undo(ordinal=ordinal, plan=plan, input=given) for ordinal, plan, given in body)


def _open_timers(body: Mapping[str, Any]) -> dict[str, OpenTimer]:
    return {key: _open_timer(timer) for key, timer in body.items()}


def _open_groups(body: Mapping[str, Any]) -> dict[int, OpenGroup]:
    return {key: _open_group(body[str(key)]) for key in sorted(map(int, body))}


def _task(task: OpenTask) -> dict[str, Json]:
    body: dict[str, Json] = {"name": task.name, "type": task.type, "state": task.state}
    if task.invoke_id is not None:
        body["invoke_id"] = task.invoke_id
    if task.detached:
        body["detached"] = True
    if task.group is not None:
        body["group"], body["place"] = task.group, task.place
    if task.plan is not None:
        body["plan"] = task.plan
    if task.reviews is not None:
        body["reviews"] = task.reviews
    return body


def _open_task(body: Mapping[str, Any]) -> OpenTask:
    return OpenTask(
        name=body["name"],
        type=body["type"],
        state=body["state"],
        invoke_id=body.get("invoke_id"),
        detached=body.get("detached", False),
        group=body.get("group"),
        place=body.get("place", 0),
        plan=body.get("plan"),
        reviews=body.get("reviews"),
    )


def _group(group: OpenGroup) -> dict[str, Json]:
    body: dict[str, Json] = {
        "name": group.name,
        "state": group.state,
        "join": group.join,
        "endings": list(group.endings),
        "waiting": [_waiting(one) for one in group.waiting],
    }
    if group.invoke_id is not None:
        body["invoke_id"] = group.invoke_id
    if group.detached:
        body["detached"] = True
    if group.held:
        body["held"] = group.held
    return body


def _waiting(task: WaitingTask) -> list[Json]:
    known: list[Json] = [task.plan, task.place, task.undoes, task.input]
    if task.offer is not None:
        return [*known, task.key, task.offer]
    return known if task.key is None else [*known, task.key]


def _open_group(body: Mapping[str, Any]) -> OpenGroup:
    return OpenGroup(
        name=body["name"],
        state=body["state"],
        invoke_id=body.get("invoke_id"),
        detached=body.get("detached", False),
        join=body["join"],
        endings=tuple(body["endings"]),
        waiting=tuple(
            WaitingTask(
                plan=plan,
                place=place,
                undoes=undoes,
                input=given,
                key=more[0] if more else None,
                offer=more[1] if len(more) > 1 else None,
            )
            for plan, place, undoes, given, *more in body["waiting"]
        ),
        held=body.get("held", 0),
    )


def _timer(timer: OpenTimer) -> dict[str, Json]:
    return {"due": write_instant(timer.due), "event": timer.event, "state": timer.state}


def _open_timer(body: Mapping[str, Any]) -> OpenTimer:
    due = read_instant(body["due"])
    if due is None:
        raise SnapshotUnreadable(f"{body['due']!r} is no instant a timer can be due at")
    return OpenTimer(due=due, event=body["event"], state=body["state"])
