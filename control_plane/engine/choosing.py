"""
What an AI task comes to: one of its events, which the machine gets in the same decision, or a
person who is asked. The last gate is here: whatever was judged outside, no other event gets in.
"""

from dataclasses import replace
from datetime import datetime

from control_plane.engine.commands import CreateTask
from control_plane.engine.decision import Decision, Entry, EventNotAccepted, LimitExceeded
from control_plane.engine.events import Received, Suggested, TaskSkipped, TaskSucceeded
from control_plane.engine.failures import MacrostepFailed
from control_plane.engine.limits import MAX_OPEN_TASKS
from control_plane.engine.machine import Machine
from control_plane.engine.macrostep import Macrostep
from control_plane.engine.settling import keep, refuse, rest
from control_plane.engine.sizing import check_context
from control_plane.engine.snapshot import OpenTask, Snapshot
from control_plane.engine.tracing import Tracer
from control_plane.engine.turn import Turn
from shared.tasks import TaskType

AI = TaskType.AI.value


def choose(
    machine: Machine,
    snapshot: Snapshot,
    task: OpenTask,
    event: TaskSucceeded | TaskSkipped,
    now: datetime,
    tracer: Tracer | None,
) -> Decision:
    """
    Give the machine the event that was chosen for an AI task that is open.

    Refused, as a sender's event would be, unless it is one of the task's events and the state
    answers it now: a model never fails an instance, nor ends a task by what leads nowhere.
    """
    output = event.output if isinstance(event.output, dict) else {}
    choice = output.get("choice")
    kind = choice if isinstance(choice, str) else ""
    chosen = Received(type=kind, payload=output)
    events = events_of(machine, task)
    states = ", ".join(snapshot.configuration)
    if kind not in events:
        return refuse(snapshot, chosen, EventNotAccepted(states, kind, events), tracer)
    ended = "TASK_COMPLETED" if isinstance(event, TaskSucceeded) else "TASK_SKIPPED"
    configuration = machine.configuration(snapshot.configuration)
    told = {**output, "type": kind}
    macrostep = Macrostep(machine, configuration, snapshot, told, now, tracer)
    macrostep.scope["task"] = {"ordinal": event.ordinal, "name": task.name, "type": task.type}
    macrostep.entries.append(Entry(ended, {"output": event.output}, event.ordinal))
    macrostep.close_task(event.ordinal)
    end_review(macrostep, event.ordinal)
    if snapshot.status != "active" or snapshot.finishing:
        return keep(macrostep)
    try:
        macrostep.react()
        macrostep.settle()
        check_context(macrostep)
    except MacrostepFailed as failure:
        return refuse(snapshot, chosen, failure.refusal, tracer)
    if macrostep.handled:
        return rest(macrostep)
    accepts = machine.accepts(snapshot)
    return refuse(snapshot, chosen, EventNotAccepted(states, kind, accepts), tracer)


def events_of(machine: Machine, task: OpenTask) -> tuple[str, ...]:
    """What may be chosen for the task. One in a group has no choice: nobody would get it."""
    if task.group is not None:
        return ()
    if task.plan is not None:
        return machine.task_plans[task.plan].events
    # One that was redriven knows its name only: what all tasks of that name may choose.
    named = [one.events for one in machine.task_plans if one.kind == AI and one.name == task.name]
    if not named:
        return ()
    return tuple(kind for kind in named[0] if all(kind in events for events in named))


def ask_a_person(snapshot: Snapshot, event: Suggested) -> Decision:
    """
    Create the human task that reviews what an AI task came to. Both stay open until the AI task
    ends: its end is the review's.
    """
    task = snapshot.tasks.get(event.of)
    if task is None or task.type != AI or review_of(snapshot, event.of) is not None:
        return Decision(snapshot=snapshot, disposition="IGNORED")
    if len(snapshot.tasks) >= MAX_OPEN_TASKS:
        limit = LimitExceeded(
            "open tasks per instance", actual=len(snapshot.tasks) + 1, maximum=MAX_OPEN_TASKS
        )
        return refuse(snapshot, Received(type="xstate.review"), limit, None)
    ordinal = snapshot.next_ordinal
    review = replace(
        task,
        name=f"review {task.name}",
        type=TaskType.HUMAN.value,
        group=None,
        place=0,
        plan=None,
        reviews=event.of,
    )
    return Decision(
        snapshot=replace(
            snapshot, tasks={**snapshot.tasks, ordinal: review}, next_ordinal=ordinal + 1
        ),
        commands=(
            CreateTask(
                ordinal=ordinal,
                name=review.name,
                type=TaskType.HUMAN,
                input=event.input,
                detached=review.detached,
                terms=event.terms,
                due=event.due,
            ),
        ),
        history=(
            Entry("AI_SUGGESTED", {**event.told, "review": ordinal}, event.of),
            Entry("TASK_CREATED", {"name": review.name, "type": review.type}, ordinal),
        ),
    )


def review_of(snapshot: Snapshot, ordinal: int) -> int | None:
    """The number of the open task that reviews what this one came to."""
    return next((key for key, task in snapshot.tasks.items() if task.reviews == ordinal), None)


def end_review(turn: Turn, ordinal: int) -> None:
    """Nobody is to review any more what the task came to."""
    for key, task in list(turn.tasks.items()):
        if task.reviews == ordinal:
            turn.cancel_task(key)
