"""
The way home: where outcomes go, and where word comes from that changes what is wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from shared.ids import SessionId, TenantId
from shared.tasks import ClaimedTask, Outcome

MAX_UNACKNOWLEDGED = 10_000
"""How many outcomes an executor keeps at most until they are acknowledged."""


class Held(NamedTuple):
    """A task at one hand-out."""

    task_id: str
    epoch: int

    @classmethod
    def of(cls, task: ClaimedTask) -> "Held":
        return cls(task.task_id, task.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    How one attempt ended, ready to be sent.

    `output` is the outcome's as canonical JSON text, within MAX_PAYLOAD_BYTES. Times are
    the executor's own: they are recorded, and decide nothing.
    """

    tenant_id: TenantId
    held: Held
    outcome: Outcome
    output: str
    started_at: datetime
    duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAttempt:
    """
    An attempt that goes on. `has_beaten` if it has said so itself; then `progress` is what it
    says that it is at, as JSON text, None for nothing new.
    """

    tenant_id: TenantId
    held: Held
    started_at: datetime
    has_beaten: bool = False
    progress: str | None = None


class Instructions(Protocol):
    """
    What a control plane may tell an executor, and look up about it, any time. None of these
    waits or raises.
    """

    @property
    def free(self) -> int:
        """How many more tasks may be assigned. `ControlPlane.look_again` tells of changes."""

    @property
    def has_backlog(self) -> bool:
        """Whether tasks may be ready that the executor has not claimed."""

    @property
    def has_beats(self) -> bool:
        """Whether attempts have said that they go on. `ControlPlane.look_again` tells of it."""

    def beats(self) -> Sequence[RunningAttempt]:
        """Those that have, since it was asked last."""

    def assign(self, session_id: SessionId, tasks: Sequence[ClaimedTask]) -> None:
        """These are claimed for the session already. A hand-out told twice is begun once."""

    def cancel(self, held: Sequence[Held]) -> None:
        """These are not needed any more: stop them, and report each as cancelled."""

    def lose(self, held: Sequence[Held]) -> None:
        """These are others' now: stop them, and report nothing."""

    def settle(self, held: Sequence[Held]) -> None:
        """The outcomes of these have been acknowledged, and brought whatever they bring."""

    def doubt(self, session_id: SessionId) -> None:
        """
        A stream broke on which tasks could be assigned to the session: some may be unknown
        here, and more may come to be, until the control plane has noticed too.
        """

    def running(self, longer_than: timedelta) -> Sequence[RunningAttempt]:
        """The attempts that have been going on for that long."""


class ControlPlane(Protocol):
    """
    Takes outcomes and sees to it that they arrive: each is kept until it has been
    acknowledged, and sent again after a reconnect. Applying is idempotent by hand-out.
    """

    @property
    def room(self) -> int:
        """How many more outcomes it can keep. Claim no more tasks than that."""

    @property
    def is_connected(self) -> bool:
        """Whether outcomes are on their way, and may bring tasks back."""

    def look_again(self) -> None:
        """What the instructions say of free room, of a backlog or of beats has changed."""

    def report(self, report: Report) -> None:
        """Keep an outcome and send it as soon as possible. Neither waits nor raises."""

    async def run(self, instructions: Instructions) -> None:
        """Stay connected, whatever happens, until cancelled."""

    async def flush(self, within: timedelta) -> int:
        """Wait until every outcome is acknowledged; tells how many are not, after `within`."""

    async def goodbye(self) -> None:
        """Say that the session ends, if connected. Nothing is reported after it."""
