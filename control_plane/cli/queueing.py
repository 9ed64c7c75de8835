"""What the commands of `foliot queue` do."""

from datetime import timedelta

from foliot.v1 import admin_service_pb2, queue_pb2, task_pb2
from rich.text import Text

from control_plane.cli.asking import sure
from control_plane.cli.calling import Caller, call
from control_plane.cli.options import Target
from control_plane.cli.plain import visible
from control_plane.cli.printing import (
    Column,
    aside,
    local,
    print_facts,
    print_json,
    print_rows,
    word,
)


def run_list(target: Target, name: str, output: str) -> None:
    async def ask(to: Caller) -> admin_service_pb2.GetQueueStatsResponse:
        request = admin_service_pb2.GetQueueStatsRequest(queue=name)
        return await to.admin.GetQueueStats(request, metadata=to.metadata)

    found = call(target, ask)
    if output == "json":
        print_json(found)
        return
    print_rows(
        found.stats,
        [
            Column(name="queue", of=lambda one: one.queue),
            Column(
                name="type",
                of=lambda one: word(task_pb2.TaskType, one.task_type).lower(),
                whole=True,
            ),
            Column(name="ready", of=lambda one: _count(one.ready), whole=True),
            Column(name="oldest", of=_oldest, whole=True),
            Column(name="later", of=lambda one: _count(one.delayed), whole=True),
            Column(name="with executors", of=lambda one: _count(one.leased), whole=True),
        ],
    )
    for one in found.paused:
        who = f" by {one.paused_by}" if one.paused_by else ""
        why = f": {one.reason}" if one.reason else ""
        said = visible(f"{one.queue} is paused since {local(one.pause_time)}{who}{why}")
        aside().print(Text(said, "yellow"), soft_wrap=True)
    if found.more:
        aside().print(Text("there are more queues; name one with --queue", "dim"))


def run_pause(target: Target, name: str, reason: str, output: str, *, yes: bool) -> None:
    sure(f"Give nothing of the queue {name} out any more, of any tenant?", yes=yes)
    request = admin_service_pb2.PauseQueueRequest(queue=name, reason=reason)

    async def ask(to: Caller) -> queue_pb2.QueuePause:
        return (await to.admin.PauseQueue(request, metadata=to.metadata)).paused

    paused = call(target, ask)
    if output == "json":
        print_json(paused)
        return
    print_facts(
        {
            "queue": paused.queue,
            "paused": local(paused.pause_time),
            "by": paused.paused_by,
            "because": paused.reason,
        }
    )


def run_resume(target: Target, name: str) -> None:
    async def ask(to: Caller) -> bool:
        request = admin_service_pb2.ResumeQueueRequest(queue=name)
        return (await to.admin.ResumeQueue(request, metadata=to.metadata)).resumed

    if not call(target, ask):
        aside().print(Text("it was not paused", "yellow"))


def _count(one: queue_pb2.TaskCount) -> str:
    return f"{one.count:,}{' or more' if one.at_least else ''}"


def _oldest(one: queue_pb2.QueueStats) -> str:
    if not one.HasField("oldest_ready_duration"):
        return ""
    age = one.oldest_ready_duration.ToTimedelta()
    return str(age - timedelta(microseconds=age.microseconds))
