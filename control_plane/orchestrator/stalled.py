"""What a failed instance would repeat if it were retried, read off its row."""

from control_plane.ports.records import Instance
from shared import json


def stalled_tasks(instance: Instance) -> tuple[int, ...]:
    """The tasks that were open when it failed; none for one that has not failed."""
    snapshot = json.load(instance.snapshot)
    stalled = snapshot.get("stalled") if isinstance(snapshot, dict) else None
    tasks = stalled.get("tasks") if isinstance(stalled, dict) else None
    return tuple(sorted(int(ordinal) for ordinal in tasks)) if isinstance(tasks, dict) else ()
