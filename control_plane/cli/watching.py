"""What `foliot instance watch`, `foliot event watch` and `foliot task watch` do."""

from collections.abc import AsyncIterable, Mapping

from foliot.v1 import event_service_pb2, history_entry_pb2
from rich.text import Text

from control_plane.cli.arguments import filter_of
from control_plane.cli.calling import Caller, call
from control_plane.cli.entries import line_of
from control_plane.cli.options import Target
from control_plane.cli.plain import visible
from control_plane.cli.printing import local, print_json, print_line, word
from control_plane.cli.streaming import followed
from control_plane.cli.task_words import offered_to


def run_watch(target: Target, instance_id: str, *, after: int, output: str) -> None:
    """To the end of the instance; nothing is shown twice, and nothing is left out."""
    request = event_service_pb2.WatchInstanceRequest(instance_id=instance_id, after_seq=after)

    async def ask(to: Caller) -> None:
        def opened() -> AsyncIterable[event_service_pb2.WatchInstanceResponse]:
            return to.events.WatchInstance(request, metadata=to.metadata)

        async for message in followed(opened):
            request.after_seq = message.seq
            if message.HasField("entry"):
                if output == "json":
                    print_json(message.entry, in_a_line=True)
                else:
                    print_line(line_of(message.entry))

    call(target, ask, within_s=None)


def run_watch_events(target: Target, *, given: str, after: str, oldest: bool, output: str) -> None:
    """Until it is interrupted."""
    request = event_service_pb2.WatchEventsRequest(after=after, from_oldest=oldest, filter=given)

    async def ask(to: Caller) -> None:
        def opened() -> AsyncIterable[event_service_pb2.WatchEventsResponse]:
            return to.events.WatchEvents(request, metadata=to.metadata)

        async for message in followed(opened):
            request.after = message.position
            for one in message.entries:
                if output == "json":
                    print_json(one, in_a_line=True)
                else:
                    whose = one.business_key or one.instance_id
                    print_line(
                        Text.assemble(
                            line_of(one.entry), (f"  {one.definition_key} {visible(whose)}", "dim")
                        )
                    )

    call(target, ask, within_s=None)


def run_watch_tasks(
    target: Target, fields: Mapping[str, str], *, given: str, after: str, output: str
) -> None:
    """Until it is interrupted. Begun anew before all open tasks were told, it tells them again."""
    asked = filter_of(given, fields)
    request = event_service_pb2.WatchTasksRequest(after=after, filter=asked)

    async def ask(to: Caller) -> None:
        def opened() -> AsyncIterable[event_service_pb2.WatchTasksResponse]:
            return to.events.WatchTasks(request, metadata=to.metadata)

        async for message in followed(opened):
            request.after = message.position or request.after
            if output == "json":
                if message.tasks:
                    print_json(message, in_a_line=True)
                continue
            for one in message.tasks:
                print_line(_line_of(one))

    call(target, ask, within_s=None)


def _line_of(one: event_service_pb2.WatchedTask) -> Text:
    task = one.task
    change = word(history_entry_pb2.HistoryEntryType, one.change) if one.change else "open"
    whose = task.assignee or offered_to(task)
    due = f"  due {local(task.due_time)}" if task.HasField("due_time") else ""
    return Text.assemble(
        (f"{change.lower():<24}", "bold"),
        f"{visible(task.name)}  {visible(whose)}{due}",
        (f"  {task.task_id}", "dim"),
    )
