"""
The public keys that an issuer signs its tokens with: read from a JSON Web Key Set, kept, and
read again when they may have changed.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from control_plane.ports.key_source import KeySource
from shared.errors import FoliotError, Overloaded, Unavailable
from shared.telemetry.logging import Throttle, get_logger
from shared.telemetry.names import LogEvent

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey

FRESH_S = 300.0
"""After so long keys are read again, by the side: one that was taken back is good no longer than
this and one reading."""

STALE_S = 3_600.0
"""For how long keys are used on while the issuer cannot be asked."""

REFETCH_EVERY_S = 10.0
"""How often a token with an unknown key may cause a reading: whoever sends many such tokens must
not make us ask the issuer for each."""

RETRY_EVERY_S = 1.0
"""How often an issuer is asked while none of its keys are known."""

MAX_KEYS = 200
MIN_RSA_BITS = 2_048

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_BY_CURVE: Mapping[str, frozenset[str]] = {
    "P-256": frozenset({"ES256"}),
    "P-384": frozenset({"ES384"}),
    "P-521": frozenset({"ES512"}),
    "Ed25519": frozenset({"EdDSA"}),
    "Ed448": frozenset({"EdDSA"}),
}
# What makes a public key of each kind; the rest, private parts above all, is left alone.
_PARTS: Mapping[str, Sequence[str]] = {
    "RSA": ("n", "e"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
}

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A key, and the algorithms it may be used with: never more than its kind allows."""

    kid: str | None
    algorithms: frozenset[str]
    key: PublicKey


class TokenKeys:
    """An issuer's keys. Calls that need them read at the same time share one reading."""

    def __init__(
        self, issuer: str, source: KeySource, *, seconds: Callable[[], float] | None = None
    ) -> None:
        """`seconds` is a clock that only goes forward; not given, the event loop's."""
        self._issuer = issuer
        self._source = source
        self._seconds = seconds or (lambda: asyncio.get_running_loop().time())
        self._keys: Sequence[TokenKey] = ()
        self._read_at = float("-inf")
        self._asked_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._complaint = Throttle()

    async def find(self, kid: str | None, algorithm: str) -> TokenKey | None:
        """
        The key of that id for that algorithm; without an id, the only one for it. None if the
        issuer has none. Raises Overloaded if its keys are not known and cannot be had.
        """
        age = self._seconds() - self._read_at
        if age > STALE_S:
            await self._read()
        elif age > FRESH_S and self._may_ask(REFETCH_EVERY_S):
            self._begin()
        found = self._among(kid, algorithm)
        if found is None and self._may_ask(REFETCH_EVERY_S):
            await self._read()
            found = self._among(kid, algorithm)
        return found

    def _among(self, kid: str | None, algorithm: str) -> TokenKey | None:
        fitting = [
            one
            for one in self._keys
            if algorithm in one.algorithms and (kid is None or one.kid == kid)
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _may_ask(self, every_s: float) -> bool:
        return self._reading is None and self._seconds() - self._asked_at >= every_s

    async def _read(self) -> None:
        if self._may_ask(RETRY_EVERY_S):
            self._begin()
        if self._reading is not None:
            # A caller that gives up must not take the keys from the others.
            await asyncio.shield(self._reading)
        if self._seconds() - self._read_at > STALE_S:
            raise Overloaded(
                "the keys of the token's issuer cannot be had at the moment, so the token cannot"
                " be checked; send the call again later",
                retry_in=timedelta(seconds=RETRY_EVERY_S),
            )

    def _begin(self) -> None:
        self._asked_at = self._seconds()
        self._reading = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        """Never raises: what was known before is kept."""
        try:
            self._keys = keys_in(await self._source.read())
            self._read_at = self._seconds()
            self._complaint.reset()
        except FoliotError as error:
            if self._complaint.allows():
                _log.warning(LogEvent.ISSUER_UNAVAILABLE, issuer=self._issuer, error=error.message)
        finally:
            self._reading = None


def keys_in(text: bytes) -> Sequence[TokenKey]:
    """
    The keys of a set that signatures can be checked with. Keys for other purposes, of other
    kinds, too short, or that cannot be read are left out. Raises Unavailable for what is no set.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unavailable("what was read is not JSON") from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise Unavailable(f"what was read is no set of at most {MAX_KEYS} keys")
    return [key for one in keys if isinstance(one, dict) and (key := _key(one)) is not None]


def _key(entry: Mapping[str, Any]) -> TokenKey | None:
    kind, kid = entry.get("kty"), entry.get("kid")
    parts = _PARTS.get(kind) if isinstance(kind, str) else None
    if parts is None or not isinstance(kid, str | None) or not _is_for_signatures(entry):
        return None
    curve = entry.get("crv")
    algorithms = _RSA if kind == "RSA" else _BY_CURVE.get(str(curve), frozenset())
    if "alg" in entry:
        algorithms &= {str(entry["alg"])}
    if not algorithms:
        return None
    public = {"kty": kind, **{name: entry.get(name) for name in parts}}
    try:
        key = jwt.PyJWK(public, algorithm=min(algorithms)).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        return None
    return TokenKey(kid=kid, algorithms=frozenset(algorithms), key=key)


def _is_for_signatures(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return entry.get("use", "sig") == "sig" and (
        isinstance(operations, list) and "verify" in operations
    )
