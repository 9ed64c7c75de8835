"""
Tasks that have one outcome together: a `forEach`, and the compensations of a saga.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from control_plane.engine.failures import LimitReached
from control_plane.engine.invocations import TaskPlan, done_of, failed_of, open_group, open_next
from control_plane.engine.limits import MAX_HELD_BYTES, MAX_UNDOABLE
from control_plane.engine.sizing import bytes_of, held_beside
from control_plane.engine.snapshot import OpenGroup, OpenTask, Undo, WaitingTask
from control_plane.engine.turn import EventObject, Turn
from shared.json import Json

COMPENSATION = "compensation"
"""The name under which the outcome of `compensate` is told: `task.compensation.done`."""


@dataclass(frozen=True, slots=True, eq=False)
class Compensate:
    """
    `compensate`: undo what has succeeded, the last first, one after the other.

    Its outcome is told as that of a task named "compensation". What was undone, or
    tried to be, is not undone again.
    """

    plans: Sequence[TaskPlan]

    def run(self, turn: Turn) -> None:
        turn.count_task()
        undo, turn.undo = turn.undo, ()
        if not undo:
            turn.raise_event(done_of(COMPENSATION, None, []))
            return
        waiting = tuple(
            WaitingTask(plan=one.plan, input=one.input, place=place, undoes=one.ordinal)
            for place, one in enumerate(undo)
        )
        group = OpenGroup(
            name=COMPENSATION,
            state=turn.owner,
            invoke_id=None,
            detached=False,
            join="all",
            endings=(None,) * len(waiting),
            waiting=waiting,
        )
        open_group(turn, dict(enumerate(self.plans)), group, 1)


def take_in(
    turn: Turn, plans: Sequence[TaskPlan], ordinal: int, task: OpenTask
) -> EventObject | None:
    """
    The event that a task's outcome is to the machine.

    None while others of its group are open; then the next that waits is created.
    Raises MacrostepFailed when the input of its compensation has no value.
    """
    told: EventObject = turn.scope["event"]
    if task.plan is not None and "output" in told and plans[task.plan].compensation is not None:
        _remember(turn, plans[task.plan], ordinal)
    group = turn.groups.get(task.group) if task.group is not None else None
    if task.group is None or group is None:
        return told
    key = "output" if "output" in told else "error"
    endings = (*group.endings[: task.place], {key: told[key]}, *group.endings[task.place + 1 :])
    held = group.held + bytes_of(told[key])
    group = replace(group, endings=endings, held=held)
    ending = _ending(group, told)
    if ending is None:
        held_in_all = held + held_beside(turn, task.group)
        if held_in_all > MAX_HELD_BYTES:
            ending = failed_of(group.name, group.invoke_id, _too_much(group, ordinal, held_in_all))
    if ending is not None:
        turn.end_group(task.group)
        return ending
    if group.waiting:
        waiting, *later = group.waiting
        group = replace(group, waiting=tuple(later), held=held - bytes_of(waiting.input))
        turn.keep_group(task.group, group)
        open_next(turn, plans[waiting.plan], task.group, group, waiting)
    else:
        turn.keep_group(task.group, group)
    return None


def _too_much(group: OpenGroup, ordinal: int, held: int) -> Json:
    """The error of the whole: the outcomes are with their tasks, all of them."""
    return {
        "kind": "limit_exceeded",
        "message": (
            f"the outcomes of the tasks of {group.name!r} that have ended take {held} bytes with"
            f" what else waits in this instance, and {MAX_HELD_BYTES} may be held; each task has"
            " its own, so give less back, as a reference to an object, or use fewer items"
        ),
        "details": {
            "limit": "bytes of outcomes",
            "actual": held,
            "maximum": MAX_HELD_BYTES,
            "task": group.name,
            "ordinal": ordinal,
        },
    }


def _ending(group: OpenGroup, told: EventObject) -> EventObject | None:
    """The outcome of the whole, if this one decided it."""
    if isinstance(group.join, int):
        return _ending_of_some(group, group.join, told)
    has_ended = None not in group.endings
    if group.join == "settled":
        return done_of(group.name, group.invoke_id, list(group.endings)) if has_ended else None
    if group.join == "any":
        if "output" in told:
            return done_of(group.name, group.invoke_id, told["output"])
        return failed_of(group.name, group.invoke_id, told["error"]) if has_ended else None
    if "error" in told:
        return failed_of(group.name, group.invoke_id, told["error"])
    return done_of(group.name, group.invoke_id, _outputs(group)) if has_ended else None


def _ending_of_some(group: OpenGroup, wanted: int, told: EventObject) -> EventObject | None:
    """The outcome once so many have succeeded, or too few are left that could."""
    outputs = _outputs(group)
    if len(outputs) >= wanted:
        return done_of(group.name, group.invoke_id, outputs)
    if len(outputs) + group.endings.count(None) < wanted:
        return failed_of(group.name, group.invoke_id, told["error"])
    return None


def _outputs(group: OpenGroup) -> list[Json]:
    """Of those that have succeeded, in the order of the items."""
    return [
        ending["output"]
        for ending in group.endings
        if isinstance(ending, dict) and "output" in ending
    ]


def _remember(turn: Turn, plan: TaskPlan, ordinal: int) -> None:
    """Keep how to undo what has just succeeded, while its output is at hand."""
    how = plan.compensation
    assert how is not None  # only tasks of such plans have one noted
    if len(turn.undo) >= MAX_UNDOABLE:
        raise LimitReached("tasks to be undone", actual=len(turn.undo) + 1, maximum=MAX_UNDOABLE)
    undo = Undo(ordinal=ordinal, plan=how.index, input=how.input.evaluate(turn))
    undoable = (undo, *turn.undo)
    held = sum(bytes_of(one.input) for one in undoable)
    if held > MAX_HELD_BYTES:
        raise LimitReached("bytes of inputs that undo", actual=held, maximum=MAX_HELD_BYTES)
    turn.undo = undoable
