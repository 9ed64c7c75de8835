"""
How an instance stands, in a paragraph that somebody can read who has not seen its definition.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from control_plane.engine.instants import write_instant
from control_plane.engine.invocations import CHILD
from control_plane.engine.machine import Machine
from control_plane.engine.snapshot import OpenTask, Snapshot
from control_plane.engine.wording import event_words
from shared.frozen import frozen

MAX_NAMED = 5
"""Tasks, timers or events that a sentence names before it counts the rest."""


@frozen
class Standing:
    """What is said about."""

    machine: Machine
    snapshot: Snapshot
    now: datetime
    accepts: tuple[str, ...]
    deferred: tuple[str, ...]
    paused: bool
    run_at: Mapping[int, datetime]


def why_nothing_wakes(standing: Standing) -> str:
    """A sentence if nothing can move the instance any more though it has not ended, else ""."""
    snapshot = standing.snapshot
    if snapshot.status != "active" or snapshot.tasks or snapshot.timers or standing.accepts:
        return ""
    return (
        f"Nothing can move it: no task is open, no timer is armed, and {_where(standing)} answers"
        " no event. Cancel it, and give that state a way out in the next version."
    )


def summary_of(standing: Standing) -> str:
    """One paragraph: where it is, what it waits for, when something will happen by itself."""
    snapshot = standing.snapshot
    if snapshot.status != "active":
        return " ".join([_how_it_ended(standing), *_outliving(snapshot)])
    sentences = [_first(standing)]
    why = why_nothing_wakes(standing)
    if standing.paused:
        sentences.append("It is paused: events are kept for later until it is resumed.")
    if why:
        return " ".join([*sentences, why])
    awaited = [*_for_tasks(standing), *_for_timer(standing), *_for_events(standing)]
    if awaited:
        sentences.append(f"It waits for {', or '.join(awaited)}.")
    if standing.deferred:
        many = len(standing.deferred)
        sentences.append(
            f"{many} {'event is' if many == 1 else 'events are'} kept until a state answers them:"
            f" {_several(list(standing.deferred))}."
        )
    return " ".join(sentences)


def _first(standing: Standing) -> str:
    snapshot = standing.snapshot
    if snapshot.cancelling is not None:
        return "It is being cancelled, and undoes what it had done before."
    if snapshot.finishing:
        return "It has reached its end and takes no more events; its last tasks are still open."
    return f"It is in {_where(standing)}."


def _where(standing: Standing) -> str:
    paths = standing.snapshot.configuration
    words = [
        f"the definition's root {standing.machine.id!r}" if path == "." else f"{path!r}"
        for path in paths
    ]
    return f"state {words[0]}" if len(words) == 1 else f"states {_several(words)}"


def _for_tasks(standing: Standing) -> list[str]:
    people: list[str] = []
    children: list[str] = []
    others: list[str] = []
    for ordinal, task in sorted(standing.snapshot.tasks.items()):
        if not task.detached:
            kinds = {"HUMAN": people, CHILD: children}
            kinds.get(task.type, others).append(_task(standing, ordinal, task))
    found = []
    if people:
        found.append(f"somebody to do {_several(people)}")
    if others:
        found.append(f"{'task' if len(others) == 1 else 'tasks'} {_several(others)} to end")
    if children:
        found.append(
            f"child {'instance' if len(children) == 1 else 'instances'} {_several(children)} to end"
        )
    return found


def _task(standing: Standing, ordinal: int, task: OpenTask) -> str:
    run_at = standing.run_at.get(ordinal)
    later = "" if run_at is None else f", not before {write_instant(run_at)}"
    return f"{task.name!r} (task {ordinal}{later})"


def _for_timer(standing: Standing) -> list[str]:
    timers = standing.snapshot.timers
    if not timers:
        return []
    timer = min(timers.values(), key=lambda one: one.due)
    state_id = standing.machine.states[standing.machine.index_of[timer.state]].id
    event = event_words(str(timer.event["type"]), state_id)
    more = f", the first of {len(timers)} timers" if len(timers) > 1 else ""
    if timer.due <= standing.now:
        return [f"the timer {event!r}, due since {write_instant(timer.due)}{more}"]
    left = _rounded(timer.due - standing.now)
    return [f"the timer {event!r} at {write_instant(timer.due)}, in {left}{more}"]


def _for_events(standing: Standing) -> list[str]:
    accepts = standing.accepts
    if not accepts:
        return []
    words = [event_words(one) for one in accepts]
    return [f"the {'event' if len(words) == 1 else 'events'} {_several(words)}"]


def _how_it_ended(standing: Standing) -> str:
    snapshot = standing.snapshot
    match snapshot.status:
        case "done":
            return f"It has completed, in {_where(standing)}."
        case "cancelled":
            return f"It was cancelled in {_where(standing)}."
        case _:
            error = snapshot.error or {}
            pointer = error.get("json_pointer")
            place = f" (at {pointer})" if pointer else ""
            where = f" in {_where(standing)}" if snapshot.configuration else ""
            return f"It failed{where}: {error.get('message', 'the reason is not known')}{place}."


def _outliving(snapshot: Snapshot) -> list[str]:
    count = len(snapshot.tasks)
    if not count:
        return []
    return [f"{count} detached {'task is' if count == 1 else 'tasks are'} still carried out."]


def _several(words: list[str]) -> str:
    if len(words) > MAX_NAMED:
        words = [*words[:MAX_NAMED], f"{len(words) - MAX_NAMED} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _rounded(left: timedelta) -> str:
    """A length of time in its two largest units."""
    seconds = int(left.total_seconds())
    if seconds < 1:
        return "less than a second"
    words = []
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = divmod(seconds, length)
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(words[:2])
