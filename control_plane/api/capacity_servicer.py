"""The methods of AdminService about quotas, queues, and how everything is."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import admin_service_pb2_grpc as pb_grpc
from foliot.v1 import quota_pb2
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.mapping.checks import check_to, doctor_from
from control_plane.api.mapping.queues import pause_to, stats_to
from control_plane.api.mapping.quotas import kind_from, quota_to
from control_plane.api.rate_limits import RateLimits
from control_plane.ports.queues import QueueStore
from control_plane.ports.quotas import QuotaKind, QuotaStore
from control_plane.ports.tenant_store import TenantStore
from control_plane.use_cases.get_queue_stats import get_queue_stats
from control_plane.use_cases.get_quotas import get_quotas
from control_plane.use_cases.pause_queue import pause_queue
from control_plane.use_cases.quotas import Quotas
from control_plane.use_cases.remove_quota import remove_quota
from control_plane.use_cases.resume_queue import resume_queue
from control_plane.use_cases.run_doctor import Surgery
from control_plane.use_cases.set_quota import set_quota
from control_plane.use_cases.whose import find_tenant, whose
from shared.errors import InvalidRequest
from shared.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What these methods ask. `queues_changed` is told of each pause and resume."""

    tenants: TenantStore
    store: QuotaStore
    quotas: Quotas
    rates: RateLimits
    queues: QueueStore
    queues_changed: Callable[[], None]
    surgery: Surgery


class CapacityMethods(pb_grpc.AdminServiceServicer):
    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity

    async def SetQuota(
        self,
        request: pb.SetQuotaRequest,
        _context: ServicerContext[pb.SetQuotaRequest, pb.SetQuotaResponse],
    ) -> pb.SetQuotaResponse:
        kind, capacity = kind_from(request.kind), self._capacity
        tenant_id = (await find_tenant(capacity.tenants, request.tenant_id)).tenant_id
        await set_quota(capacity.store, capacity.quotas, tenant_id, kind, request.limit)
        return pb.SetQuotaResponse(quota=await self._quota(tenant_id, kind))

    async def GetQuotas(
        self,
        request: pb.GetQuotasRequest,
        _context: ServicerContext[pb.GetQuotasRequest, pb.GetQuotasResponse],
    ) -> pb.GetQuotasResponse:
        capacity = self._capacity
        tenant_id = await whose(capacity.tenants, principal.current(), request.tenant_id)
        if tenant_id is None:
            raise InvalidRequest(
                "tenant_id is required: a credential of the platform has no quotas of its own",
                field="tenant_id",
            )
        found = await get_quotas(capacity.store, capacity.quotas, capacity.rates, tenant_id)
        return pb.GetQuotasResponse(quotas=[quota_to(one) for one in found])

    async def RemoveQuota(
        self,
        request: pb.RemoveQuotaRequest,
        _context: ServicerContext[pb.RemoveQuotaRequest, pb.RemoveQuotaResponse],
    ) -> pb.RemoveQuotaResponse:
        kind, capacity = kind_from(request.kind), self._capacity
        tenant_id = (await find_tenant(capacity.tenants, request.tenant_id)).tenant_id
        removed = await remove_quota(capacity.store, capacity.quotas, tenant_id, kind)
        return pb.RemoveQuotaResponse(removed=removed, quota=await self._quota(tenant_id, kind))

    async def GetQueueStats(
        self,
        request: pb.GetQueueStatsRequest,
        _context: ServicerContext[pb.GetQueueStatsRequest, pb.GetQueueStatsResponse],
    ) -> pb.GetQueueStatsResponse:
        caller = principal.current()
        stats, paused = await get_queue_stats(
            self._capacity.queues, caller.tenant_id, request.queue
        )
        in_full = caller.tenant_id is None
        by_name = {one.queue: one for one in paused}
        seen = {lane.queue for lane in stats.lanes}
        return pb.GetQueueStatsResponse(
            stats=[
                stats_to(lane, stats.now, by_name.get(lane.queue), in_full=in_full)
                for lane in stats.lanes
            ],
            more=stats.more,
            # What others' queues are called is theirs to know.
            paused=[
                pause_to(one, in_full=in_full) for one in paused if in_full or one.queue in seen
            ],
        )

    async def PauseQueue(
        self,
        request: pb.PauseQueueRequest,
        _context: ServicerContext[pb.PauseQueueRequest, pb.PauseQueueResponse],
    ) -> pb.PauseQueueResponse:
        paused = await pause_queue(
            self._capacity.queues,
            request.queue,
            reason=request.reason,
            by=principal.current().name,
        )
        self._capacity.queues_changed()
        return pb.PauseQueueResponse(paused=pause_to(paused, in_full=True))

    async def ResumeQueue(
        self,
        request: pb.ResumeQueueRequest,
        _context: ServicerContext[pb.ResumeQueueRequest, pb.ResumeQueueResponse],
    ) -> pb.ResumeQueueResponse:
        resumed = await resume_queue(self._capacity.queues, request.queue)
        self._capacity.queues_changed()
        return pb.ResumeQueueResponse(resumed=resumed)

    async def RunDoctor(
        self,
        request: pb.RunDoctorRequest,
        _context: ServicerContext[pb.RunDoctorRequest, pb.RunDoctorResponse],
    ) -> AsyncIterator[pb.RunDoctorResponse]:
        async with aclosing(self._capacity.surgery.run(doctor_from(request))) as checks:
            async for check in checks:
                yield check_to(check)

    async def _quota(self, tenant_id: TenantId, kind: QuotaKind) -> quota_pb2.Quota:
        capacity = self._capacity
        found = await get_quotas(capacity.store, capacity.quotas, capacity.rates, tenant_id)
        return quota_to(next(one for one in found if one.kind is kind))
