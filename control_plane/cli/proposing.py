"""Asks a server for what begins as somebody has typed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import grpc
from foliot.v1 import (
    definition_service_pb2,
    instance_pb2,
    instance_service_pb2,
    schedule_service_pb2,
    task_service_pb2,
)

from control_plane.cli.calling import Caller, calling, find
from control_plane.cli.options import Target
from control_plane.cli.paging import PAGE
from control_plane.cli.printing import word
from shared.errors import FoliotError

PROPOSED = 50
"""As many as one can look through."""

WITHIN_S = 1.5
"""A person waits for the tab key. Making the connection is most of it."""

Proposed = TypeVar("Proposed")


def propose_definition_keys(typed: Mapping[str, Any], incomplete: str) -> list[str]:
    async def ask(to: Caller) -> list[str]:
        request = definition_service_pb2.ListDefinitionsRequest(
            page_size=PAGE, filter="status = ACTIVE"
        )
        answer = await to.definitions.ListDefinitions(request, metadata=to.metadata)
        return [one.key for one in answer.definitions if one.key.startswith(incomplete)]

    return _proposed(typed, ask)


def propose_definition_ids(typed: Mapping[str, Any], incomplete: str) -> list[tuple[str, str]]:
    async def ask(to: Caller) -> list[tuple[str, str]]:
        request = definition_service_pb2.ListDefinitionsRequest(page_size=PAGE)
        answer = await to.definitions.ListDefinitions(request, metadata=to.metadata)
        return [
            (one.definition_id, f"{one.key} version {one.version}")
            for one in answer.definitions
            if one.definition_id.startswith(incomplete)
        ]

    return _proposed(typed, ask)


def propose_instance_ids(typed: Mapping[str, Any], incomplete: str) -> list[tuple[str, str]]:
    async def ask(to: Caller) -> list[tuple[str, str]]:
        request = instance_service_pb2.ListInstancesRequest(page_size=PAGE)
        answer = await to.instances.ListInstances(request, metadata=to.metadata)
        return [
            (one.instance_id, _about(one))
            for one in answer.instances
            if one.instance_id.startswith(incomplete)
        ]

    return _proposed(typed, ask)


def propose_task_ids(typed: Mapping[str, Any], incomplete: str) -> list[tuple[str, str]]:
    # A shell breaks words at a colon, unless it is told not to; so it is not typed in part.
    async def ask(to: Caller) -> list[tuple[str, str]]:
        request = task_service_pb2.ListTasksRequest(
            page_size=PAGE, filter="type = HUMAN AND status = PENDING"
        )
        answer = await to.tasks.ListTasks(request, metadata=to.metadata)
        return [
            (one.task_id, one.name) for one in answer.tasks if one.task_id.startswith(incomplete)
        ]

    return _proposed(typed, ask)


def propose_schedule_ids(typed: Mapping[str, Any], incomplete: str) -> list[tuple[str, str]]:
    async def ask(to: Caller) -> list[tuple[str, str]]:
        request = schedule_service_pb2.ListSchedulesRequest(page_size=PAGE)
        answer = await to.schedules.ListSchedules(request, metadata=to.metadata)
        return [
            (one.schedule_id, one.spec.definition_key)
            for one in answer.schedules
            if one.schedule_id.startswith(incomplete)
        ]

    return _proposed(typed, ask)


def _proposed(
    typed: Mapping[str, Any], ask: Callable[[Caller], Awaitable[list[Proposed]]]
) -> list[Proposed]:
    given = {one.name: typed[one.name] for one in fields(Target) if typed.get(one.name)}

    async def within() -> list[Proposed]:
        async with asyncio.timeout(WITHIN_S), calling(find(Target(**given))) as caller:
            return await ask(caller)

    try:
        return asyncio.run(within())[:PROPOSED]
    except (FoliotError, grpc.aio.AioRpcError, TimeoutError):
        return []


def _about(one: instance_pb2.Instance) -> str:
    about = f"{one.definition_key} {one.business_key}".strip()
    return f"{about}, {word(instance_pb2.InstanceStatus, one.status).lower()}"
