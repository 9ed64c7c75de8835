"""From a callback token to a principal that may end one task."""

from control_plane.access.principal import Principal
from control_plane.access.refusal import CredentialRefused
from shared.callbacks import CallbackKeys, NoCallback
from shared.clock import Clock

ROLE = "callback"
"""No key and no issuer can give it: it is not in the table of roles."""


class CallbackRing:
    """Tokens that executors have signed, until they are over or their task has ended."""

    def __init__(self, keys: CallbackKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def authenticate(self, text: str) -> Principal:
        """The principal of a token. Raises CredentialRefused for one that is not good."""
        try:
            callback = self._keys.read(text, self._clock.now())
        except NoCallback as error:
            raise CredentialRefused(error.why) from None
        return Principal(
            name=f"callback:{callback.task_id}",
            tenant_id=callback.tenant_id,
            role=ROLE,
            permissions=frozenset({"task.complete"}),
            expires_at=callback.expires_at,
            only_task=callback.task_id,
        )
