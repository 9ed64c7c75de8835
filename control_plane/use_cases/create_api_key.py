"""Make a key, and tell it this once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from control_plane.access.auditing import noted
from control_plane.access.keys import mint
from control_plane.access.principal import Principal
from control_plane.access.roles import check_grant, check_role
from control_plane.engine.limits import MAX_CANDIDATE
from control_plane.ports.definition_store import RepeatableCreation
from control_plane.ports.key_store import KeyRecord, KeyStore
from control_plane.ports.tenant_store import TenantStore
from control_plane.use_cases import fields
from control_plane.use_cases.repeating import repeatable
from control_plane.use_cases.whose import whose
from shared.clock import Clock
from shared.errors import InvalidRequest, LimitExceeded
from shared.json import Json

MAX_KEYS = 200
"""Keys of a tenant, or of the platform, that are good at once."""

MAX_LABEL = 200
MAX_GROUPS = 50
"""Roles of the tenant's own that the holder of a key has."""

LONGEST = timedelta(days=3_653)
"""How far ahead the end of a key may be."""


class CreatedKey(NamedTuple):
    """`text` is the whole key, and None for one that was created before."""

    record: KeyRecord
    text: str | None


async def create_api_key(
    keys: KeyStore,
    tenants: TenantStore,
    clock: Clock,
    pepper: str,
    caller: Principal,
    *,
    tenant_id: str,
    role: str,
    label: str,
    expires_at: datetime | None,
    request_id: str,
    user: str = "",
    groups: Sequence[str] = (),
) -> CreatedKey:
    """
    Nobody gives a role that grants more than their own.

    A repeat under one request id gets the first key without its text, which nobody has any more.
    """
    of = await whose(tenants, caller, tenant_id)
    check_role(role, of)
    check_grant(role, caller.permissions)
    fields.text(label, "label", longest=MAX_LABEL)
    fields.text(user, "user", longest=MAX_CANDIDATE)
    if len(groups) > MAX_GROUPS:
        raise LimitExceeded("groups", actual=len(groups), maximum=MAX_GROUPS, field="groups")
    for one in groups:
        fields.required(one, "groups", longest=MAX_CANDIDATE)
    if expires_at is not None:
        _check_end(expires_at, clock.now())
    repeat = repeatable(
        request_id,
        "create_api_key",
        [
            of,
            role,
            label,
            None if expires_at is None else expires_at.isoformat(),
            user,
            list[Json](groups),
        ],
    )
    minted = mint(
        tenant_id=of,
        role=role,
        pepper=pepper,
        expires_at=expires_at,
        user=user,
        groups=tuple(dict.fromkeys(groups)),
    )
    record, is_new = await keys.create(
        minted.stored,
        label=label,
        created_by=caller.name,
        most=MAX_KEYS,
        repeatable=RepeatableCreation(repeat.request_id, repeat.fingerprint) if repeat else None,
        noted=noted(),
    )
    return CreatedKey(record, minted.text if is_new else None)


def _check_end(expires_at: datetime, now: datetime) -> None:
    if not now < expires_at <= now + LONGEST:
        raise InvalidRequest(
            f"expire_time {expires_at.isoformat()} is not between now and {LONGEST.days} days from"
            " now; leave it unset for a key that is good until it is revoked",
            field="expire_time",
        )
