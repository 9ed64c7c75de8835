"""
A worker without a database, as one writes it in any language: it claims, extends and reports
by RPC. It is as unreliable as executors are: sometimes it forgets to extend, or its session.
"""

import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from foliot.executor.v1 import executor_service_pb2 as pb
from foliot.executor.v1 import executor_service_pb2_grpc as pb_grpc
from foliot.executor.v1 import outcome_pb2
from foliot.v1 import failure_pb2, json_pb2, task_pb2

from shared import json
from shared.json import Json
from tests.campaigns.chaos.logs import Log
from tests.campaigns.chaos.workload import FAILING_SHARE, FAR, LEASE_S, takes_s

WITHIN_S = 2.0
EXTEND_EVERY_S = LEASE_S / 3
AT_ONCE = 5
POLL_S = (0.1, 0.4)
FORGETS_SHARE = 0.1
LEAVES_SHARE = 0.05


@dataclass(slots=True)
class FarWorker:
    """Works until cancelled. `effects` hears of it what executors write down of themselves."""

    name: str
    channels: Sequence[grpc.aio.Channel]
    metadata: tuple[tuple[str, str], ...]
    effects: Log
    dice: random.Random
    session_id: str = ""
    _running: dict[str, Any] = field(default_factory=dict)
    _attempts: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        extending = asyncio.ensure_future(self._extend())
        try:
            while True:
                await self._claim()
                await asyncio.sleep(self.dice.uniform(*POLL_S))
        finally:
            for task in (extending, *self._attempts):
                task.cancel()
            await asyncio.gather(extending, *self._attempts, return_exceptions=True)

    async def _claim(self) -> None:
        if self.dice.random() < LEAVES_SHARE:
            # As if it had been started anew; what it holds it goes on with, as a zombie.
            self.session_id = ""
        request = pb.ClaimTasksRequest(
            session_id=self.session_id,
            executor_name=self.name,
            queues=[FAR],
            task_types=[task_pb2.TASK_TYPE_SYSTEM],
            max_tasks=AT_ONCE,
        )
        try:
            told = await self._stub().ClaimTasks(request, **self._options())
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.ABORTED:
                self.session_id = ""
            return
        self.session_id = told.session_id
        for task in told.tasks:
            attempt = asyncio.ensure_future(self._attempt(task))
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempts.discard)

    async def _extend(self) -> None:
        while True:
            await asyncio.sleep(EXTEND_EVERY_S)
            if not self.session_id:
                continue
            if self.dice.random() < FORGETS_SHARE:
                await asyncio.sleep(LEASE_S * 1.5)
            running = [
                pb.RunningAttempt(tenant_id=task.tenant_id, task_id=task.task_id, epoch=task.epoch)
                for task in list(self._running.values())
            ]
            request = pb.ExtendLeasesRequest(session_id=self.session_id, running=running)
            try:
                await self._stub().ExtendLeases(request, **self._options())
            except grpc.aio.AioRpcError:
                continue

    async def _attempt(self, task: Any) -> None:
        about = {"task": task.task_id, "epoch": task.epoch, "pid": self.name}
        self.effects.write(
            "begun",
            **about,
            key=task.idempotency_key,
            attempt=task.attempt,
            max_attempts=task.max_attempts,
        )
        self._running[f"{task.task_id} {task.epoch}"] = task
        await asyncio.sleep(takes_s(self.dice))
        output: Json = {"run": uuid.uuid4().hex}
        outcome = outcome_pb2.Outcome(
            task_id=task.task_id, epoch=task.epoch, tenant_id=task.tenant_id
        )
        if failed := self.dice.random() < FAILING_SHARE:
            outcome.failed.failure.CopyFrom(
                failure_pb2.Failure(kind="chaos.failed", message="far away", retryable=True)
            )
        else:
            outcome.succeeded.output.CopyFrom(json_pb2.Json(json=json.dump(output)))
        self._running.pop(f"{task.task_id} {task.epoch}", None)
        self.effects.write(
            "ended", **about, state="failed" if failed else "succeeded", output=output
        )
        await self._report(outcome)

    async def _report(self, outcome: outcome_pb2.Outcome) -> None:
        """Until it is acknowledged."""
        while True:
            try:
                told = await self._stub().ReportOutcomes(
                    pb.ReportOutcomesRequest(outcomes=[outcome]), **self._options()
                )
            except grpc.aio.AioRpcError:
                await asyncio.sleep(self.dice.uniform(*POLL_S))
                continue
            [ack] = told.acks
            self.effects.write(
                "acked",
                task=ack.task_id,
                epoch=ack.epoch,
                verdict=outcome_pb2.OutcomeVerdict.Name(ack.verdict),
            )
            return

    def _stub(self) -> Any:
        return pb_grpc.ExecutorServiceStub(self.dice.choice(self.channels))

    def _options(self) -> dict[str, Any]:
        return {"metadata": self.metadata, "timeout": WITHIN_S}
