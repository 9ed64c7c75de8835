"""
How a macrostep becomes a decision: at rest, failed, cancelled, or refused to its sender.
"""

from dataclasses import replace

from control_plane.engine.decision import (
    Decision,
    Disposition,
    Entry,
    EventNotAccepted,
    ExpressionFailed,
    LimitExceeded,
    Refusal,
    Trace,
)
from control_plane.engine.events import Received
from control_plane.engine.groups import Compensate
from control_plane.engine.macrostep import Macrostep
from control_plane.engine.sizing import check_context
from control_plane.engine.snapshot import Snapshot, Stalled, Status
from control_plane.engine.tracing import Tracer
from control_plane.engine.turn import Turn
from shared.json import Json


def rest(macrostep: Macrostep) -> Decision:
    """Nothing is left to do; if the machine is done, the instance is, or waits for its tasks."""
    status: Status = "active"
    if macrostep.finished:
        macrostep.timers = {}
        if not _waits(macrostep):
            status = "done"
            macrostep.record("INSTANCE_COMPLETED", {"output": macrostep.output})
    snapshot = Snapshot(
        macrostep.before.spec_hash,
        status,
        macrostep.configuration.paths,
        macrostep.history,
        macrostep.scope["context"],
        macrostep.output,
        None,  # no error
        macrostep.tasks,
        macrostep.timers,
        macrostep.next_ordinal,
        macrostep.finished and status == "active",
        None,  # not being cancelled
        macrostep.groups,
        macrostep.undo,
    )
    snapshot.context_bytes = macrostep.context_bytes  # type: ignore[misc]  # it is still ours alone
    trace = None if macrostep.tracer is None else macrostep.tracer.trace()
    history = tuple(macrostep.entries) if macrostep.forgotten is None else macrostep.told()
    has_commands = (
        macrostep.created or macrostep.cancelled or macrostep.timers is not macrostep.before.timers
    )
    return Decision(
        snapshot, macrostep.commands() if has_commands else (), history, "APPLIED", None, trace
    )


def keep(turn: Turn) -> Decision:
    """
    A task has ended, and the machine is not told: it is one of a group, or the instance
    listens no more. The last one that a finishing instance waits for ends it.
    """
    snapshot = replace(
        turn.before,
        tasks=turn.tasks,
        groups=turn.groups,
        undo=turn.undo,
        next_ordinal=turn.next_ordinal,
    )
    if snapshot.finishing and not _waits(turn):
        if snapshot.cancelling is None:
            snapshot = replace(snapshot, status="done", finishing=False)
            turn.record("INSTANCE_COMPLETED", {"output": snapshot.output})
        else:
            reason = snapshot.cancelling
            snapshot = replace(snapshot, status="cancelled", finishing=False, cancelling=None)
            turn.record("INSTANCE_CANCELLED", {"reason": reason, "compensated": True})
    return Decision(snapshot=snapshot, commands=turn.commands(), history=turn.told())


def fail(turn: Turn, error: dict[str, Json]) -> Decision:
    """
    The instance fails where it stands: what it waits for is called off, no action runs.

    The turn must hold the cause and nothing that came of it.
    """
    for ordinal, task in list(turn.tasks.items()):
        if not task.detached:
            turn.cancel_task(ordinal)
    turn.timers = {}
    turn.record("ERROR", dict(error))
    turn.record("INSTANCE_FAILED", {"error": error})
    before = turn.before
    return Decision(
        snapshot=replace(
            before,
            status="error",
            error=error,
            tasks=turn.tasks,
            timers=turn.timers,
            groups=turn.groups,
            finishing=False,
            cancelling=None,
            stalled=Stalled(
                tasks={
                    ordinal: task
                    for ordinal, task in before.tasks.items()
                    if ordinal not in turn.tasks
                },
                timers=before.timers,
                groups=before.groups,
                finishing=before.finishing,
                cancelling=before.cancelling,
            ),
        ),
        commands=turn.commands(),
        history=turn.told(),
        trace=_trace(turn.tracer),
    )


def cancel(macrostep: Macrostep, reason: str) -> Decision:
    """
    Call off everything that is open, then run the exits of every active state.

    A task that an exit action creates is carried out all the same: nobody waits for it.
    Where the spec says so, what was done is then undone; the instance is cancelled when
    the last compensation has ended.
    """
    for ordinal in list(macrostep.tasks):
        macrostep.cancel_task(ordinal)
    if not macrostep.before.finishing:
        macrostep.leave()
        check_context(macrostep)
    macrostep.timers = {}
    macrostep.let_go()
    is_undoing = macrostep.machine.compensates_on_cancel and bool(macrostep.undo)
    if is_undoing:
        # The cause stands first: the history folds from it.
        macrostep.entries.insert(0, Entry(type="INSTANCE_CANCELLING", payload={"reason": reason}))
        Compensate(macrostep.machine.task_plans).run(macrostep)
    else:
        macrostep.record("INSTANCE_CANCELLED", {"reason": reason})
    return Decision(
        snapshot=replace(
            macrostep.before,
            status="active" if is_undoing else "cancelled",
            context=macrostep.scope["context"],
            tasks=macrostep.tasks,
            timers=macrostep.timers,
            next_ordinal=macrostep.next_ordinal,
            finishing=is_undoing,
            cancelling=reason if is_undoing else None,
            groups=macrostep.groups,
            undo=macrostep.undo,
        ),
        commands=macrostep.commands(),
        history=macrostep.told(),
        trace=_trace(macrostep.tracer),
    )


def put_aside(
    snapshot: Snapshot, turn: Turn, payload: dict[str, Json], disposition: Disposition
) -> Decision:
    """Nobody answers the event, and by the spec's policy that is no reason to refuse it."""
    entry = Entry(type="EVENT_RECEIVED", payload={**payload, "disposition": disposition})
    return Decision(
        snapshot=snapshot,
        history=(entry,),
        disposition=disposition,
        trace=_trace(turn.tracer),
    )


def refuse(
    snapshot: Snapshot, event: Received, refusal: Refusal, tracer: Tracer | None
) -> Decision:
    """The sender is told why, the refusal is recorded, and the instance stands as it stood."""
    payload: dict[str, Json] = {
        "event_id": event.event_id,
        "type": event.type,
        "message": refusal.message,
        **_reason(refusal),
    }
    return Decision(
        snapshot=snapshot,
        history=(Entry(type="EVENT_REJECTED", payload=payload),),
        disposition="REJECTED",
        refusal=refusal,
        trace=_trace(tracer),
    )


def _trace(tracer: Tracer | None) -> Trace | None:
    return None if tracer is None else tracer.trace()


def _reason(refusal: Refusal) -> dict[str, Json]:
    match refusal:
        case EventNotAccepted(state=state, accepts=accepts):
            return {"reason": "EVENT_NOT_ACCEPTED", "state": state, "accepts": list(accepts)}
        case ExpressionFailed(json_pointer=pointer, expression=expression):
            return {
                "reason": "EXPRESSION_FAILED",
                "json_pointer": pointer,
                "expression": expression,
            }
        case LimitExceeded(limit=limit):
            return {"reason": "LIMIT_EXCEEDED", "limit": limit}
        case _:
            return {"reason": "INSTANCE_CLOSED", "status": refusal.status}


def _waits(turn: Turn) -> bool:
    return any(not task.detached for task in turn.tasks.values())
