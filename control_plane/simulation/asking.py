"""
What others do to the instance: each function takes one kind of step to its answer.
"""

from control_plane.engine import Cancelled, Received, Started
from control_plane.simulation.ending import end_attempt
from control_plane.simulation.instance import SimulatedInstance
from control_plane.simulation.refusals import closed, not_kept, not_open, refused_for, reused
from control_plane.simulation.result import Refused
from shared import json
from shared.json import Json
from shared.tasks import Outcome


def start(instance: SimulatedInstance, given: Json) -> Refused | None:
    decision = instance.decide(Started(input=given))
    instance.keep(decision, "start", payload=given)
    return refused_for(decision.refusal)


def send(instance: SimulatedInstance, event: Received) -> tuple[str | None, Refused | None]:
    """What became of the event, or why it was refused. A repeat gets the first answer."""
    fingerprint = json.digest(json.dump([event.type, event.payload]))
    known = instance.answers.get(event.event_id) if event.event_id else None
    about = {"subject": event.type, "payload": event.payload}
    if known is not None and known[0] == fingerprint:
        instance.note("event", disposition=known[1], **about)
        return known[1], None
    if known is not None or instance.snapshot is None or instance.is_closed:
        refused = closed(instance.status) if known is None else reused(event.event_id)
        instance.note("event", disposition="REJECTED", refused=refused, **about)
        return None, refused
    decision = instance.decide(event)
    if decision.disposition == "DEFERRED":
        instance.inbox.append(event)
    instance.keep(decision, "event", **about)
    if decision.refusal is not None:
        return None, refused_for(decision.refusal)
    if decision.disposition != "DEFERRED":
        instance.retry_deferred()
    if event.event_id:
        instance.answers[event.event_id] = fingerprint, decision.disposition
    return decision.disposition, None


def cancel(instance: SimulatedInstance, reason: str) -> Refused | None:
    """Cancelling what was cancelled is harmless."""
    if instance.status == "cancelled":
        instance.note("cancel", subject=reason, disposition="IGNORED")
        return None
    if instance.snapshot is None or instance.is_closed:
        refused = closed(instance.status)
        instance.note("cancel", subject=reason, disposition="REJECTED", refused=refused)
        return refused
    decision = instance.decide(Cancelled(reason=reason))
    instance.keep(decision, "cancel", subject=reason)
    return refused_for(decision.refusal)


def conclude(instance: SimulatedInstance, task: str | int, outcome: Outcome) -> Refused | None:
    """The attempt under way of a task ends, whoever was to end it."""
    found = [
        one
        for one in instance.attempts.values()
        if (one.ordinal if isinstance(task, int) else one.name) == task
    ]
    running = next((one for one in found if one.run_at is None), None)
    refused = None if running is None else not_kept(running.command, outcome)
    if running is not None and refused is None:
        end_attempt(instance, running, outcome)
        return None
    if refused is not None:
        instance.note("task", subject=str(task), disposition="REJECTED", refused=refused)
        return refused
    waiting = next(((one.attempt + 1, one.run_at) for one in found if one.run_at), None)
    refused = not_open(task, waiting)
    instance.note("task", subject=str(task), disposition="REJECTED", refused=refused)
    return refused
