"""Those who vote, who ask schedules, and services that answer later."""

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
from foliot.v1 import (
    json_pb2,
    schedule_service_pb2,
    schedule_service_pb2_grpc,
    task_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)

from shared import json
from shared.rpc import AUTHORIZATION, BEARER
from tests.campaigns.chaos.dealings import VOTERS, YEARLY

if TYPE_CHECKING:
    from tests.campaigns.chaos.load import Load

APPROVES_SHARE = 0.7
VOTES_AT_MOST = 15
ASKED = 1
"""The ordinal of the task that is voted on."""


async def vote(load: "Load", instance_id: str, name: str) -> None:
    """Each of the panel votes, in their own time, if it is not too late."""
    await asyncio.gather(*(_vote(load, instance_id, name, voter) for voter in VOTERS))


async def _vote(load: "Load", instance_id: str, name: str, voter: str) -> None:
    approves = load.dice.random() < APPROVES_SHARE
    choice = task_pb2.VOTE_CHOICE_APPROVE if approves else task_pb2.VOTE_CHOICE_REJECT
    request = task_service_pb2.VoteTaskRequest(
        task_id=f"{instance_id}:{ASKED}", vote=choice, request_id=f"vote-{name}-{voter}"
    )

    async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
        stub = task_service_pb2_grpc.TaskServiceStub(channel)
        return await stub.VoteTask(request, **{**options, **_as(load.stage.voters[voter])})

    for _ in range(VOTES_AT_MOST):
        await asyncio.sleep(load.dice.uniform(0.05, 0.6))
        answer = await load.caller.ask(
            "vote", send, lambda _: {}, instance=instance_id, by=voter, approve=approves
        )
        if answer is not grpc.StatusCode.NOT_FOUND:
            return


async def trigger(load: "Load", name: str) -> None:
    """A schedule starts an instance now, because somebody says so."""
    request = schedule_service_pb2.TriggerScheduleRequest(
        schedule_id=YEARLY, allow_overlap=True, request_id=name
    )

    async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
        stub = schedule_service_pb2_grpc.ScheduleServiceStub(channel)
        return await stub.TriggerSchedule(request, **options)

    await load.caller.ask("trigger", send, lambda told: {"instance": told.instance.instance_id})


async def answer_later(load: "Load") -> None:
    """What the service elsewhere has taken on is ended, each by its own token, until cancelled."""
    async with asyncio.TaskGroup() as answers:
        while True:
            answers.create_task(_finish(load, *(await load.stage.taken.get())))


async def _finish(load: "Load", task_id: str, token: str, run: str) -> None:
    output = json_pb2.Json(json=json.dump({"run": run}))
    request = task_service_pb2.CompleteTaskRequest(task_id=task_id, output=output, request_id=run)

    async def send(channel: grpc.aio.Channel, options: dict[str, Any]) -> Any:
        stub = task_service_pb2_grpc.TaskServiceStub(channel)
        return await stub.CompleteTask(request, **{**options, **_as(token)})

    await asyncio.sleep(load.dice.uniform(0, 0.6))
    await load.caller.ask("finish", send, lambda _: {}, task=task_id, run=run)


def _as(credential: str) -> dict[str, Any]:
    return {"metadata": ((AUTHORIZATION, BEARER + credential),)}
