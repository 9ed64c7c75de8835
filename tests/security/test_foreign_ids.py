"""
What a caller learns by another tenant's ids: nothing, not even that they exist. Each method that
takes an id is called with one of theirs and with one of nobody's, and has to answer alike.

On PostgreSQL, with all roles and policies as they are in operation.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from foliot.v1 import auth_options_pb2, schedule_service_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass

from control_plane.access.keys import mint
from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES
from control_plane.bootstrap import connected, let_in
from control_plane.server import SERVICES
from shared.ids import TenantId
from shared.rpc import AUTHORIZATION, BEARER
from tests.api.serving import PEPPER, Client, with_key
from tests.api.stories import APPROVAL, GREETING, activate, send, start, waiting_task
from tests.api.test_on_postgres import OWN, settings_for
from tests.campaigns.api.calling import ANSWER_WITHIN_S, Answer, call, judged

THEIRS = TenantId("initech")
OURS = TenantId("globex")
SERVES_WITHIN_S = 60.0

NAMES_SOMETHING = re.compile(
    r"(\w+_)?(definition_id|instance_id|definition_key|key_id|schedule_id|task_ids?|tenant_id)"
)
"""Fields by which a request names what is there already."""

METHODS = {
    method.full_name.removeprefix("foliot."): method
    for service in SERVICES
    for method in service.methods
    if method.GetOptions().Extensions[auth_options_pb2.auth].scope
    in {auth_options_pb2.AUTH_SCOPE_TENANT, auth_options_pb2.AUTH_SCOPE_TENANT_OR_PLATFORM}
}
"""That a tenant's caller may call: all others are for credentials of the platform."""

Example = Mapping[str, Any]
DEFINITION = {"definitionId": "<definition>"}
INSTANCE = {"instanceId": "<instance>"}
TASK = {"taskId": "<task>"}
SCHEDULE = {"scheduleId": "<schedule>"}
BECAUSE = {"reason": "because"}
EVENT = {"eventId": "e", "type": "SUBMIT"}
SPEC = {"cron": "0 3 * * *", "definitionKey": "greeting"}
"""Of a definition that both tenants have."""

POLICY = {"tenantId": "<tenant>", "name": "careful"}

EXAMPLES: Mapping[str, Example] = {
    "v1.DefinitionService.GetDefinition": DEFINITION,
    "v1.DefinitionService.ActivateDefinition": DEFINITION,
    "v1.DefinitionService.RenderDefinition": {**DEFINITION, "format": "RENDER_FORMAT_MERMAID"},
    "v1.DefinitionService.SimulateDefinition": DEFINITION,
    "v1.InstanceService.StartInstance": {"definitionKey": "<key>"},
    "v1.InstanceService.SendEvent": {**INSTANCE, "event": EVENT},
    "v1.InstanceService.GetInstance": INSTANCE,
    "v1.InstanceService.ExplainInstance": INSTANCE,
    "v1.InstanceService.PreviewEvent": {**INSTANCE, "eventType": "SUBMIT"},
    "v1.InstanceService.CancelInstance": {**INSTANCE, **BECAUSE},
    "v1.InstanceService.TerminateInstance": {**INSTANCE, **BECAUSE},
    "v1.InstanceService.PauseInstance": {**INSTANCE, **BECAUSE},
    "v1.InstanceService.ResumeInstance": {**INSTANCE, **BECAUSE},
    "v1.InstanceService.RetryInstance": {**INSTANCE, **BECAUSE},
    "v1.InstanceService.UpdateInstanceLabels": {**INSTANCE, "merge": {"a": "b"}},
    "v1.InstanceService.SignalWithStart": {
        "definitionKey": "<key>",
        "businessKey": "b",
        "event": EVENT,
    },
    "v1.InstanceService.WaitInstance": {**INSTANCE, "timeout": "0.1s"},
    "v1.TaskService.GetTask": TASK,
    "v1.TaskService.CompleteTask": TASK,
    "v1.TaskService.FailTask": {**TASK, "failure": {"kind": "no", "message": "no"}},
    "v1.TaskService.ClaimTask": TASK,
    "v1.TaskService.UnclaimTask": TASK,
    "v1.TaskService.AssignTask": {**TASK, "assignee": "ada"},
    "v1.TaskService.DelegateTask": {**TASK, "assignee": "ada"},
    "v1.TaskService.ReturnTask": TASK,
    "v1.TaskService.VoteTask": {**TASK, "vote": "VOTE_CHOICE_APPROVE"},
    "v1.TaskService.CommentTask": {**TASK, "text": "hm"},
    "v1.TaskService.ListTaskComments": TASK,
    "v1.TaskService.ThrowTaskError": {**TASK, "code": "no"},
    "v1.TaskService.RetryTask": {**TASK, **BECAUSE},
    "v1.TaskService.SkipTask": {**TASK, **BECAUSE},
    "v1.TaskService.RedriveTasks": {"taskIds": ["<task>"]},
    "v1.EventService.ListHistory": INSTANCE,
    "v1.EventService.WatchInstance": INSTANCE,
    "v1.EventService.VerifyHistory": INSTANCE,
    "v1.EventService.ExportHistory": INSTANCE,
    "v1.EventService.IngestEvents": {
        "items": [
            {
                "event": EVENT,
                "definitionKey": "<key>",
                "businessKey": "b",
                "action": "INGEST_ACTION_START",
            }
        ]
    },
    "v1.ScheduleService.CreateSchedule": {
        "scheduleId": "new",
        "spec": {**SPEC, "definitionKey": "<key>"},
    },
    "v1.ScheduleService.GetSchedule": SCHEDULE,
    "v1.ScheduleService.UpdateSchedule": {**SCHEDULE, "spec": SPEC},
    "v1.ScheduleService.PauseSchedule": {**SCHEDULE, **BECAUSE},
    "v1.ScheduleService.ResumeSchedule": SCHEDULE,
    "v1.ScheduleService.TriggerSchedule": SCHEDULE,
    "v1.TaskService.ResolveSuggestion": {
        **TASK,
        "suggestionHash": "a" * 64,
        "decision": "SUGGESTION_DECISION_REJECT",
    },
    "v1.AiService.CreateAiPolicy": {**POLICY, "document": {"json": "{}"}},
    "v1.AiService.GetAiPolicy": {**POLICY, "version": 1},
    "v1.AiService.ListAiPolicies": {"tenantId": "<tenant>"},
    "v1.AiService.ActivateAiPolicy": {**POLICY, "version": 1},
    "v1.AiService.DeactivateAiPolicy": POLICY,
    "v1.AiService.SetAiSwitch": {"tenantId": "<tenant>", "off": True, **BECAUSE},
    "v1.AiService.GetAiSwitches": {"tenantId": "<tenant>"},
    "v1.AiService.GetAiSpend": INSTANCE,
    "v1.AiService.GetAiCall": {**TASK, "callNumber": 1},
    "v1.TenantService.CreateApiKey": {"tenantId": "<tenant>", "role": "viewer", "label": "x"},
    "v1.TenantService.ListApiKeys": {"tenantId": "<tenant>"},
    "v1.TenantService.RevokeApiKey": {"keyId": "<key_id>", **BECAUSE},
    "v1.AdminService.ListAuditEntries": {"tenantId": "<tenant>"},
    "v1.AdminService.SetRetention": {"definitionKey": "<key>", "retentionWindow": "2592000s"},
    "v1.AdminService.RemoveRetention": {"definitionKey": "<key>"},
    "v1.AdminService.GetQuotas": {"tenantId": "<tenant>"},
    "v1alpha.DefinitionService.DiffDefinitions": {
        "beforeDefinitionId": "<definition>",
        "afterDefinitionId": "<definition>",
    },
    "v1alpha.DefinitionService.ExportDefinition": {
        **DEFINITION,
        "format": "DEFINITION_FORMAT_SCXML",
    },
    "v1.DefinitionService.DeactivateDefinition": DEFINITION,
    "v1.DefinitionService.ArchiveDefinition": DEFINITION,
    "v1.ScheduleService.DeleteSchedule": SCHEDULE,
}
"""A request of each, good but for whose the ids are. What the others need ends last."""

NAMED_BY_THE_CALLER = {
    "v1.AdminService.SetRetention": "a retention may be there before its definition",
    "v1.AdminService.RemoveRetention": "it removes the caller's own, which the one above has set",
}
"""Methods that take a name of nobody's as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """What stands for the places in the examples."""

    definition: str
    key: str
    instance: str
    task: str
    schedule: str
    key_id: str
    tenant: str

    def request(self, method: MethodDescriptor, example: Example) -> bytes:
        filled = _filled(example, self)
        message = ParseDict(filled, GetMessageClass(method.input_type)())
        return bytes(message.SerializeToString())

    def taken_out(self, said: bytes) -> bytes:
        for name in self.__slots__:
            said = said.replace(getattr(self, name).encode(), b"<>")
        return said


NOBODYS = Ids(
    definition="01890000-0000-7000-8000-00000000000d",
    key="approvel",
    instance="01890000-0000-7000-8000-00000000000e",
    task="01890000-0000-7000-8000-00000000000e:1",
    schedule="nightli",
    key_id="0123456789abcdef",
    tenant="initeck",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """A server with two tenants: what the one has, and callers of both."""

    channel: grpc.aio.Channel
    theirs: Ids
    keys: Mapping[tuple[TenantId, str], str]

    async def answer(self, name: str, of: TenantId, ids: Ids) -> tuple[Answer, bytes]:
        """What the tenant is told of these ids; and the same without them."""
        method = METHODS[name]
        key = self.keys[of, _caller_of(method)]
        request = ids.request(method, EXAMPLES[name])
        if method.server_streaming:
            answer = await first_of(self.channel, method, request, key)
        else:
            answer = await call(self.channel, method, [request], key)
        # What is in a map comes in any order, and every error has a name of its own.
        said = ids.taken_out(answer.said)
        said = said.replace(answer.correlation_id.encode() or b"<>", b"<>")
        return answer, bytes(sorted(re.sub(rb"(correlation_id\W+)[0-9a-f]{16}", rb"\1<>", said)))


async def first_of(
    channel: grpc.aio.Channel, method: MethodDescriptor, request: bytes, key: str
) -> Answer:
    """What a stream says first, however long that takes it, or how it ends without."""
    ask: Any = channel.unary_stream(f"/{method.containing_service.full_name}/{method.name}")
    stream = ask(request, metadata=((AUTHORIZATION, BEARER + key),))
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            said = await stream.read()
    except grpc.aio.AioRpcError as error:
        return judged(method, error)
    finally:
        stream.cancel()
    assert said is not grpc.aio.EOF
    return Answer(method=method.full_name, code=grpc.StatusCode.OK, said=said)


@pytest.fixture
async def two(migrated_url: str) -> AsyncIterator[Two]:
    minted = {
        (tenant_id, role): mint(tenant_id=tenant_id, role=role, pepper=PEPPER)
        for tenant_id in (THEIRS, OURS)
        for role in PERMISSIONS
        if role not in PLATFORM_ROLES
    }
    spare = mint(tenant_id=THEIRS, role="viewer", pepper=PEPPER)
    stored = [one.stored for one in minted.values()] + [spare.stored]
    await let_in(migrated_url, stored, "Tests")
    keys = {whose: one.text for whose, one in minted.items()}
    async with serving(migrated_url) as address:
        administrator = keys[THEIRS, "tenant_admin"]
        async with grpc.aio.insecure_channel(
            address, interceptors=with_key(administrator)
        ) as channel:
            theirs = await inhabited(Client(channel, administrator), spare.stored.key_id)
        ours = keys[OURS, "tenant_admin"]
        async with grpc.aio.insecure_channel(address, interceptors=with_key(ours)) as channel:
            await activate(Client(channel, ours), GREETING, "greeting")
        async with grpc.aio.insecure_channel(address) as channel:
            yield Two(channel=channel, theirs=theirs, keys=keys)


@asynccontextmanager
async def serving(database_url: str) -> AsyncIterator[str]:
    """A control plane on the database; where."""
    stop = asyncio.Event()
    async with connected(settings_for(database_url), OWN) as control_plane:
        running = asyncio.create_task(control_plane.run(stop))
        try:
            async with asyncio.timeout(SERVES_WITHIN_S):
                yield await control_plane.address
        finally:
            stop.set()
            await running


async def inhabited(client: Client, key_id: str) -> Ids:
    """A definition, an instance that waits at a task, and a schedule."""
    await activate(client, GREETING, "greeting")
    definition_id = await activate(client, APPROVAL, "approval")
    instance = await start(client, "approval")
    await send(client, instance.instance_id, "SUBMIT")
    task = await waiting_task(client, instance.instance_id)
    await client.schedules.CreateSchedule(
        ParseDict(
            {"scheduleId": "nightly", "spec": SPEC}, schedule_service_pb2.CreateScheduleRequest()
        )
    )
    return Ids(
        definition=definition_id,
        key="approval",
        instance=instance.instance_id,
        task=task.task_id,
        schedule="nightly",
        key_id=key_id,
        tenant=THEIRS,
    )


class TestTheExamples:
    def test_are_of_every_method_that_takes_an_id(self) -> None:
        """A new method without one would be tried by nobody."""
        taking = {name for name, method in METHODS.items() if any(_ids_in(method.input_type))}

        assert taking == set(EXAMPLES)


class TestAnIdOfAnotherTenant:
    async def test_is_answered_like_one_of_nobodys(self, two: Two) -> None:
        """Another answer would tell that it is there; one that works would be worse."""
        differing = {}
        found = set()
        for name in EXAMPLES:
            theirs, said_of_theirs = await two.answer(name, OURS, two.theirs)
            nobodys, said_of_nobodys = await two.answer(name, OURS, NOBODYS)
            if name in NAMED_BY_THE_CALLER:
                said_of_theirs = said_of_nobodys = b""
            if (theirs.code, said_of_theirs) != (nobodys.code, said_of_nobodys):
                differing[name] = said_of_theirs, said_of_nobodys
            if theirs.code == grpc.StatusCode.OK and b"NOT_FOUND" not in theirs.said:
                found.add(name)

        assert {} == differing
        assert set(NAMED_BY_THE_CALLER) == found

    async def test_changes_nothing_of_theirs(self, two: Two) -> None:
        """Whatever is answered."""
        before = await looked_at(two)
        for name in EXAMPLES:
            await two.answer(name, OURS, two.theirs)

        assert before == await looked_at(two)

    async def test_is_a_good_one_for_whose_it_is(self, two: Two) -> None:
        """Or the requests above would be refused for some other reason."""
        missing = set()
        for name in EXAMPLES:
            answer, _ = await two.answer(name, THEIRS, two.theirs)
            if answer.code in {
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.PERMISSION_DENIED,
            } or (answer.code == grpc.StatusCode.OK and b"NOT_FOUND" in answer.said):
                missing.add((name, answer.reason))

        # Its task is there, and no AI task.
        assert {("v1.AiService.GetAiCall", "AI_CALL_NOT_FOUND")} == missing


async def looked_at(two: Two) -> list[bytes]:
    """All of theirs, as they see it."""
    names = (
        "v1.DefinitionService.GetDefinition",
        "v1.InstanceService.GetInstance",
        "v1.TaskService.GetTask",
        "v1.EventService.ListHistory",
        "v1.ScheduleService.GetSchedule",
        "v1.TenantService.ListApiKeys",
        "v1.AdminService.GetQuotas",
    )
    return [(await two.answer(name, THEIRS, two.theirs))[0].said for name in names]


def _caller_of(method: MethodDescriptor) -> str:
    """Of the roles of tenants that may call it, the one that may do most."""
    asked = method.GetOptions().Extensions[auth_options_pb2.auth].permissions
    able = [
        role
        for role, granted in PERMISSIONS.items()
        if role not in PLATFORM_ROLES and granted.issuperset(asked)
    ]
    return max(able, key=lambda role: len(PERMISSIONS[role]))


def _ids_in(message: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[FieldDescriptor]:
    """The fields of a request, and of what is in it, that name something."""
    for field in message.fields:
        if field.message_type is None:
            if NAMES_SOMETHING.fullmatch(field.name):
                yield field
        elif field.message_type.full_name not in seen:
            yield from _ids_in(field.message_type, seen | {message.full_name})


def _filled(value: Any, ids: Ids) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, ids) for one in value]
    place = re.fullmatch(r"<(\w+)>", value) if isinstance(value, str) else None
    return getattr(ids, place[1]) if place else value
