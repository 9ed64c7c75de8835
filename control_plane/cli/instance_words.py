"""How an instance is shown."""

from collections.abc import Sequence

from foliot.v1 import instance_pb2
from rich.text import Text

from control_plane.cli.printing import Column, joined, local, print_facts, print_json, word

_STYLES = {
    "COMPLETED": "green",
    "FAILED": "bold red",
    "CANCELLED": "yellow",
    "WAITING": "cyan",
    "RUNNING": "blue",
}


def instance_columns() -> Sequence[Column[instance_pb2.Instance]]:
    return (
        Column(name="instance", of=lambda one: one.instance_id, whole=True),
        Column(name="definition", of=lambda one: f"{one.definition_key} {one.definition_version}"),
        Column(name="business key", of=lambda one: one.business_key),
        Column(name="status", of=status_of, whole=True),
        Column(name="state", of=lambda one: one.state.json.strip('"')),
        Column(name="started", of=lambda one: local(one.start_time), whole=True),
    )


def show_instance(one: instance_pb2.Instance, output: str) -> None:
    if output == "json":
        print_json(one)
        return
    error = one.last_error
    print_facts(
        {
            "instance": one.instance_id,
            "definition": f"{one.definition_key} version {one.definition_version}",
            "business key": one.business_key,
            "status": status_of(one),
            "state": one.state.json,
            "context": one.context.json,
            "output": one.output.json,
            "last error": f"{error.kind}: {error.message}" if error.kind else "",
            "labels": joined(one.labels),
            "parent": one.parent_instance_id,
            "schedule": one.schedule_id,
            "started": local(one.start_time),
            "changed": local(one.update_time),
            "ended": local(one.complete_time),
            "revision": str(one.revision),
        }
    )


def status_of(one: instance_pb2.Instance) -> Text:
    status = word(instance_pb2.InstanceStatus, one.status)
    text = Text(status.lower(), _STYLES.get(status, ""))
    if one.paused:
        text.append(", paused", "yellow")
    return text
