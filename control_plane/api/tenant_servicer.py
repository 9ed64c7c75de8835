"""TenantService: who shares the server, and the keys that let callers in."""

from foliot.v1 import role_pb2
from foliot.v1 import tenant_service_pb2 as pb
from foliot.v1 import tenant_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.filters import Field, check_order, parse_filter
from control_plane.api.mapping.tenants import key_to, tenant_to
from control_plane.api.mapping.times import instant_of
from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.key_store import KeyStore
from control_plane.ports.tenant_store import TenantStore
from control_plane.use_cases.create_api_key import create_api_key
from control_plane.use_cases.create_tenant import create_tenant
from control_plane.use_cases.list_api_keys import list_api_keys
from control_plane.use_cases.list_roles import list_roles
from control_plane.use_cases.list_tenants import list_tenants
from control_plane.use_cases.paging import page_size
from control_plane.use_cases.resume_tenant import resume_tenant
from control_plane.use_cases.revoke_api_key import revoke_api_key
from control_plane.use_cases.suspend_tenant import suspend_tenant
from control_plane.use_cases.update_tenant import update_tenant
from control_plane.use_cases.whose import find_tenant
from shared.clock import Clock
from shared.ids import TenantId

TENANT_FILTER = {"suspended": Field(kind="word", words=("TRUE", "FALSE"))}
TENANT_ORDERS = ("tenant_id",)

KEY_FILTER = {"role": Field(kind="text")}
KEY_ORDERS = ("key_id",)

ROLE_FILTER = {
    "permission": Field(kind="text"),
    "is_platform": Field(kind="word", words=("TRUE", "FALSE")),
}
ROLE_ORDERS = ("role",)


class TenantServicer(pb_grpc.TenantServiceServicer):
    def __init__(self, tenants: TenantStore, keys: KeyStore, clock: Clock, pepper: str) -> None:
        self._tenants = tenants
        self._keys = keys
        self._clock = clock
        self._pepper = pepper

    async def CreateTenant(
        self,
        request: pb.CreateTenantRequest,
        _context: ServicerContext[pb.CreateTenantRequest, pb.CreateTenantResponse],
    ) -> pb.CreateTenantResponse:
        tenant, is_new = await create_tenant(self._tenants, request.tenant_id, request.display_name)
        return pb.CreateTenantResponse(tenant=tenant_to(tenant), created=is_new)

    async def GetTenant(
        self,
        request: pb.GetTenantRequest,
        _context: ServicerContext[pb.GetTenantRequest, pb.GetTenantResponse],
    ) -> pb.GetTenantResponse:
        tenant = await find_tenant(self._tenants, request.tenant_id)
        return pb.GetTenantResponse(tenant=tenant_to(tenant))

    async def ListTenants(
        self,
        request: pb.ListTenantsRequest,
        _context: ServicerContext[pb.ListTenantsRequest, pb.ListTenantsResponse],
    ) -> pb.ListTenantsResponse:
        suspended = parse_filter(request.filter, TENANT_FILTER).text("suspended")
        check_order(request.order_by, TENANT_ORDERS)
        mark = f"tenants\n{request.filter}"
        after = _position(request.page_token, mark)
        page = await list_tenants(
            self._tenants,
            suspended=None if suspended is None else suspended == "TRUE",
            after=None if after is None else TenantId(after),
            size=page_size(request.page_size),
        )
        return pb.ListTenantsResponse(
            tenants=[tenant_to(one) for one in page.rows],
            next_page_token=make_token([page.last.tenant_id], of=mark) if page.last else "",
        )

    async def UpdateTenant(
        self,
        request: pb.UpdateTenantRequest,
        _context: ServicerContext[pb.UpdateTenantRequest, pb.UpdateTenantResponse],
    ) -> pb.UpdateTenantResponse:
        tenant = await update_tenant(self._tenants, request.tenant_id, request.display_name)
        return pb.UpdateTenantResponse(tenant=tenant_to(tenant))

    async def SuspendTenant(
        self,
        request: pb.SuspendTenantRequest,
        _context: ServicerContext[pb.SuspendTenantRequest, pb.SuspendTenantResponse],
    ) -> pb.SuspendTenantResponse:
        tenant = await suspend_tenant(self._tenants, request.tenant_id, request.reason)
        return pb.SuspendTenantResponse(tenant=tenant_to(tenant))

    async def ResumeTenant(
        self,
        request: pb.ResumeTenantRequest,
        _context: ServicerContext[pb.ResumeTenantRequest, pb.ResumeTenantResponse],
    ) -> pb.ResumeTenantResponse:
        tenant = await resume_tenant(self._tenants, request.tenant_id, request.reason)
        return pb.ResumeTenantResponse(tenant=tenant_to(tenant))

    async def CreateApiKey(
        self,
        request: pb.CreateApiKeyRequest,
        _context: ServicerContext[pb.CreateApiKeyRequest, pb.CreateApiKeyResponse],
    ) -> pb.CreateApiKeyResponse:
        created = await create_api_key(
            self._keys,
            self._tenants,
            self._clock,
            self._pepper,
            principal.current(),
            tenant_id=request.tenant_id,
            role=request.role,
            label=request.label,
            expires_at=instant_of(request.expire_time, "expire_time")
            if request.HasField("expire_time")
            else None,
            request_id=request.request_id,
            user=request.user,
            groups=request.groups,
        )
        return pb.CreateApiKeyResponse(
            key=key_to(created.record),
            secret=created.text or "",
            created=created.text is not None,
        )

    async def ListApiKeys(
        self,
        request: pb.ListApiKeysRequest,
        _context: ServicerContext[pb.ListApiKeysRequest, pb.ListApiKeysResponse],
    ) -> pb.ListApiKeysResponse:
        role = parse_filter(request.filter, KEY_FILTER).text("role")
        check_order(request.order_by, KEY_ORDERS)
        mark = f"api_keys\n{request.tenant_id}\n{request.filter}"
        page = await list_api_keys(
            self._keys,
            self._tenants,
            principal.current(),
            tenant_id=request.tenant_id,
            role=role,
            after=_position(request.page_token, mark),
            size=page_size(request.page_size),
        )
        return pb.ListApiKeysResponse(
            keys=[key_to(one) for one in page.rows],
            next_page_token=make_token([page.last.key_id], of=mark) if page.last else "",
        )

    async def RevokeApiKey(
        self,
        request: pb.RevokeApiKeyRequest,
        _context: ServicerContext[pb.RevokeApiKeyRequest, pb.RevokeApiKeyResponse],
    ) -> pb.RevokeApiKeyResponse:
        key = await revoke_api_key(
            self._keys,
            self._tenants,
            principal.current(),
            tenant_id=request.tenant_id,
            key_id=request.key_id,
            reason=request.reason,
        )
        return pb.RevokeApiKeyResponse(key=key_to(key))

    async def ListRoles(
        self,
        request: pb.ListRolesRequest,
        _context: ServicerContext[pb.ListRolesRequest, pb.ListRolesResponse],
    ) -> pb.ListRolesResponse:
        terms = parse_filter(request.filter, ROLE_FILTER)
        check_order(request.order_by, ROLE_ORDERS)
        mark = f"roles\n{request.filter}"
        platform = terms.text("is_platform")
        page = list_roles(
            platform=None if platform is None else platform == "TRUE",
            permission=terms.text("permission"),
            after=_position(request.page_token, mark),
            size=page_size(request.page_size),
        )
        return pb.ListRolesResponse(
            roles=[
                role_pb2.Role(
                    role=one.name,
                    purpose=one.purpose,
                    permissions=one.permissions,
                    is_platform=one.is_platform,
                )
                for one in page.rows
            ],
            next_page_token=make_token([page.last.name], of=mark) if page.last else "",
        )


def _position(token: str, mark: str) -> str | None:
    match read_token(token, of=mark):
        case None:
            return None
        case [str() as last] if "\0" not in last:
            return last
        case _:
            raise invalid_token()
