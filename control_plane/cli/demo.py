"""
`foliot demo`: one instance of the hello definition, from its creation to its end, live.

Everything here is what any client could do: generated stubs, an API key, and an address.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

import grpc
from foliot.v1 import (
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    history_entry_pb2,
    instance_pb2,
    instance_service_pb2,
    instance_service_pb2_grpc,
    json_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)
from rich.console import Console
from rich.prompt import Confirm

from control_plane.cli.connection import connection, credential
from control_plane.cli.development import development
from control_plane.cli.story import Story
from control_plane.cli.weather import weather_service
from control_plane.embedded import Running, attached

DEFINITION_KEY = "hello"
CALL_WITHIN_S = 30.0
MAX_RECONNECTS = 100
RECONNECT_EVERY_S = 0.2

console = Console()


def run_demo(data_dir: Path, *, ask: bool) -> None:
    asyncio.run(_demo(data_dir, ask=ask))


async def _demo(data_dir: Path, *, ask: bool) -> None:
    story = Story(console)
    story.begins()
    async with _somewhere(data_dir, story) as running:
        story.serves(running)
        with weather_service() as weather_url:
            async with connection(running.address) as channel:
                await _tell(channel, running, weather_url, story, ask=ask)
    story.ends()


@asynccontextmanager
async def _somewhere(data_dir: Path, story: Story) -> AsyncIterator[Running]:
    """The server that runs in this directory, or one of our own for as long as it takes."""
    running = attached(data_dir)
    if running is not None:
        yield running
        return
    with story.waiting("Starting PostgreSQL, Valkey, control plane and executor …") as status:
        async with development(data_dir) as serving:
            status.stop()
            yield serving.running
            status.update("Stopping …")


async def _tell(
    channel: grpc.aio.Channel, running: Running, weather_url: str, story: Story, *, ask: bool
) -> None:
    metadata = credential(running.api_key)
    definitions = definition_service_pb2_grpc.DefinitionServiceStub(channel)
    instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
    spec = resources.files("control_plane.cli").joinpath("hello.json").read_text()

    created = await definitions.CreateDefinition(
        definition_service_pb2.CreateDefinitionRequest(
            key=DEFINITION_KEY, spec=json_pb2.Json(json=spec)
        ),
        metadata=metadata,
        timeout=CALL_WITHIN_S,
    )
    await definitions.ActivateDefinition(
        definition_service_pb2.ActivateDefinitionRequest(
            definition_id=created.definition.definition_id
        ),
        metadata=metadata,
        timeout=CALL_WITHIN_S,
    )
    story.defined(created.definition)

    started = await instances.StartInstance(
        instance_service_pb2.StartInstanceRequest(
            definition_key=DEFINITION_KEY,
            input=json_pb2.Json(json=json.dumps({"name": "world", "weatherUrl": weather_url})),
        ),
        metadata=metadata,
        timeout=CALL_WITHIN_S,
    )
    story.started(started.instance)

    await _follow(channel, metadata, started.instance, story, ask=ask)

    ended = await instances.GetInstance(
        instance_service_pb2.GetInstanceRequest(
            instance_id=started.instance.instance_id,
            view=instance_pb2.INSTANCE_VIEW_FULL,
            include_tasks=True,
            include_history=True,
        ),
        metadata=metadata,
        timeout=CALL_WITHIN_S,
    )
    drawn = await definitions.RenderDefinition(
        definition_service_pb2.RenderDefinitionRequest(
            definition_id=created.definition.definition_id,
            format=definition_service_pb2.RENDER_FORMAT_MERMAID,
        ),
        metadata=metadata,
        timeout=CALL_WITHIN_S,
    )
    story.snapshot(ended.instance)
    story.history(ended.history)
    story.diagram(drawn.text)


async def _follow(
    channel: grpc.aio.Channel,
    metadata: tuple[tuple[str, str], ...],
    instance: instance_pb2.Instance,
    story: Story,
    *,
    ask: bool,
) -> None:
    """Watch to the end, from the last position seen, through every reconnect; answer on the way."""
    events = event_service_pb2_grpc.EventServiceStub(channel)
    seq = 0
    for _ in range(MAX_RECONNECTS):
        stream = events.WatchInstance(
            event_service_pb2.WatchInstanceRequest(instance_id=instance.instance_id, after_seq=seq),
            metadata=metadata,
        )
        try:
            async for message in stream:
                seq = message.seq
                if message.HasField("entry"):
                    story.happened(message.entry)
                    if _asks_a_person(message.entry):
                        await _answer(channel, metadata, message.entry, story, ask=ask)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            story.reconnects()
            await asyncio.sleep(RECONNECT_EVERY_S)
        else:
            return
    raise TimeoutError("the control plane could not be reached; see its log")


def _asks_a_person(entry: history_entry_pb2.HistoryEntry) -> bool:
    is_new = entry.type == history_entry_pb2.HISTORY_ENTRY_TYPE_TASK_CREATED
    return is_new and json.loads(entry.payload.json)["type"] == "HUMAN"


async def _answer(
    channel: grpc.aio.Channel,
    metadata: tuple[tuple[str, str], ...],
    entry: history_entry_pb2.HistoryEntry,
    story: Story,
    *,
    ask: bool,
) -> None:
    """What a person's client does: read the task, decide, complete it."""
    tasks = task_service_pb2_grpc.TaskServiceStub(channel)
    found = await tasks.GetTask(
        task_service_pb2.GetTaskRequest(task_id=entry.task_id),
        metadata=metadata,
        timeout=CALL_WITHIN_S,
    )
    question = json.loads(found.task.input.json)
    approved = True
    if ask:
        approved = await asyncio.to_thread(
            Confirm.ask, f"  {question['question']} “{question['greeting']}”", default=True
        )
    await tasks.CompleteTask(
        task_service_pb2.CompleteTaskRequest(
            task_id=entry.task_id,
            output=json_pb2.Json(json=json.dumps({"approved": approved})),
            request_id=f"demo-{entry.task_id}",
        ),
        metadata=metadata,
        timeout=CALL_WITHIN_S,
    )
    story.answered(question, approved=approved)
