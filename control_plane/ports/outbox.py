"""What instances have to say to others: written with a decision, delivered after its commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from control_plane.ports.instance_store import OutboxKind
from control_plane.ports.records import JsonText
from shared.ids import InstanceId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message as it lies in the outbox. `instance_id` is who says it."""

    position: int
    tenant_id: TenantId
    instance_id: InstanceId
    kind: OutboxKind
    payload: JsonText


class Outbox(Protocol):
    async def undelivered(self, limit: int, *, after: int = 0) -> Sequence[Delivery]:
        """
        What lies there beyond a position, the oldest first. Others may be delivering it at this
        moment.
        """

    async def delivered(self, deliveries: Sequence[Delivery]) -> None:
        """These are done with. One that is gone already is nobody's concern."""
