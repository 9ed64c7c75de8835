"""TIMER tasks: done once their instant has come, never before."""

import asyncio
from datetime import timedelta

from executor.ports import Ports
from shared.tasks import ClaimedTask, Outcome, TaskType

LOOK_AGAIN = timedelta(seconds=1)
"""The longest sleep: the clock may be set while we wait."""


class TimerHandler:
    """
    Succeeds with `{"due": <RFC 3339>}`.

    The database hands a timer out when it is due, so there is nothing to wait for, except
    where this executor's idea of the time is behind.
    """

    def can_handle(self, type: TaskType) -> bool:  # noqa: A002 - a task's type is its type
        return type is TaskType.TIMER

    async def execute(self, task: ClaimedTask, ports: Ports) -> Outcome:
        # Not an event: the clock is a value that somebody else sets.
        while (early := task.run_at - ports.clock.now()) > timedelta():  # noqa: ASYNC110
            await asyncio.sleep(min(early, LOOK_AGAIN).total_seconds())
        return Outcome.succeeded({"due": task.run_at.isoformat()})
