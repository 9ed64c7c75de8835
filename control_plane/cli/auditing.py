"""What `foliot audit list` does."""

from collections.abc import Mapping, Sequence

from foliot.v1 import admin_service_pb2, audit_entry_pb2

from control_plane.cli.arguments import filter_of, instant_given
from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import Column, local, print_json, print_rows


def run_list(
    target: Target,
    fields: Mapping[str, str],
    *,
    since: str,
    given: str,
    tenant: str,
    limit: int | None,
    output: str,
) -> None:
    asked = filter_of(given, fields)
    with explained():
        if since:
            at = instant_given(since, "--since").isoformat()
            asked = " AND ".join(filter(None, (asked, f'create_time >= "{at}"')))

    async def ask(to: Caller) -> Paged[audit_entry_pb2.AuditEntry]:
        async def page(size: int, token: str) -> tuple[Sequence[audit_entry_pb2.AuditEntry], str]:
            answer = await to.admin.ListAuditEntries(
                admin_service_pb2.ListAuditEntriesRequest(
                    tenant_id=tenant, page_size=size, page_token=token, filter=asked
                ),
                metadata=to.metadata,
            )
            return answer.entries, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(
        found.rows,
        [
            Column(name="time", of=lambda one: local(one.create_time), whole=True),
            Column(name="who", of=lambda one: one.principal),
            Column(name="did", of=lambda one: one.method.rpartition("/")[2]),
            Column(name="to", of=lambda one: f"{one.target_kind} {one.target_id}".strip()),
            Column(name="why", of=lambda one: one.reason),
            Column(name="call", of=lambda one: one.correlation_id),
        ],
    )
    say_there_is_more(found)
