"""From a credential to a principal."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from control_plane.access import keys
from control_plane.access.principal import Principal
from control_plane.access.refusal import CredentialRefused
from control_plane.access.roles import permissions_of
from control_plane.ports.credentials import Credentials, StoredKey
from shared.clock import Clock

KEY_CACHE_S = 5.0
"""For how long a revoked key may still be taken for good."""

MAX_CACHED_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class _Cached:
    found: asyncio.Task[StoredKey | None]
    read_at: float


class KeyRing:
    """
    The keys that were asked for of late, known and unknown ones.

    Calls that ask for one key at once share one look-up.
    """

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock,
        pepper: str,
        *,
        seconds: Callable[[], float] | None = None,
    ) -> None:
        """`seconds` is a clock that only goes forward; not given, the event loop's."""
        self.clock = clock
        self.pepper = pepper
        self._credentials = credentials
        self._seconds = seconds
        self._cache: OrderedDict[str, _Cached] = OrderedDict()

    async def find(self, key_id: str) -> StoredKey | None:
        now = (self._seconds or asyncio.get_running_loop().time)()
        cached = self._cache.get(key_id)
        if cached is None or now - cached.read_at > KEY_CACHE_S:
            task = asyncio.create_task(self._credentials.find(key_id))
            cached = self._cache[key_id] = _Cached(task, now)
            self._cache.move_to_end(key_id)
            if len(self._cache) > MAX_CACHED_KEYS:
                self._cache.popitem(last=False)
        if cached.found.done():
            return self._result(key_id, cached)
        try:
            # A caller that gives up must not take the look-up from the others.
            return await asyncio.shield(cached.found)
        except Exception:
            self._forget(key_id, cached)
            raise

    def _result(self, key_id: str, cached: _Cached) -> StoredKey | None:
        try:
            return cached.found.result()
        except Exception:
            self._forget(key_id, cached)
            raise

    def _forget(self, key_id: str, cached: _Cached) -> None:
        if self._cache.get(key_id) is cached:
            del self._cache[key_id]


async def authenticate(ring: KeyRing, text: str) -> Principal:
    """
    The principal of an API key.

    Raises CredentialRefused for a key that is unknown, wrong, expired or revoked; which of
    them, its caller is not told.
    """
    presented = keys.parse(text)
    stored = await ring.find(presented.key_id)
    if not keys.is_secret_of(stored, presented, ring.pepper) or stored is None:
        raise CredentialRefused("unknown key, or wrong secret", credential=presented.key_id)
    if stored.revoked_at is not None:
        raise CredentialRefused("revoked", credential=presented.key_id)
    if stored.expires_at is not None and stored.expires_at <= ring.clock.now():
        raise CredentialRefused("expired", credential=presented.key_id)
    return Principal(
        name=f"key:{stored.key_id}",
        credential_id=stored.key_id,
        tenant_id=stored.tenant_id,
        role=stored.role,
        permissions=permissions_of(stored.role),
        expires_at=stored.expires_at,
        user=stored.user,
        groups=frozenset(stored.groups),
    )
