"""AiService: proto in, use case, proto out."""

from datetime import datetime
from uuid import UUID

from foliot.v1 import ai_service_pb2 as pb
from foliot.v1 import ai_service_pb2_grpc as pb_grpc
from grpc.aio import ServicerContext

from control_plane.access import principal
from control_plane.api.filters import Field, check_order, parse_filter
from control_plane.api.mapping.ai_policies import (
    agreement_to,
    call_to,
    policy_to,
    spend_to,
    switch_to,
)
from control_plane.api.mapping.texts import text_of
from control_plane.api.mapping.times import instant_of
from control_plane.api.page_tokens import invalid_token, make_token, read_token
from control_plane.ports.ai_policies import AiPolicyStore
from control_plane.ports.ai_records import AiRecords
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.reader import Reader
from control_plane.ports.tenant_store import TenantStore
from control_plane.use_cases.ai_policies import (
    activate_ai_policy,
    create_ai_policy,
    deactivate_ai_policy,
    get_ai_policy,
)
from control_plane.use_cases.ai_records import (
    get_ai_agreement,
    get_ai_call,
    get_ai_spend,
    list_ai_calls,
    list_ai_policies,
)
from control_plane.use_cases.paging import page_size
from control_plane.use_cases.set_ai_switch import set_ai_switch
from control_plane.use_cases.whose import whose
from shared.ids import InstanceId, TenantId, parse_uuid

POLICY_FILTER = {"name": Field(kind="text")}
POLICY_ORDERS = ("name",)
CALL_FILTER = {"instance_id": Field(kind="uuid")}
CALL_ORDERS = ("reserve_time desc",)


class AiServicer(pb_grpc.AiServiceServicer):
    def __init__(
        self, policies: AiPolicyStore, records: AiRecords, reader: Reader, tenants: TenantStore
    ) -> None:
        self._policies = policies
        self._records = records
        self._reader = reader
        self._tenants = tenants

    async def CreateAiPolicy(
        self,
        request: pb.CreateAiPolicyRequest,
        _context: ServicerContext[pb.CreateAiPolicyRequest, pb.CreateAiPolicyResponse],
    ) -> pb.CreateAiPolicyResponse:
        caller = principal.current()
        made = await create_ai_policy(
            self._policies,
            await whose(self._tenants, caller, request.tenant_id),
            request.name,
            text_of(request, "document"),
            by=caller.name,
        )
        return pb.CreateAiPolicyResponse(policy=policy_to(made))

    async def GetAiPolicy(
        self,
        request: pb.GetAiPolicyRequest,
        _context: ServicerContext[pb.GetAiPolicyRequest, pb.GetAiPolicyResponse],
    ) -> pb.GetAiPolicyResponse:
        tenant_id = await whose(self._tenants, principal.current(), request.tenant_id)
        found = await get_ai_policy(self._policies, tenant_id, request.name, request.version)
        return pb.GetAiPolicyResponse(policy=policy_to(found))

    async def ListAiPolicies(
        self,
        request: pb.ListAiPoliciesRequest,
        _context: ServicerContext[pb.ListAiPoliciesRequest, pb.ListAiPoliciesResponse],
    ) -> pb.ListAiPoliciesResponse:
        name = parse_filter(request.filter, POLICY_FILTER).text("name") or ""
        check_order(request.order_by, POLICY_ORDERS)
        mark = f"ai_policies\n{request.tenant_id}\n{request.filter}"
        page = await list_ai_policies(
            self._policies,
            await whose(self._tenants, principal.current(), request.tenant_id),
            name,
            after=_policy_position(request.page_token, mark),
            size=page_size(request.page_size),
        )
        token = make_token([page.last.name, page.last.version], of=mark) if page.last else ""
        return pb.ListAiPoliciesResponse(
            policies=[policy_to(one) for one in page.rows], next_page_token=token
        )

    async def ActivateAiPolicy(
        self,
        request: pb.ActivateAiPolicyRequest,
        _context: ServicerContext[pb.ActivateAiPolicyRequest, pb.ActivateAiPolicyResponse],
    ) -> pb.ActivateAiPolicyResponse:
        tenant_id = await whose(self._tenants, principal.current(), request.tenant_id)
        found = await activate_ai_policy(self._policies, tenant_id, request.name, request.version)
        return pb.ActivateAiPolicyResponse(policy=policy_to(found))

    async def DeactivateAiPolicy(
        self,
        request: pb.DeactivateAiPolicyRequest,
        _context: ServicerContext[pb.DeactivateAiPolicyRequest, pb.DeactivateAiPolicyResponse],
    ) -> pb.DeactivateAiPolicyResponse:
        tenant_id = await whose(self._tenants, principal.current(), request.tenant_id)
        was = await deactivate_ai_policy(self._policies, tenant_id, request.name)
        return pb.DeactivateAiPolicyResponse(policy=None if was is None else policy_to(was))

    async def SetAiSwitch(
        self,
        request: pb.SetAiSwitchRequest,
        _context: ServicerContext[pb.SetAiSwitchRequest, pb.SetAiSwitchResponse],
    ) -> pb.SetAiSwitchResponse:
        caller = principal.current()
        changed = await set_ai_switch(
            self._policies,
            await whose(self._tenants, caller, request.tenant_id),
            request.policy_name,
            off=request.off,
            reason=request.reason,
            by=caller.name,
        )
        return pb.SetAiSwitchResponse(changed=changed)

    async def GetAiSwitches(
        self,
        request: pb.GetAiSwitchesRequest,
        _context: ServicerContext[pb.GetAiSwitchesRequest, pb.GetAiSwitchesResponse],
    ) -> pb.GetAiSwitchesResponse:
        tenant_id = await whose(self._tenants, principal.current(), request.tenant_id)
        found = await self._policies.switches(tenant_id)
        return pb.GetAiSwitchesResponse(switches=[switch_to(one) for one in found])

    async def GetAiSpend(
        self,
        request: pb.GetAiSpendRequest,
        _context: ServicerContext[pb.GetAiSpendRequest, pb.GetAiSpendResponse],
    ) -> pb.GetAiSpendResponse:
        asked = request.instance_id
        spent = await get_ai_spend(
            self._records,
            self._reader,
            principal.current().tenant,
            request.day,
            InstanceId(parse_uuid(asked, "instance_id")) if asked else None,
        )
        return pb.GetAiSpendResponse(
            day=spent.day,
            of_day=spend_to(spent.of_day),
            of_instance=None if spent.of_instance is None else spend_to(spent.of_instance),
        )

    async def ListAiCalls(
        self,
        request: pb.ListAiCallsRequest,
        _context: ServicerContext[pb.ListAiCallsRequest, pb.ListAiCallsResponse],
    ) -> pb.ListAiCallsResponse:
        instance_id = parse_filter(request.filter, CALL_FILTER).uuid("instance_id")
        check_order(request.order_by, CALL_ORDERS)
        tenant_id = principal.current().tenant
        mark = f"ai_calls\n{request.filter}"
        page = await list_ai_calls(
            self._records,
            tenant_id,
            None if instance_id is None else InstanceId(instance_id),
            after=_call_position(request.page_token, mark, tenant_id),
            size=page_size(request.page_size),
        )
        token = ""
        if page.last is not None:
            last = page.last
            key = last.key
            token = make_token(
                [last.reserved_at.isoformat(), str(key.instance_id), key.ordinal, last.call_number],
                of=mark,
            )
        return pb.ListAiCallsResponse(
            calls=[call_to(one, in_full=False) for one in page.rows], next_page_token=token
        )

    async def GetAiCall(
        self,
        request: pb.GetAiCallRequest,
        _context: ServicerContext[pb.GetAiCallRequest, pb.GetAiCallResponse],
    ) -> pb.GetAiCallResponse:
        tenant_id = principal.current().tenant
        found = await get_ai_call(self._records, tenant_id, request.task_id, request.call_number)
        return pb.GetAiCallResponse(call=call_to(found, in_full=True))

    async def GetAiAgreement(
        self,
        request: pb.GetAiAgreementRequest,
        _context: ServicerContext[pb.GetAiAgreementRequest, pb.GetAiAgreementResponse],
    ) -> pb.GetAiAgreementResponse:
        since = None
        if request.HasField("since_time"):
            since = instant_of(request.since_time, "since_time")
        found = await get_ai_agreement(
            self._records, principal.current().tenant, request.policy_name, since
        )
        return pb.GetAiAgreementResponse(agreements=[agreement_to(one) for one in found])


def _policy_position(token: str, mark: str) -> tuple[str, int] | None:
    match read_token(token, of=mark):
        case None:
            return None
        case [str() as name, int() as version]:
            return name, version
        case _:
            raise invalid_token()


def _call_position(
    token: str, mark: str, tenant_id: TenantId
) -> tuple[datetime, TaskKey, int] | None:
    match read_token(token, of=mark):
        case None:
            return None
        case [str() as at, str() as instance_id, int() as ordinal, int() as number]:
            try:
                key = TaskKey(tenant_id, InstanceId(UUID(instance_id)), ordinal)
                return datetime.fromisoformat(at), key, number
            except ValueError:
                raise invalid_token() from None
        case _:
            raise invalid_token()
