"""
Why a step is refused, with the reasons that gRPC clients get.
"""

from datetime import datetime

from control_plane.engine import (
    CreateTask,
    EventNotAccepted,
    ExpressionFailed,
    InstanceClosed,
    LimitExceeded,
    Refusal,
    StartChild,
)
from control_plane.simulation.result import Refused
from shared.forms import TooMuchToCheck, violations
from shared.tasks import Outcome


def refused_for(refusal: Refusal | None) -> Refused | None:
    """A refusal of the engine's."""
    match refusal:
        case None:
            return None
        case EventNotAccepted():
            return Refused(
                reason="EVENT_NOT_ACCEPTED", message=refusal.message, accepts=refusal.accepts
            )
        case ExpressionFailed():
            return Refused(
                reason="EXPRESSION_FAILED",
                message=refusal.located,
                json_pointer=refusal.json_pointer,
            )
        case LimitExceeded():
            return Refused(reason="LIMIT_EXCEEDED", message=refusal.message)
        case InstanceClosed():
            return Refused(reason="INSTANCE_CLOSED", message=refusal.message)


def closed(status: str | None) -> Refused:
    """There is an instance no more, or never was: `status` is None where its start was refused."""
    if status is None:
        return Refused(
            reason="INSTANCE_NOT_FOUND", message="there is no instance: its start was refused"
        )
    return Refused(reason="INSTANCE_CLOSED", message=f"the instance has ended: it is {status}")


def not_open(task: str | int, next_attempt: tuple[int, datetime] | None = None) -> Refused:
    """There is no attempt to conclude; `next_attempt` is one that will begin, if there is one."""
    shown = repr(task) if isinstance(task, str) else f"number {task}"
    if next_attempt is None:
        return Refused(reason="TASK_NOT_OPEN", message=f"there is no open task {shown}")
    number, begins = next_attempt
    return Refused(
        reason="TASK_NOT_OPEN",
        message=f"task {shown} waits: its attempt {number} begins at {begins.isoformat()};"
        " advance to that first",
    )


def reused(event_id: str) -> Refused:
    """An event id that another event of the instance had."""
    return Refused(
        reason="IDEMPOTENCY_MISMATCH",
        message=f"event id {event_id!r} was used for another event of this instance; give each"
        " event its own id, and repeat an event unchanged",
    )


def not_kept(command: CreateTask | StartChild, outcome: Outcome) -> Refused | None:
    """Why a person's output is not taken: it does not keep to the form of the task."""
    terms = command.terms if isinstance(command, CreateTask) else None
    if terms is None or "form" not in terms or outcome.state != "succeeded":
        return None
    try:
        found = violations(terms["form"], outcome.output)
    except TooMuchToCheck as error:
        return Refused(reason="LIMIT_EXCEEDED", message=str(error))
    if not found:
        return None
    place = "".join(f"/{step}" for step in found[0].path)
    return Refused(
        reason="FORM_NOT_KEPT",
        message=f"the output is not as the form of its task asks: {place} {found[0].message}",
    )
