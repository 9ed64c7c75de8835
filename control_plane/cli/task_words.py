"""How a task is shown."""

from collections.abc import Sequence

from foliot.v1 import task_pb2
from rich.text import Text

from control_plane.cli.printing import Column, local, print_facts, print_json, word

_STYLES = {"SUCCEEDED": "green", "FAILED": "bold red", "CANCELLED": "yellow", "RUNNING": "blue"}


def task_columns() -> Sequence[Column[task_pb2.Task]]:
    return (
        Column(name="task", of=lambda one: one.task_id, whole=True),
        Column(name="name", of=lambda one: one.name),
        Column(name="type", of=type_of, whole=True),
        Column(name="queue", of=lambda one: "" if one.queue == "default" else one.queue),
        Column(name="status", of=status_of, whole=True),
        Column(name="attempt", of=_attempt, whole=True),
        Column(name="due", of=lambda one: local(one.run_time), whole=True),
        Column(name="error", of=_error),
    )


def inbox_columns() -> Sequence[Column[task_pb2.Task]]:
    return (
        Column(name="task", of=lambda one: one.task_id, whole=True),
        Column(name="name", of=lambda one: one.name),
        Column(name="queue", of=lambda one: "" if one.queue == "default" else one.queue),
        Column(name="who has it", of=lambda one: one.assignee),
        Column(name="offered to", of=offered_to),
        Column(name="due", of=lambda one: local(one.due_time), whole=True),
        Column(name="asks", of=lambda one: "" if one.input.json == "{}" else one.input.json),
    )


def offered_to(one: task_pb2.Task) -> str:
    """As the API's filters name them."""
    users = [f"user:{name}" for name in one.candidate_users]
    return ", ".join([*users, *(f"role:{name}" for name in one.candidate_roles)])


def show_task(one: task_pb2.Task, output: str) -> None:
    if output == "json":
        print_json(one)
        return
    print_facts(
        {
            "task": one.task_id,
            "name": one.name,
            "type": type_of(one),
            "queue": one.queue,
            "status": status_of(one),
            "attempt": _attempt(one),
            "priority": str(one.priority) if one.priority else "",
            "input": one.input.json,
            "output": one.output.json,
            "progress": one.progress.json,
            "error": _error(one),
            "executor": one.holder,
            "who has it": one.assignee,
            "offered to": offered_to(one),
            "delegated by": one.delegated_by,
            "needs": f"{one.quorum.approvals} of {one.quorum.of}" if one.HasField("quorum") else "",
            "votes": ", ".join(map(_vote, one.votes)),
            "not by": _not_by(one.not_by),
            "comments": str(one.comment_count) if one.comment_count else "",
            "should be done": local(one.due_time),
            "form": one.form.json,
            "withheld": "what it is about; it takes the permission payload.read"
            if one.payload_withheld
            else "",
            "created": local(one.create_time),
            "due": local(one.run_time),
            "ended": local(one.complete_time),
        }
    )


def comment_columns() -> Sequence[Column[task_pb2.TaskComment]]:
    return (
        Column(name="when", of=lambda one: local(one.create_time), whole=True),
        Column(name="who", of=lambda one: one.author, whole=True),
        Column(name="said", of=lambda one: "(withheld)" if one.payload_withheld else one.text),
    )


def type_of(one: task_pb2.Task) -> str:
    kind = word(task_pb2.TaskType, one.type).lower()
    return f"{kind}.{one.function}" if one.function else kind


def status_of(one: task_pb2.Task) -> Text:
    status = word(task_pb2.TaskStatus, one.status)
    return Text(status.lower(), _STYLES.get(status, ""))


def _attempt(one: task_pb2.Task) -> str:
    if not one.attempt:
        return ""
    return f"{one.attempt} of {one.max_attempts}" if one.max_attempts > 1 else str(one.attempt)


def _vote(one: task_pb2.TaskVote) -> str:
    return f"{one.user}: {'approves' if one.approves else 'rejects'}"


def _not_by(one: task_pb2.TaskSeparation) -> str:
    """Who may not decide it."""
    found = ["who started it"] if one.starter else []
    return ", ".join([*found, *(f"who decided {name}" for name in one.task_names), *one.users])


def _error(one: task_pb2.Task) -> str:
    return f"{one.error.kind}: {one.error.message}" if one.error.kind else ""
