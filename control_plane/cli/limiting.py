"""What the commands of `foliot limit` do."""

import json
from collections.abc import Sequence

from foliot.v1 import admin_service_pb2, task_limit_pb2
from foliot.v1.admin_service_pb2_grpc import AdminServiceStub
from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.table import Table
from rich.text import Text

from control_plane.cli.calling import Caller, Target, call
from control_plane.cli.failing import explained
from shared.errors import InvalidRequest


def run_set(
    target: Target,
    limit_key: str,
    *,
    max_running: int | None,
    rate: float | None,
    burst: int,
    output: str,
) -> None:
    request = admin_service_pb2.SetTaskLimitRequest(limit_key=limit_key, max_running=max_running)
    with explained():
        if rate is not None:
            request.rate.tasks_per_second, request.rate.burst = rate, burst
        elif burst:
            raise InvalidRequest("--burst goes with --rate: say how often, too", field="burst")

    async def ask(caller: Caller) -> task_limit_pb2.TaskLimit:
        stub = AdminServiceStub(caller.channel)
        return (await stub.SetTaskLimit(request, metadata=caller.metadata)).limit

    _show([call(target, ask)], output)


def run_list(target: Target, output: str) -> None:
    async def ask(caller: Caller) -> Sequence[task_limit_pb2.TaskLimit]:
        stub = AdminServiceStub(caller.channel)
        request = admin_service_pb2.GetTaskLimitsRequest()
        return (await stub.GetTaskLimits(request, metadata=caller.metadata)).limits

    _show(call(target, ask), output)


def run_remove(target: Target, limit_key: str) -> None:
    async def ask(caller: Caller) -> bool:
        stub = AdminServiceStub(caller.channel)
        request = admin_service_pb2.RemoveTaskLimitRequest(limit_key=limit_key)
        return (await stub.RemoveTaskLimit(request, metadata=caller.metadata)).removed

    if not call(target, ask):
        Console(stderr=True).print(Text("there was no such limit", "yellow"))


def _show(limits: Sequence[task_limit_pb2.TaskLimit], output: str) -> None:
    if output == "json":
        told = [MessageToDict(one) for one in limits]
        print(json.dumps(told, indent=2))  # noqa: T201 - what it is asked for
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("limit key", "at once", "a second", "burst", "running"):
        table.add_column(column, overflow="fold")
    for one in limits:
        has_rate = one.HasField("rate")
        table.add_row(
            Text(one.limit_key) if one.limit_key else Text("all tasks", "dim"),
            str(one.max_running) if one.HasField("max_running") else "",
            f"{one.rate.tasks_per_second:g}" if has_rate else "",
            str(one.rate.burst) if has_rate else "",
            str(one.running_count),
        )
    Console().print(table)
