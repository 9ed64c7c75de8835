"""What callers have written into the inbox that no turn can take up by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from control_plane.ports.due import LOOK
from control_plane.ports.records import InstanceKey, JsonText
from shared.ids import InstanceId, TenantId

START = "xstate.init"
"""The type of an inbox row that asks for an instance to be started. No sender's event has it:
those that begin with `xstate.` are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxStart:
    """A start as it lies in the inbox. `instance_id` is the id that the instance would have."""

    tenant_id: TenantId
    instance_id: InstanceId
    position: int
    request_id: str
    payload: JsonText

    @property
    def key(self) -> InstanceKey:
        return InstanceKey(self.tenant_id, self.instance_id)


class InboxRows(Protocol):
    async def starts(self, limit: int, *, look: int = LOOK) -> Sequence[InboxStart]:
        """
        Starts that nobody has carried out, the oldest first, of the `look` oldest rows that
        nobody has tried. They stay until they are.
        """

    async def redirect(self, start: InboxStart, to: InstanceId) -> None:
        """The start is done with: that instance is there, and gets the events that wait for it."""

    async def reject_start(self, start: InboxStart, *, reason: str, message: str) -> None:
        """Put the start away, where its caller can read why; it may be asked for again."""

    async def reject_first(self, key: InstanceKey, *, reason: str, message: str) -> None:
        """Put away the oldest event of an instance that nobody has tried, likewise."""

    async def reject_unaddressed(self, key: InstanceKey, *, reason: str, message: str) -> None:
        """Put away all events of an id, if it has neither an instance nor a start that waits."""
