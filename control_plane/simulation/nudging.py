"""
What an open human task's time brings while it is simulated: people are reminded of it, and it is
escalated, as the control plane does. Nobody claims a task here: it is somebody's only once an
escalation has assigned it.
"""

from collections.abc import Sequence
from datetime import datetime

from control_plane.engine import CreateTask, Received
from control_plane.engine.instants import read_instant, write_instant
from control_plane.simulation.attempts import Attempts
from control_plane.simulation.ending import end_attempt
from control_plane.simulation.instance import SimulatedInstance
from shared.json import Json
from shared.tasks import Failure, Outcome

_TOLD = ("users", "roles", "priority", "fail", "event")
"""What an escalation does, as the history tells it."""


def next_nudge(attempts: Attempts) -> datetime | None:
    """When the task's time brings something next; None if nothing is left."""
    nudges = _nudges(attempts)
    if attempts.nudged >= len(nudges):
        return None
    return read_instant(str(nudges[attempts.nudged]["at"]))


def carry_out_nudge(instance: SimulatedInstance, attempts: Attempts) -> None:
    """The next of them: it is its time."""
    due = _nudges(attempts)[attempts.nudged]
    attempts.nudged += 1
    instance.count()
    if due.get("unclaimed") is True and attempts.assignee is not None:
        return
    if due.get("reminder") is True:
        instance.record("TASK_REMINDED", attempts.ordinal, _reminded(attempts))
    else:
        instance.record("TASK_ESCALATED", attempts.ordinal, _escalated(attempts, due))
    instance.note("timer", subject=attempts.name, ordinal=attempts.ordinal)
    event = due.get("event")
    if isinstance(event, str):
        _tell(instance, attempts, event)
    if due.get("fail") is True and attempts.ordinal in instance.attempts:
        expired = Failure(
            kind="task.expired", message="nobody ended the task in its time", retryable=False
        )
        end_attempt(instance, attempts, Outcome.failed(expired))


def _nudges(attempts: Attempts) -> Sequence[dict[str, Json]]:
    command = attempts.command
    terms = command.terms if isinstance(command, CreateTask) else None
    found = (terms or {}).get("nudges")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _reminded(attempts: Attempts) -> dict[str, Json]:
    command = attempts.command
    told: dict[str, Json] = {}
    if isinstance(command, CreateTask) and command.due is not None:
        told["due"] = write_instant(command.due)
    if attempts.assignee is not None:
        told["assignee"] = attempts.assignee
    return told


def _escalated(attempts: Attempts, due: dict[str, Json]) -> dict[str, Json]:
    told = {word: due[word] for word in _TOLD if word in due}
    to = due.get("assignTo")
    if isinstance(to, str) and to != attempts.assignee and not _is_voted_on(attempts):
        if attempts.assignee is not None:
            told["from"] = attempts.assignee
        told["assignee"] = attempts.assignee = to
    return told


def _is_voted_on(attempts: Attempts) -> bool:
    command = attempts.command
    return isinstance(command, CreateTask) and "quorum" in (command.terms or {})


def _tell(instance: SimulatedInstance, attempts: Attempts, event: str) -> None:
    """As a sender would; what no state has an answer for is in the history as rejected."""
    payload: dict[str, Json] = {"taskId": str(attempts.ordinal), "name": attempts.name}
    told = Received(type=event, payload=payload, event_id="")
    decision = instance.decide(told)
    if decision.disposition == "DEFERRED":
        instance.inbox.append(told)
    instance.keep(decision, "event", subject=event, payload=payload)
    instance.retry_deferred()
