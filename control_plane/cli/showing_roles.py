"""What `foliot role list` does."""

from collections.abc import Sequence

from foliot.v1 import role_pb2, tenant_service_pb2

from control_plane.cli.calling import Caller, call
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all
from control_plane.cli.printing import Column, print_json, print_rows


def run_list(target: Target, output: str) -> None:
    async def ask(to: Caller) -> Paged[role_pb2.Role]:
        async def page(size: int, token: str) -> tuple[Sequence[role_pb2.Role], str]:
            answer = await to.tenants.ListRoles(
                tenant_service_pb2.ListRolesRequest(page_size=size, page_token=token),
                metadata=to.metadata,
            )
            return answer.roles, answer.next_page_token

        return await read_all(page, None)

    found = call(target, ask)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(
        found.rows,
        [
            Column(name="role", of=lambda one: one.role, whole=True),
            Column(name="for", of=lambda one: one.purpose),
            Column(
                name="keys of", of=lambda one: "the platform" if one.is_platform else "a tenant"
            ),
            Column(name="permissions", of=lambda one: " ".join(one.permissions)),
        ],
    )
