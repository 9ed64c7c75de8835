"""From a token to a principal."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from control_plane.access.issuers import Issuer
from control_plane.access.principal import Principal
from control_plane.access.refusal import CredentialRefused
from control_plane.access.token_keys import TokenKeys
from control_plane.access.tokens import believe, is_tellable, look_at
from control_plane.ports.key_source import KeySource
from shared.clock import Clock
from shared.ids import TenantId

TOKEN_CACHE_S = 5.0
"""For how long a token that was found good is not checked again, but for its end: that takes
230 µs, and finding it here 2. As with keys of the API, what changes meanwhile is noticed that much
later."""

MAX_CACHED_TOKENS = 10_000


@dataclass(frozen=True, slots=True)
class _Issuer:
    about: Issuer
    keys: TokenKeys


@dataclass(frozen=True, slots=True)
class _Cached:
    principal: Principal
    checked_at: float


class TokenRing:
    """The issuers that are believed, and the tokens that were found good of late."""

    def __init__(
        self,
        issuers: Iterable[tuple[Issuer, KeySource]],
        is_tenant: Callable[[TenantId], Awaitable[bool]],
        clock: Clock,
    ) -> None:
        """`is_tenant` says whether there is such a tenant: an issuer makes none."""
        self._issuers = {
            about.issuer: _Issuer(about, TokenKeys(about.issuer, source))
            for about, source in issuers
        }
        self._is_tenant = is_tenant
        self._clock = clock
        self._cache: OrderedDict[bytes, _Cached] = OrderedDict()

    async def authenticate(self, text: str) -> Principal:
        """
        The principal of a token. Raises CredentialRefused for one that is not good, and
        Overloaded if its issuer's keys cannot be had.
        """
        digest = hashlib.sha256(text.encode()).digest()
        now = asyncio.get_running_loop().time()
        cached = self._cache.get(digest)
        if cached is not None and now - cached.checked_at <= TOKEN_CACHE_S:
            self._check_time(cached.principal)
            return cached.principal
        principal = await self._check(text)
        self._cache[digest] = _Cached(principal, now)
        self._cache.move_to_end(digest)
        if len(self._cache) > MAX_CACHED_TOKENS:
            self._cache.popitem(last=False)
        return principal

    async def _check(self, text: str) -> Principal:
        claimed = look_at(text)
        told = claimed.issuer if is_tellable(claimed.issuer) else ""
        issuer = self._issuers.get(claimed.issuer)
        if issuer is None:
            raise CredentialRefused("its issuer is not in the file", credential=told)
        if claimed.algorithm not in issuer.about.algorithms:
            raise CredentialRefused("its algorithm is not allowed to its issuer", credential=told)
        key = await issuer.keys.find(claimed.kid, claimed.algorithm)
        if key is None:
            raise CredentialRefused(
                "its issuer has no such key for that algorithm", credential=told
            )
        principal = believe(text, issuer.about, key, claimed.algorithm)
        self._check_time(principal)
        if principal.tenant_id is not None and not await self._is_tenant(principal.tenant_id):
            raise CredentialRefused("its tenant is unknown here", credential=told)
        return principal

    def _check_time(self, principal: Principal) -> None:
        if principal.expires_at is None or principal.expires_at <= self._clock.now():
            raise CredentialRefused("expired", credential=principal.name)
