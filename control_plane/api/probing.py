"""Health, for probes that have no credential: so what they may hold open is bounded on its own."""

from grpc import StatusCode
from grpc.aio import ServicerContext
from grpc_health.v1 import health, health_pb2

MAX_WATCHES = 100
"""Streams of Health.Watch on a server. Check has no such bound: it ends at once."""


class Probing(health.aio.HealthServicer):  # type: ignore[misc]  # gRPC has no types for it
    def __init__(self) -> None:
        super().__init__()
        self._watches = 0

    async def Watch(  # noqa: N802 - gRPC's name
        self,
        request: health_pb2.HealthCheckRequest,
        context: ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse],
    ) -> None:
        if self._watches >= MAX_WATCHES:
            await context.abort(
                StatusCode.RESOURCE_EXHAUSTED,
                f"{MAX_WATCHES} streams watch this server's health, which is the most; use Check",
            )
        self._watches += 1
        try:
            await super().Watch(request, context)
        finally:
            self._watches -= 1
