"""
An open task while it is simulated: its attempts, and when something is to happen to it.
"""

from dataclasses import dataclass
from datetime import datetime

from control_plane.engine import CreateTask, OpenTask, StartChild
from control_plane.simulation.limits import MAX_SPAN
from control_plane.simulation.result import TaskView
from shared.json import Json
from shared.retry import RetryPolicy
from shared.tasks import Failure, Outcome, TaskType

CHILD_RETRY = RetryPolicy(max_attempts=1)
"""A child instance has one run; what it retries is its own tasks."""


@dataclass(slots=True)
class Attempts:
    """
    `attempt` is the number of the last attempt that has begun. `run_at` is when the next one
    begins, None while one is under way; `ends` is when and how the one under way ends, None
    while that is for a step to say.
    """

    command: CreateTask | StartChild
    open_task: OpenTask
    is_idle: bool
    """As the runtime reckons it: the instance is not running because of this task."""

    run_at: datetime | None
    attempt: int = 0
    ends: tuple[datetime, Outcome] | None = None
    nudged: int = 0
    """How much of what its time brings has been."""
    assignee: str | None = None

    @property
    def ordinal(self) -> int:
        return self.command.ordinal

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def is_timer(self) -> bool:
        return isinstance(self.command, CreateTask) and self.command.type is TaskType.TIMER

    @property
    def is_human(self) -> bool:
        return isinstance(self.command, CreateTask) and self.command.type is TaskType.HUMAN

    @property
    def is_child(self) -> bool:
        return isinstance(self.command, StartChild)

    @property
    def priority(self) -> int:
        return self.command.priority if isinstance(self.command, CreateTask) else 0

    @property
    def policy(self) -> RetryPolicy:
        return self.command.retry if isinstance(self.command, CreateTask) else CHILD_RETRY

    def due(self) -> datetime | None:
        """When the next thing happens by itself."""
        return self.run_at if self.ends is None else self.ends[0]

    def begin(self, now: datetime, outcome: Outcome | None, ends: datetime) -> None:
        """
        An attempt begins; with an outcome it ends by itself, at its time or at its timeout.

        A person's task has no timeout: its attempt was over when the task was offered.
        """
        self.attempt += 1
        self.run_at = None
        self.ends = None if outcome is None else (ends, outcome)
        if isinstance(self.command, StartChild) or self.is_human:
            self.is_idle = True
            return
        limit = self.command.timeout.start_to_close
        # A limit that no run can reach is none.
        if limit is None or limit > MAX_SPAN:
            return
        if outcome is None or ends - now > limit:
            failure = Failure(
                kind="timeout", message=f"the attempt took longer than {limit.total_seconds():g} s"
            )
            self.ends = now + limit, Outcome.failed(failure)

    def again(self, run_at: datetime, now: datetime) -> None:
        """The attempt under way has failed, and another follows."""
        self.run_at = run_at
        self.ends = None
        self.is_idle = run_at > now

    def view(self) -> TaskView:
        given: Json = self.command.input
        return TaskView(
            ordinal=self.ordinal,
            name=self.name,
            type=self.open_task.type,
            input=given,
            attempt=self.attempt,
        )
