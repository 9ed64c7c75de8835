"""
Applies what callers wrote into the inbox: starts, and then events.

Nobody rings for it, as whoever writes there may know the database only; so it is looked at
every second at least. What cannot be applied ends where its caller can read why.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from control_plane.loops.pace import has_error, repeat
from control_plane.orchestrator import (
    Answer,
    ApplyInbox,
    OnClosed,
    OnRunning,
    Orchestrator,
    Request,
    Start,
)
from control_plane.ports.due import Due
from control_plane.ports.inbox import InboxRows, InboxStart
from control_plane.ports.records import InstanceKey
from control_plane.use_cases.start_instance import StartOf, start_request
from shared import json
from shared.errors import (
    Conflict,
    FoliotError,
    InvalidRequest,
    NotFound,
    Overloaded,
    Unavailable,
)
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

BATCH = 500
EVERY_S = 1.0
MAX_TRIES = 10
"""How often something may meet a bug of ours before it is put away."""

_log = get_logger(__name__)


class Inbox:
    def __init__(
        self, due: Due, rows: InboxRows, orchestrator: Orchestrator, poll_s: float
    ) -> None:
        self._due = due
        self._rows = rows
        self._orchestrator = orchestrator
        self._every_s = min(poll_s, EVERY_S)
        self._wake = asyncio.Event()
        self._tries: Counter[InstanceKey] = Counter()

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("inbox", stop, self._apply, wake=self._wake)

    async def _apply(self) -> float:
        starts = await self._rows.starts(BATCH)
        is_well = await self._start(starts)
        keys = await self._due.untried_inbox(BATCH)
        is_well &= await self._apply_events(keys)
        return 0 if is_well and BATCH in {len(starts), len(keys)} else self._every_s

    async def _start(self, starts: Sequence[InboxStart]) -> bool:
        """Whether none of them met an error that may pass."""
        requests: dict[InboxStart, Request] = {}
        for start in starts:
            try:
                requests[start] = _request(start)
            except FoliotError as error:
                await self._reject(start, error)
            except (ValueError, KeyError) as error:
                unread = InvalidRequest(f"the start that was written cannot be read: {error}")
                await self._reject(start, unread)
        answers = await self._orchestrator.submit_all(list(requests.values()))
        is_well = True
        for start, answer in zip(requests, answers, strict=True):
            if isinstance(answer, Answer):
                self._tries.pop(start.key, None)
                if answer.instance_id != start.instance_id:
                    await self._rows.redirect(start, answer.instance_id)
            elif self._is_final(start.key, answer):
                await self._reject(start, answer)
            else:
                is_well = False
        return is_well

    async def _apply_events(self, keys: Sequence[InstanceKey]) -> bool:
        answers = await self._orchestrator.submit_all(
            [
                Request(tenant_id=tenant_id, instance_id=instance_id, asked=ApplyInbox())
                for tenant_id, instance_id in keys
            ]
        )
        for key, answer in zip(keys, answers, strict=True):
            if isinstance(answer, Answer):
                self._tries.pop(key, None)
            elif isinstance(answer, NotFound):
                await self._rows.reject_unaddressed(
                    key, reason=answer.reason, message=answer.message
                )
            elif self._is_final(key, answer):
                self._tell(key, answer)
                await self._rows.reject_first(key, reason=answer.reason, message=answer.message)
        return not has_error(answers)

    async def _reject(self, start: InboxStart, error: FoliotError) -> None:
        self._tell(start.key, error)
        await self._rows.reject_start(start, reason=error.reason, message=error.message)

    def _tell(self, key: InstanceKey, error: FoliotError) -> None:
        tenant_id, instance_id = key
        _log.warning(
            LogEvent.INBOX_REJECTED,
            tenant_id=tenant_id,
            instance_id=str(instance_id),
            error=str(error),
        )

    def _is_final(self, key: InstanceKey, error: FoliotError) -> bool:
        """Whether asking again would be answered the same; of a bug, once it was asked often."""
        if isinstance(error, Unavailable | Overloaded | Conflict):
            return False
        if type(error) is not FoliotError:
            return True
        self._tries[key] += 1
        is_hopeless = self._tries[key] >= MAX_TRIES
        if is_hopeless:
            del self._tries[key]
        return is_hopeless


def _request(start: InboxStart) -> Request:
    """The start as the API would have it. Raises InvalidRequest for what it would refuse."""
    asked = json.load(start.payload)
    assert isinstance(asked, dict)
    request = start_request(
        start.tenant_id,
        StartOf(
            definition_key=str(asked["definition_key"]),
            definition_id=None,
            business_key=str(asked["business_key"] or ""),
            input=json.dump(asked["input"]),
            labels={str(name): str(value) for name, value in _object(asked["labels"]).items()},
            on_running=OnRunning(asked["on_running"]),
            on_closed=OnClosed(asked["on_closed"]),
            request_id=start.request_id,
        ),
        started_by=str(asked["started_by"]),
    )
    assert isinstance(request.asked, Start)
    return replace(
        request,
        instance_id=start.instance_id,
        is_new=False,
        asked=replace(request.asked, position=start.position),
    )


def _object(value: json.Json) -> dict[str, json.Json]:
    assert isinstance(value, dict)
    return value
