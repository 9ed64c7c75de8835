"""What the commands of `foliot limit` do."""

from collections.abc import Sequence

from foliot.v1 import admin_service_pb2, task_limit_pb2
from rich.text import Text

from control_plane.cli.calling import Caller, call
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.printing import Column, aside, print_json, print_rows
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

    async def ask(to: Caller) -> task_limit_pb2.TaskLimit:
        return (await to.admin.SetTaskLimit(request, metadata=to.metadata)).limit

    _show([call(target, ask)], output)


def run_list(target: Target, output: str) -> None:
    async def ask(to: Caller) -> Sequence[task_limit_pb2.TaskLimit]:
        request = admin_service_pb2.GetTaskLimitsRequest()
        return list((await to.admin.GetTaskLimits(request, metadata=to.metadata)).limits)

    _show(call(target, ask), output)


def run_remove(target: Target, limit_key: str) -> None:
    async def ask(to: Caller) -> bool:
        request = admin_service_pb2.RemoveTaskLimitRequest(limit_key=limit_key)
        return (await to.admin.RemoveTaskLimit(request, metadata=to.metadata)).removed

    if not call(target, ask):
        aside().print(Text("there was no such limit", "yellow"))


def _show(limits: Sequence[task_limit_pb2.TaskLimit], output: str) -> None:
    if output == "json":
        print_json(limits)
        return
    print_rows(
        limits,
        [
            Column(name="limit key", of=_key),
            Column(name="at once", of=_at_once),
            Column(name="a second", of=_rate),
            Column(name="burst", of=lambda one: str(one.rate.burst) if _has_rate(one) else ""),
            Column(name="running", of=lambda one: str(one.running_count)),
        ],
    )


def _key(one: task_limit_pb2.TaskLimit) -> str | Text:
    return one.limit_key or Text("all tasks", "dim")


def _at_once(one: task_limit_pb2.TaskLimit) -> str:
    return str(one.max_running) if one.HasField("max_running") else ""


def _rate(one: task_limit_pb2.TaskLimit) -> str:
    return f"{one.rate.tasks_per_second:g}" if _has_rate(one) else ""


def _has_rate(one: task_limit_pb2.TaskLimit) -> bool:
    return one.HasField("rate")
