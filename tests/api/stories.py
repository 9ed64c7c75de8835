"""Definitions and steps that many tests tell of."""

import json
from typing import Any

from foliot.v1 import (
    definition_service_pb2,
    event_pb2,
    event_service_pb2,
    history_entry_pb2,
    instance_pb2,
    instance_service_pb2,
    json_pb2,
    task_pb2,
    task_service_pb2,
)

from tests.api.serving import Client

APPROVAL: dict[str, Any] = {
    "id": "approval",
    "context": {"amount": {"@expr": "event.input.amount"}},
    "initial": "draft",
    "states": {
        "draft": {"on": {"SUBMIT": "review"}},
        "review": {
            "invoke": {"id": "approve", "src": "human", "onDone": "paid", "onError": "draft"},
            "on": {"WITHDRAW": "draft"},
        },
        "paid": {"type": "final"},
    },
}

GREETING: dict[str, Any] = {
    "id": "greeting",
    "initial": "greeting",
    "states": {
        "greeting": {
            "invoke": {
                "id": "greet",
                "src": "system.greet",
                "input": {"name": "world"},
                "retry": {"maxAttempts": 1},
                "onDone": "greeted",
                "onError": "failed",
            },
            "on": {"STOP": "stopped"},
        },
        "greeted": {"type": "final"},
        "failed": {"type": "final"},
        "stopped": {"type": "final"},
    },
}

CHAIN: dict[str, Any] = {
    "id": "chain",
    "initial": "one",
    "states": {
        "one": {"invoke": {"id": "first", "src": "system.greet", "onDone": "two"}},
        "two": {"invoke": {"id": "second", "src": "system.greet", "onDone": "done"}},
        "done": {"type": "final"},
    },
}

LOAN: dict[str, Any] = {
    "id": "loan",
    "context": {"boss": "grace"},
    "initial": "deciding",
    "states": {
        "deciding": {
            "invoke": {
                "id": "decide",
                "src": "human",
                "candidates": {
                    "users": [{"@expr": "context.boss"}],
                    "roles": ["underwriter"],
                },
                "dueIn": "PT8H",
                "form": {
                    "type": "object",
                    "required": ["approved"],
                    "properties": {"approved": {"type": "boolean"}},
                },
                "skippable": True,
                "onDone": "paid",
                "onError": [
                    {
                        "guard": {"@expr": "event.error.kind == 'fraud.suspected'"},
                        "target": "police",
                    },
                    {"target": "refused"},
                ],
            }
        },
        "paid": {"type": "final"},
        "police": {"type": "final"},
        "refused": {"type": "final"},
    },
}


def as_json(value: object) -> json_pb2.Json:
    return json_pb2.Json(json=json.dumps(value))


async def create(client: Client, spec: dict[str, Any] = APPROVAL, key: str = "approval") -> str:
    """Create a definition; its id."""
    answer = await client.definitions.CreateDefinition(
        definition_service_pb2.CreateDefinitionRequest(key=key, spec=as_json(spec))
    )
    return answer.definition.definition_id


async def activate(client: Client, spec: dict[str, Any] = APPROVAL, key: str = "approval") -> str:
    """Create a definition and activate it; its id."""
    definition_id = await create(client, spec, key)
    await client.definitions.ActivateDefinition(
        definition_service_pb2.ActivateDefinitionRequest(definition_id=definition_id)
    )
    return definition_id


async def start(
    client: Client, key: str = "approval", amount: int = 10, **more: Any
) -> instance_pb2.Instance:
    """Start an instance of an active definition."""
    answer = await client.instances.StartInstance(
        instance_service_pb2.StartInstanceRequest(
            definition_key=key, input=as_json({"amount": amount}), **more
        )
    )
    return answer.instance


async def send(
    client: Client, instance_id: str, type_: str, event_id: str = "", payload: object = None
) -> instance_service_pb2.SendEventResponse:
    """Give an instance an event; its id is its type unless given."""
    return await client.instances.SendEvent(
        instance_service_pb2.SendEventRequest(
            instance_id=instance_id,
            event=event_pb2.Event(
                event_id=event_id or type_,
                type=type_,
                payload=None if payload is None else as_json(payload),
            ),
        )
    )


async def waiting_task(client: Client, instance_id: str) -> task_pb2.Task:
    """The one open task of an instance."""
    answer = await client.tasks.ListTasks(
        task_service_pb2.ListTasksRequest(
            filter=f'instance_id = "{instance_id}" AND status = PENDING'
        )
    )
    (task,) = answer.tasks
    return task


async def history_of(client: Client, instance_id: str) -> list[str]:
    """The types of what happened, in order."""
    answer = await client.events.ListHistory(
        event_service_pb2.ListHistoryRequest(instance_id=instance_id, page_size=200)
    )
    return [
        history_entry_pb2.HistoryEntryType.Name(one.type).removeprefix("HISTORY_ENTRY_TYPE_")
        for one in answer.entries
    ]
