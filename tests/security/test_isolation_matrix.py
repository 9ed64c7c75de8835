"""
Two tenants on one server, and every method there is: each field by which a request names
something, with what is the caller's own, another tenant's and nobody's; by who may, by who may
not, and by whose key was revoked. And of what another tenant has no byte is told.

On PostgreSQL, with all roles and policies as they are in operation.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg
import grpc
import pytest
from foliot.v1 import schedule_service_pb2, task_service_pb2, tenant_service_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from control_plane.access.keys import mint
from control_plane.access.principal import Principal
from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES, permissions_of
from control_plane.api.authorization import authorize
from control_plane.bootstrap import let_in
from control_plane.server import SERVICES, rules
from shared.errors import PermissionDenied
from shared.ids import TenantId
from tests.api.serving import PEPPER, Client, with_key
from tests.api.stories import APPROVAL, activate, send, start, waiting_task
from tests.campaigns.api.calling import Answer, call
from tests.security.test_foreign_ids import (
    EXAMPLES,
    NAMES_SOMETHING,
    NOBODYS,
    OURS,
    THEIRS,
    Ids,
    first_of,
    serving,
)

CANARY: Final = "canary7f3a"
"""In all that the other tenant has, and in nothing that is sent."""

ALL: Final[Mapping[str, MethodDescriptor]] = {
    method.full_name.removeprefix("foliot."): method
    for service in SERVICES
    for method in service.methods
}
RULES: Final = rules(SERVICES)
CALLS_OF_A_REVOKED_KEY: Final = 15
"""After twenty nothing more is looked at, whatever it is."""

KINDS: Final[Mapping[str, str]] = {
    "definition_id": "definition",
    "definition_key": "key",
    "instance_id": "instance",
    "task_id": "task",
    "task_ids": "task",
    "schedule_id": "schedule",
    "key_id": "key_id",
    "tenant_id": "tenant",
}
"""What a field names, by the end of its own name."""

FILTERS: Final[Mapping[str, Sequence[str]]] = {
    "v1.InstanceService.ListInstances": (
        'definition_id = "{0.definition}"',
        'definition_key = "{0.key}"',
        'schedule_id = "{0.schedule}"',
        'business_key = "{0.key}"',
        'labels.word = "{0.key}"',
    ),
    "v1.InstanceService.CountInstances": ('definition_key = "{0.key}"',),
    "v1.TaskService.ListTasks": ('instance_id = "{0.instance}"',),
    "v1.TaskService.CountTasks": ('instance_id = "{0.instance}"',),
    "v1.DefinitionService.ListDefinitions": ('key = "{0.key}"',),
    "v1.ScheduleService.ListSchedules": ('definition_key = "{0.key}"',),
    "v1.AdminService.ListAuditEntries": ('target_id = "{0.instance}"',),
}
"""Filters that name something."""

Path = tuple[FieldDescriptor, ...]


def paths(message: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[Path]:
    """To each field of a request, and of what is in it, that names something."""
    for field in message.fields:
        inner = field.message_type
        if inner is None:
            if NAMES_SOMETHING.fullmatch(field.name):
                yield (field,)
        elif inner.full_name not in seen and not inner.GetOptions().map_entry:
            for path in paths(inner, seen | {message.full_name}):
                yield (field, *path)


NAMED_BY_THE_CALLER: Final = {
    "v1.ScheduleService.CreateSchedule schedule_id",
    "v1.AdminService.SetRetention definition_key",
    "v1.AdminService.RemoveRetention definition_key",
}
"""Fields that take a name of nobody's as well: it is the caller's own from then on."""
FIELDS: Final = sorted(
    (
        (name, path)
        for name, method in ALL.items()
        if name in EXAMPLES
        for path in paths(method.input_type)
    ),
    key=lambda field: f"{field[0]} {field[1][-1].name}" in NAMED_BY_THE_CALLER,
)
"""Of every method that a tenant's caller may call; those come last that make what they name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """A server with two tenants that have as much as each other, and everybody's keys."""

    channel: grpc.aio.Channel
    ours: Ids
    theirs: Ids
    keys: Mapping[tuple[TenantId | None, str], str]
    revoked: Sequence[str]

    async def ask(self, name: str, message: Message, key: str) -> Answer:
        method = ALL[name]
        request = message.SerializeToString()
        if method.server_streaming and not method.client_streaming:
            return await first_of(self.channel, method, request, key)
        return await call(self.channel, method, [request], key)

    def request(self, name: str, ids: Ids) -> Any:
        """A good request of the method, but for whose the ids are; else an empty one."""
        method = ALL[name]
        if name not in EXAMPLES:
            return GetMessageClass(method.input_type)()
        return GetMessageClass(method.input_type).FromString(ids.request(method, EXAMPLES[name]))

    def key_of(self, name: str) -> str:
        """Of the roles that may call it in our tenant the one that may do most; else the most."""
        may = [role for role in PERMISSIONS if role not in PLATFORM_ROLES and _may(role, name)]
        able = may or [role for role in PERMISSIONS if role not in PLATFORM_ROLES]
        return self.keys[OURS, max(able, key=lambda role: len(PERMISSIONS[role]))]


def _may(role: str, name: str) -> bool:
    method = ALL[name]
    caller = Principal(
        name="key:test",
        tenant_id=None if role in PLATFORM_ROLES else OURS,
        role=role,
        permissions=permissions_of(role),
        expires_at=None,
    )
    try:
        authorize(caller, RULES[f"/{method.containing_service.full_name}/{method.name}"])
    except PermissionDenied:
        return False
    return True


def plain(answer: Answer, ids: Ids) -> tuple[grpc.StatusCode, str, bytes]:
    """An answer without what was sent, and without the name that it alone has."""
    said = ids.taken_out(answer.said)
    said = said.replace(answer.correlation_id.encode() or b"<>", b"<>")
    said = re.sub(rb"(correlation_id\W+)[0-9a-f]{16}", rb"\1<>", said)
    # What is in a map comes in any order.
    return answer.code, answer.reason, bytes(sorted(said))


def named(message: Any, path: Path, ids: Ids) -> Any:
    """The request, with that field naming one of `ids`."""
    made = type(message)()
    made.CopyFrom(message)
    place = made
    for field in path[:-1]:
        place = getattr(place, field.name)
        if field.is_repeated:
            place = place[0] if place else place.add()
    last = path[-1]
    (kind,) = (kind for end, kind in KINDS.items() if re.fullmatch(rf"(\w+_)?{end}", last.name))
    if last.is_repeated:
        del getattr(place, last.name)[:]
        getattr(place, last.name).append(getattr(ids, kind))
    else:
        setattr(place, last.name, getattr(ids, kind))
    return made


@pytest.fixture
async def both(migrated_url: str) -> AsyncIterator[Both]:
    minted = {
        (tenant_id, role): mint(tenant_id=tenant_id, role=role, pepper=PEPPER)
        for role in PERMISSIONS
        for tenant_id in ((None,) if role in PLATFORM_ROLES else (OURS, THEIRS))
    }
    spare = {of: mint(tenant_id=of, role="viewer", pepper=PEPPER) for of in (OURS, THEIRS)}
    revoked = [
        mint(tenant_id=OURS, role="tenant_admin", pepper=PEPPER)
        for _ in range(-(-3 * len(ALL) // CALLS_OF_A_REVOKED_KEY))
    ]
    for of in (OURS, THEIRS):
        stored = [one.stored for one in (*minted.values(), *spare.values(), *revoked)]
        await let_in(
            migrated_url,
            [one for one in stored if one.tenant_id == of],
            CANARY if of == THEIRS else "Ours",
        )
    await let_in(migrated_url, [one.stored for whose, one in minted.items() if not whose[0]], "")
    database = await asyncpg.connect(migrated_url)
    await database.execute(
        "UPDATE foliot.api_key SET revoked_at = now() WHERE key_id = ANY ($1)",
        [one.stored.key_id for one in revoked],
    )
    await database.close()
    async with AsyncExitStack() as exits:
        address = await exits.enter_async_context(serving(migrated_url))
        ids = {}
        for of, word in ((OURS, "ours"), (THEIRS, CANARY)):
            key = minted[of, "tenant_admin"].text
            channel = await exits.enter_async_context(
                grpc.aio.insecure_channel(address, interceptors=with_key(key))
            )
            key_id = spare[of].stored.key_id
            ids[of] = await inhabited(Client(channel, key), of, key_id, word)
        yield Both(
            channel=await exits.enter_async_context(grpc.aio.insecure_channel(address)),
            ours=ids[OURS],
            theirs=ids[THEIRS],
            keys={whose: one.text for whose, one in minted.items()},
            revoked=[one.text for one in revoked],
        )


async def inhabited(client: Client, of: TenantId, key_id: str, word: str) -> Ids:
    """Of everything one, with a word in whatever may be said of it."""
    spec = {**APPROVAL, "description": word, "context": {"word": word}}
    key = "approval" if of == THEIRS else "ours"
    definition_id = await activate(client, spec, key)
    instance = await start(
        client, key, business_key=f"{word}-1", labels={"word": word, word: "label"}
    )
    await send(client, instance.instance_id, "SUBMIT", payload={"word": word})
    task = await waiting_task(client, instance.instance_id)
    await client.tasks.FailTask(
        task_service_pb2.FailTaskRequest(
            task_id=task.task_id,
            failure={"kind": word, "message": word},  # type: ignore[arg-type]  # it takes a dict
        )
    )
    await send(client, instance.instance_id, "SUBMIT", "again", payload={"word": word})
    task = await waiting_task(client, instance.instance_id)
    schedule = "nightly" if of == THEIRS else "ours"
    spec_of_schedule = {
        "cron": "0 3 * * *",
        "definitionKey": key,
        "input": {"json": f'{{"word": "{word}"}}'},
        "labels": {"word": word},
        "description": word,
    }
    await client.schedules.CreateSchedule(
        ParseDict(
            {"scheduleId": schedule, "spec": spec_of_schedule},
            schedule_service_pb2.CreateScheduleRequest(),
        )
    )
    await client.tenants.CreateApiKey(
        tenant_service_pb2.CreateApiKeyRequest(role="viewer", label=word)
    )
    return Ids(
        definition=definition_id,
        key=key,
        instance=instance.instance_id,
        task=task.task_id,
        schedule=schedule,
        key_id=key_id,
        tenant=of,
    )


class TestAField:
    async def test_that_names_anothers_is_answered_as_if_it_named_nobodys(self, both: Both) -> None:
        """Each alone, in a request that is the caller's own but for it."""
        differing, taken = {}, set()
        # As long as theirs, and of the same number.
        _, _, ordinal = both.theirs.task.partition(":")
        nobody = replace(NOBODYS, task=f"{NOBODYS.instance}:{ordinal}")
        for name, path in FIELDS:
            field = f"{name} {path[-1].name}"
            own = both.request(name, both.ours)
            key = both.key_of(name)
            answers = [
                await both.ask(name, named(own, path, ids), key) for ids in (both.theirs, nobody)
            ]
            theirs, nobodys = (
                plain(answer, ids)
                for answer, ids in zip(answers, (both.theirs, nobody), strict=True)
            )
            is_ok = grpc.StatusCode.OK
            if is_ok is theirs[0] is nobodys[0] and b"NOT_FOUND" not in answers[0].said:
                taken.add(field)
            elif theirs != nobodys:
                differing[field] = theirs, nobodys
            assert CANARY.encode() not in answers[0].said, field

        assert {} == differing
        assert NAMED_BY_THE_CALLER == taken

    async def test_of_a_filter_finds_nothing_of_anothers(self, both: Both) -> None:
        """And says no more of it than of what nobody has."""
        for name, filters in FILTERS.items():
            for text in filters:
                theirs, nobodys, own = [
                    await both.ask(
                        name,
                        GetMessageClass(ALL[name].input_type)(filter=text.format(ids)),
                        both.key_of(name),
                    )
                    for ids in (both.theirs, NOBODYS, both.ours)
                ]

                assert plain(nobodys, NOBODYS) == plain(theirs, both.theirs), text
                assert grpc.StatusCode.OK is own.code, text


class TestACallerWhoMayNot:
    async def test_is_told_the_same_whatever_the_request_names(self, both: Both) -> None:
        """Who may call is decided before anything is read; of each method and each role."""
        wrong = {}
        for name in ALL:
            refused = [(whose, key) for whose, key in both.keys.items() if not _may(whose[1], name)]
            for whose, key in refused[::3]:
                told = [
                    plain(await both.ask(name, both.request(name, ids), key), ids)
                    for ids in (both.ours, both.theirs)
                ]
                if told[0] != told[1] or told[0][0] is not grpc.StatusCode.PERMISSION_DENIED:
                    wrong[name, whose] = told

        assert {} == wrong

    async def test_by_a_revoked_key_is_told_the_same_too(self, both: Both) -> None:
        """It was an administrator's, and is nobody's now."""
        keys = (key for key in both.revoked for _ in range(CALLS_OF_A_REVOKED_KEY // 3))
        wrong = {}
        for name, key in zip(ALL, keys, strict=False):
            told = {
                plain(await both.ask(name, both.request(name, ids), key), ids)
                for ids in (both.ours, both.theirs, NOBODYS)
            }
            if {grpc.StatusCode.UNAUTHENTICATED} != {code for code, _, _ in told} or len(told) > 1:
                wrong[name] = told

        assert {} == wrong


class TestWhatAnotherTenantHas:
    async def test_is_in_no_byte_of_any_answer(self, both: Both) -> None:
        """To requests that name nothing, what is ours and what is theirs, of each method."""
        telling = set()
        for name in ALL:
            empty = GetMessageClass(ALL[name].input_type)()
            requests = [empty, both.request(name, both.ours), both.request(name, both.theirs)]
            for request in requests:
                answer = await both.ask(name, request, both.key_of(name))
                if CANARY.encode() in answer.said:
                    telling.add((name, answer.said))

        assert set() == telling

    async def test_is_told_to_whom_it_belongs(self, both: Both) -> None:
        """Or there would be nothing to find."""
        theirs = both.keys[THEIRS, "tenant_admin"]
        told = set()
        for name in ALL:
            answer = await both.ask(name, both.request(name, both.theirs), theirs)
            if CANARY.encode() in answer.said:
                told.add(name.rpartition(".")[2])

        assert {
            *("GetDefinition", "GetInstance", "ListInstances", "ListHistory", "ExportHistory"),
            *("GetSchedule", "ListSchedules", "ListApiKeys"),
        } <= told
