"""A worker without a database, as one writes it in any language: it claims and reports by RPC."""

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.executor.v1 import executor_service_pb2_grpc as pb_grpc
from foliot.executor.v1 import outcome_pb2
from foliot.v1 import json_pb2, task_pb2

from shared import json
from tests.campaigns.topology.calling import Caller
from tests.campaigns.topology.checking import Effect
from tests.campaigns.topology.specs import FAR, takes_s

AT_ONCE = 10
POLL_S = (0.1, 0.3)
EXTEND_EVERY_S = 2.0
TAKEN_IN = (outcome_pb2.OUTCOME_VERDICT_APPLIED, outcome_pb2.OUTCOME_VERDICT_DUPLICATE)


@dataclass(slots=True)
class Worker:
    """Works until cancelled. `effects` are the runs it made."""

    caller: Caller
    dice: random.Random
    effects: list[Effect] = field(default_factory=list)
    _session_id: str = ""
    _running: dict[str, Any] = field(default_factory=dict)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._extend())
            while True:
                for task in await self._claim():
                    self._running[task.task_id] = task
                    group.create_task(self._attempt(task))
                await asyncio.sleep(self.dice.uniform(*POLL_S))

    async def _claim(self) -> list[Any]:
        request = pb.ClaimTasksRequest(
            session_id=self._session_id,
            executor_name="far",
            queues=[FAR],
            task_types=[task_pb2.TASK_TYPE_SYSTEM],
            max_tasks=AT_ONCE,
        )
        told = await self._call("ClaimTasks", request)
        self._session_id = told.session_id
        # A claim that was sent again is another claim: what the first one took, if its answer was
        # lost, comes back with the next lease.
        return list(told.tasks)

    async def _extend(self) -> None:
        while True:
            await asyncio.sleep(EXTEND_EVERY_S)
            if self._session_id:
                running = [
                    pb.RunningAttempt(
                        tenant_id=task.tenant_id, task_id=task.task_id, epoch=task.epoch
                    )
                    for task in self._running.values()
                ]
                request = pb.ExtendLeasesRequest(session_id=self._session_id, running=running)
                await self._call("ExtendLeases", request)

    async def _attempt(self, task: Any) -> None:
        await asyncio.sleep(takes_s(self.dice))
        run = uuid.uuid4().hex
        self.effects.append(Effect(task=task.task_id, key=task.idempotency_key, run=run))
        outcome = outcome_pb2.Outcome(
            task_id=task.task_id, epoch=task.epoch, tenant_id=task.tenant_id
        )
        outcome.succeeded.output.CopyFrom(json_pb2.Json(json=json.dump({"run": run})))
        told = await self._call("ReportOutcomes", pb.ReportOutcomesRequest(outcomes=[outcome]))
        self._running.pop(task.task_id, None)
        if told.acks[0].verdict in TAKEN_IN:
            self.caller.seen.reported[task.task_id] = run

    async def _call(self, method: str, request: Any) -> Any:
        stub = pb_grpc.ExecutorServiceStub(self.caller.channel)
        return await self.caller.call(
            method, lambda options: getattr(stub, method)(request, **options)
        )
