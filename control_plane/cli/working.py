"""
A worker whose attempts go as a scenario says: it claims tasks and reports over
foliot.executor.v1, as one in any language would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
from foliot.executor.v1 import (
    claimed_task_pb2,
    executor_service_pb2,
    executor_service_pb2_grpc,
    outcome_pb2,
)
from foliot.v1 import failure_pb2, json_pb2, task_pb2

from control_plane.cli.connection import credential
from shared import json
from shared.json import Json
from shared.rpc import MAX_CLAIM
from shared.tasks import Failure, Outcome, TaskType

CALL_WITHIN_S = 30.0
NAME = "foliot test"


@dataclass(frozen=True, slots=True)
class Claim:
    """A task together with the right to try it once."""

    message: claimed_task_pb2.ClaimedTask

    @property
    def task_id(self) -> str:
        return self.message.task_id

    @property
    def instance_id(self) -> str:
        return self.message.instance_id

    @property
    def ordinal(self) -> int:
        return int(self.message.task_id.rpartition(":")[2])

    @property
    def name(self) -> str:
        return self.message.name

    @property
    def type(self) -> TaskType:
        return TaskType(task_pb2.TaskType.Name(self.message.type).removeprefix("TASK_TYPE_"))

    @property
    def attempt(self) -> int:
        return self.message.attempt

    @property
    def run_at(self) -> datetime:
        return self.message.run_time.ToDatetime(UTC)


class Worker:
    def __init__(self, channel: grpc.aio.Channel, executor_key: str) -> None:
        self._stub = executor_service_pb2_grpc.ExecutorServiceStub(channel)
        self._metadata = credential(executor_key)
        self._session_id = ""

    async def claim(self, queues: Sequence[str]) -> Sequence[Claim]:
        """Everything of these queues that is ready."""
        claims: list[Claim] = []
        while True:
            answer = await self._stub.ClaimTasks(
                executor_service_pb2.ClaimTasksRequest(
                    session_id=self._session_id,
                    executor_name=NAME,
                    queues=queues,
                    task_types=[
                        task_pb2.TASK_TYPE_HUMAN,
                        task_pb2.TASK_TYPE_TIMER,
                        task_pb2.TASK_TYPE_HTTP,
                        task_pb2.TASK_TYPE_SYSTEM,
                    ],
                    max_tasks=MAX_CLAIM,
                ),
                metadata=self._metadata,
                timeout=CALL_WITHIN_S,
            )
            self._session_id = answer.session_id
            if not answer.tasks:
                return claims
            claims.extend(Claim(one) for one in answer.tasks)

    async def report(self, claim: Claim, outcome: Outcome) -> None:
        """How the attempt ended. What comes too late is nobody's concern here."""
        message = outcome_pb2.Outcome(
            tenant_id=claim.message.tenant_id, task_id=claim.task_id, epoch=claim.message.epoch
        )
        match outcome.state:
            case "succeeded":
                message.succeeded.output.json = json.dump(outcome.output)
            case "awaiting":
                message.awaiting.SetInParent()
            case _:
                failure = outcome.failure or Failure(kind="attempt.cancelled", message="")
                message.failed.failure.CopyFrom(failure_message(failure))
                if failure.retry_after is not None:
                    message.failed.retry_after.FromTimedelta(failure.retry_after)
        await self._stub.ReportOutcomes(
            executor_service_pb2.ReportOutcomesRequest(
                session_id=self._session_id, outcomes=[message]
            ),
            metadata=self._metadata,
            timeout=CALL_WITHIN_S,
        )


def failure_message(failure: Failure) -> failure_pb2.Failure:
    return failure_pb2.Failure(
        kind=failure.kind,
        message=failure.message,
        retryable=failure.retryable,
        details=None if failure.details is None else json_message(failure.details),
    )


def json_message(value: Json) -> json_pb2.Json:
    return json_pb2.Json(json=json.dump(value))
