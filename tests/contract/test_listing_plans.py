"""
Every listing is a page from an index, however much there is: shown on 150,000 instances and
200,000 tasks of one tenant, with the values known to the planner and without.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from control_plane.adapters.postgres.ai_policies import PostgresAiPolicies
from control_plane.adapters.postgres.ai_records import PostgresAiRecords
from control_plane.adapters.postgres.audit_log import PLAN_FOR_VALUES, PostgresAuditLog
from control_plane.adapters.postgres.definition_store import PostgresDefinitionStore
from control_plane.adapters.postgres.key_store import PostgresKeyStore
from control_plane.adapters.postgres.reader import PostgresReader
from control_plane.adapters.postgres.schedule_store import PostgresScheduleStore
from control_plane.adapters.postgres.tenant_store import PostgresTenantStore
from control_plane.ports.audit import AuditFilter
from control_plane.ports.people import DUE, Offer
from control_plane.ports.reader import InstanceFilter, InstancePlace, TaskFilter, TaskPlace
from control_plane.use_cases.list_instances import LOOKED_AT
from shared.ids import InstanceId, TenantId
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE, in_scope_of
from shared.tasks import TaskType
from tests.contract.many_rows import fill
from tests.contract.worlds import ACME
from tests.servers import Servers, drop_database, new_database

PAGE = 50
NUMBER_8001 = InstanceId(UUID("01890000-0000-7000-8000-000000001f41"))
"""An instance of ACME's with tasks."""

MIDDLE = InstancePlace(datetime.now(UTC) - timedelta(minutes=8001), NUMBER_8001)

FEW_BLOCKS = 1_200
"""A page's cost. The instances alone are 4,400 blocks, the tasks 4,500."""

MORE_BLOCKS = {
    # The task of each of the tenant's 2,000 leases is looked at.
    "tasks that wait for people": 8_000,
    # So many instances are looked at, each by its key.
    "instances that have a label, and a status that hardly any has": 5 * LOOKED_AT,
}
"""Where more is looked at than comes back."""


@dataclass(slots=True)
class RecordingPool:
    """A pool of one connection, itself, that remembers what was asked of it."""

    connection: asyncpg.Connection
    asked: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    is_for_values: bool = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["RecordingPool"]:
        yield self

    async def fetch(self, query: str, *values: Any) -> Sequence[asyncpg.Record]:
        self.asked.append((query, values))
        rows: Sequence[asyncpg.Record] = await self.connection.fetch(query, *values)
        return rows

    async def execute(self, statement: str) -> None:
        """What begins a transaction and ends it is no listing."""
        self.is_for_values |= statement == PLAN_FOR_VALUES
        await self.connection.execute(statement)

    async def acquire(self) -> "RecordingPool":
        return self

    async def release(self, connection: "RecordingPool", *, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg names it
        """There is nothing to hand back."""

    def is_closed(self) -> bool:
        """Whether it is worth handing back."""
        return bool(self.connection.is_closed())

    def terminate(self) -> None:
        """What happens to a connection that does not answer."""
        self.connection.terminate()


A_MONTH_AGO = datetime.now(UTC) - timedelta(days=30)
A_DAY_AGO = datetime.now(UTC) - timedelta(days=1)
A_MOMENT_AGO = datetime.now(UTC) - timedelta(hours=1)

Listing = Callable[[RecordingPool], Coroutine[Any, Any, Sequence[object]]]


def instances(after: InstancePlace | None = None, **wanted: Any) -> Listing:
    return lambda pool: PostgresReader(pool).list_instances(
        ACME, InstanceFilter(**wanted), after=after, limit=PAGE
    )


def tasks(after: InstanceId | None = None, **wanted: Any) -> Listing:
    place = TaskPlace(A_DAY_AGO, after, 1) if after is not None else None
    return lambda pool: PostgresReader(pool).list_tasks(
        ACME, TaskFilter(**wanted), after=place, limit=PAGE
    )


def history(after_seq: int) -> Listing:
    key = InstanceId(UUID("01890000-0000-7000-8000-000000000007"))
    return lambda pool: PostgresReader(pool).list_history(
        ACME, key, after_seq=after_seq, limit=PAGE
    )


def definitions(after: tuple[str, int], **wanted: Any) -> Listing:
    asked: dict[str, Any] = {"key": None, "status": None, **wanted}
    return lambda pool: PostgresDefinitionStore(pool).list(ACME, after=after, limit=PAGE, **asked)


def tenants(*, suspended: bool | None) -> Listing:
    async def listed(pool: RecordingPool) -> Sequence[object]:
        await pool.connection.execute(f"SET ROLE {ACROSS_ROLE}")
        store = PostgresTenantStore(pool, pool)
        return await store.list(suspended=suspended, after=TenantId("t2"), limit=PAGE)

    return listed


def keys(tenant_id: TenantId | None, *, role: str | None = None) -> Listing:
    async def listed(pool: RecordingPool) -> Sequence[object]:
        if tenant_id is None:
            await pool.connection.execute(f"SET ROLE {ACROSS_ROLE}")
        store = PostgresKeyStore(pool, pool)
        return await store.list(tenant_id, role=role, after="key2", limit=PAGE)

    return listed


def policies(name: str = "") -> Listing:
    return lambda pool: PostgresAiPolicies(pool, pool).list(ACME, name, after=("p7", 9), limit=PAGE)


def calls(instance_id: InstanceId | None = None) -> Listing:
    return lambda pool: PostgresAiRecords(pool, pool).calls(
        ACME, instance_id, after=None, limit=PAGE
    )


def schedules(after: str | None = None, **wanted: Any) -> Listing:
    asked: dict[str, Any] = {"definition_key": None, "paused": None, **wanted}
    return lambda pool: PostgresScheduleStore(pool, pool).list(
        ACME, after=after, limit=PAGE, **asked
    )


def audits(after: tuple[datetime, UUID] | None = None, **wanted: Any) -> Listing:
    return lambda pool: PostgresAuditLog(pool, pool).list(
        ACME, AuditFilter(**wanted), after=after, limit=PAGE
    )


async def looked_at(pool: RecordingPool) -> Sequence[object]:
    """How far a page looks for what stands beside a label."""
    wanted = InstanceFilter(labels=(("region", "eu"),), status="cancelled")
    return [await PostgresReader(pool).labelled_at(ACME, wanted, after=MIDDLE, count=LOOKED_AT)]


COOKS, ADA = Offer("role", "r7"), Offer("assignee", "ada")
NOW = datetime.now(UTC)
LOOKED_DOWN_TO = InstancePlace(
    NOW - timedelta(minutes=535), InstanceId(UUID("01890000-0000-7000-8000-000000000217"))
)
"""The 535th: about as many of ACME's as a page looks at come before."""
LISTINGS: dict[str, tuple[Listing, set[str]]] = {
    "all instances": (instances(), {"instance_open_idx", "instance_closed_idx"}),
    "all instances, a later page": (
        instances(MIDDLE),
        {"instance_open_idx", "instance_closed_idx"},
    ),
    "instances that are open": (instances(status="waiting"), {"instance_open_idx"}),
    "instances that failed": (instances(MIDDLE, status="failed"), {"instance_closed_idx"}),
    "instances that completed in a time": (
        instances(status="completed", started_before=A_MONTH_AGO),
        {"instance_closed_idx"},
    ),
    "instances that are open since a time": (
        instances(status="waiting", started_before=A_MONTH_AGO),
        {"instance_open_idx"},
    ),
    "instances of a definition": (
        instances(MIDDLE, definition_key="d1"),
        {"instance_open_definition_idx", "instance_closed_definition_idx"},
    ),
    "instances of a definition that failed": (
        instances(definition_key="d1", status="failed"),
        {"instance_closed_definition_idx"},
    ),
    "instances of a business key": (
        instances(business_key="key-8001"),
        {"instance_business_key_idx"},
    ),
    "instances of a schedule": (
        instances(MIDDLE, schedule_id="nightly"),
        {"instance_schedule_idx"},
    ),
    "instances of a schedule that seldom comes, in a time": (
        instances(schedule_id="rare", started_before=A_MONTH_AGO),
        {"instance_schedule_idx"},
    ),
    "instances that have two labels, a later page": (
        instances(MIDDLE, labels=(("region", "eu"), ("half", "1")), status="completed"),
        {"label_page_idx", "label_pkey", "instance_pkey"},
    ),
    "instances that have a label, and a status that hardly any has": (
        instances(labels=(("region", "eu"),), status="failed", down_to=LOOKED_DOWN_TO),
        {"label_page_idx", "instance_pkey"},
    ),
    "how far instances that have a label are looked at": (looked_at, {"label_page_idx"}),
    "instances of a version": (
        instances(MIDDLE, definition_key="d1", started_before=A_MONTH_AGO),
        {"instance_open_definition_idx", "instance_closed_definition_idx"},
    ),
    "all tasks": (tasks(NUMBER_8001), {"task_pkey", "lease_pkey"}),
    "tasks of an instance": (
        tasks(instance_id=NUMBER_8001, status="succeeded"),
        {"task_pkey", "lease_pkey"},
    ),
    "tasks that failed": (tasks(status="failed"), {"task_page_idx", "task_pkey"}),
    "tasks that succeeded, a later page": (
        tasks(NUMBER_8001, status="succeeded"),
        {"task_page_idx", "task_pkey"},
    ),
    "tasks of a type": (tasks(type=TaskType.HTTP), {"task_page_idx", "task_pkey", "lease_pkey"}),
    "tasks of a type that hardly any has": (
        tasks(type=TaskType.EMAIL),
        {"task_page_idx", "task_pkey", "lease_pkey"},
    ),
    "tasks of a type that hardly any has, and that succeeded": (
        tasks(type=TaskType.EMAIL, status="succeeded"),
        {"task_page_idx", "task_pkey"},
    ),
    "tasks of a type that hardly any has, and that are pending": (
        tasks(type=TaskType.EMAIL, status="pending"),
        {"task_page_idx", "task_pkey", "lease_pkey"},
    ),
    "tasks that are pending": (
        tasks(status="pending"),
        {"ready_pkey", "delayed_tenant_run_at_idx", "task_pkey"},
    ),
    "tasks that are pending, a later page": (
        tasks(InstanceId(UUID(int=NUMBER_8001.int - 5000)), status="pending"),
        {"ready_pkey", "delayed_tenant_run_at_idx", "task_pkey"},
    ),
    "tasks that are running": (
        tasks(status="running"),
        {"lease_pkey", "task_parked_idx", "task_pkey"},
    ),
    "tasks that wait for people": (
        tasks(status="running", type=TaskType.HUMAN),
        {"lease_pkey", "task_parked_idx", "task_pkey"},
    ),
    "tasks that are offered to a role": (
        tasks(found_as=(frozenset({COOKS}),)),
        {"offer_page_idx", "task_pkey"},
    ),
    "tasks that a person finds, a later page": (
        tasks(InstanceId(UUID(int=NUMBER_8001.int - 5000)), found_as=(frozenset({COOKS, ADA}),)),
        {"offer_page_idx", "task_pkey"},
    ),
    "tasks of a role that nobody has, and a person may see": (
        tasks(found_as=(frozenset({COOKS}), frozenset({COOKS, ADA})), is_unclaimed=True),
        {"offer_page_idx", "offer_pkey", "task_pkey"},
    ),
    "tasks that are late": (
        tasks(found_as=(frozenset({DUE}),), due_before=datetime.now(UTC)),
        {"offer_page_idx", "task_pkey"},
    ),
    "tasks that should be done from a time on": (
        tasks(found_as=(frozenset({DUE}),), due_from=A_MOMENT_AGO),
        {"offer_page_idx", "task_pkey"},
    ),
    "tasks that are dead": (tasks(status="failed", is_dead=True), {"task_dead_idx"}),
    "tasks of a type that hardly any has, and that are dead": (
        tasks(status="failed", is_dead=True, type=TaskType.EMAIL),
        {"task_dead_idx"},
    ),
    "history": (history(500), {"history_default_pkey"}),
    "definitions": (definitions(("k5", 900)), {"definition_version_key"}),
    "definitions of a key": (definitions(("k5", 900), key="k5"), {"definition_version_key"}),
    "definitions of a status that hardly any has": (
        definitions(("k0", 900), status="archived"),
        {"definition_status_idx"},
    ),
    "schedules": (schedules("s17"), {"schedule_pkey"}),
    "schedules of a definition": (schedules(definition_key="k7"), {"schedule_definition_idx"}),
    "schedules that are paused": (schedules(paused=True), {"schedule_paused_idx"}),
    "schedules that are not paused": (schedules("s17", paused=False), {"schedule_running_idx"}),
    "tenants": (tenants(suspended=None), {"tenant_pkey"}),
    "tenants that are suspended": (tenants(suspended=True), {"tenant_suspended_idx"}),
    "tenants that are not": (tenants(suspended=False), {"tenant_active_idx"}),
    "keys of a tenant": (keys(ACME), {"api_key_tenant_idx"}),
    "keys of a tenant and a role": (keys(ACME, role="viewer"), {"api_key_role_idx"}),
    "keys of the platform": (keys(None), {"api_key_platform_idx"}),
    "keys of the platform and a role that hardly any has": (
        keys(None, role="platform_admin"),
        {"api_key_platform_role_idx"},
    ),
    "policies for models": (policies(), {"ai_policy_pkey"}),
    "policies for models of a name": (policies("p77"), {"ai_policy_pkey"}),
    "calls of models": (calls(), {"ai_call_reserved_at_idx"}),
    "calls of models of an instance": (
        calls(InstanceId(UUID(int=NUMBER_8001.int - 7900))),
        {"ai_call_pkey"},
    ),
    "all audit entries, a later page": (audits((A_MOMENT_AGO, UUID(int=7))), {"audit_pkey"}),
    "audit entries of a time": (audits(until=A_MOMENT_AGO), {"audit_pkey"}),
    "audit entries of a principal": (audits(principal="key:9"), {"audit_principal_idx"}),
    "audit entries of a method that is seldom called": (
        audits(method="Terminate", since=A_MONTH_AGO),
        {"audit_method_idx"},
    ),
    "audit entries of a kind of target": (
        audits(target_kind="schedule"),
        {"audit_target_kind_idx"},
    ),
    "audit entries of a target": (audits(target_id="i77"), {"audit_target_idx"}),
}

PLANNED_FOR_VALUES = {name for name in LISTINGS if "audit" in name}


@pytest.fixture(scope="module")
def crowded(servers: Servers, migrated_template: str) -> Iterator[str]:
    """A database with many rows, to read only."""

    async def prepare() -> str:
        url = await new_database(servers, template=migrated_template)
        connection = await asyncpg.connect(url)
        await fill(connection)
        await connection.close()
        return url

    with ThreadPoolExecutor(max_workers=1) as thread:
        url = thread.submit(lambda: asyncio.run(prepare())).result()
        yield url
        thread.submit(lambda: asyncio.run(drop_database(servers, url))).result()


@pytest.fixture
async def recording(crowded: str) -> AsyncIterator[RecordingPool]:
    """
    A connection to the crowded database that remembers its statements. It acts as who lists, and
    names the tenant for as long as it lives: row security is part of every plan.
    """
    connection = await asyncpg.connect(crowded)
    await connection.execute(f"SET ROLE {CONTROL_PLANE_ROLE}")
    await connection.execute(in_scope_of(ACME).replace("LOCAL", "SESSION"))
    yield RecordingPool(connection)
    await connection.close()


@pytest.mark.parametrize("name", LISTINGS)
class TestAListing:
    async def test_reads_a_page_from_its_indexes(self, recording: RecordingPool, name: str) -> None:
        """Planned for its values, as the first few times."""
        listing, indexes = LISTINGS[name]
        page = await listing(recording)
        (query, values), *_ = recording.asked

        plan = await _explained(
            recording.connection, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *values
        )

        assert page, "a listing of nothing shows nothing"
        assert indexes == indexes & _names(plan, "Index Name")
        assert "Seq Scan" not in _names(plan, "Node Type")
        assert (
            MORE_BLOCKS.get(name, FEW_BLOCKS)
            > plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        )

    async def test_is_planned_alike_for_any_values(
        self, recording: RecordingPool, name: str
    ) -> None:
        """A pooled connection ends up with a plan made without them, unless it is told not to."""
        listing, indexes = LISTINGS[name]
        await listing(recording)
        if recording.is_for_values:
            assert name in PLANNED_FOR_VALUES
            return
        (query, values), *_ = recording.asked
        connection = recording.connection
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE listing AS {query}")

        nothing = ", ".join("NULL" for _ in values)
        plan = await _explained(connection, f"EXPLAIN (FORMAT JSON) EXECUTE listing({nothing})")

        assert indexes - {"history_default_pkey"} == indexes & _names(plan, "Index Name")
        assert "Seq Scan" not in _names(plan, "Node Type")


async def _explained(connection: asyncpg.Connection, statement: str, *values: Any) -> Any:
    return json.loads(await connection.fetchval(statement, *values))[0]["Plan"]


def _names(plan: dict[str, Any], what: str) -> set[str]:
    """All the values of one key in a plan and the plans below it."""
    found = {plan[what]} if what in plan else set()
    return found.union(*(_names(below, what) for below in plan.get("Plans", ())))
