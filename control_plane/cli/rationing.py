"""What the commands of `foliot quota` do."""

from collections.abc import Sequence

from foliot.v1 import admin_service_pb2, quota_pb2
from rich.text import Text

from control_plane.cli.calling import Caller, call
from control_plane.cli.options import Target
from control_plane.cli.printing import Column, aside, print_json, print_rows, word


def run_list(target: Target, tenant: str, output: str) -> None:
    async def ask(to: Caller) -> Sequence[quota_pb2.Quota]:
        request = admin_service_pb2.GetQuotasRequest(tenant_id=tenant)
        return list((await to.admin.GetQuotas(request, metadata=to.metadata)).quotas)

    _show(call(target, ask), output)


def run_set(target: Target, tenant: str, kind: str, limit: int, output: str) -> None:
    request = admin_service_pb2.SetQuotaRequest(tenant_id=tenant, kind=_kind(kind), limit=limit)

    async def ask(to: Caller) -> quota_pb2.Quota:
        return (await to.admin.SetQuota(request, metadata=to.metadata)).quota

    _show([call(target, ask)], output)


def run_remove(target: Target, tenant: str, kind: str, output: str) -> None:
    request = admin_service_pb2.RemoveQuotaRequest(tenant_id=tenant, kind=_kind(kind))

    async def ask(to: Caller) -> admin_service_pb2.RemoveQuotaResponse:
        return await to.admin.RemoveQuota(request, metadata=to.metadata)

    answer = call(target, ask)
    if not answer.removed:
        aside().print(Text("there was no limit of its own", "yellow"))
    _show([answer.quota], output)


def _show(quotas: Sequence[quota_pb2.Quota], output: str) -> None:
    if output == "json":
        print_json(quotas)
        return
    print_rows(
        quotas,
        [
            Column(name="of", of=lambda one: word(quota_pb2.QuotaKind, one.kind).lower()),
            Column(name="limit", of=lambda one: f"{one.limit:,}", whole=True),
            Column(name="used", of=_used, whole=True),
            Column(name="set for", of=lambda one: "the tenant" if one.is_own else "all"),
        ],
    )


def _used(one: quota_pb2.Quota) -> str:
    return f"{one.used_count:,}{' or more' if one.used_at_least else ''}"


def _kind(text: str) -> "quota_pb2.QuotaKind.ValueType":
    return quota_pb2.QuotaKind.Value(f"QUOTA_KIND_{text.upper()}")
