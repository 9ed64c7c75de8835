"""Who may see how things stand, and not what is in them, sees no payload in any answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from foliot.v1 import (
    auth_options_pb2,
    event_pb2,
    instance_pb2,
    instance_service_pb2,
    json_pb2,
    schedule_pb2,
    schedule_service_pb2,
    task_service_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from control_plane.access.roles import PAYLOAD_READ, PERMISSIONS, PURPOSES
from control_plane.api.withholding import FLAG, is_payload
from control_plane.server import SERVICES
from tests.api.ai_stories import allowed
from tests.api.serving import WITHIN_S, Client, Serving, client_of
from tests.api.stories import activate, as_json, create, send, waiting_task

CANARY = "canary-7c1e"

# What a definition says, and where an instance stands, are not what it is about.
SHOWN = {
    "foliot.v1.AiPolicy.document",
    "foliot.v1.Definition.spec",
    "foliot.v1.Diagnostic.witness",
    "foliot.v1.Explanation.state",
    "foliot.v1.Instance.state",
    "foliot.v1.SendEventResponse.state",
    "foliot.v1.SimulatedStep.state",
    "foliot.v1alpha.ImportDefinitionResponse.spec",
}

METHODS: Sequence[MethodDescriptor] = [
    method
    for service in SERVICES
    if not service.full_name.startswith("foliot.executor.")
    for method in service.methods
]
READS = [
    method
    for method in METHODS
    # What a model was told and answered takes a story of its own: test_ai.py.
    if method.name != "GetAiCall"
    and method.GetOptions().Extensions[auth_options_pb2.auth].effect == auth_options_pb2.EFFECT_READ
    and method.GetOptions().Extensions[auth_options_pb2.auth].scope
    != auth_options_pb2.AUTH_SCOPE_PLATFORM
]

# Reads whose answers can hold payload, and hold none in the story told here.
WITHOUT_CANARY = {
    "ListDeadTasks",
    "GetDefinition",
    "ListDefinitions",
    "ValidateDefinition",
    "ListAiCalls",
}

SECRETIVE: dict[str, Any] = {
    "id": "secretive",
    "context": {"secret": {"@expr": "event.input.secret"}},
    "initial": "draft",
    "states": {
        "draft": {"on": {"SUBMIT": "review"}},
        "review": {
            "invoke": {
                "id": "approve",
                "src": "human",
                "input": {"secret": {"@expr": "context.secret"}},
                "onDone": "paid",
            },
            "on": {
                "RAISE": {
                    "guard": {"@expr": "context.secret == event.payload.secret"},
                    "target": "paid",
                }
            },
        },
        "paid": {"type": "final"},
    },
}


def fields_within(
    descriptor: Descriptor, path: tuple[FieldDescriptor, ...] = ()
) -> Sequence[tuple[FieldDescriptor, ...]]:
    """Every way from a message to a field in it, however deep, each message once on a way."""
    found: list[tuple[FieldDescriptor, ...]] = []
    for field in descriptor.fields:
        found.append((*path, field))
        inner = field.message_type
        if inner is not None and inner not in {one.containing_type for one in (*path, field)}:
            found += fields_within(inner, (*path, field))
    return found


def holds_json(field: FieldDescriptor) -> bool:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        inner = inner.fields_by_name["value"].message_type
    return inner is json_pb2.Json.DESCRIPTOR


def request_for(method: MethodDescriptor, known: Mapping[str, Any]) -> Message:
    """A request with all that is known by the names of its fields."""
    request: Message = GetMessageClass(method.input_type)()
    chosen = set()
    for field in method.input_type.fields:
        one_of = field.containing_oneof
        if field.name not in known or (one_of is not None and one_of.name in chosen):
            continue
        value = known[field.name]
        if isinstance(value, Message):
            if field.message_type is not value.DESCRIPTOR:
                continue
            getattr(request, field.name).CopyFrom(value)
        else:
            setattr(request, field.name, value)
        if one_of is not None:
            chosen.add(one_of.name)
    return request


async def answers(
    client: Client, method: MethodDescriptor, request: Message, until: str | None, count: int
) -> list[Message]:
    """What a call answers; of a stream, as much as has `until`, or `count` messages."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    response = GetMessageClass(method.output_type)
    if not method.server_streaming:
        call = client.channel.unary_unary(
            path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        return [await call(request, timeout=WITHIN_S)]
    stream = client.channel.unary_stream(
        path,
        request_serializer=type(request).SerializeToString,
        response_deserializer=response.FromString,
    )(request, timeout=WITHIN_S)
    found: list[Message] = []
    async for message in stream:
        found.append(message)
        if len(found) == count or (until is not None and until in str(message)):
            break
    stream.cancel()
    return found


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> str:
    """A role that may do whatever an administrator may, but for seeing payloads."""
    granted = PERMISSIONS["tenant_admin"] - {PAYLOAD_READ}
    monkeypatch.setitem(PERMISSIONS, "blind", granted)
    monkeypatch.setitem(PURPOSES, "blind", "reads what has no payload")
    return "blind"


class TestAFieldOfAnAnswer:
    @pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
    def test_that_is_json_is_withheld_unless_it_is_named_here(
        self, method: MethodDescriptor
    ) -> None:
        """A field that is added tomorrow must not show what nobody thought of."""
        shown = {
            path[-1].full_name
            for path in fields_within(method.output_type)
            if holds_json(path[-1]) and not is_payload(path[-1])
        }

        assert shown <= SHOWN

    @pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
    def test_that_is_withheld_is_said_to_be(self, method: MethodDescriptor) -> None:
        """Who sees nothing must know that there was something."""
        silent = [
            ".".join(field.name for field in path)
            for path in fields_within(method.output_type)
            if is_payload(path[-1]) and not any(_has_flag(field.containing_type) for field in path)
        ]

        assert [] == silent


class TestACallerWithoutPayloadRead:
    async def test_sees_none_in_the_answer_of_any_read(
        self, serving: Serving, client: Client, blind: str
    ) -> None:
        """What everybody else sees is there, and is in no byte of what they are sent."""
        known = await _story(client)
        seen_nowhere = set()
        async with client_of(serving, await serving.key(blind)) as caller:
            for method in READS:
                request = request_for(method, known)
                open_eyed = await answers(client, method, request, CANARY, 50)
                if CANARY not in str(open_eyed):
                    seen_nowhere.add(method.name)
                withheld = await answers(caller, method, request, None, len(open_eyed))

                assert CANARY not in str(withheld), method.full_name
                assert (CANARY in str(open_eyed)) == (FLAG in str(withheld)), method.full_name

        can_hold = {
            method.name
            for method in READS
            if any(is_payload(path[-1]) for path in fields_within(method.output_type))
        }
        assert can_hold & seen_nowhere <= WITHOUT_CANARY

    async def test_sees_how_things_stand(
        self, serving: Serving, client: Client, blind: str
    ) -> None:
        """States, types, ids and times are what it is there for."""
        known = await _story(client)
        method = next(one for one in METHODS if one.name == "GetInstance")
        request = request_for(method, known)
        async with client_of(serving, await serving.key(blind)) as caller:
            (answer,) = await answers(caller, method, request, None, 1)

        instance = answer.instance  # type: ignore[attr-defined]  # of a type found by name
        assert instance.payload_withheld
        assert not instance.HasField("context")
        assert '"review"' == instance.state.json
        assert known["instance_id"] == instance.instance_id

    async def test_sees_none_in_the_answer_of_what_it_changes(
        self, serving: Serving, client: Client, blind: str
    ) -> None:
        """Verbs answer with the instance as it stands then."""
        known = await _story(client)
        method = next(one for one in METHODS if one.name == "CancelInstance")
        request = request_for(method, {**known, "reason": "enough", "request_id": ""})
        async with client_of(serving, await serving.key(blind)) as caller:
            (answer,) = await answers(caller, method, request, None, 1)

        assert CANARY not in str(answer)
        assert FLAG in str(answer)

    @pytest.mark.parametrize("role", ["operator", "auditor"])
    async def test_is_whoever_keeps_work_moving_or_looks_into_it(
        self, serving: Serving, client: Client, role: str
    ) -> None:
        """Both do their work by states and times."""
        known = await _story(client)
        method = next(one for one in METHODS if one.name == "ListHistory")
        async with client_of(serving, await serving.key(role)) as caller:
            (answer,) = await answers(caller, method, request_for(method, known), None, 1)

        assert CANARY not in str(answer)


def _has_flag(holder: Descriptor | None) -> bool:
    return holder is not None and FLAG in holder.fields_by_name


async def _story(client: Client) -> dict[str, Any]:
    """An instance full of what not everybody is to see; by name, what requests may ask for."""
    secret = {"secret": CANARY}
    definition_id = await activate(client, SECRETIVE, "secretive")
    started = await client.instances.StartInstance(
        instance_service_pb2.StartInstanceRequest(definition_key="secretive", input=as_json(secret))
    )
    instance_id = started.instance.instance_id
    await send(client, instance_id, "SUBMIT", payload=secret)
    task = await waiting_task(client, instance_id)
    spec = schedule_pb2.ScheduleSpec(
        cron="0 3 * * *",
        definition_key="secretive",
        input=as_json(secret),
    )
    await client.schedules.CreateSchedule(
        schedule_service_pb2.CreateScheduleRequest(schedule_id="nightly", spec=spec)
    )
    other = await create(client, {"initial": "a", "states": {"a": {"type": "final"}}}, "other")
    await client.tasks.CommentTask(
        task_service_pb2.CommentTaskRequest(task_id=task.task_id, text=CANARY)
    )
    await allowed(client)
    return {
        "name": "triage",
        "policy_name": "triage",
        "definition_id": definition_id,
        "before_definition_id": definition_id,
        "after_definition_id": other,
        "instance_id": instance_id,
        "task_id": task.task_id,
        "schedule_id": "nightly",
        "cron": "0 3 * * *",
        "spec": as_json(SECRETIVE),
        "input": as_json(secret),
        "event": event_pb2.Event(event_id="e", type="RAISE", payload=as_json(secret)),
        "event_type": "RAISE",
        "payload": as_json(secret),
        "include_tasks": True,
        "with_trace": True,
        "from_oldest": True,
        "view": instance_pb2.INSTANCE_VIEW_FULL,
        "format": 1,
        "timeout": Duration(nanos=10_000_000),
        "include_history": True,
    }
