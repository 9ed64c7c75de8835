"""What `foliot server info` and `foliot whoami` do."""

from foliot.v1 import admin_service_pb2, task_pb2

from control_plane.cli.calling import Caller, call, find
from control_plane.cli.options import Target
from control_plane.cli.printing import as_data, local, print_facts, print_json, word


def run_info(target: Target, output: str) -> None:
    async def ask(to: Caller) -> admin_service_pb2.GetServerInfoResponse:
        request = admin_service_pb2.GetServerInfoRequest()
        return await to.admin.GetServerInfo(request, metadata=to.metadata)

    found = call(target, ask)
    place = find(target)
    if output == "json":
        print_json({"address": place.address, **as_data(found)})
        return
    print_facts(
        {
            "address": place.address,
            "encrypted": "yes" if place.tls.secures(place.address) else "no",
            "version": found.version,
            "task types": ", ".join(word(task_pb2.TaskType, one) for one in found.task_types),
            "its clock": local(found.server_time),
        }
    )


def run_whoami(target: Target, output: str) -> None:
    async def ask(to: Caller) -> admin_service_pb2.WhoAmIResponse:
        return await to.admin.WhoAmI(admin_service_pb2.WhoAmIRequest(), metadata=to.metadata)

    found = call(target, ask)
    if output == "json":
        print_json(found)
        return
    print_facts(
        {
            "principal": found.principal,
            "tenant": found.tenant_id or "the platform's",
            "expires": local(found.expire_time),
            "may": ", ".join(found.permissions),
        }
    )
