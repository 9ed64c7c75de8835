"""
What instances say to one another, and to themselves for later: plain JSON, kept with the
decision that says it and delivered after the commit (control_plane/loops/courier.py).
"""

from typing import Any, Literal, TypeAlias

from control_plane.engine import Entry, Snapshot, StartChild
from control_plane.ports.instance_store import NewTask, OutboxMessage
from control_plane.ports.records import Instance, JsonText
from shared import json
from shared.ids import InstanceId, child_instance_id
from shared.json import Json

StopBy: TypeAlias = Literal["cancel", "terminate"]

OUTCOME = "task.outcome"
"""The type of an inbox row that holds how a task of a paused instance has ended. No sender's
event has it: those that begin with `task.` are refused."""


def dump_child(command: StartChild) -> JsonText:
    """How a child is asked for, as its task's row keeps it."""
    return json.dump(
        {
            "version": command.version,
            "business_key": command.business_key,
            "on_parent_close": command.on_parent_close,
        }
    )


def start_child(parent: Instance, task: NewTask) -> OutboxMessage:
    """Start the child that this new task stands for."""
    return OutboxMessage(
        kind="START_CHILD",
        payload=json.dump(
            {
                "child": str(child_instance_id(parent.instance_id, task.ordinal)),
                "ordinal": task.ordinal,
                "definition": task.function,
                "input": json.load(task.input),
                "depth": parent.depth + 1,
                "trace_parent": task.trace_parent,
                **_object(task.child or "{}"),
            }
        ),
    )


def stop_child(child: InstanceId, by: StopBy) -> OutboxMessage:
    """The parent needs the child no longer; what that does to it is for the child to know."""
    return OutboxMessage(kind="STOP_CHILD", payload=json.dump({"child": str(child), "by": by}))


def tell_parent(child: Instance, ended: Snapshot) -> OutboxMessage | None:
    """How the child has ended; None for an instance that is nobody's child."""
    if child.parent_instance_id is None:
        return None
    told: dict[str, Json] = {
        "parent": str(child.parent_instance_id),
        "ordinal": child.parent_ordinal,
    }
    if ended.status == "done":
        told["output"] = ended.output
    else:
        told["error"] = {
            "kind": "child.cancelled" if ended.status == "cancelled" else "child.failed",
            "message": f"the child instance {child.instance_id} was {ended.status}"
            if ended.status == "cancelled"
            else f"the child instance {child.instance_id} failed",
            "details": {"instance_id": str(child.instance_id), "error": ended.error},
        }
    return OutboxMessage(kind="TELL_PARENT", payload=json.dump(told))


def ordinal_of(payload: JsonText) -> int:
    """Whose outcome a row of type OUTCOME holds."""
    return int(_object(payload)["ordinal"])


def stopped(payload: JsonText) -> Entry:
    """What the history says of an outcome that came too late to count."""
    kept = _object(payload)
    told: dict[str, Json] = {key: kept[key] for key in ("output", "error") if key in kept}
    return Entry(type="TASK_STOPPED", ordinal=int(kept["ordinal"]), payload=told)


def _object(payload: JsonText) -> dict[str, Any]:
    value = json.load(payload)
    assert isinstance(value, dict)
    return value
