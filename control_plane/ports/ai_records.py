"""What is known of AI tasks afterwards: calls and their costs, suggestions, and agreement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from control_plane.ports.ai_desk import AiCall
from control_plane.ports.ai_tasks import Decision
from control_plane.ports.instance_store import TaskKey
from control_plane.ports.records import JsonText
from shared.ids import InstanceId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class AiSpend:
    """What may have been spent at most, and what was counted. `scope` is a day or an instance."""

    scope: str
    committed: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a person was asked about, by the number of the AI task, and what they decided."""

    key: TaskKey
    review: int
    hash: str
    body: JsonText
    policy_name: str
    policy_version: int
    proposed: str | None
    is_shadow: bool
    suggested_at: datetime
    decision: Decision | None = None
    decided_event: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """
    How often people decided as a model proposed, of one version of a policy.

    `abstained` are those without a proposal; a decision of another event, or to reject, differs.
    """

    policy_name: str
    policy_version: int
    is_shadow: bool
    decided: int
    agreed: int
    abstained: int
    expired: int


class AiRecords(Protocol):
    async def suggestion(self, key: TaskKey) -> Suggestion | None:
        """The one that the human task of this key reviews; None if it reviews none."""

    async def spend(self, tenant_id: TenantId, scopes: Sequence[str]) -> Sequence[AiSpend]:
        """Of those scopes that anything was spent in."""

    async def today(self) -> str:
        """The day, in UTC and by the database's clock, as a scope."""

    async def calls(
        self,
        tenant_id: TenantId,
        instance_id: InstanceId | None,
        *,
        after: tuple[datetime, TaskKey, int] | None,
        limit: int,
    ) -> Sequence[AiCall]:
        """The newest first, by when they were reserved; of an instance, its alone."""

    async def call(self, key: TaskKey, call_number: int) -> AiCall | None:
        """One call; None if it was never reserved."""

    async def agreement(
        self, tenant_id: TenantId, policy_name: str, since: datetime | None
    ) -> Sequence[Agreement]:
        """By version and mode, the newest version first; of what was decided since then."""

    async def forget(self, at_once: int) -> int:
        """Remove the texts of up to so many calls whose time to be kept is over; tells how many."""
