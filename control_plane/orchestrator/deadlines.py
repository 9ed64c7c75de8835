"""
Deadlines of tasks, kept beside an instance's timers: a task that nobody begins in time fails.
"""

from shared.ids import MAX_ORDINAL

_PREFIX = "task-start-deadline:"


def start_deadline(ordinal: int) -> str:
    """The timer id under which the wait for a task's beginning ends."""
    return f"{_PREFIX}{ordinal}"


def task_of_deadline(timer_id: str) -> int | None:
    """The task whose deadline this is; None for a timer of the definition."""
    number = timer_id.removeprefix(_PREFIX)
    if number == timer_id or not number.isascii() or not number.isdigit():
        return None
    return int(number) if int(number) <= MAX_ORDINAL else None
