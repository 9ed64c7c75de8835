"""Rows of the inbox that no turn can take up by itself, in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.ports.due import LOOK
from control_plane.ports.inbox import START, InboxStart
from control_plane.ports.instance_store import InboxEvent
from control_plane.ports.records import InstanceKey
from shared.ids import InstanceId


class MemoryInbox:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def starts(self, limit: int, *, look: int = LOOK) -> Sequence[InboxStart]:
        untried = sorted(
            (
                (event.accepted_at, event.position, key, event)
                for key, events in self._database.inbox.items()
                for event in events
                if event.deferred_at is None
            ),
            key=lambda one: one[:2],
        )
        found = [one for one in untried[:look] if one[3].type == START]
        return [
            InboxStart(
                tenant_id=key.tenant_id,
                instance_id=key.instance_id,
                position=event.position,
                request_id=event.event_id,
                payload=event.payload,
            )
            for _, _, key, event in found[:limit]
        ]

    async def redirect(self, start: InboxStart, to: InstanceId) -> None:
        events = self._database.inbox.pop(start.key, [])
        there = self._database.inbox.setdefault(InstanceKey(start.tenant_id, to), [])
        there += [event for event in events if event.position != start.position]
        there.sort(key=lambda event: event.position)

    async def reject_start(self, start: InboxStart, *, reason: str, message: str) -> None:
        self._reject(start.key, lambda event: event.position == start.position, reason, message)

    async def reject_first(self, key: InstanceKey, *, reason: str, message: str) -> None:
        untried = [event.position for event in self._untried(key)]
        self._reject(key, lambda event: event.position in untried[:1], reason, message)

    async def reject_unaddressed(self, key: InstanceKey, *, reason: str, message: str) -> None:
        events = self._database.inbox.get(key, [])
        if key not in self._database.instances and not any(one.type == START for one in events):
            self._reject(key, lambda _: True, reason, message)

    def _untried(self, key: InstanceKey) -> list[InboxEvent]:
        events = self._database.inbox.get(key, [])
        return [one for one in events if one.deferred_at is None and one.type != START]

    def _reject(
        self, key: InstanceKey, is_rejected: Callable[[InboxEvent], bool], reason: str, message: str
    ) -> None:
        events = self._database.inbox.pop(key, [])
        self._database.rejected += [
            (key, replace(event), reason, message) for event in events if is_rejected(event)
        ]
        if left := [event for event in events if not is_rejected(event)]:
            self._database.inbox[key] = left
