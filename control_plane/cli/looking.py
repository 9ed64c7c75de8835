"""What `foliot instance get`, `list`, `count` and `wait` do."""

import sys
import time
from collections.abc import Mapping, Sequence

from foliot.v1 import instance_pb2, instance_service_pb2

from control_plane.cli.arguments import filter_of, length_given
from control_plane.cli.calling import Caller, call
from control_plane.cli.entries import entry_columns
from control_plane.cli.failing import FAILED, NotReached, explained
from control_plane.cli.instance_words import instance_columns, show_instance
from control_plane.cli.options import Target
from control_plane.cli.paging import Paged, read_all, say_there_is_more
from control_plane.cli.printing import aside, console, print_json, print_line, print_rows
from control_plane.cli.task_words import task_columns

ONE_WAIT_S = 50.0
"""Of one call: below what the server and what stands in between allow."""


def run_get(target: Target, instance_id: str, *, tasks: bool, history: bool, output: str) -> None:
    request = instance_service_pb2.GetInstanceRequest(
        instance_id=instance_id, include_tasks=tasks, include_history=history
    )

    async def ask(to: Caller) -> instance_service_pb2.GetInstanceResponse:
        return await to.instances.GetInstance(request, metadata=to.metadata)

    answer = call(target, ask)
    if output == "json":
        print_json(answer if tasks or history else answer.instance)
        return
    show_instance(answer.instance, output)
    if answer.tasks:
        console().print()
        print_rows(answer.tasks, task_columns())
    if answer.history:
        console().print()
        print_rows(answer.history, entry_columns())


def run_list(
    target: Target,
    fields: Mapping[str, str],
    *,
    status: str,
    given: str,
    limit: int | None,
    output: str,
) -> None:
    asked = filter_of(given, fields, {"status": status})

    async def ask(to: Caller) -> Paged[instance_pb2.Instance]:
        async def page(size: int, token: str) -> tuple[Sequence[instance_pb2.Instance], str]:
            answer = await to.instances.ListInstances(
                instance_service_pb2.ListInstancesRequest(
                    page_size=size, page_token=token, filter=asked
                ),
                metadata=to.metadata,
            )
            return answer.instances, answer.next_page_token

        return await read_all(page, limit)

    found = call(target, ask, within_s=None)
    if output == "json":
        print_json(found.rows)
        return
    print_rows(found.rows, instance_columns())
    say_there_is_more(found)


def run_count(
    target: Target, fields: Mapping[str, str], *, status: str, given: str, output: str
) -> None:
    request = instance_service_pb2.CountInstancesRequest(
        filter=filter_of(given, fields, {"status": status})
    )

    async def ask(to: Caller) -> instance_service_pb2.CountInstancesResponse:
        return await to.instances.CountInstances(request, metadata=to.metadata)

    answer = call(target, ask)
    if output == "json":
        print_json({"count": answer.count, "atLeast": answer.at_least})
    else:
        print_line(f"{answer.count} or more" if answer.at_least else str(answer.count))


def run_wait(target: Target, instance_id: str, *, timeout: str, output: str) -> None:
    """Exits with 1 if it has not completed, and as for a server out of reach if not in time."""
    with explained():
        most = length_given(timeout, "--timeout").total_seconds() if timeout else float("inf")

    async def ask(to: Caller) -> instance_pb2.Instance:
        until = time.monotonic() + most
        with aside().status(f"Waiting for the end of {instance_id} …"):
            while True:
                left = max(until - time.monotonic(), 0.0)
                request = instance_service_pb2.WaitInstanceRequest(instance_id=instance_id)
                request.timeout.FromMilliseconds(int(min(left, ONE_WAIT_S) * 1_000))
                answer = await to.instances.WaitInstance(request, metadata=to.metadata)
                if answer.instance.HasField("complete_time"):
                    return answer.instance
                if time.monotonic() >= until:
                    raise NotReached(
                        f"the instance has not ended within {timeout}; `foliot instance explain"
                        f" {instance_id}` says what it waits for"
                    )

    instance = call(target, ask, within_s=None)
    show_instance(instance, output)
    if instance.status != instance_pb2.INSTANCE_STATUS_COMPLETED:
        sys.exit(FAILED)
