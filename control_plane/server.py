"""
The gRPC server: services, the gate before them, health, reflection, and an orderly end.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import grpc
from foliot.executor.v1 import executor_service_pb2, executor_service_pb2_grpc
from foliot.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    ai_service_pb2,
    ai_service_pb2_grpc,
    definition_service_pb2,
    definition_service_pb2_grpc,
    event_service_pb2,
    event_service_pb2_grpc,
    instance_service_pb2,
    instance_service_pb2_grpc,
    schedule_service_pb2,
    schedule_service_pb2_grpc,
    task_service_pb2,
    task_service_pb2_grpc,
    tenant_service_pb2,
    tenant_service_pb2_grpc,
)
from foliot.v1alpha import definition_service_pb2 as alpha_definition_service_pb2
from foliot.v1alpha import definition_service_pb2_grpc as alpha_definition_service_pb2_grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc

from control_plane.api.admission import Admission
from control_plane.api.authorization import ANY_CREDENTIAL, Rule, rules_of
from control_plane.api.gate import Authenticate, Certified, Gate
from control_plane.api.guesses import Guesses
from control_plane.api.listening import Listening, open_ports
from control_plane.api.probing import Probing
from control_plane.api.rate_limits import RateLimits
from control_plane.api.reflection import NAMES as REFLECTION
from control_plane.api.reflection import Reflection
from shared.errors import FoliotError
from shared.rpc import MAX_RPCS, server_options

MAX_CONNECTION_AGE_S = 300.0
END_GRACE_S = 1.0
"""What is left for answers on their way once everything that was asked has been answered."""

HEALTH = "grpc.health.v1.Health"
READINESS = "readiness"
"""What to ask the health service for to hear of the database, too; it tells of nobody's service."""


SERVICES: Sequence[ServiceDescriptor] = tuple(
    module.DESCRIPTOR.services_by_name[name]
    for module, name in (
        (definition_service_pb2, "DefinitionService"),
        (instance_service_pb2, "InstanceService"),
        (task_service_pb2, "TaskService"),
        (event_service_pb2, "EventService"),
        (schedule_service_pb2, "ScheduleService"),
        (tenant_service_pb2, "TenantService"),
        (admin_service_pb2, "AdminService"),
        (ai_service_pb2, "AiService"),
        (executor_service_pb2, "ExecutorService"),
        (alpha_definition_service_pb2, "DefinitionService"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servicers:
    """One for each service; a server offers them all."""

    definition: definition_service_pb2_grpc.DefinitionServiceServicer
    instance: instance_service_pb2_grpc.InstanceServiceServicer
    task: task_service_pb2_grpc.TaskServiceServicer
    event: event_service_pb2_grpc.EventServiceServicer
    schedule: schedule_service_pb2_grpc.ScheduleServiceServicer
    tenant: tenant_service_pb2_grpc.TenantServiceServicer
    admin: admin_service_pb2_grpc.AdminServiceServicer
    ai: ai_service_pb2_grpc.AiServiceServicer
    executor: executor_service_pb2_grpc.ExecutorServiceServicer
    alpha_definition: alpha_definition_service_pb2_grpc.DefinitionServiceServicer


class Server:
    """
    Serves on its addresses from `start` until `drain` has ended.

    Health is public, so that a probe needs no credential. Reflection takes a good
    credential of any role: it shows nothing of a tenant, and its work is not for everybody.
    """

    def __init__(
        self,
        servicers: Servicers,
        authenticate: Authenticate,
        admission: Admission,
        *,
        drain_s: float,
        drain_delay_s: float = 0.0,
        certified: Certified | None = None,
        rates: RateLimits,
        guesses: Guesses,
        max_connection_age_s: float = MAX_CONNECTION_AGE_S,
    ) -> None:
        """Raises MethodWithoutAuth if a method does not say who may call it."""
        self._servicers = servicers
        self._admission = admission
        self._drain_s = drain_s
        self._drain_delay_s = drain_delay_s
        self.gate = Gate(
            authenticate,
            rules(SERVICES),
            admission,
            certified=certified,
            rates=rates,
            guesses=guesses,
        )
        self._options = server_options(max_connection_age_s=max_connection_age_s, grace_s=drain_s)
        self._health = Probing()
        self._server: grpc.aio.Server | None = None

    async def bind(self, listening: Listening) -> tuple[str, str]:
        """
        Take the addresses; returns them, with the ports that were chosen for port 0. The second
        is that for executors with certificates, empty where there is none.

        Raises Unavailable if somebody else has one, InvalidRequest for certificates that would
        not do, and where credentials would travel in the open unasked.
        """
        server = grpc.aio.server(
            interceptors=[self.gate], options=self._options, maximum_concurrent_rpcs=MAX_RPCS
        )
        self.offer(server)
        try:
            addresses = open_ports(server, listening)
        except FoliotError:
            await server.stop(None)
            raise
        self._server = server
        return addresses

    async def start(self) -> None:
        """Serve. The address must have been taken."""
        assert self._server is not None
        for service in SERVICES:
            await self._health.set(service.full_name, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def set_ready(self, is_ready: bool) -> None:
        """Say as READINESS of the health service whether calls would find what they need."""
        status = health_pb2.HealthCheckResponse
        await self._health.set(READINESS, status.SERVING if is_ready else status.NOT_SERVING)

    async def drain(self) -> None:
        """
        Go away in order: readiness first, then no new calls, then an end to what is under way.

        Between the first two lie `drain_delay_s`, for those to notice who look at readiness and
        send calls elsewhere. Then connections are told to take no new calls (GOAWAY), which gRPC's
        clients follow without their callers hearing of it; executors and watchers are told in
        words of their own, and have `drain_s` to go elsewhere.
        """
        self._admission.leaving.set()
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(self._drain_delay_s)
        self._admission.draining.set()
        if self._server is None:
            return
        stopping = asyncio.create_task(self._server.stop(self._drain_s + END_GRACE_S))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain_s):
                await self._admission.idle.wait()
        # What is left are answers on their way, and probes that watch.
        await self._server.stop(END_GRACE_S)
        await stopping

    async def aclose(self) -> None:
        """End at once whatever `drain` has not ended, as where it was never come to."""
        if self._server is not None:
            await self._server.stop(None)

    def offer(self, server: grpc.aio.Server) -> None:
        """Add every service there is to a server; what is called has to go through `gate`."""
        servicers, named = self._servicers, server
        server = cast("grpc.aio.Server", _ByName(named))
        definition_service_pb2_grpc.add_DefinitionServiceServicer_to_server(
            servicers.definition, server
        )
        instance_service_pb2_grpc.add_InstanceServiceServicer_to_server(servicers.instance, server)
        task_service_pb2_grpc.add_TaskServiceServicer_to_server(servicers.task, server)
        event_service_pb2_grpc.add_EventServiceServicer_to_server(servicers.event, server)
        schedule_service_pb2_grpc.add_ScheduleServiceServicer_to_server(servicers.schedule, server)
        tenant_service_pb2_grpc.add_TenantServiceServicer_to_server(servicers.tenant, server)
        admin_service_pb2_grpc.add_AdminServiceServicer_to_server(servicers.admin, server)
        ai_service_pb2_grpc.add_AiServiceServicer_to_server(servicers.ai, server)
        executor_service_pb2_grpc.add_ExecutorServiceServicer_to_server(servicers.executor, server)
        alpha_definition_service_pb2_grpc.add_DefinitionServiceServicer_to_server(
            servicers.alpha_definition, server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = [service.full_name for service in SERVICES]
        named.add_generic_rpc_handlers(tuple(Reflection([*names, HEALTH]).handlers()))


class _ByName:
    """
    What generated code adds a service to: methods are found by their name when they are called.

    It would also register each method with gRPC's core, whose Python loop then waits anew, at
    every call, for a call of each method there is: a hundred of them and more cost a tenth of
    an empty call, its client's part counted.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Nothing: the generic handlers have them too."""


def rules(services: Sequence[ServiceDescriptor]) -> Mapping[str, Rule]:
    """Of every method that the gate guards. Only health has none."""
    reflected = {f"/{name}/ServerReflectionInfo": ANY_CREDENTIAL for name in REFLECTION}
    return {**rules_of(services), **reflected}
