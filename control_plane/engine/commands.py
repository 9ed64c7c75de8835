"""
What a decision asks for. A command is data; carrying it out is somebody else's file.
"""

from datetime import datetime
from typing import Literal, TypeAlias

from shared.frozen import frozen
from shared.json import Json
from shared.retry import RetryPolicy
from shared.tasks import DEFAULT_QUEUE, TaskType, Timeouts

OnParentClose: TypeAlias = Literal["cancel", "terminate", "abandon"]
"""What becomes of a child whose outcome is no longer wanted."""

_DEFAULT_RETRY = RetryPolicy()
_NO_TIMEOUTS = Timeouts()


@frozen
class CreateTask:
    """
    A unit of work to be done outside.

    `ordinal` is its number within the instance, never used twice. `function` is set
    for SYSTEM tasks only. `run_at` is the instant a TIMER task is due, None for the
    others. `detached` says that the instance does not wait for it.
    """

    ordinal: int
    name: str
    type: TaskType
    function: str | None = None
    input: Json = None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    run_at: datetime | None = None
    retry: RetryPolicy = _DEFAULT_RETRY
    timeout: Timeouts = _NO_TIMEOUTS
    detached: bool = False
    compensation: int | None = None
    """The ordinal of the task whose effect this one undoes; None for an ordinary task."""

    events: tuple[str, ...] = ()
    """Of AI tasks: the event types among which the model may choose; empty for the others."""

    policy: str | None = None
    """Of AI tasks: the name of the tenant's policy that binds it; None is the tenant's default."""

    guardrails: tuple[str, ...] = ()
    """Of AI tasks: what the definition lets models do at most, as the texts of policies."""

    limit_key: str | None = None
    """Which of the tenant's limits on keys it counts against, if there is one of that key."""

    terms: dict[str, Json] | None = None
    """
    What people may do with it: the `users` and `roles` it is offered to, the `form` of its output,
    whether it is `skippable`. None where its definition says nothing of that.
    """

    due: datetime | None = None
    """Of a human task: when it should be done; nothing happens by itself then."""


@frozen
class StartChild:
    """
    An instance of another definition, whose end is this task's outcome.

    Its output comes back as TaskSucceeded(ordinal), its failure or cancellation as
    TaskFailed(ordinal). Asked for only by machines whose `needs` hold "children".
    `version` is the definition's, None the newest that is active. CancelTask(ordinal)
    says that the child is no longer wanted, `on_parent_close` what that does to it.
    """

    ordinal: int
    name: str
    definition: str
    version: int | None = None
    business_key: str | None = None
    input: Json = None
    detached: bool = False
    on_parent_close: OnParentClose = "cancel"
    compensation: int | None = None
    """The ordinal of the task whose effect this one undoes; None for an ordinary child."""


@frozen
class RepeatTask:
    """
    Create a task, or start a child, once more: as number `of` was, its input and its effect
    key included. `of` has ended, and its outcome counts no longer.
    """

    ordinal: int
    of: int


@frozen
class CancelTask:
    """The task, or the child, is open and its outcome no longer wanted."""

    ordinal: int


@frozen
class ArmTimer:
    """Send TimerFired(timer_id, due) once `due` has come; replaces a timer of the same id."""

    timer_id: str
    due: datetime


@frozen
class DisarmTimer:
    """The timer is armed and must not fire any more."""

    timer_id: str


Command: TypeAlias = CreateTask | StartChild | RepeatTask | CancelTask | ArmTimer | DisarmTimer
