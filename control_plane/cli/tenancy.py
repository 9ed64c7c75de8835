"""What the commands of `foliot tenant` do."""

from collections.abc import Sequence

from foliot.v1 import tenant_pb2, tenant_service_pb2
from rich.text import Text

from control_plane.cli.asking import sure
from control_plane.cli.calling import Caller, call
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.plain import visible
from control_plane.cli.printing import Column, aside, local, print_facts, print_json, print_rows


def run_create(target: Target, tenant_id: str, name: str, output: str) -> None:
    request = tenant_service_pb2.CreateTenantRequest(tenant_id=tenant_id, display_name=name)

    async def ask(to: Caller) -> tenant_service_pb2.CreateTenantResponse:
        return await to.tenants.CreateTenant(request, metadata=to.metadata)

    answer = call(target, ask)
    _show(answer.tenant, output)
    if not answer.created:
        aside().print(Text("it was there before", "yellow"))


def run_get(target: Target, tenant_id: str, output: str) -> None:
    async def ask(to: Caller) -> tenant_pb2.Tenant:
        request = tenant_service_pb2.GetTenantRequest(tenant_id=tenant_id)
        return (await to.tenants.GetTenant(request, metadata=to.metadata)).tenant

    _show(call(target, ask), output)


def run_list(target: Target, *, suspended: bool | None, limit: int | None, output: str) -> None:
    asked = "" if suspended is None else f"suspended = {str(suspended).upper()}"

    async def ask(to: Caller) -> Paged[tenant_pb2.Tenant]:
        async def page(size: int, token: str) -> tuple[Sequence[tenant_pb2.Tenant], str]:
            answer = await to.tenants.ListTenants(
                tenant_service_pb2.ListTenantsRequest(
                    page_size=size, page_token=token, filter=asked
                ),
                metadata=to.metadata,
            )
            return answer.tenants, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(
        found.rows,
        [
            Column(name="tenant", of=lambda one: one.tenant_id, whole=True),
            Column(name="name", of=lambda one: one.display_name),
            Column(name="created", of=lambda one: local(one.create_time), whole=True),
            Column(name="suspended", of=_suspended),
        ],
    )
    say_there_is_more(found)


def run_rename(target: Target, tenant_id: str, name: str, output: str) -> None:
    request = tenant_service_pb2.UpdateTenantRequest(tenant_id=tenant_id, display_name=name)

    async def ask(to: Caller) -> tenant_pb2.Tenant:
        return (await to.tenants.UpdateTenant(request, metadata=to.metadata)).tenant

    _show(call(target, ask), output)


def run_suspend(target: Target, tenant_id: str, reason: str, output: str, *, yes: bool) -> None:
    sure(f"Let all work of {tenant_id} wait, and refuse its keys?", yes=yes)
    request = tenant_service_pb2.SuspendTenantRequest(tenant_id=tenant_id, reason=reason)

    async def ask(to: Caller) -> tenant_pb2.Tenant:
        return (await to.tenants.SuspendTenant(request, metadata=to.metadata)).tenant

    _show(call(target, ask), output)


def run_resume(target: Target, tenant_id: str, reason: str, output: str) -> None:
    request = tenant_service_pb2.ResumeTenantRequest(tenant_id=tenant_id, reason=reason)

    async def ask(to: Caller) -> tenant_pb2.Tenant:
        return (await to.tenants.ResumeTenant(request, metadata=to.metadata)).tenant

    _show(call(target, ask), output)


def _show(one: tenant_pb2.Tenant, output: str) -> None:
    if output == "json":
        print_json(one)
        return
    print_facts(
        {
            "tenant": one.tenant_id,
            "name": one.display_name,
            "created": local(one.create_time),
            "suspended": _suspended(one),
        }
    )


def _suspended(one: tenant_pb2.Tenant) -> Text:
    if not one.HasField("suspend_time"):
        return Text("")
    return Text(f"{local(one.suspend_time)}: {visible(one.suspend_reason)}", "yellow")
