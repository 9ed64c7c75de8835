"""
Every look-up that requests make, with the tenant taken out of its statement: the database holds
it to the tenant all the same. And without that net the same statements show another one's rows,
or this would show nothing.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from control_plane.access.keys import mint
from control_plane.adapters.postgres.audit_log import PostgresAuditLog
from control_plane.adapters.postgres.definition_store import PostgresDefinitionStore
from control_plane.adapters.postgres.feed import PostgresFeed
from control_plane.adapters.postgres.key_store import PostgresKeyStore
from control_plane.adapters.postgres.limit_store import PostgresLimitStore
from control_plane.adapters.postgres.queues import PostgresQueues
from control_plane.adapters.postgres.quotas import PostgresQuotas
from control_plane.adapters.postgres.reader import PostgresReader
from control_plane.adapters.postgres.retention import PostgresRetention
from control_plane.adapters.postgres.schedule_store import PostgresScheduleStore
from control_plane.adapters.postgres.tenant_store import PostgresTenantStore
from control_plane.ports.audit import AuditFilter, Noted
from control_plane.ports.feed import ORIGIN
from control_plane.ports.limit_store import TaskLimit
from control_plane.ports.quotas import QuotaKind
from control_plane.ports.reader import InstanceFilter, TaskFilter
from control_plane.ports.records import Definition, Instance
from shared.ids import TenantId
from shared.json import digest
from shared.tasks import TaskType
from tests.contract.material import started
from tests.contract.test_schedule_store import schedule
from tests.contract.worlds import ACME, OTHER, PostgresWorld

DAY = timedelta(days=1)
NOTED = Noted(
    principal="ada", credential_id="k", method="Put", reason="", request_id="", correlation_id=""
)

TENANT = re.compile(
    r"(?:\b\w+\.)?tenant_id(?: COLLATE \"C\")? (?:=|IS NOT DISTINCT FROM) (\$\d+)(?!\w)(?:::text)?"
)
JOINED = re.compile(r"\b\w+\.tenant_id = \w+\.tenant_id\b")
IN_A_KEY = re.compile(r"\(\w+\.tenant_id, ([^()]*)\)\s+= \((?:\$1|\w+\.tenant_id), ([^()]*)\)")


def without_tenant(statement: str) -> str:
    """The statement as if its author had forgotten whose rows it is about."""
    statement = IN_A_KEY.sub(r"(\1) = (\2)", statement)
    statement = JOINED.sub("true", statement)
    return TENANT.sub(r"(\1::text IS NOT NULL)", statement)


class Forgetful:
    """A pool, and its connections, by which every statement goes without its tenant."""

    def __init__(self, of: Any) -> None:
        self._of = of

    async def acquire(self) -> "Forgetful":
        return Forgetful(await self._of.acquire())

    async def release(self, connection: "Forgetful", *, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg names it
        await self._of.release(connection._of, timeout=timeout)

    async def fetch(self, statement: str, *values: object) -> Any:
        return await self._of.fetch(without_tenant(statement), *values)

    async def fetchrow(self, statement: str, *values: object) -> Any:
        return await self._of.fetchrow(without_tenant(statement), *values)

    async def fetchval(self, statement: str, *values: object) -> Any:
        return await self._of.fetchval(without_tenant(statement), *values)

    async def execute(self, statement: str, *values: object) -> Any:
        return await self._of.execute(without_tenant(statement), *values)

    def is_closed(self) -> bool:
        return bool(self._of.is_closed())

    def terminate(self) -> None:
        self._of.terminate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """What another tenant has, to be asked for by name."""

    instance: Instance
    definition: Definition
    key_id: str


Look = Callable[[Any, Theirs], Awaitable[object]]
LOOK_UPS: Mapping[type, Mapping[str, Look]] = {
    PostgresReader: {
        "get_instance": lambda a, o: a.get_instance(ACME, o.instance.instance_id),
        "list_instances": lambda a, o: a.list_instances(
            ACME, InstanceFilter(), after=None, limit=9
        ),
        "labelled_at": lambda a, o: a.labelled_at(
            ACME, InstanceFilter(labels=(("region", "eu"),)), after=None, count=1
        ),
        "get_task": lambda a, o: a.get_task(ACME, o.instance.instance_id, 1),
        "list_tasks": lambda a, o: a.list_tasks(ACME, TaskFilter(), after=None, limit=9),
        "list_history": lambda a, o: a.list_history(
            ACME, o.instance.instance_id, after_seq=0, limit=9
        ),
        "list_comments": lambda a, o: a.list_comments(
            ACME, o.instance.instance_id, 1, after_seq=0, limit=9
        ),
        "get_tasks": lambda a, o: a.get_tasks(ACME, [(o.instance.instance_id, 1)], TaskType.HTTP),
        "count_instances": lambda a, o: a.count_instances(ACME, InstanceFilter(), at_most=9),
        "count_tasks": lambda a, o: a.count_tasks(ACME, TaskFilter(), at_most=9),
    },
    PostgresDefinitionStore: {
        "get": lambda a, o: a.get(ACME, o.definition.definition_id),
        "find": lambda a, o: a.find(ACME, "theirs", 1),
        "list": lambda a, o: a.list(ACME, key=None, status=None, after=None, limit=9),
    },
    PostgresFeed: {
        "read": lambda a, o: a.read({ACME: ORIGIN}, weight=10**6),
        "newest": lambda a, o: a.newest(ACME),
        "oldest": lambda a, o: a.oldest(ACME),
    },
    PostgresScheduleStore: {
        "find": lambda a, o: a.find(ACME, "theirs"),
        "list": lambda a, o: a.list(ACME, definition_key=None, paused=None, after=None, limit=9),
    },
    PostgresLimitStore: {"of_tenant": lambda a, o: a.of_tenant(ACME)},
    PostgresRetention: {"of_tenant": lambda a, o: a.of_tenant(ACME)},
    PostgresTenantStore: {"get": lambda a, o: a.get(OTHER)},
    PostgresKeyStore: {
        "get": lambda a, o: a.get(ACME, o.key_id),
        "list": lambda a, o: a.list(ACME, role=None, after=None, limit=9),
    },
    PostgresQuotas: {
        "of_tenant": lambda a, o: a.of_tenant(OTHER),
        "count_definitions": lambda a, o: a.count_definitions(ACME, 9),
    },
    PostgresQueues: {"stats": lambda a, o: _lanes_of(a)},
    PostgresAuditLog: {"list": lambda a, o: a.list(ACME, AuditFilter(), after=None, limit=9)},
}
CHANGES = {
    "create",
    "delete",
    "put",
    "remove",
    "rename",
    "resume",
    "revoke",
    "set_status",
    "suspend",
}
"""And `past` is asked by the loop that removes instances."""


async def _lanes_of(queues: PostgresQueues) -> object:
    return (await queues.stats(ACME, None, lanes=9, at_most=9)).lanes


@pytest.fixture
async def theirs(postgres: PostgresWorld) -> Theirs:
    """Two tenants with something of everything; of the one its own, of the other more."""
    await of_everything(postgres, ACME, "ours")
    await of_everything(postgres, OTHER, "ours")
    # Of the one something was removed from its feed already.
    await postgres.owner.execute("INSERT INTO foliot.feed_floor VALUES ($1, 1, 0, 0)", OTHER)
    return await of_everything(postgres, OTHER, "theirs")


async def of_everything(world: PostgresWorld, tenant_id: TenantId, name: str) -> Theirs:
    definition = await world.definitions.create(
        tenant_id,
        key=name,
        spec="{}",
        spec_hash=digest("{}"),
        description="",
        created_by="ada",
        noted=NOTED,
    )
    instance = await started(
        world, tasks=1, tenant_id=tenant_id, definition_key=name, labels='{"region":"eu"}'
    )
    await world.owner.execute(
        "INSERT INTO foliot.task_comment VALUES ($1, $2, 1, 2, 'ada', 'hm', clock_timestamp())",
        tenant_id,
        instance.instance_id,
    )
    await schedule(world, name, tenant_id)
    await world.limits.put(tenant_id, TaskLimit(key=name, max_running=1), at_most=9)
    await world.retention.put(tenant_id, name, DAY, archives=False)
    await world.quotas.put(tenant_id, QuotaKind.STREAMS, len(name))
    key = mint(tenant_id=tenant_id, role="viewer", pepper="")
    await world.keys.create(key.stored, label=name, created_by="ada", most=9)
    return Theirs(instance=instance, definition=definition, key_id=key.stored.key_id)


async def looked_up(adapter: type, name: str, pools: tuple[Any, ...], theirs: Theirs) -> str:
    """What comes of it, all of it; pages do not compare."""
    made = adapter(*pools)
    return repr(await LOOK_UPS[adapter][name](made, theirs))


class TestTheLookUps:
    @pytest.mark.parametrize("adapter", LOOK_UPS, ids=lambda adapter: adapter.__name__)
    def test_are_all_that_requests_make(self, adapter: type) -> None:
        """What changes rows is held to its tenant's on every table, in test_row_security.py."""
        about_one = {
            name
            for name, method in inspect.getmembers(adapter, inspect.iscoroutinefunction)
            if not name.startswith("_") and "tenant_id" in inspect.signature(method).parameters
        }

        assert about_one - CHANGES - {"past"} == set(LOOK_UPS[adapter]) - {"read"}


@pytest.mark.parametrize("adapter", LOOK_UPS, ids=lambda adapter: adapter.__name__)
class TestALookUpThatForgotItsTenant:
    async def test_finds_what_it_would_have_found(
        self, postgres: PostgresWorld, theirs: Theirs, adapter: type
    ) -> None:
        """As requests make it: in their role, in the scope of their tenant."""
        has_two = adapter not in {PostgresReader, PostgresDefinitionStore}
        across = (postgres.across,) if has_two else ()
        leaking = set()
        told = {}
        for name in LOOK_UPS[adapter]:
            intact = await looked_up(adapter, name, (postgres.pool, *across), theirs)
            told[name] = (
                await looked_up(adapter, name, (Forgetful(postgres.pool), *across), theirs)
                == intact
            )
            # The same statement where nothing holds it.
            try:
                bare = await looked_up(adapter, name, (Forgetful(postgres.across), *across), theirs)
            except asyncpg.PostgresError as error:
                bare = repr(error)
            if bare != intact:
                leaking.add(name)

        assert dict.fromkeys(LOOK_UPS[adapter], True) == told
        assert set(LOOK_UPS[adapter]) == leaking
