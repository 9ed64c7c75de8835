"""
Pages of instances, newest start first, each from an index in its own order.

`instance_open_idx` and `instance_closed_idx` serve a tenant's, the two that have
`definition` in their names those of one definition, `instance_business_key_idx` those of
a business key, `instance_schedule_idx` those that a schedule started, `label_page_idx` those that
have a label. A closed status is a
range of its index each; the open ones share one, since no index may hold a status that
changes while an instance lives.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from control_plane.adapters.postgres.reaching import TenantsPool
from control_plane.ports.reader import InstanceFilter, InstancePlace
from control_plane.ports.records import CLOSED_INSTANCE, InstanceStatus
from shared.ids import InstanceId, TenantId
from shared.postgres.statuses import CLOSED_INSTANCE as CLOSED
from shared.postgres.statuses import OPEN_INSTANCE as OPEN

_NOBODY = InstanceId(UUID(int=0))
_NEWEST = InstancePlace(datetime.fromisoformat("9999-12-30T00:00:00+00:00"), _NOBODY)
_OLDEST = InstancePlace(datetime.fromisoformat("0001-01-02T00:00:00+00:00"), _NOBODY)
"""Beyond any instance, so that the first page is asked for as the others are."""


async def page_of_instances(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    after: InstancePlace | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    if wanted.labels:
        return await _with_labels(pool, tenant_id, wanted, after=after, limit=limit)
    if wanted.schedule_id is not None:
        return await _of_schedule(pool, tenant_id, wanted, after=after, limit=limit)
    if wanted.business_key is not None:
        return await _of_business_key(pool, tenant_id, wanted, after=after, limit=limit)
    if wanted.definition_key is not None:
        return await _of_definition(pool, tenant_id, wanted, after=after, limit=limit)
    return await _of_tenant(pool, tenant_id, wanted, after=after, limit=limit)


async def _with_labels(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    after: InstancePlace | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    """By the first of the labels; what else is asked for is looked at on the way."""
    (name, value), *others = wanted.labels
    before, until = _before(wanted, after), wanted.down_to or _OLDEST
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT i.*
          FROM foliot.label b
         CROSS JOIN LATERAL (
           SELECT * FROM foliot.instance i
            WHERE i.tenant_id = $1 AND i.instance_id = b.instance_id
              AND ($8::text IS NULL OR i.status = $8)
              AND ($9::text IS NULL OR i.definition_key = $9)
              AND ($10::text IS NULL OR i.business_key = $10)
              AND ($11::text IS NULL OR i.schedule_id = $11)
            LIMIT 1) AS i
         WHERE b.tenant_id = $1 AND b.name = $2 AND b.value = $3 AND b.started_at > '-infinity'
           AND b.started_at >= coalesce($4, '-infinity'::timestamptz)
           AND b.started_at < coalesce($5, 'infinity'::timestamptz)
           AND (b.started_at, b.instance_id) < ($6, $16)
           AND (b.started_at, b.instance_id) >= ($14, $15)
           AND NOT EXISTS (
                 SELECT FROM unnest($12::text[], $13::text[]) AS o(name, value)
                  WHERE NOT EXISTS (
                          SELECT FROM foliot.label a
                           WHERE (a.tenant_id, a.instance_id, a.name, a.value)
                                 = ($1, b.instance_id, o.name, o.value)))
         ORDER BY b.started_at DESC, b.instance_id DESC
         LIMIT $7
        """,
        tenant_id,
        name,
        value,
        wanted.started_from,
        wanted.started_before,
        before.started_at,
        limit,
        wanted.status,
        wanted.definition_key,
        wanted.business_key,
        wanted.schedule_id,
        [name for name, _ in others],
        [value for _, value in others],
        until.started_at,
        until.instance_id,
        before.instance_id,
    )
    return rows


async def labelled_at(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    after: InstancePlace | None,
    count: int,
) -> InstancePlace | None:
    (name, value), *_ = wanted.labels
    before = _before(wanted, after)
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT b.started_at, b.instance_id
          FROM foliot.label b
         WHERE b.tenant_id = $1 AND b.name = $2 AND b.value = $3 AND b.started_at > '-infinity'
           AND b.started_at >= coalesce($4, '-infinity'::timestamptz)
           AND b.started_at < coalesce($5, 'infinity'::timestamptz)
           AND (b.started_at, b.instance_id) < ($6, $8)
         ORDER BY b.started_at DESC, b.instance_id DESC
        OFFSET $7 LIMIT 1
        """,
        tenant_id,
        name,
        value,
        wanted.started_from,
        wanted.started_before,
        before.started_at,
        count - 1,
        before.instance_id,
    )
    return InstancePlace(*rows[0]) if rows else None


async def _of_tenant(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    after: InstancePlace | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    before = _before(wanted, after)
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT page.*
          FROM (
            (SELECT i.*
               FROM foliot.instance i
              WHERE i.tenant_id = $1 AND i.completed_at IS NULL
                AND i.status = ANY ($2::text[]) AND cardinality($2::text[]) > 0
                AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
                AND i.started_at < coalesce($5, 'infinity'::timestamptz)
                AND (i.started_at, i.instance_id) < ($6, $8)
              ORDER BY i.started_at DESC, i.instance_id DESC
              LIMIT $7)
            UNION ALL
            SELECT closed.*
              FROM unnest($3::text[]) AS asked(status)
             CROSS JOIN LATERAL (
               SELECT i.*
                 FROM foliot.instance i
                WHERE i.tenant_id = $1 AND i.completed_at IS NOT NULL
                  AND i.closed_as = asked.status
                  AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
                  AND i.started_at < coalesce($5, 'infinity'::timestamptz)
                  AND (i.started_at, i.instance_id) < ($6, $8)
                ORDER BY i.started_at DESC, i.instance_id DESC
                LIMIT $7) AS closed
          ) AS page
         ORDER BY page.started_at DESC, page.instance_id DESC
         LIMIT $7
        """,
        tenant_id,
        _open(wanted.status),
        _closed(wanted.status),
        wanted.started_from,
        wanted.started_before,
        before.started_at,
        limit,
        before.instance_id,
    )
    return rows


async def _of_definition(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    after: InstancePlace | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    before = _before(wanted, after)
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT page.*
          FROM (
            (SELECT i.*
               FROM foliot.instance i
              WHERE i.tenant_id = $1 AND i.definition_key = $8 AND i.completed_at IS NULL
                AND i.status = ANY ($2::text[]) AND cardinality($2::text[]) > 0
                AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
                AND i.started_at < coalesce($5, 'infinity'::timestamptz)
                AND (i.started_at, i.instance_id) < ($6, $9)
              ORDER BY i.started_at DESC, i.instance_id DESC
              LIMIT $7)
            UNION ALL
            SELECT closed.*
              FROM unnest($3::text[]) AS asked(status)
             CROSS JOIN LATERAL (
               SELECT i.*
                 FROM foliot.instance i
                WHERE i.tenant_id = $1 AND i.definition_key = $8 AND i.completed_at IS NOT NULL
                  AND i.closed_as = asked.status
                  AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
                  AND i.started_at < coalesce($5, 'infinity'::timestamptz)
                  AND (i.started_at, i.instance_id) < ($6, $9)
                ORDER BY i.started_at DESC, i.instance_id DESC
                LIMIT $7) AS closed
          ) AS page
         ORDER BY page.started_at DESC, page.instance_id DESC
         LIMIT $7
        """,
        tenant_id,
        _open(wanted.status),
        _closed(wanted.status),
        wanted.started_from,
        wanted.started_before,
        before.started_at,
        limit,
        wanted.definition_key,
        before.instance_id,
    )
    return rows


async def _of_business_key(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    after: InstancePlace | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    before = _before(wanted, after)
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        # A business key has few instances, so the rest of the filter looks at their rows.
        """
        SELECT i.*
          FROM foliot.instance i
         WHERE i.tenant_id = $1 AND i.business_key = $2
           AND ($3::text IS NULL OR i.status = $3)
           AND ($8::text IS NULL OR i.definition_key = $8)
           AND i.started_at >= coalesce($4, '-infinity'::timestamptz)
           AND i.started_at < coalesce($5, 'infinity'::timestamptz)
           AND (i.started_at, i.instance_id) < ($6, $9)
         ORDER BY i.started_at DESC, i.instance_id DESC
         LIMIT $7
        """,
        tenant_id,
        wanted.business_key,
        wanted.status,
        wanted.started_from,
        wanted.started_before,
        before.started_at,
        limit,
        wanted.definition_key,
        before.instance_id,
    )
    return rows


async def _of_schedule(
    pool: TenantsPool,
    tenant_id: TenantId,
    wanted: InstanceFilter,
    *,
    after: InstancePlace | None,
    limit: int,
) -> Sequence[asyncpg.Record]:
    before = _before(wanted, after)
    rows: Sequence[asyncpg.Record] = await pool.fetch(
        """
        SELECT i.*
          FROM foliot.instance i
         WHERE i.tenant_id = $1 AND i.schedule_id = $2
           AND i.started_at >= coalesce($3, '-infinity'::timestamptz)
           AND i.started_at < coalesce($4, 'infinity'::timestamptz)
           AND (i.started_at, i.instance_id) < ($5, $10)
           AND ($7::text IS NULL OR i.status = $7)
           AND ($8::text IS NULL OR i.definition_key = $8)
           AND ($9::text IS NULL OR i.business_key = $9)
         ORDER BY i.started_at DESC, i.instance_id DESC
         LIMIT $6
        """,
        tenant_id,
        wanted.schedule_id,
        wanted.started_from,
        wanted.started_before,
        before.started_at,
        limit,
        wanted.status,
        wanted.definition_key,
        wanted.business_key,
        before.instance_id,
    )
    return rows


def _before(wanted: InstanceFilter, after: InstancePlace | None) -> InstancePlace:
    """
    Where a page begins: at the earlier of what was seen and what is asked for. One bound and not
    two, as an index is walked from the first of them, which may be the later.
    """
    bounds = [after or _NEWEST]
    if wanted.started_before is not None:
        bounds.append(InstancePlace(wanted.started_before, _NOBODY))
    return min(bounds, key=lambda one: (one.started_at, one.instance_id))


def _open(status: InstanceStatus | None) -> Sequence[str]:
    """Of the open statuses those that are wanted."""
    if status is None:
        return OPEN
    return () if status in CLOSED_INSTANCE else (status,)


def _closed(status: InstanceStatus | None) -> Sequence[str]:
    """Of the closed statuses those that are wanted."""
    if status is None:
        return CLOSED
    return (status,) if status in CLOSED_INSTANCE else ()
