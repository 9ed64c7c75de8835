"""
Delivers what instances say to one another: children to start and to stop, parents to tell.

At least once, and in order to each instance; whoever receives a message twice hears it once.
What cannot be delivered now, because the database or a turn is busy, stays for the next round.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from control_plane.loops.pace import repeat
from control_plane.orchestrator import (
    Answer,
    ChildEnded,
    OnClosed,
    OnRunning,
    Orchestrator,
    Parent,
    ParentClosed,
    Request,
    Start,
)
from control_plane.ports.outbox import Delivery, Outbox
from shared import json
from shared.errors import FoliotError, LimitExceeded, Overloaded, Unavailable
from shared.ids import InstanceId, parse_uuid

BATCH = 200
"""Messages delivered at once."""

MAX_DEPTH = 10
"""Children of children: a definition that starts itself ends here."""


class Courier:
    def __init__(self, outbox: Outbox, orchestrator: Orchestrator, poll_s: float) -> None:
        self._outbox = outbox
        self._orchestrator = orchestrator
        self._poll_s = poll_s
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was said."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        await repeat("courier", stop, self.deliver, wake=self._wake)

    async def deliver(self) -> float:
        """One round; tells how long there is nothing more to do."""
        found = await self._outbox.undelivered(BATCH)
        if not found:
            return self._poll_s
        answers = await self._hand_over(found)
        refusals = [
            _could_not_start(delivery, answer)
            for delivery, answer in zip(found, answers, strict=True)
            if delivery.kind == "START_CHILD" and _is_final_error(answer)
        ]
        answers_to_refusals = await self._orchestrator.submit_all(refusals)
        has_to_wait = any(isinstance(answer, FoliotError) for answer in answers_to_refusals)
        done = [
            delivery
            for delivery, answer in zip(found, answers, strict=True)
            if isinstance(answer, Answer)
            or (_is_final_error(answer) and not (has_to_wait and delivery.kind == "START_CHILD"))
        ]
        if done:
            await self._outbox.delivered(done)
        return 0 if len(done) == BATCH else self._poll_s if len(done) < len(found) else 0

    async def _hand_over(self, found: Sequence[Delivery]) -> list[Answer | FoliotError]:
        refused = {
            one.position: LimitExceeded("depth of child instances", actual=depth, maximum=MAX_DEPTH)
            for one in found
            if one.kind == "START_CHILD" and (depth := _said(one)["depth"]) > MAX_DEPTH
        }
        answers = iter(
            await self._orchestrator.submit_all(
                [_request(one) for one in found if one.position not in refused]
            )
        )
        return [refused.get(one.position) or next(answers) for one in found]


def _request(delivery: Delivery) -> Request:
    said = _said(delivery)
    match delivery.kind:
        case "START_CHILD":
            return Request(
                tenant_id=delivery.tenant_id,
                instance_id=_id(said["child"]),
                asked=Start(
                    definition_id=None,
                    definition_key=said["definition"],
                    business_key=said["business_key"],
                    on_running=OnRunning.FAIL,
                    on_closed=OnClosed.ALLOW,
                    input=said["input"],
                    labels={},
                    started_by=f"instance:{delivery.instance_id}",
                    version=said["version"],
                    parent=Parent(
                        delivery.instance_id,
                        said["ordinal"],
                        said["depth"],
                        said["on_parent_close"],
                    ),
                ),
            )
        case "STOP_CHILD":
            return Request(
                tenant_id=delivery.tenant_id,
                instance_id=_id(said["child"]),
                asked=ParentClosed(by=said["by"], parent=delivery.instance_id),
            )
        case "TELL_PARENT":
            return Request(
                tenant_id=delivery.tenant_id,
                instance_id=_id(said["parent"]),
                asked=ChildEnded(
                    ordinal=said["ordinal"], output=said.get("output"), error=said.get("error")
                ),
            )


def _could_not_start(delivery: Delivery, answer: Answer | FoliotError) -> Request:
    """The parent's task fails of what kept its child from being started."""
    assert isinstance(answer, FoliotError)
    return Request(
        tenant_id=delivery.tenant_id,
        instance_id=delivery.instance_id,
        asked=ChildEnded(
            ordinal=_said(delivery)["ordinal"],
            error={
                "kind": "child.not_started",
                "message": answer.message,
                "details": {"reason": answer.reason},
            },
        ),
    )


def _is_final_error(answer: Answer | FoliotError) -> bool:
    """Whether asking again would be answered the same."""
    return isinstance(answer, FoliotError) and not isinstance(answer, Unavailable | Overloaded)


def _said(delivery: Delivery) -> dict[str, Any]:
    value = json.load(delivery.payload)
    assert isinstance(value, dict)
    return value


def _id(text: str) -> InstanceId:
    return InstanceId(parse_uuid(text, "instance_id"))
