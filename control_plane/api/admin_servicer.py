"""AdminService: about the server and the caller, and what a tenant may use."""

from foliot.v1 import admin_service_pb2 as pb
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.capacity_servicer import Capacity, CapacityMethods
from control_plane.api.mapping.audit import filter_from, position_in, token_of
from control_plane.api.mapping.retention import keep_from, retention_to
from control_plane.api.mapping.task_limits import task_limit_from, task_limit_to
from control_plane.api.mapping.tasks import type_to
from control_plane.api.mapping.tenants import audit_entry_to
from control_plane.api.mapping.times import timestamp
from control_plane.ports.audit import AuditLog
from control_plane.ports.limit_store import LimitStore
from control_plane.ports.retention import RetentionStore
from control_plane.ports.tenant_store import TenantStore
from control_plane.use_cases.get_retention import get_retention
from control_plane.use_cases.get_task_limits import get_task_limits
from control_plane.use_cases.list_audit_entries import list_audit_entries
from control_plane.use_cases.offers import TASK_TYPES
from control_plane.use_cases.paging import page_size
from control_plane.use_cases.remove_retention import remove_retention
from control_plane.use_cases.remove_task_limit import remove_task_limit
from control_plane.use_cases.set_retention import set_retention
from control_plane.use_cases.set_task_limit import set_task_limit
from shared.clock import Clock


class AdminServicer(CapacityMethods):
    """What quotas, queues and the doctor are asked is in capacity_servicer.py."""

    def __init__(
        self,
        clock: Clock,
        version: str,
        limits: LimitStore,
        retention: RetentionStore,
        audit: AuditLog,
        tenants: TenantStore,
        capacity: Capacity,
    ) -> None:
        super().__init__(capacity)
        self._clock = clock
        self._version = version
        self._limits = limits
        self._retention = retention
        self._audit = audit
        self._tenants = tenants

    async def GetServerInfo(
        self,
        _request: pb.GetServerInfoRequest,
        _context: ServicerContext[pb.GetServerInfoRequest, pb.GetServerInfoResponse],
    ) -> pb.GetServerInfoResponse:
        return pb.GetServerInfoResponse(
            version=self._version,
            task_types=[type_to(one) for one in TASK_TYPES],
            server_time=timestamp(self._clock.now()),
        )

    async def WhoAmI(
        self,
        _request: pb.WhoAmIRequest,
        _context: ServicerContext[pb.WhoAmIRequest, pb.WhoAmIResponse],
    ) -> pb.WhoAmIResponse:
        caller = principal.current()
        return pb.WhoAmIResponse(
            principal=caller.name,
            tenant_id=caller.tenant_id or "",
            permissions=sorted(caller.permissions),
            expire_time=timestamp(caller.expires_at),
        )

    async def ListAuditEntries(
        self,
        request: pb.ListAuditEntriesRequest,
        _context: ServicerContext[pb.ListAuditEntriesRequest, pb.ListAuditEntriesResponse],
    ) -> pb.ListAuditEntriesResponse:
        mark = f"audit\n{request.tenant_id}\n{request.filter}"
        page = await list_audit_entries(
            self._audit,
            self._tenants,
            principal.current(),
            filter_from(request.filter, request.order_by),
            tenant_id=request.tenant_id,
            after=position_in(request.page_token, mark),
            size=page_size(request.page_size),
        )
        return pb.ListAuditEntriesResponse(
            entries=[audit_entry_to(one) for one in page.rows],
            next_page_token=token_of(page.last, mark),
        )

    async def SetTaskLimit(
        self,
        request: pb.SetTaskLimitRequest,
        _context: ServicerContext[pb.SetTaskLimitRequest, pb.SetTaskLimitResponse],
    ) -> pb.SetTaskLimitResponse:
        limit = await set_task_limit(
            self._limits, principal.current().tenant, task_limit_from(request)
        )
        return pb.SetTaskLimitResponse(limit=task_limit_to(limit))

    async def GetTaskLimits(
        self,
        _request: pb.GetTaskLimitsRequest,
        _context: ServicerContext[pb.GetTaskLimitsRequest, pb.GetTaskLimitsResponse],
    ) -> pb.GetTaskLimitsResponse:
        limits = await get_task_limits(self._limits, principal.current().tenant)
        return pb.GetTaskLimitsResponse(limits=[task_limit_to(one) for one in limits])

    async def RemoveTaskLimit(
        self,
        request: pb.RemoveTaskLimitRequest,
        _context: ServicerContext[pb.RemoveTaskLimitRequest, pb.RemoveTaskLimitResponse],
    ) -> pb.RemoveTaskLimitResponse:
        removed = await remove_task_limit(
            self._limits, principal.current().tenant, request.limit_key
        )
        return pb.RemoveTaskLimitResponse(removed=removed)

    async def SetRetention(
        self,
        request: pb.SetRetentionRequest,
        _context: ServicerContext[pb.SetRetentionRequest, pb.SetRetentionResponse],
    ) -> pb.SetRetentionResponse:
        retention = await set_retention(
            self._retention,
            principal.current().tenant,
            request.definition_key,
            keep_from(request),
            archives=not request.discards,
        )
        return pb.SetRetentionResponse(retention=retention_to(retention))

    async def GetRetention(
        self,
        _request: pb.GetRetentionRequest,
        _context: ServicerContext[pb.GetRetentionRequest, pb.GetRetentionResponse],
    ) -> pb.GetRetentionResponse:
        found = await get_retention(self._retention, principal.current().tenant)
        return pb.GetRetentionResponse(retentions=[retention_to(one) for one in found])

    async def RemoveRetention(
        self,
        request: pb.RemoveRetentionRequest,
        _context: ServicerContext[pb.RemoveRetentionRequest, pb.RemoveRetentionResponse],
    ) -> pb.RemoveRetentionResponse:
        removed = await remove_retention(
            self._retention, principal.current().tenant, request.definition_key
        )
        return pb.RemoveRetentionResponse(removed=removed)
