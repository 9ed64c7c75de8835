"""
API keys: what one looks like, how it is made, and what is stored of it.

A key is `fol_<key id>_<secret>`. The id is public and finds the row; of the secret only
SHA-256(pepper ‖ secret) is kept. The secret has 256 bits of chance, so one fast hash is
enough; the pepper is not in the database, so that whoever can write there still cannot
make a key.
"""

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass
from datetime import datetime

from control_plane.access.refusal import CredentialRefused
from control_plane.access.roles import check_role
from control_plane.ports.credentials import StoredKey
from shared.errors import InvalidRequest
from shared.ids import TenantId

PREFIX = "fol"
MAX_KEY_LENGTH = 200
MAX_KEY_ID = 40

_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 16
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PresentedKey:
    """A key as a caller shows it. Has no repr, so that no log can hold the secret."""

    key_id: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedKey:
    """A new key: `text` is shown once and never again, `stored` is what to keep."""

    text: str
    stored: StoredKey

    def __repr__(self) -> str:
        return f"MintedKey(key_id={self.stored.key_id!r})"


def mint(
    *,
    tenant_id: TenantId | None,
    role: str,
    pepper: str,
    expires_at: datetime | None = None,
    user: str = "",
    groups: tuple[str, ...] = (),
    key_id: str | None = None,
    secret: str | None = None,
) -> MintedKey:
    """
    A key of a role, for a tenant or, without one, for the platform.

    `key_id` and `secret` are for keys that must come out the same each time, as that of
    `foliot dev`; not given, they are left to chance.
    """
    check_role(role, tenant_id)
    chosen_id = key_id or "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    if not _is_key_id(chosen_id):
        raise InvalidRequest(
            f"key id {chosen_id!r} is not made of 1 to {MAX_KEY_ID} lower case letters and digits",
            field="key_id",
        )
    chosen_secret = secret or secrets.token_urlsafe(_SECRET_BYTES)
    return MintedKey(
        text=f"{PREFIX}_{chosen_id}_{chosen_secret}",
        stored=StoredKey(
            key_id=chosen_id,
            tenant_id=tenant_id,
            secret_hash=hash_secret(chosen_secret, pepper),
            role=role,
            expires_at=expires_at,
            revoked_at=None,
            user=user,
            groups=groups,
        ),
    )


def parse(text: str) -> PresentedKey:
    """The parts of a key. Raises CredentialRefused for what is not one."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not secret or len(text) > MAX_KEY_LENGTH or not _is_key_id(key_id):
        raise CredentialRefused("it is not of the form of a key")
    return PresentedKey(key_id=key_id, secret=secret)


def hash_secret(secret: str, pepper: str) -> bytes:
    return hashlib.sha256(pepper.encode() + secret.encode()).digest()


def is_secret_of(stored: StoredKey | None, presented: PresentedKey, pepper: str) -> bool:
    """Whether the secret is the key's; as long in deciding for a key that does not exist."""
    expected = stored.secret_hash if stored is not None else bytes(32)
    same = hmac.compare_digest(hash_secret(presented.secret, pepper), expected)
    return same and stored is not None


def _is_key_id(text: str) -> bool:
    return 0 < len(text) <= MAX_KEY_ID and all(letter in _ID_ALPHABET for letter in text)
