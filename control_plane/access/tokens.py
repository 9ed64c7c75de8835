"""
JSON web tokens: from the text to who that is, by the word of an issuer that is believed.

Signatures are PyJWT's business. What is decided here: whose token it is, which of the
issuer's keys and algorithms it may use, and what of its claims is believed. Whatever a
header says of where keys are to be found (`jku`, `jwk`, `x5u`, `x5c`) is not looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from control_plane.access.issuers import Issuer
from control_plane.access.principal import Principal
from control_plane.access.refusal import CredentialRefused
from control_plane.access.roles import PLATFORM_ROLES, permissions_of
from control_plane.access.token_keys import TokenKey
from shared.ids import TenantId

MAX_NAME = 200
"""Characters of a name that a token tells: histories, inboxes and logs hold them."""

MAX_TENANT = 63

MAX_TOLD_ROLES = 1_000
"""What a token may say of roles; the rest is not looked at."""

RESERVED_NAMES = ("key:", "certificate:", "callback:")
"""How names of other credentials begin; no `sub` may pass for one."""

_REQUIRED = ["exp", "iss", "aud", "sub"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a token says of itself before anything of it is believed."""

    issuer: str
    kid: str | None
    algorithm: str


def look_at(text: str) -> Claimed:
    """Whose token it says it is. Raises CredentialRefused for what is none."""
    try:
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise CredentialRefused("it is no token") from None
    issuer, kid, algorithm = claims.get("iss"), header.get("kid"), header.get("alg")
    if not isinstance(issuer, str) or not isinstance(kid, str | None):
        raise CredentialRefused("its iss or kid is no string")
    if "crit" in header or header.get("b64", True) is not True:
        raise CredentialRefused("its header asks for an extension")
    return Claimed(issuer=issuer, kid=kid, algorithm=str(algorithm))


def is_tellable(name: str) -> bool:
    """Whether a name may stand in histories, queries and logs."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()


def believe(text: str, issuer: Issuer, key: TokenKey, algorithm: str) -> Principal:
    """
    Who a token is of, once its signature and its claims have been checked.

    `algorithm` is one that the issuer may use and the key is for. Raises CredentialRefused.
    """
    try:
        claims = jwt.decode(
            text,
            key=key.key,
            algorithms=[algorithm],
            issuer=issuer.issuer,
            audience=issuer.audience,
            leeway=issuer.leeway_s,
            options={"require": _REQUIRED},
        )
        expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
        expires_at += timedelta(seconds=issuer.leeway_s)
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError, OSError) as error:
        raise _refused(type(error).__name__, issuer) from None
    role = _role(claims, issuer)
    name = _name(claims, issuer)
    return Principal(
        name=name,
        tenant_id=_tenant(claims, issuer, role),
        role=role,
        permissions=permissions_of(role),
        expires_at=expires_at,
        credential_id=_credential_id(claims, key, name),
        groups=frozenset(
            one
            for one in _told(claims, issuer.groups_claim or issuer.roles_claim)
            if is_tellable(one)
        ),
    )


def _name(claims: Mapping[str, Any], issuer: Issuer) -> str:
    subject = claims["sub"]
    if not isinstance(subject, str) or not is_tellable(subject):
        raise _refused("its sub is empty, too long, or cannot be printed", issuer)
    name = issuer.name_prefix + subject
    if name.startswith(RESERVED_NAMES):
        raise _refused("its sub begins as the name of another credential", issuer)
    return name


def _credential_id(claims: Mapping[str, Any], key: TokenKey, name: str) -> str:
    """The one token, where it has an id; else whose it is, and the key that it was signed with."""
    jti = claims.get("jti")
    if isinstance(jti, str) and is_tellable(jti):
        return f"jti:{jti}"
    if key.kid is not None and is_tellable(key.kid):
        return f"kid:{key.kid} sub:{name}"
    return f"sub:{name}"


def _role(claims: Mapping[str, Any], issuer: Issuer) -> str:
    has = _told(claims, issuer.roles_claim)
    for theirs, ours in issuer.roles.items():
        if theirs in has:
            return ours
    raise _refused(f"its {issuer.roles_claim} names no role of the file's", issuer)


def _told(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """The strings of a claim, or at the end of a path that leads into it."""
    told: Any = claims
    for part in [path] if path in claims else path.split("."):
        told = told.get(part) if isinstance(told, dict) else None
    said = told[:MAX_TOLD_ROLES] if isinstance(told, list) else [told]
    return frozenset(one for one in said if isinstance(one, str))


def _tenant(claims: Mapping[str, Any], issuer: Issuer, role: str) -> TenantId | None:
    if role in PLATFORM_ROLES:
        return None
    tenant = claims.get(issuer.tenant_claim, issuer.only_tenant)
    if (
        not isinstance(tenant, str)
        or len(tenant) > MAX_TENANT
        or not is_tellable(tenant)
        or not issuer.may_speak_for(tenant)
    ):
        raise _refused("its tenant is none that the issuer may speak for", issuer)
    return TenantId(tenant)


def _refused(why: str, issuer: Issuer) -> CredentialRefused:
    return CredentialRefused(why, credential=issuer.issuer)
