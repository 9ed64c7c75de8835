"""Callback tokens, signed with a key that the control plane has too."""

from datetime import datetime

from shared.callbacks import Callback, CallbackKeys
from shared.ids import TenantId


class SignedCallbacks:
    def __init__(self, keys: CallbackKeys) -> None:
        self._keys = keys

    def token(self, tenant_id: TenantId, task_id: str, expires_at: datetime) -> str:
        return self._keys.sign(
            Callback(tenant_id=tenant_id, task_id=task_id, expires_at=expires_at)
        )
