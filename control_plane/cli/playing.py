"""
Play a scenario on real planes: a definition is created and activated, an instance started and
driven by gRPC, its tasks claimed and ended by a worker; only the clock is ours.

The order of what is due at one instant is that of control_plane/simulation/passing.py:
timers, attempts that end, attempts that begin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import grpc
from foliot.v1 import (
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)

from control_plane.cli.connection import credential
from control_plane.cli.observing import Observer, refusal_of
from control_plane.cli.working import CALL_WITHIN_S, Claim, Worker, failure_message, json_message
from control_plane.embedded import Running
from control_plane.embedded.virtual_time import VirtualTime
from control_plane.simulation import (
    Advance,
    Cancel,
    Conclude,
    Refused,
    Scenario,
    ScenarioResult,
    Seen,
    Send,
    Step,
    mismatches,
    not_open,
)
from control_plane.simulation.mocking import Mocks
from control_plane.simulation.refusals import closed
from shared.tasks import Failure, Outcome, TaskType

NOT_OFFERED = "TASK_TYPE_NOT_AVAILABLE"
"""The reason with which a definition is not activated that asks for more than is offered."""

MAX_HAPPENINGS = 10_000
"""What may happen by itself in one scenario, as in a simulation."""


class CannotPlay(Exception):
    """These servers do not carry out what the definition asks for; the text says what."""


@dataclass(slots=True)
class Held:
    """An attempt: claimed, or begun; `ends` is when and how it ends, if not by a step."""

    claim: Claim
    priority: int
    place: int
    """Which of the tasks of its name it is, in the order of their numbers; the first is 0."""

    has_begun: bool = False
    ends: tuple[datetime, Outcome] | None = None

    def rank(self) -> tuple[datetime, int, int, int] | None:
        """When the next thing happens to it by itself, and before what else."""
        if not self.has_begun:
            return self.claim.run_at, 1, -self.priority, self.claim.ordinal
        return None if self.ends is None else (self.ends[0], 0, 0, self.claim.ordinal)


class Player:
    """Plays one scenario after the other on servers whose clock is at its disposal."""

    def __init__(self, channel: grpc.aio.Channel, running: Running, time: VirtualTime) -> None:
        self._metadata = credential(running.api_key)
        self._definitions = definition_service_pb2_grpc.DefinitionServiceStub(channel)
        self._instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        self._tasks = task_service_pb2_grpc.TaskServiceStub(channel)
        self._worker = Worker(channel, running.executor_key)
        self._observer = Observer(channel, self._metadata)
        self._time = time
        self._played = 0

    async def run(self, scenario: Scenario) -> ScenarioResult:
        """Whether the servers do what the scenario expects, or why it could not be played."""
        try:
            seen = await self.play(scenario)
        except CannotPlay as reason:
            return ScenarioResult(scenario=scenario, skipped=str(reason))
        return ScenarioResult(scenario=scenario, mismatches=tuple(mismatches(scenario, seen)))

    async def play(self, scenario: Scenario) -> Sequence[Seen]:
        """How things stood after the start and after each step. Raises CannotPlay."""
        if "children" in scenario.machine.needs:
            raise CannotPlay(
                "its child instances would be started for real, and be no mocks; it is played on"
                " the engine only"
            )
        self._played += 1
        self._observer.begin()
        self._scenario = scenario
        self._mocks = Mocks(scenario.script.mocks)
        self._held: dict[int, Held] = {}
        self._numbers: dict[str, list[int]] = {}
        self._happenings = 0
        self._now = scenario.script.start
        self._instance_id = ""
        await self._time.set(self._now)
        key = f"scenario-{self._played}"
        await self._define(key)
        seen = [await self._after(None, await self._start(key))]
        for step in scenario.script.steps:
            disposition, refused = await self._take(step)
            seen.append(await self._after(disposition, refused))
        await self._call_off(seen[-1])
        return seen

    # --- steps --------------------------------------------------------------------------

    async def _define(self, key: str) -> None:
        created = await self._definitions.CreateDefinition(
            definition_service_pb2.CreateDefinitionRequest(
                key=key, spec=json_pb2.Json(json=self._scenario.spec)
            ),
            metadata=self._metadata,
            timeout=CALL_WITHIN_S,
        )
        try:
            await self._definitions.ActivateDefinition(
                definition_service_pb2.ActivateDefinitionRequest(
                    definition_id=created.definition.definition_id
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
        except grpc.aio.AioRpcError as error:
            refused = refusal_of(error)
            if refused.reason == NOT_OFFERED:
                raise CannotPlay(refused.message) from error
            raise

    async def _start(self, key: str) -> Refused | None:
        try:
            started = await self._instances.StartInstance(
                instance_service_pb2.StartInstanceRequest(
                    definition_key=key, input=json_message(self._scenario.script.input)
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
        except grpc.aio.AioRpcError as error:
            return refusal_of(error)
        self._instance_id = started.instance.instance_id
        return None

    async def _take(self, step: Step) -> tuple[str | None, Refused | None]:
        if not self._instance_id and not isinstance(step, Advance | Conclude):
            return None, closed(None)
        match step:
            case Send():
                return await self._send(step)
            case Conclude(task=task, outcome=outcome):
                return None, await self._conclude(task, outcome)
            case Advance():
                await self._pass_time(step.by.after(self._now))
            case Cancel(reason=reason):
                return None, await self._cancel(reason)
        return None, None

    async def _send(self, step: Send) -> tuple[str | None, Refused | None]:
        try:
            answer = await self._instances.SendEvent(
                instance_service_pb2.SendEventRequest(
                    instance_id=self._instance_id,
                    event=event_pb2.Event(
                        event_id=step.event_id,
                        type=step.type,
                        payload=json_message(step.payload),
                    ),
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
        except grpc.aio.AioRpcError as error:
            return None, refusal_of(error)
        name = event_pb2.EventDisposition.Name(answer.disposition)
        return name.removeprefix("EVENT_DISPOSITION_"), None

    async def _conclude(self, task: str | int, outcome: Outcome) -> Refused | None:
        await self._forget_closed()
        for ordinal, held in sorted(self._held.items()):
            if held.has_begun and task in (ordinal, held.claim.name):
                try:
                    await self._end(held, outcome)
                except grpc.aio.AioRpcError as error:
                    refused = refusal_of(error)
                    if refused.reason != "FORM_NOT_KEPT":
                        raise
                    # The person is told, and the task waits for another answer.
                    self._held[ordinal] = held
                    return refused
                return None
        return not_open(task)

    async def _cancel(self, reason: str) -> Refused | None:
        try:
            await self._instances.CancelInstance(
                instance_service_pb2.CancelInstanceRequest(
                    instance_id=self._instance_id, reason=reason
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
        except grpc.aio.AioRpcError as error:
            return refusal_of(error)
        return None

    async def _call_off(self, last: Seen) -> None:
        """So that nothing of this scenario falls due in another."""
        if last.status in ("running", "waiting"):
            await self._cancel("the scenario is over")

    async def _after(self, disposition: str | None, refused: Refused | None) -> Seen:
        await self._settle()
        if not self._instance_id:
            return Seen(refused=refused)
        return await self._observer.look(self._instance_id, disposition, refused)

    # --- what happens by itself ---------------------------------------------------------

    async def _pass_time(self, until: datetime) -> None:
        """Everything that is due by then happens, each thing at its own instant."""
        await self._settle()
        while self._instance_id and (due := await self._next_due()) is not None and due <= until:
            await self._set(max(due, self._now))
            await self._settle()
        await self._set(until)

    async def _next_due(self) -> datetime | None:
        ends = [held.ends[0] for held in self._held.values() if held.ends is not None]
        told = await self._time.next_due(UUID(self._instance_id))
        return min([*ends, told] if told is not None else ends, default=None)

    async def _set(self, now: datetime) -> None:
        self._now = now
        await self._time.set(now)

    async def _settle(self) -> None:
        """Let everything happen that is due now."""
        if not self._instance_id:
            return
        while True:
            await self._time.at_rest(UUID(self._instance_id))
            await self._claim()
            await self._forget_closed()
            due = [
                (rank, held)
                for held in self._held.values()
                if (rank := held.rank()) is not None and rank[0] <= self._now
            ]
            if not due:
                return
            self._happenings += 1
            if self._happenings > MAX_HAPPENINGS:
                raise TimeoutError(
                    f"more than {MAX_HAPPENINGS} attempts began or ended in one scenario; its"
                    " tasks lead to one another without end"
                )
            held = min(due, key=lambda one: one[0])[1]
            if held.has_begun:
                assert held.ends is not None
                await self._end(held, held.ends[1])
            else:
                await self._begin(held)

    async def _claim(self) -> None:
        plans = self._scenario.machine.task_plans
        queues = sorted({plan.queue for plan in plans})
        if not queues:
            return
        priorities = {plan.name: plan.priority for plan in plans}
        claims = await self._worker.claim(queues)
        for claim in sorted(claims, key=lambda one: one.ordinal):
            # A detached task of an earlier scenario may still be about.
            if claim.instance_id == self._instance_id:
                of_name = self._numbers.setdefault(claim.name, [])
                if claim.ordinal not in of_name:
                    of_name.append(claim.ordinal)
                self._held[claim.ordinal] = Held(
                    claim, priorities.get(claim.name, 0), of_name.index(claim.ordinal)
                )

    async def _forget_closed(self) -> None:
        """The instance may have called off what we hold."""
        if self._held:
            open_tasks = await self._observer.open_tasks(self._instance_id)
            self._held = {key: held for key, held in self._held.items() if key in open_tasks}

    async def _begin(self, held: Held) -> None:
        claim = held.claim
        held.has_begun = True
        if claim.type is TaskType.TIMER:
            held.ends = self._now, Outcome.succeeded({"due": claim.run_at.isoformat()})
            return
        if claim.type is TaskType.HUMAN:
            await self._worker.report(claim, Outcome.awaiting())
        mocked = self._mocks.next(claim.name, held.place, claim.attempt)
        if mocked is not None:
            held.ends = self._now + mocked.takes, mocked.outcome
        self._limit(held)

    def _limit(self, held: Held) -> None:
        """An attempt is over at its timeout; a person's was when the task was offered."""
        message = held.claim.message
        if not message.HasField("timeout") or held.claim.type is TaskType.HUMAN:
            return
        limit: timedelta = message.timeout.ToTimedelta()
        if held.ends is None or held.ends[0] - self._now > limit:
            failure = Failure(
                kind="timeout", message=f"the attempt took longer than {limit.total_seconds():g} s"
            )
            held.ends = self._now + limit, Outcome.failed(failure)

    async def _end(self, held: Held, outcome: Outcome) -> None:
        """As an executor reports it; a person's task by the RPCs for people."""
        del self._held[held.claim.ordinal]
        if held.claim.type is not TaskType.HUMAN:
            await self._worker.report(held.claim, outcome)
        elif outcome.failure is None:
            await self._tasks.CompleteTask(
                task_service_pb2.CompleteTaskRequest(
                    task_id=held.claim.task_id, output=json_message(outcome.output)
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
        else:
            await self._tasks.FailTask(
                task_service_pb2.FailTaskRequest(
                    task_id=held.claim.task_id, failure=failure_message(outcome.failure)
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
