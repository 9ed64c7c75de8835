"""
Delivers what instances say to one another: children to start and to stop, parents to tell.

At least once, and in order to each instance; whoever receives a message twice hears it once.
What cannot be delivered now, because the database or a turn is busy, stays for the next round.
"""

import asyncio
from collections import defaultdict, deque
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
from shared.errors import Conflict, FoliotError, LimitExceeded, Overloaded, Unavailable
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
        """
        One round, past whatever has to stay; tells how long there is nothing more to do.
        """
        position = 0
        while found := await self._outbox.undelivered(BATCH, after=position):
            done = await self._hand_over(found)
            if done:
                await self._outbox.delivered(done)
            position = found[-1].position
            if len(found) < BATCH:
                break
        return self._poll_s

    async def _hand_over(self, found: Sequence[Delivery]) -> list[Delivery]:
        """
        What of it is done with. Messages to one instance go one after the other: one that has to
        stay holds back those behind it, so that no child is stopped before it is started.
        """
        done: list[Delivery] = []
        lines = _by_receiver(found)
        while lines:
            first = [line.popleft() for line in lines]
            delivered = await self._deliver(first)
            done += [one for one, is_done in zip(first, delivered, strict=True) if is_done]
            lines = [
                line for line, is_done in zip(lines, delivered, strict=True) if is_done and line
            ]
        return done

    async def _deliver(self, messages: Sequence[Delivery]) -> list[bool]:
        """Whether each is done with, of messages to different instances."""
        answers = await self._submit([_request(one) for one in messages])
        told = iter(
            await self._submit(
                [
                    _could_not_start(one, answer)
                    for one, answer in zip(messages, answers, strict=True)
                    if _is_refused_start(one, answer)
                ]
            )
        )
        return [
            _is_final(next(told)) if _is_refused_start(one, answer) else _is_final(answer)
            for one, answer in zip(messages, answers, strict=True)
        ]

    async def _submit(
        self, requests: Sequence[Request | FoliotError]
    ) -> list[Answer | FoliotError]:
        """An answer or an error for each; what is an error already stays one."""
        answers = iter(
            await self._orchestrator.submit_all(
                [one for one in requests if isinstance(one, Request)]
            )
        )
        return [one if isinstance(one, FoliotError) else next(answers) for one in requests]


def _by_receiver(found: Sequence[Delivery]) -> list[deque[Delivery]]:
    lines: defaultdict[tuple[str, str], deque[Delivery]] = defaultdict(deque)
    for one in found:
        said = _said(one)
        lines[one.tenant_id, said["parent" if one.kind == "TELL_PARENT" else "child"]].append(one)
    return list(lines.values())


def _is_refused_start(delivery: Delivery, answer: Answer | FoliotError) -> bool:
    return delivery.kind == "START_CHILD" and isinstance(answer, FoliotError) and _is_final(answer)


def _request(delivery: Delivery) -> Request | FoliotError:
    said = _said(delivery)
    match delivery.kind:
        case "START_CHILD" if said["depth"] > MAX_DEPTH:
            return LimitExceeded(
                "depth of child instances", actual=said["depth"], maximum=MAX_DEPTH
            )
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
                trace_parent=said.get("trace_parent"),
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


def _is_final(answer: Answer | FoliotError) -> bool:
    """
    Whether asking again would be answered the same. An error of no kind is a bug's: what met it
    is kept until it is mended, as somebody waits for it, and `foliot doctor` tells of it.
    """
    return type(answer) is not FoliotError and not isinstance(
        answer, Unavailable | Overloaded | Conflict
    )


def _said(delivery: Delivery) -> dict[str, Any]:
    value = json.load(delivery.payload)
    assert isinstance(value, dict)
    return value


def _id(text: str) -> InstanceId:
    return InstanceId(parse_uuid(text, "instance_id"))
