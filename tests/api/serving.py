"""A control plane on the memory adapters behind a real gRPC channel, and callers of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
from foliot.executor.v1 import executor_service_pb2_grpc
from foliot.v1 import (
    admin_service_pb2_grpc,
    ai_service_pb2_grpc,
    definition_service_pb2_grpc,
    event_service_pb2_grpc,
    instance_service_pb2_grpc,
    schedule_service_pb2_grpc,
    task_service_pb2_grpc,
    tenant_service_pb2_grpc,
)
from foliot.v1alpha import definition_service_pb2_grpc as alpha_definition_service_pb2_grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from control_plane.access.keys import mint
from control_plane.adapters.memory.ai_desk import MemoryAiDesk
from control_plane.adapters.memory.ai_policies import MemoryAiPolicies
from control_plane.adapters.memory.ai_records import MemoryAiRecords
from control_plane.adapters.memory.audit_log import MemoryAuditLog
from control_plane.adapters.memory.claims import MemoryClaims
from control_plane.adapters.memory.credentials import MemoryCredentials
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.definition_store import MemoryDefinitionStore
from control_plane.adapters.memory.doctor import MemoryDoctor
from control_plane.adapters.memory.due import MemoryDue
from control_plane.adapters.memory.feed import MemoryFeed
from control_plane.adapters.memory.inbox import MemoryInbox
from control_plane.adapters.memory.instance_store import MemoryInstanceStore
from control_plane.adapters.memory.key_store import MemoryKeyStore
from control_plane.adapters.memory.limits import MemoryLimits
from control_plane.adapters.memory.outbox import MemoryOutbox
from control_plane.adapters.memory.queues import MemoryQueues
from control_plane.adapters.memory.quotas import MemoryQuotas
from control_plane.adapters.memory.reader import MemoryReader
from control_plane.adapters.memory.retention import MemoryRetention
from control_plane.adapters.memory.schedule_store import MemoryScheduleStore
from control_plane.adapters.memory.tenant_store import MemoryTenantStore
from control_plane.adapters.memory.vitals import MemoryVitalSigns
from control_plane.bootstrap import Adapters, ControlPlane
from control_plane.settings import ControlPlaneSettings
from shared.clock import SystemClock
from shared.doorbell import NoDoorbell
from shared.ids import TenantId
from shared.rpc import AUTHORIZATION, BEARER, STATUS_DETAILS, channel_options
from shared.settings import Settings

PEPPER = "pepper for tests"
TENANT = TenantId("acme")
OTHER_TENANT = TenantId("globex")
WITHIN_S = 10.0


@dataclass(slots=True)
class Serving:
    """A running control plane: its database, its address, and how to stop it."""

    database: MemoryDatabase
    control_plane: ControlPlane
    address: str
    stop: asyncio.Event
    running: asyncio.Task[None]

    @property
    def feed(self) -> MemoryFeed:
        """The feed that it serves, for what no caller may do to it."""
        return MemoryFeed(self.database)

    async def key(
        self,
        role: str = "tenant_admin",
        tenant_id: TenantId | None = TENANT,
        *,
        expires_in: timedelta | None = None,
        user: str = "",
        groups: tuple[str, ...] = (),
    ) -> str:
        """A new key of a role, as its holder sends it."""
        expires_at = None if expires_in is None else SystemClock().now() + expires_in
        minted = mint(
            tenant_id=tenant_id,
            role=role,
            pepper=PEPPER,
            expires_at=expires_at,
            user=user,
            groups=groups,
        )
        await MemoryCredentials(self.database).add(minted.stored, "Tests")
        return minted.text


class Client:
    """The stubs of a caller with a key."""

    def __init__(self, channel: grpc.aio.Channel, key: str | None, address: str = "") -> None:
        self.channel = channel
        self.key = key
        self.address = address
        self.metadata = ((AUTHORIZATION, BEARER + key),) if key else ()
        self.definitions = definition_service_pb2_grpc.DefinitionServiceStub(channel)
        self.instances = instance_service_pb2_grpc.InstanceServiceStub(channel)
        self.tasks = task_service_pb2_grpc.TaskServiceStub(channel)
        self.events = event_service_pb2_grpc.EventServiceStub(channel)
        self.schedules = schedule_service_pb2_grpc.ScheduleServiceStub(channel)
        self.ai = ai_service_pb2_grpc.AiServiceStub(channel)
        self.tenants = tenant_service_pb2_grpc.TenantServiceStub(channel)
        self.admin = admin_service_pb2_grpc.AdminServiceStub(channel)
        self.executors = executor_service_pb2_grpc.ExecutorServiceStub(channel)
        self.alpha_definitions = alpha_definition_service_pb2_grpc.DefinitionServiceStub(channel)


class _WithKey(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the key to every unary call."""

    def __init__(self, key: str) -> None:
        self._entry = (AUTHORIZATION, BEARER + key)

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_with(client_call_details, self._entry), request)


class _StreamWithKey(grpc.aio.UnaryStreamClientInterceptor):
    """Adds the key to every stream of answers."""

    def __init__(self, key: str) -> None:
        self._entry = (AUTHORIZATION, BEARER + key)

    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_with(client_call_details, self._entry), request)


def _with(details: Any, entry: tuple[str, str]) -> Any:
    metadata = grpc.aio.Metadata(*(details.metadata or ()), entry)
    return details._replace(metadata=metadata)


def with_key(key: str | None) -> Sequence[grpc.aio.ClientInterceptor]:
    """What adds a key to every call but those both ways, which say it themselves."""
    return [_WithKey(key), _StreamWithKey(key)] if key else []


@asynccontextmanager
async def client_of(serving: Serving, key: str | None) -> AsyncIterator[Client]:
    """A client that sends a key with every call, or none."""
    async with grpc.aio.insecure_channel(
        serving.address, options=list(channel_options()), interceptors=with_key(key)
    ) as channel:
        yield Client(channel, key)


@asynccontextmanager
async def serving_from(
    database: MemoryDatabase,
    drain_s: float = 2.0,
    listen: str = "127.0.0.1:0",
    monotonic: Callable[[], float] = time.monotonic,
    changed: Callable[[Adapters], Adapters] = lambda adapters: adapters,
    poll_s: float = 0.05,
    **own: Any,
) -> AsyncIterator[Serving]:
    """
    Serves from a memory; `own` are settings of the control plane's alone, `changed` makes other
    adapters of those for memory.
    """
    settings = Settings(listen=listen, mode="dev", drain_s=drain_s, poll_s=poll_s)
    adapters = Adapters(
        store=MemoryInstanceStore(database),
        definitions=MemoryDefinitionStore(database),
        reader=MemoryReader(database),
        feed=MemoryFeed(database),
        due=MemoryDue(database),
        inbox=MemoryInbox(database),
        outbox=MemoryOutbox(database),
        retention=MemoryRetention(database),
        archive=None,
        schedules=MemoryScheduleStore(database),
        claims=MemoryClaims(database),
        limits=MemoryLimits(database),
        quotas=MemoryQuotas(database),
        queues=MemoryQueues(database),
        ai_policies=MemoryAiPolicies(database),
        ai_desk=MemoryAiDesk(database),
        ai_records=MemoryAiRecords(database),
        doctor=MemoryDoctor(database),
        credentials=MemoryCredentials(database),
        keys=MemoryKeyStore(database),
        tenants=MemoryTenantStore(database),
        audit=MemoryAuditLog(database),
        signs=MemoryVitalSigns(database),
        doorbell=NoDoorbell(),
        clock=SystemClock(),
        monotonic=monotonic,
    )
    control_plane = ControlPlane(
        changed(adapters),
        settings,
        ControlPlaneSettings(pepper=PEPPER, **own),  # type: ignore[arg-type]  # pydantic makes it secret
    )
    stop = asyncio.Event()
    running = asyncio.create_task(control_plane.run(stop))
    try:
        await asyncio.wait(
            (running, control_plane.address),
            timeout=WITHIN_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if running.done():
            await running
        yield Serving(database, control_plane, control_plane.address.result(), stop, running)
        stop.set()
        async with asyncio.timeout(WITHIN_S):
            await running
    finally:
        if not running.done():
            running.cancel()
            await asyncio.wait((running,))


def status_in(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The google.rpc.Status that a failed call came back with."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_DETAILS:
            assert isinstance(value, bytes)
            return status_pb2.Status.FromString(value)
    raise AssertionError(f"no status details: {error.code()} {error.details()}")


def detail_in(status: status_pb2.Status, kind: type[Message]) -> Message:
    """The one detail of a kind in a status."""
    for packed in status.details:
        found = kind()
        if packed.Unpack(found):
            return found
    raise AssertionError(f"no {kind.__name__} in {status}")


def info_in(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    found = detail_in(status_in(error), error_details_pb2.ErrorInfo)
    assert isinstance(found, error_details_pb2.ErrorInfo)
    return found
