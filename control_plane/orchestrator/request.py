"""
What asks to change one instance: a start, an event, an outcome, a due timer, a cancel.
"""

from collections.abc import Hashable
from dataclasses import field
from datetime import datetime
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias

from control_plane.access import principal
from control_plane.access.auditing import noted
from control_plane.access.principal import Principal
from control_plane.orchestrator.messages import StopBy
from control_plane.ports.ai_records import Suggestion
from control_plane.ports.ai_tasks import Judged
from control_plane.ports.audit import Noted
from control_plane.ports.people import Person
from control_plane.ports.records import InstanceKey
from shared.frozen import frozen
from shared.ids import DefinitionId, InstanceId, SessionId, TenantId
from shared.json import Json
from shared.tasks import Outcome
from shared.telemetry.call_names import trace_parent


class OnRunning(Enum):
    """What a start does when a live instance has its business key."""

    USE_EXISTING = "use_existing"
    FAIL = "fail"
    CANCEL_EXISTING = "cancel_existing"


class OnClosed(Enum):
    """What a start does when a closed instance had its business key."""

    REJECT = "reject"
    ALLOW = "allow"
    ALLOW_IF_FAILED = "allow_if_failed"


@frozen
class Send:
    """Give the instance an event. An empty `event_id` asks for no deduplication."""

    event_id: str
    type: str
    payload: Json
    expected_revision: int | None = None


class Parent(NamedTuple):
    """
    Whose child an instance is: the task it was started for, how deep that makes it, and what
    happens to it when it is no longer needed.
    """

    instance_id: InstanceId
    ordinal: int
    depth: int
    on_close: str


@frozen
class Start:
    """
    Begin an instance of a definition: of the active version of `definition_key`, or of
    that version of it which `definition_id` names.

    A child may name a `version` instead, which need not be active.
    `then` is an event that a new instance is given in the same commit. `position` is that of
    the inbox row the start was read from, which goes with it. `schedule_id` is of the schedule
    whose time has come.
    """

    definition_id: DefinitionId | None
    definition_key: str
    business_key: str | None
    on_running: OnRunning
    on_closed: OnClosed
    input: Json
    labels: dict[str, str]
    started_by: str
    starter: str = field(default_factory=principal.user)
    """The user that `started_by` is to human tasks; '' where no person asks."""
    version: int | None = None
    then: Send | None = None
    parent: Parent | None = None
    position: int | None = None
    schedule_id: str | None = None


@frozen
class Report:
    """How an executor's attempt ended, fenced by the epoch it was handed out with."""

    ordinal: int
    epoch: int
    outcome: Outcome
    session_id: SessionId | None = None
    """On whose stream it came, which may have changed since the task was handed out."""
    judged: Judged | None = None
    """Of an AI task's success: what we make of it ourselves. What its executor says is not used."""
    told_by: Principal | None = None
    """Whose word it is; None where nobody is known by name."""


@frozen
class Begin:
    """An executor's attempt goes on, and takes long enough to be worth telling."""

    ordinal: int
    epoch: int


@frozen
class Settle:
    """Somebody completes or fails a task that was waiting for them: a person, a callback."""

    ordinal: int
    outcome: Outcome
    settled_by: str
    person: Person | None = None
    """Whose rights count; None for somebody who has them all."""
    reason: str = ""
    is_callback: bool = False
    """Whether the right was given out with the work: it is there before the executor has said
    that it awaits anything, and stays while another attempt is made."""


@frozen
class Resolve:
    """
    A person decides on what an AI task came to, by the human task that reviews it: as was
    suggested, another of the task's events, or none of them. `suggestion` is what they were asked,
    which never changes, and `hash` what they say that they saw.
    """

    ordinal: int
    suggestion: Suggestion
    hash: str
    decision: Literal["APPROVE", "EDIT", "REJECT"]
    event: str
    data: Json
    reason: str
    person: Person


@frozen
class Claim:
    """Somebody takes a human task that is offered to them: nobody else may, until they let go."""

    ordinal: int
    person: Person


@frozen
class Unclaim:
    """Somebody lets a human task go; it is everybody's again to whom it is offered."""

    ordinal: int
    person: Person
    reason: str = ""


@frozen
class Assign:
    """A human task is given to somebody."""

    ordinal: int
    to: str
    person: Person
    reason: str = ""


@frozen
class CastVote:
    """Somebody approves a task that takes several people, or does not."""

    ordinal: int
    approves: bool
    person: Person
    output: Json = None
    comment: str = ""


@frozen
class Delegate:
    """Whoever has a human task hands it to somebody who may give it back."""

    ordinal: int
    to: str
    person: Person
    reason: str = ""


@frozen
class GiveBack:
    """A human task that was delegated goes back to who delegated it."""

    ordinal: int
    person: Person
    reason: str = ""


@frozen
class CommentOn:
    """Somebody says something of a task."""

    ordinal: int
    text: str
    person: Person


@frozen
class Skip:
    """An operator passes a task over, and says what the instance goes on with."""

    ordinal: int
    output: Json
    reason: str
    skipped_by: str
    person: Person | None = None
    """Whose rights count; None for somebody who has them all."""


@frozen
class Hasten:
    """A task that waits for its next attempt is to be tried now."""

    ordinal: int
    reason: str
    hastened_by: str


@frozen
class Relabel:
    """Labels of the instance are set, or taken away."""

    merged: dict[str, str]
    removed: tuple[str, ...]
    relabelled_by: str
    expected_revision: int | None = None


@frozen
class Fire:
    """
    A timer is due. `is_left_over` if it was asked before, made no difference, and its row was
    seen thereafter.
    """

    timer_id: str
    due: datetime
    is_left_over: bool = False


@frozen
class FallSilent:
    """An attempt has not said for too long that it goes on."""

    ordinal: int
    epoch: int


@frozen
class Expire:
    """The session that held this task at this epoch is gone."""

    ordinal: int
    epoch: int


@frozen
class Cancel:
    """End the instance in order: exit actions run, open tasks are cancelled."""

    reason: str
    cancelled_by: str
    expected_revision: int | None = None


@frozen
class Terminate:
    """End the instance at once: nothing of its definition runs any more."""

    reason: str
    terminated_by: str


@frozen
class Pause:
    """Let the instance rest: events and outcomes are kept, no task of it is handed out."""

    reason: str
    paused_by: str


@frozen
class Resume:
    """
    Let a paused instance go on. What fell due during the pause is due now, or, with
    `shifts_timers`, as much later as the pause was long.
    """

    reason: str
    resumed_by: str
    shifts_timers: bool = False


@frozen
class Retry:
    """
    Take up a failed instance from where it failed. What its reader saw goes along: the tasks
    it would repeat, and the business key it has.
    """

    reason: str
    retried_by: str
    ordinals: tuple[int, ...]
    definition_key: str
    business_key: str | None


@frozen
class Redrive:
    """Try a dead detached task once more."""

    ordinal: int
    redriven_by: str
    reason: str = ""


@frozen
class ChildEnded:
    """The child of this task has ended: with an output, or with the error it failed of."""

    ordinal: int
    output: Json = None
    error: dict[str, Json] | None = None


@frozen
class ParentClosed:
    """The parent needs this child no longer: it was cancelled or left a state, or terminated."""

    by: StopBy
    parent: InstanceId


@frozen
class ApplyInbox:
    """Somebody wrote to the instance's inbox."""


Asked: TypeAlias = (
    Start
    | Send
    | Begin
    | Report
    | Settle
    | Resolve
    | Claim
    | Unclaim
    | Assign
    | CastVote
    | Delegate
    | GiveBack
    | CommentOn
    | Skip
    | Hasten
    | Relabel
    | Fire
    | Expire
    | FallSilent
    | Cancel
    | Terminate
    | Pause
    | Resume
    | Retry
    | Redrive
    | ChildEnded
    | ParentClosed
    | ApplyInbox
)


@frozen
class Repeatable:
    """
    The caller's request id, and the hash of what it asked for.

    A repeat gets the first answer; the same id with another hash is refused.
    """

    request_id: str
    fingerprint: bytes


@frozen
class Request:
    """One thing asked of one instance. A start brings the id its instance would have."""

    tenant_id: TenantId
    instance_id: InstanceId
    asked: Asked
    repeatable: Repeatable | None = None
    trace_parent: str | None = field(default_factory=trace_parent)
    """Of the call that asks; None where nobody calls, or follows it."""
    noted: Noted | None = field(default_factory=noted)
    """Of what an audited call asks: what the audit log is to say of it."""
    is_new: bool = False
    """Whether nobody can have the id: it was made for this start, which was never tried."""
    key: InstanceKey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", InstanceKey(self.tenant_id, self.instance_id))

    @property
    def lane(self) -> Hashable:
        """
        Requests of one lane are taken in order, by one turn at a time.

        A lane is an instance; for starts it is the key that two of them could both want.
        """
        if isinstance(self.asked, Start):
            if self.asked.business_key is not None:
                return self.tenant_id, self.asked.definition_key, self.asked.business_key
            if self.repeatable is not None:
                return self.tenant_id, "request", self.repeatable.request_id
        return self.key
