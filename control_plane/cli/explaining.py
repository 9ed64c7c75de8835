"""What `foliot instance explain` and `preview` do."""

from collections.abc import Sequence

from foliot.v1 import event_pb2, event_preview_pb2, explanation_pb2, instance_service_pb2, task_pb2
from rich.text import Text

from control_plane.cli.arguments import object_given
from control_plane.cli.calling import Caller, call
from control_plane.cli.entries import gist, headline
from control_plane.cli.failing import explained
from control_plane.cli.options import Target
from control_plane.cli.plain import visible
from control_plane.cli.printing import (
    Column,
    Row,
    console,
    local,
    print_facts,
    print_json,
    print_line,
    print_rows,
    word,
)

_VALUES = {
    "TRUE": ("can be taken", "green"),
    "FALSE": ("its guard refuses", "red"),
    "DEPENDS_ON_EVENT": ("its guard asks the event", "yellow"),
    "ERROR": ("its guard fails", "bold red"),
}


def run_explain(target: Target, instance_id: str, output: str) -> None:
    async def ask(to: Caller) -> explanation_pb2.Explanation:
        request = instance_service_pb2.ExplainInstanceRequest(instance_id=instance_id)
        answer = await to.instances.ExplainInstance(request, metadata=to.metadata)
        return answer.explanation

    found = call(target, ask)
    if output == "json":
        print_json(found)
        return
    out = console()
    out.print(Text(visible(found.summary)))
    if found.why:
        out.print(Text(visible(found.why), "bold red"))
    out.print()
    print_facts(
        {
            "accepts": ", ".join(found.accepted_event_types),
            "kept for later": ", ".join(found.deferred_event_types),
            "next deadline": local(found.next_deadline_time),
        }
    )
    _section("waits for", [*found.tasks, *found.children], _TASKS)
    _section("timers", found.timers, _TIMERS)
    _section("could do", found.transitions, _TRANSITIONS)


def run_preview(
    target: Target, instance_id: str, event_type: str, *, payload: str, output: str
) -> None:
    with explained():
        request = instance_service_pb2.PreviewEventRequest(
            instance_id=instance_id,
            event_type=event_type,
            payload=object_given(payload, "--payload"),
        )

    async def ask(to: Caller) -> event_preview_pb2.EventPreview:
        return (await to.instances.PreviewEvent(request, metadata=to.metadata)).preview

    found = call(target, ask)
    if output == "json":
        print_json(found)
        return
    print_facts(
        {
            "would be": word(event_pb2.EventDisposition, found.disposition).lower(),
            "because": found.refusal.message,
            "state": found.instance.state.json,
            "context": found.instance.context.json,
            "creates": ", ".join(one.name for one in found.created_tasks),
            "cancels": ", ".join(found.cancelled_task_ids),
            "arms": ", ".join(one.event for one in found.armed_timers),
            "disarms": ", ".join(found.disarmed_timer_ids),
            "logs": found.logged.json,
        }
    )
    for entry in found.history:
        print_line(Text.assemble("  ", headline(entry), f"  {visible(gist(entry))}"))
    if found.truncated:
        print_line(Text("there is more than is shown", "yellow"))


def _section(title: str, rows: Sequence[Row], columns: Sequence[Column[Row]]) -> None:
    if rows:
        out = console()
        out.print()
        out.print(Text(title, "bold"))
        print_rows(rows, columns)


def _value(one: explanation_pb2.CandidateTransition) -> Text:
    if one.shadowed_by:
        return Text(f"{one.shadowed_by} goes first", "dim")
    said, style = _VALUES.get(word(explanation_pb2.GuardValue, one.value), ("", ""))
    return Text(f"{said}: {visible(one.error)}" if one.error else said, style)


_TASKS: Sequence[Column[explanation_pb2.AwaitedTask]] = (
    Column(name="task", of=lambda one: one.task_id, whole=True),
    Column(name="name", of=lambda one: one.name),
    Column(name="type", of=lambda one: word(task_pb2.TaskType, one.type).lower(), whole=True),
    Column(name="state", of=lambda one: one.state),
    Column(name="not before", of=lambda one: local(one.run_time), whole=True),
)
_TIMERS: Sequence[Column[explanation_pb2.AwaitedTimer]] = (
    Column(name="timer", of=lambda one: one.event),
    Column(name="state", of=lambda one: one.state),
    Column(name="due", of=lambda one: local(one.due_time), whole=True),
)
_TRANSITIONS: Sequence[Column[explanation_pb2.CandidateTransition]] = (
    Column(name="on", of=lambda one: one.trigger),
    Column(name="from", of=lambda one: one.source),
    Column(name="to", of=lambda one: ", ".join(one.targets)),
    Column(name="guard", of=lambda one: one.guard),
    Column(name="now", of=_value),
)
