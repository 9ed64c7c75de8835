"""
Deadlines of tasks, kept beside an instance's timers: a task that nobody begins in time fails, one
that people leave open is called to mind.
"""

from shared.ids import MAX_ORDINAL

_PREFIX = "task-start-deadline:"
_NUDGE = "task-nudge:"


def start_deadline(ordinal: int) -> str:
    """The timer id under which the wait for a task's beginning ends."""
    return f"{_PREFIX}{ordinal}"


def task_of_deadline(timer_id: str) -> int | None:
    """The task whose deadline this is; None for a timer of the definition."""
    return _number(timer_id, _PREFIX)


def next_nudge(ordinal: int) -> str:
    """The timer id under which people are next reminded of a task, or it is escalated."""
    return f"{_NUDGE}{ordinal}"


def task_of_nudge(timer_id: str) -> int | None:
    """The task that this timer is about; None for another timer."""
    return _number(timer_id, _NUDGE)


def _number(timer_id: str, prefix: str) -> int | None:
    number = timer_id.removeprefix(prefix)
    if number == timer_id or not number.isascii() or not number.isdigit():
        return None
    return int(number) if int(number) <= MAX_ORDINAL else None
