"""
The right to end a task later, to be given to whoever is asked to do its work: a token that
CompleteTask and FailTask take as a credential, for this task and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from executor.ports.clock import Clock
from shared.ids import TenantId


class CallbackPort(Protocol):
    """For adapters; handlers are given `Callbacks`."""

    def token(self, tenant_id: TenantId, task_id: str, expires_at: datetime) -> str:
        """The token. Raises InvalidRequest where none can be made, and says what is missing."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Tokens for the tasks of one tenant."""

    port: CallbackPort
    tenant_id: TenantId
    clock: Clock

    def token(self, task_id: str, within: timedelta) -> str:
        """One that is good for so long. Raises InvalidRequest where none can be made."""
        return self.port.token(self.tenant_id, task_id, self.clock.now() + within)
