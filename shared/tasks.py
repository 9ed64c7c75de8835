"""
A task as both planes know it: its types, its time limits, a claim, and how an attempt ended.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.frozen import frozen
from shared.ids import InstanceId, TenantId
from shared.ids import task_id as make_task_id
from shared.json import Json
from shared.trace_parents import trace_id_of


class TaskType(StrEnum):
    HUMAN = "HUMAN"
    TIMER = "TIMER"
    HTTP = "HTTP"
    EMAIL = "EMAIL"
    AI = "AI"
    SYSTEM = "SYSTEM"
    WORKFLOW = "WORKFLOW"
    """A child instance: no executor ever claims it."""


DEFAULT_QUEUE = "default"
MAX_QUEUE_NAME = 63

HEAD_START = timedelta(minutes=10)
"""What a point of priority is worth: so much earlier than it was does the task seem ready."""


@frozen
class Timeouts:
    """How long a task may wait for an attempt, an attempt may take, and may be silent."""

    schedule_to_start: timedelta | None = None
    start_to_close: timedelta | None = None
    heartbeat: timedelta | None = None


@frozen
class Failure:
    """
    Why an attempt failed.

    `kind` is a dotted word a policy or a guard can test, like `http.status` or
    `system.raised`; `retryable` is the handler's opinion, and the retry policy has
    the last word.
    """

    kind: str
    message: str
    retryable: bool = True
    details: Json = None
    retry_after: timedelta | None = None

    def as_json(self) -> dict[str, Json]:
        return {"kind": self.kind, "message": self.message, "details": self.details}


@frozen
class Outcome:
    """How an attempt ended. Made by one constructor per ending, never by hand."""

    state: Literal["succeeded", "failed", "awaiting", "cancelled"]
    output: Json = None
    failure: Failure | None = None

    @classmethod
    def succeeded(cls, output: Json = None) -> "Outcome":
        return cls(state="succeeded", output=output)

    @classmethod
    def failed(cls, failure: Failure) -> "Outcome":
        """The attempt failed; whether there is another is for the retry policy to say."""
        return cls(state="failed", failure=failure)

    @classmethod
    def awaiting(cls) -> "Outcome":
        """The attempt did its part; the task stays open until somebody completes it by RPC."""
        return cls(state="awaiting")

    @classmethod
    def cancelled(cls) -> "Outcome":
        """The attempt was told to stop, and did."""
        return cls(state="cancelled")


@frozen
class ClaimedTask:
    """
    A task together with the right to try it once.

    `epoch` is that right's number: it grows with every hand-out, goes back with the
    outcome, and an outcome with an older one changes nothing. `timeout` is start to
    close, None where the definition sets none. `trace_parent` is the W3C traceparent of what asked
    for it, None if nobody follows that.
    """

    tenant_id: TenantId
    instance_id: InstanceId
    ordinal: int
    epoch: int
    attempt: int
    max_attempts: int
    definition_key: str
    name: str
    type: TaskType
    function: str | None
    queue: str
    input: Json
    idempotency_key: UUID
    run_at: datetime
    timeout: timedelta | None
    trace_parent: str | None
    last_progress: Json = None
    """What the attempt before said last that it was at; None if it said nothing."""

    @property
    def task_id(self) -> str:
        return make_task_id(self.instance_id, self.ordinal)

    @property
    def trace_id(self) -> str | None:
        """The W3C trace in which it was asked for; None if nobody follows that."""
        return trace_id_of(self.trace_parent)
