"""What `foliot key create`, `list` and `revoke` do."""

from collections.abc import Sequence
from datetime import UTC, datetime

from foliot.v1 import api_key_pb2, tenant_service_pb2
from rich.text import Text

from control_plane.cli.arguments import instant_given, length_given
from control_plane.cli.asking import sure
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import (
    Column,
    aside,
    local,
    print_facts,
    print_json,
    print_line,
    print_rows,
)


def run_create(
    target: Target,
    role: str,
    *,
    label: str,
    expires: str,
    user: str,
    groups: Sequence[str],
    tenant: str,
    request_id: str,
    output: str,
) -> None:
    request = tenant_service_pb2.CreateApiKeyRequest(
        tenant_id=tenant,
        role=role,
        label=label,
        user=user,
        groups=groups,
        request_id=request_id,
    )
    with explained():
        if expires:
            request.expire_time.FromDatetime(_until(expires))

    async def ask(to: Caller) -> tenant_service_pb2.CreateApiKeyResponse:
        return await to.tenants.CreateApiKey(request, metadata=to.metadata)

    answer = call(target, ask)
    if output == "json":
        print_json(answer)
        return
    if not answer.created:
        aside().print(
            Text(
                f"the key {answer.key.key_id} was made before, and its secret was told then; revoke"
                " it and make another",
                "yellow",
            ),
            soft_wrap=True,
        )
        return
    # Bare, so that a script can take it in.
    print_line(answer.secret)


def run_list(target: Target, tenant: str, limit: int | None, output: str) -> None:
    async def ask(to: Caller) -> Paged[api_key_pb2.ApiKey]:
        async def page(size: int, token: str) -> tuple[Sequence[api_key_pb2.ApiKey], str]:
            answer = await to.tenants.ListApiKeys(
                tenant_service_pb2.ListApiKeysRequest(
                    tenant_id=tenant, page_size=size, page_token=token
                ),
                metadata=to.metadata,
            )
            return answer.keys, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(
        found.rows,
        [
            Column(name="key", of=lambda one: one.key_id, whole=True),
            Column(name="role", of=lambda one: one.role),
            Column(name="whose", of=lambda one: ", ".join(filter(None, (one.user, *one.groups)))),
            Column(name="used for", of=lambda one: one.label),
            Column(name="created", of=lambda one: local(one.create_time), whole=True),
            Column(name="by", of=lambda one: one.created_by),
            Column(name="good", of=_good, whole=True),
        ],
    )
    say_there_is_more(found)


def run_revoke(
    target: Target, key_id: str, *, reason: str, tenant: str, yes: bool, output: str
) -> None:
    sure(f"Keep out whoever has the key {key_id}?", yes=yes)
    request = tenant_service_pb2.RevokeApiKeyRequest(key_id=key_id, tenant_id=tenant, reason=reason)

    async def ask(to: Caller) -> api_key_pb2.ApiKey:
        return (await to.tenants.RevokeApiKey(request, metadata=to.metadata)).key

    revoked = call(target, ask)
    if output == "json":
        print_json(revoked)
        return
    print_facts(
        {
            "key": revoked.key_id,
            "role": revoked.role,
            "used for": revoked.label,
            "revoked": local(revoked.revoke_time),
        }
    )


def _until(text: str) -> datetime:
    if text.startswith("P"):
        return datetime.now(UTC) + length_given(text, "--expires")
    return instant_given(text, "--expires")


def _good(one: api_key_pb2.ApiKey) -> Text:
    if one.HasField("revoke_time"):
        return Text(f"revoked {local(one.revoke_time)}", "red")
    if not one.HasField("expire_time"):
        return Text("until revoked", "green")
    is_over = one.expire_time.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)
    return Text(f"until {local(one.expire_time)}", "red" if is_over else "green")
