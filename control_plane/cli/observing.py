"""
How an instance stands on a server, as any client sees it by gRPC.
"""

from collections.abc import Sequence
from typing import Any

import grpc
from foliot.v1 import (
    event_service_pb2,
    event_service_pb2_grpc,
    history_entry_pb2,
    instance_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    task_pb2,
)
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from control_plane.engine import Entry
from control_plane.simulation import Refused, Seen, TaskView
from shared import json
from shared.json import Json

CALL_WITHIN_S = 30.0
PAGE = 200

_OPEN = (task_pb2.TASK_STATUS_PENDING, task_pb2.TASK_STATUS_RUNNING)


class Observer:
    """Looks at one instance after another; each look has the history since the last."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        self._events = event_service_pb2_grpc.EventServiceStub(channel)
        self._metadata = metadata
        self._seq = 0

    def begin(self) -> None:
        """The next look is at a new instance."""
        self._seq = 0

    async def look(
        self, instance_id: str, disposition: str | None, refused: Refused | None
    ) -> Seen:
        answer = await self._read(instance_id, with_tasks=True)
        explained = await self._instances.ExplainInstance(
            instance_service_pb2.ExplainInstanceRequest(instance_id=instance_id),
            metadata=self._metadata,
            timeout=CALL_WITHIN_S,
        )
        instance = answer.instance
        return Seen(
            status=_status(instance.status),
            state=_value(instance, "state"),
            context=_value(instance, "context"),
            output=_value(instance, "output"),
            error=_error(instance),
            tasks=tuple(_task(one) for one in answer.tasks if one.status in _OPEN),
            accepts=tuple(explained.explanation.accepted_event_types),
            disposition=disposition,
            refused=refused,
            history=await self._history(instance_id),
        )

    async def open_tasks(self, instance_id: str) -> frozenset[int]:
        """The numbers of its open tasks."""
        answer = await self._read(instance_id, with_tasks=True)
        return frozenset(one.ordinal for one in answer.tasks if one.status in _OPEN)

    async def _read(
        self, instance_id: str, *, with_tasks: bool
    ) -> instance_service_pb2.GetInstanceResponse:
        return await self._instances.GetInstance(
            instance_service_pb2.GetInstanceRequest(
                instance_id=instance_id, include_tasks=with_tasks
            ),
            metadata=self._metadata,
            timeout=CALL_WITHIN_S,
        )

    async def _history(self, instance_id: str) -> tuple[Entry, ...]:
        """The entries since the last look."""
        found: list[Entry] = []
        token = ""
        filter_ = f"seq >= {self._seq + 1}"
        while True:
            page = await self._events.ListHistory(
                event_service_pb2.ListHistoryRequest(
                    instance_id=instance_id, page_size=PAGE, page_token=token, filter=filter_
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
            found.extend(_entry(one) for one in page.entries)
            if page.entries:
                self._seq = page.entries[-1].seq
            token = page.next_page_token
            if not token:
                return tuple(found)


def refusal_of(error: grpc.aio.AioRpcError) -> Refused:
    """Why a server refused. What carries no reason of ours is raised again."""
    status = rpc_status.from_call(error)
    details: Sequence[Any] = () if status is None else status.details
    for detail in details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            accepts = info.metadata.get("accepts", "")
            return Refused(
                reason=info.reason,
                message=error.details() or "",
                accepts=tuple(accepts.split(", ")) if accepts else (),
                json_pointer=info.metadata.get("json_pointer", ""),
            )
    raise error


def _status(status: instance_pb2.InstanceStatus.ValueType) -> Any:
    return instance_pb2.InstanceStatus.Name(status).removeprefix("INSTANCE_STATUS_").lower()


def _value(message: Any, field: str) -> Json:
    return json.load(getattr(message, field).json) if message.HasField(field) else None


def _error(instance: instance_pb2.Instance) -> Json:
    if not instance.HasField("last_error"):
        return None
    error = instance.last_error
    return {"kind": error.kind, "message": error.message, "json_pointer": error.json_pointer}


def _task(task: task_pb2.Task) -> TaskView:
    return TaskView(
        ordinal=task.ordinal,
        name=task.name,
        type=task_pb2.TaskType.Name(task.type).removeprefix("TASK_TYPE_"),
        input=_value(task, "input"),
        attempt=task.attempt,
    )


def _entry(entry: history_entry_pb2.HistoryEntry) -> Entry:
    payload = _value(entry, "payload")
    return Entry(
        type=history_entry_pb2.HistoryEntryType.Name(entry.type).removeprefix(
            "HISTORY_ENTRY_TYPE_"
        ),
        payload=payload if isinstance(payload, dict) else {},
        ordinal=int(entry.task_id.rpartition(":")[2]) if entry.task_id else None,
    )
