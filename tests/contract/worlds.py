"""
The adapters a suite runs on: all of one kind, over one fresh database with two tenants.

A suite asks for `world` and is run on every kind. What it knows beyond the ports is the
clock, and how many rows there are.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg

from control_plane.adapters.memory.ai_desk import MemoryAiDesk
from control_plane.adapters.memory.ai_policies import MemoryAiPolicies
from control_plane.adapters.memory.ai_records import MemoryAiRecords
from control_plane.adapters.memory.audit_log import MemoryAuditLog
from control_plane.adapters.memory.claims import MemoryClaims
from control_plane.adapters.memory.credentials import MemoryCredentials
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.definition_store import MemoryDefinitionStore
from control_plane.adapters.memory.due import MemoryDue
from control_plane.adapters.memory.feed import MemoryFeed
from control_plane.adapters.memory.inbox import MemoryInbox
from control_plane.adapters.memory.instance_store import MemoryInstanceStore
from control_plane.adapters.memory.key_store import MemoryKeyStore
from control_plane.adapters.memory.limits import MemoryLimits
from control_plane.adapters.memory.outbox import MemoryOutbox
from control_plane.adapters.memory.queues import MemoryQueues
from control_plane.adapters.memory.quotas import MemoryQuotas
from control_plane.adapters.memory.reader import MemoryReader
from control_plane.adapters.memory.retention import MemoryRetention
from control_plane.adapters.memory.schedule_store import MemoryScheduleStore
from control_plane.adapters.memory.tenant_store import MemoryTenantStore
from control_plane.adapters.memory.vitals import MemoryVitalSigns
from control_plane.adapters.postgres.ai_desk import PostgresAiDesk
from control_plane.adapters.postgres.ai_policies import PostgresAiPolicies
from control_plane.adapters.postgres.ai_records import PostgresAiRecords
from control_plane.adapters.postgres.audit_log import PostgresAuditLog
from control_plane.adapters.postgres.claims import PostgresClaims
from control_plane.adapters.postgres.credentials import PostgresCredentials
from control_plane.adapters.postgres.definition_store import PostgresDefinitionStore
from control_plane.adapters.postgres.due import PostgresDue
from control_plane.adapters.postgres.feed import PostgresFeed
from control_plane.adapters.postgres.inbox import PostgresInbox
from control_plane.adapters.postgres.instance_store import PostgresInstanceStore
from control_plane.adapters.postgres.key_store import PostgresKeyStore
from control_plane.adapters.postgres.limit_store import PostgresLimitStore
from control_plane.adapters.postgres.outbox import PostgresOutbox
from control_plane.adapters.postgres.queues import PostgresQueues
from control_plane.adapters.postgres.quotas import PostgresQuotas
from control_plane.adapters.postgres.reader import PostgresReader
from control_plane.adapters.postgres.retention import PostgresRetention
from control_plane.adapters.postgres.schedule_store import PostgresScheduleStore
from control_plane.adapters.postgres.tenant_store import PostgresTenantStore
from control_plane.adapters.postgres.vitals import PostgresVitalSigns
from control_plane.ports.ai_desk import AiDesk
from control_plane.ports.ai_policies import AiPolicyStore
from control_plane.ports.ai_records import AiRecords
from control_plane.ports.audit import AuditLog
from control_plane.ports.claims import Claims
from control_plane.ports.credentials import Credentials
from control_plane.ports.definition_store import DefinitionStore
from control_plane.ports.due import Due
from control_plane.ports.feed import Feed
from control_plane.ports.inbox import InboxRows
from control_plane.ports.instance_store import InboxEvent, InstanceStore
from control_plane.ports.key_store import KeyStore
from control_plane.ports.limit_store import LimitStore
from control_plane.ports.outbox import Outbox
from control_plane.ports.queues import QueueStore
from control_plane.ports.quotas import QuotaStore
from control_plane.ports.reader import Reader
from control_plane.ports.records import InstanceKey
from control_plane.ports.retention import RetentionStore
from control_plane.ports.schedule_store import ScheduleStore
from control_plane.ports.tenant_store import TenantStore
from control_plane.ports.vitals import VitalSigns
from shared.ids import TenantId
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE, HOT_PLANS, open_pool
from tests.servers import Servers, drop_database, new_database

ACME = TenantId("acme")
OTHER = TenantId("other")


class World(Protocol):
    @property
    def store(self) -> InstanceStore: ...
    @property
    def definitions(self) -> DefinitionStore: ...
    @property
    def reader(self) -> Reader: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def due(self) -> Due: ...
    @property
    def inbox(self) -> InboxRows: ...
    @property
    def retention(self) -> RetentionStore: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def schedules(self) -> ScheduleStore: ...
    @property
    def claims(self) -> Claims: ...
    @property
    def limits(self) -> LimitStore: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def tenants(self) -> TenantStore: ...
    @property
    def keys(self) -> KeyStore: ...
    @property
    def quotas(self) -> QuotaStore: ...
    @property
    def queues(self) -> QueueStore: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def ai_policies(self) -> AiPolicyStore: ...
    @property
    def ai_desk(self) -> AiDesk: ...
    @property
    def ai_records(self) -> AiRecords: ...
    @property
    def signs(self) -> VitalSigns: ...

    async def now(self) -> datetime:
        """What the database's clock says."""

    async def move_clock(self, by: timedelta) -> None:
        """Move the database's clock on."""

    async def accept(
        self, key: InstanceKey, event_id: str, type_: str = "PAY", payload: str = "1"
    ) -> None:
        """Put an event in the instance's inbox that no control plane has tried to apply."""

    async def rejected(self) -> Sequence[tuple[str, str]]:
        """The type and the reason of what was put away, the oldest first."""

    async def row_counts(self) -> Mapping[str, int]:
        """How many rows the tables of the ring have, without those that have none."""

    async def sessions(self) -> int:
        """How many executor sessions are known."""


class MemoryWorld:
    def __init__(self) -> None:
        self.database = MemoryDatabase(tenants={ACME: "Acme", OTHER: "Other"})
        self.store = MemoryInstanceStore(self.database)
        self.definitions = MemoryDefinitionStore(self.database)
        self.reader = MemoryReader(self.database)
        self.feed = MemoryFeed(self.database)
        self.due = MemoryDue(self.database)
        self.inbox = MemoryInbox(self.database)
        self.outbox = MemoryOutbox(self.database)
        self.retention = MemoryRetention(self.database)
        self.schedules = MemoryScheduleStore(self.database)
        self.limits = MemoryLimits(self.database)
        self.audit = MemoryAuditLog(self.database)
        self.tenants = MemoryTenantStore(self.database)
        self.keys = MemoryKeyStore(self.database)
        self.quotas = MemoryQuotas(self.database)
        self.queues = MemoryQueues(self.database)
        self.claims = MemoryClaims(self.database)
        self.credentials = MemoryCredentials(self.database)
        self.ai_policies = MemoryAiPolicies(self.database)
        self.ai_desk = MemoryAiDesk(self.database)
        self.ai_records = MemoryAiRecords(self.database)
        self.signs = MemoryVitalSigns(self.database)

    async def now(self) -> datetime:
        return self.database.now()

    async def move_clock(self, by: timedelta) -> None:
        self.database.move_clock(by)

    async def accept(
        self, key: InstanceKey, event_id: str, type_: str = "PAY", payload: str = "1"
    ) -> None:
        self.database.inbox.setdefault(key, []).append(
            InboxEvent(
                position=next(self.database.inbox_positions),
                event_id=event_id,
                type=type_,
                payload=payload,
                accepted_at=self.database.now(),
                deferred_at=None,
            )
        )

    async def rejected(self) -> Sequence[tuple[str, str]]:
        return [(event.type, reason) for _, event, reason, _ in self.database.rejected]

    async def row_counts(self) -> Mapping[str, int]:
        database = self.database
        counts = {
            "instance": len(database.instances),
            "business_key": len(database.business_keys),
            "task": len(database.tasks),
            "ready": len(database.ready),
            "delayed": len(database.delayed),
            "lease": len(database.leases),
            "timer": len(database.timers),
            "inbox": sum(len(events) for events in database.inbox.values()),
            "outbox": len(database.outbox),
            "idempotency": len(database.answers),
            "history": sum(len(entries) for entries in database.history.values()),
        }
        return {table: count for table, count in counts.items() if count}

    async def sessions(self) -> int:
        return len(self.database.sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresWorld:
    """
    `pool` acts as the control plane's role, `across` as the one that sees every tenant, `owner`
    as whoever made the database.
    """

    url: str
    pool: asyncpg.Pool
    across: asyncpg.Pool
    owner: asyncpg.Connection
    store: PostgresInstanceStore
    definitions: PostgresDefinitionStore
    reader: PostgresReader
    feed: PostgresFeed
    due: PostgresDue
    inbox: PostgresInbox
    outbox: PostgresOutbox
    retention: PostgresRetention
    schedules: PostgresScheduleStore
    claims: PostgresClaims
    limits: PostgresLimitStore
    audit: PostgresAuditLog
    tenants: PostgresTenantStore
    keys: PostgresKeyStore
    quotas: PostgresQuotas
    queues: PostgresQueues
    credentials: PostgresCredentials
    ai_policies: PostgresAiPolicies
    ai_desk: PostgresAiDesk
    ai_records: PostgresAiRecords
    signs: PostgresVitalSigns

    async def now(self) -> datetime:
        now: datetime = await self.owner.fetchval("SELECT foliot.now()")
        return now

    async def move_clock(self, by: timedelta) -> None:
        await self.owner.execute("UPDATE foliot.clock SET moved_by = moved_by + $1::interval", by)
        # What time it was at the last write tells nothing any more.
        self.store._lately._then = None

    async def accept(
        self, key: InstanceKey, event_id: str, type_: str = "PAY", payload: str = "1"
    ) -> None:
        await self.owner.execute(
            """
            INSERT INTO foliot.inbox
                   (tenant_id, instance_id, event_id, type, payload, accepted_at)
            VALUES ($1, $2, $3, $4, $5, foliot.now())
            """,
            key.tenant_id,
            key.instance_id,
            event_id,
            type_,
            payload,
        )

    async def rejected(self) -> Sequence[tuple[str, str]]:
        rows = await self.owner.fetch("SELECT type, reason FROM foliot.rejected ORDER BY position")
        return [tuple(row) for row in rows]

    async def row_counts(self) -> Mapping[str, int]:
        rows = await self.owner.fetch(
            """
            SELECT 'instance', count(*) FROM foliot.instance
            UNION ALL SELECT 'business_key', count(*) FROM foliot.business_key
            UNION ALL SELECT 'task', count(*) FROM foliot.task
            UNION ALL SELECT 'ready', count(*) FROM foliot.ready
            UNION ALL SELECT 'delayed', count(*) FROM foliot.delayed
            UNION ALL SELECT 'lease', count(*) FROM foliot.lease
            UNION ALL SELECT 'timer', count(*) FROM foliot.timer
            UNION ALL SELECT 'inbox', count(*) FROM foliot.inbox
            UNION ALL SELECT 'outbox', count(*) FROM foliot.outbox
            UNION ALL SELECT 'idempotency', count(*) FROM foliot.idempotency
            UNION ALL SELECT 'history', count(*) FROM foliot.history
            """
        )
        return {table: count for table, count in rows if count}

    async def sessions(self) -> int:
        count: int = await self.owner.fetchval("SELECT count(*) FROM foliot.executor_session")
        return count


@asynccontextmanager
async def postgres_world(servers: Servers, template_url: str) -> AsyncIterator[PostgresWorld]:
    """A world on a copy of a migrated database, dropped afterwards."""
    url = await new_database(servers, template=template_url)
    # Most tests need one or two of them.
    pool = await open_pool(url, role=CONTROL_PLANE_ROLE, min_size=0, max_size=10)
    across = await open_pool(url, role=ACROSS_ROLE, min_size=0, max_size=10)
    feeds = await open_pool(
        url, role=CONTROL_PLANE_ROLE, min_size=0, max_size=4, settings=HOT_PLANS
    )
    hot = await open_pool(url, role=ACROSS_ROLE, min_size=0, max_size=4, settings=HOT_PLANS)
    owner = await asyncpg.connect(url)
    store = PostgresInstanceStore(hot)
    try:
        yield PostgresWorld(
            url=url,
            pool=pool,
            across=across,
            owner=owner,
            store=store,
            definitions=PostgresDefinitionStore(pool),
            reader=PostgresReader(pool),
            feed=PostgresFeed(feeds, hot),
            inbox=PostgresInbox(across),
            outbox=PostgresOutbox(across),
            retention=PostgresRetention(pool, across),
            schedules=PostgresScheduleStore(pool, across),
            due=PostgresDue(across),
            claims=PostgresClaims(across),
            limits=PostgresLimitStore(pool, across),
            credentials=PostgresCredentials(across),
            audit=PostgresAuditLog(pool, across),
            tenants=PostgresTenantStore(pool, across),
            keys=PostgresKeyStore(pool, across),
            quotas=PostgresQuotas(pool, across),
            queues=PostgresQueues(pool, across),
            ai_policies=PostgresAiPolicies(pool, across),
            ai_desk=PostgresAiDesk(pool),
            ai_records=PostgresAiRecords(pool, across),
            signs=PostgresVitalSigns(pool, across),
        )
    finally:
        await owner.close()
        await store.close()
        await hot.close()
        await feeds.close()
        await across.close()
        await pool.close()
        await drop_database(servers, url)
