"""Callers who share the database send and start inside their own transactions, by functions."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from control_plane.ports.due import SHORTEST_MEMORY
from control_plane.ports.inbox import START
from control_plane.ports.instance_store import TakenBusinessKey
from shared.ids import new_instance_id
from shared.json import load
from tests.contract.material import closed, instance, start, started, stored
from tests.contract.worlds import ACME, OTHER, PostgresWorld

LOGIN = "test_shop"
SEND = "SELECT foliot.enqueue_event($1, $2, $3, $4, $5::jsonb)"
BEGIN = "SELECT foliot.start_instance($1, $2, $3, p_request_id => $4)"
SOON = timedelta(seconds=2)
OWN_KEY = TakenBusinessKey(business_key="o-1", previous=None)


def url_as(url: str, login: str) -> str:
    """The same database for another login."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.partition('@')[2]}"))


@asynccontextmanager
async def logged_in(postgres: PostgresWorld) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url_as(postgres.url, LOGIN))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def shop(postgres: PostgresWorld) -> AsyncIterator[asyncpg.Connection]:
    """A service's own login, which may act for one of the tenants."""
    await postgres.owner.execute(
        f"""
        DO $$ BEGIN
          CREATE ROLE {LOGIN} LOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$;
        GRANT foliot_caller TO {LOGIN};
        INSERT INTO foliot.caller_tenant (tenant_id, role_name) VALUES ('{ACME}', '{LOGIN}');
        INSERT INTO foliot.definition (tenant_id, definition_id, key, version, status, spec,
                                       spec_hash, description, created_by, created_at)
        VALUES ('{ACME}', gen_random_uuid(), 'order', 1, 'active', '{{}}', '', '', 'ada', now())
        """
    )
    async with logged_in(postgres) as connection:
        yield connection


async def inbox(postgres: PostgresWorld) -> list[dict[str, Any]]:
    rows = await postgres.owner.fetch("SELECT * FROM foliot.inbox ORDER BY position")
    return [dict(row) for row in rows]


async def raised(connection: asyncpg.Connection, statement: str, *values: object) -> str:
    """The SQLSTATE that a statement ends with."""
    with pytest.raises(asyncpg.PostgresError) as error:
        await connection.fetchval(statement, *values)
    return str(error.value.sqlstate)


class TestAnEvent:
    async def test_is_sent_by_the_commit_of_its_caller(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """And not at all if that does not come."""
        key = (await started(postgres)).key
        undone = shop.transaction()
        await undone.start()
        await shop.fetchval(SEND, ACME, key.instance_id, "e0", "PAY", "{}")
        await undone.rollback()
        async with shop.transaction():
            await shop.fetchval(SEND, ACME, key.instance_id, "e1", "PAY", '{"sum": 3}')
            before = await inbox(postgres)

        assert [] == before
        (row,) = await inbox(postgres)
        assert ("e1", "PAY", {"sum": 3}) == (
            row["event_id"],
            row["type"],
            json.loads(row["payload"]),
        )
        assert (*key, None) == (row["tenant_id"], row["instance_id"], row["deferred_at"])
        assert abs(await postgres.now() - row["accepted_at"]) < SOON

    async def test_is_taken_in_once(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """An outbox that is relayed twice sends nothing twice, whatever order its keys are in."""
        key = (await started(postgres)).key

        first = await shop.fetchval(SEND, ACME, key.instance_id, "e", "PAY", '{"a": 1, "b": 2}')
        again = await shop.fetchval(SEND, ACME, key.instance_id, "e", "PAY", '{"b": 2, "a": 1}')

        assert (True, False) == (first, again)
        assert 1 == len(await inbox(postgres))

    async def test_is_taken_in_once_by_transactions_that_meet(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """The second waits to see what becomes of the first."""
        key = (await started(postgres)).key
        async with logged_in(postgres) as other:
            async with shop.transaction():
                first = await shop.fetchval(SEND, ACME, key.instance_id, "e", "PAY", "{}")
                second = asyncio.ensure_future(
                    other.fetchval(SEND, ACME, key.instance_id, "e", "PAY", "{}")
                )
                await asyncio.wait([second], timeout=0.2)
                assert not second.done()

            assert (True, False) == (first, await second)

    async def test_under_the_id_of_another_is_refused(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """Also long after the other was applied."""
        key = (await started(postgres)).key
        await shop.fetchval(SEND, ACME, key.instance_id, "e", "PAY", "{}")
        await postgres.owner.execute("DELETE FROM foliot.inbox")

        assert "FO012" == await raised(shop, SEND, ACME, key.instance_id, "e", "SHIP", "{}")
        assert "FO012" == await raised(shop, SEND, ACME, key.instance_id, "e", "PAY", '{"x":1}')

    async def test_of_nobody_is_refused_and_its_id_stays_free(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """Another tenant's instance is nobody."""
        foreign = instance(await postgres.now(), tenant_id=OTHER)
        await stored(postgres, start(foreign))

        assert "FO011" == await raised(shop, SEND, ACME, uuid4(), "e", "PAY", "{}")
        assert "FO011" == await raised(shop, SEND, ACME, foreign.instance_id, "e", "PAY", "{}")
        assert 0 == await postgres.owner.fetchval("SELECT count(*) FROM foliot.accepted")

    async def test_of_an_instance_that_has_ended_is_refused(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """But a repeat of one that it took is a repeat."""
        begun = await started(postgres)
        await shop.fetchval(SEND, ACME, begun.instance_id, "e", "PAY", "{}")
        await stored(postgres, closed(begun, "completed"))

        assert "FO013" == await raised(shop, SEND, ACME, begun.instance_id, "new", "PAY", "{}")
        assert not await shop.fetchval(SEND, ACME, begun.instance_id, "e", "PAY", "{}")

    async def test_is_refused_where_too_many_wait(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """What nobody takes may not pile up without an end."""
        key = (await started(postgres)).key
        await postgres.owner.execute(
            """
            INSERT INTO foliot.inbox (tenant_id, instance_id, event_id, type, payload, accepted_at)
            SELECT $1, $2, n::text, 'PAY', '{}', now() FROM generate_series(1, 1000) AS n
            """,
            *key,
        )

        assert "FO013" == await raised(shop, SEND, ACME, key.instance_id, "e", "PAY", "{}")

    @pytest.mark.parametrize(
        ("event_id", "type_", "payload"),
        [
            ("", "PAY", "{}"),
            (None, "PAY", "{}"),
            ("e" * 129, "PAY", "{}"),
            ("e", "", "{}"),
            ("e", "T" * 129, "{}"),
            ("e", "xstate.init", "{}"),
            ("e", "task.a.done", "{}"),
            ("e", "PAY", "[]"),
            ("e", "PAY", "null"),
            ("e", "PAY", None),
            ("e", "PAY", '{"a": "' + "x" * 262_144 + '"}'),
            ("e", "PAY", '{"a":' * 33 + "1" + "}" * 33),
            ("e", "PAY", '{"a": [1e400]}'),
            ("e", "PAY", '{"a": -1e309}'),
        ],
    )
    async def test_that_will_not_do_is_refused(
        self,
        postgres: PostgresWorld,
        shop: asyncpg.Connection,
        event_id: str | None,
        type_: str,
        payload: str | None,
    ) -> None:
        """By the limits of the API; where they are known, nobody has to look for the row later."""
        key = (await started(postgres)).key

        assert "FO010" == await raised(shop, SEND, ACME, key.instance_id, event_id, type_, payload)

    async def test_with_the_largest_number_there_is_is_taken(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """As the API takes it, and as the instance will read it."""
        key = (await started(postgres)).key
        largest = json.dumps({"most": sys.float_info.max, "least": -sys.float_info.max})
        await shop.fetchval(SEND, ACME, key.instance_id, "e", "PAY", largest)
        (row,) = await inbox(postgres)

        assert json.loads(largest) == load(row["payload"])

    async def test_as_deep_as_may_be_is_taken(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """The limit is the limit."""
        key = (await started(postgres)).key
        deep = '{"a":' * 32 + "1" + "}" * 32

        assert await shop.fetchval(SEND, ACME, key.instance_id, "e", "PAY", deep)


class TestAStart:
    async def test_is_asked_for_by_the_commit_of_its_caller(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """The id that it gives says when, and is the row's."""
        instance_id: UUID = await shop.fetchval(
            "SELECT foliot.start_instance($1, 'order', 'o-1', $2::jsonb, 'r', $3::jsonb)",
            ACME,
            '{"n": 1}',
            '{"by": "x"}',
        )

        (row,) = await inbox(postgres)
        assert (instance_id, START, "r") == (row["instance_id"], row["type"], row["event_id"])
        assert {
            "definition_key": "order",
            "business_key": "o-1",
            "input": {"n": 1},
            "labels": {"by": "x"},
            "on_running": "use_existing",
            "on_closed": "reject",
            "started_by": f"sql:{LOGIN}",
        } == json.loads(row["payload"])
        assert 7 == instance_id.version
        began_ms = (await postgres.now()).timestamp() * 1000
        assert abs(began_ms - (instance_id.int >> 80)) < SOON.total_seconds() * 1000

    async def test_can_be_sent_events_before_it_began(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """In the same transaction."""
        async with shop.transaction():
            instance_id = await shop.fetchval(BEGIN, ACME, "order", None, None)
            await shop.fetchval(SEND, ACME, instance_id, "e", "PAY", "{}")

        assert [START, "PAY"] == [row["type"] for row in await inbox(postgres)]

    @pytest.mark.parametrize(("business_key", "request_id"), [("o-1", None), (None, "r")])
    async def test_repeated_gives_the_first_id(
        self,
        postgres: PostgresWorld,
        shop: asyncpg.Connection,
        business_key: str | None,
        request_id: str | None,
    ) -> None:
        """By business key or by request id; nothing is started twice."""
        first = await shop.fetchval(BEGIN, ACME, "order", business_key, request_id)

        assert first == await shop.fetchval(BEGIN, ACME, "order", business_key, request_id)
        assert 1 == len(await inbox(postgres))

    async def test_of_a_business_key_that_an_instance_has_gives_that_one(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """Also to whoever repeats the request id."""
        there = instance(await postgres.now(), business_key="o-1")
        await stored(postgres, start(there, business_key=OWN_KEY))

        first = await shop.fetchval(BEGIN, ACME, "order", "o-1", "r")
        again = await shop.fetchval(BEGIN, ACME, "order", "o-1", "r")

        assert (there.instance_id, there.instance_id) == (first, again)
        assert [] == await inbox(postgres)

    async def test_may_follow_an_instance_that_has_ended_if_it_says_so(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """By the words of the API: allow, or allow_if_failed."""
        there = instance(await postgres.now(), business_key="o-1")
        await stored(postgres, start(there, business_key=OWN_KEY))
        await stored(postgres, closed(there, "completed"))
        ask = "SELECT foliot.start_instance($1, 'order', 'o-1', p_on_closed => $2)"

        found = [
            await shop.fetchval(ask, ACME, on_closed)
            for on_closed in ("reject", "allow_if_failed", "allow", "allow")
        ]

        assert [there.instance_id] * 2 == found[:2]
        assert there.instance_id != found[2] == found[3]
        assert 1 == len(await inbox(postgres))

    async def test_that_wants_a_key_for_itself_is_refused_another_s(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """Be it an instance's or that of a start that waits."""
        ask = "SELECT foliot.start_instance($1, 'order', 'o-1', p_on_running => 'fail')"
        await shop.fetchval(ask, ACME)

        assert "FO014" == await raised(shop, ask, ACME)

    async def test_under_the_request_id_of_another_is_refused(
        self, shop: asyncpg.Connection
    ) -> None:
        """A request id is one request's."""
        await shop.fetchval(BEGIN, ACME, "order", "o-1", "r")

        assert "FO012" == await raised(shop, BEGIN, ACME, "order", "o-2", "r")

    async def test_of_what_is_not_there_is_refused_and_its_id_stays_free(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """Once the definition is active the same request will do."""
        assert "FO011" == await raised(shop, BEGIN, ACME, "nobody", None, "r")
        await postgres.owner.execute("UPDATE foliot.definition SET key = 'nobody'")

        assert await shop.fetchval(BEGIN, ACME, "nobody", None, "r")

    @pytest.mark.parametrize(
        "arguments",
        [
            "''",
            "NULL",
            "'order', ''",
            "'order', repeat('k', 257)",
            "'order', NULL, '[]'",
            "'order', p_request_id => ''",
            "'order', p_request_id => repeat('r', 129)",
            "'order', p_labels => '{\"a\": 1}'",
            "'order', p_labels => jsonb_build_object('a', repeat('x', 129))",
            "'order', p_labels => jsonb_build_object(repeat('n', 64), '')",
            "'order', p_labels => (SELECT jsonb_object_agg(n, '') FROM generate_series(1, 17) n)",
            "'order', p_on_running => 'cancel_existing'",
            "'order', p_on_closed => 'perhaps'",
            "'order', p_input => '{\"a\": 1e400}'",
        ],
    )
    async def test_that_will_not_do_is_refused(
        self, shop: asyncpg.Connection, arguments: str
    ) -> None:
        """By the limits of the API."""
        statement = f"SELECT foliot.start_instance('{ACME}', {arguments})"

        assert "FO010" == await raised(shop, statement)


class TestACaller:
    async def test_acts_for_no_tenant_but_its_own(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """That there is no such tenant is told in the same words."""
        told = []
        for tenant_id in (OTHER, "nobody"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError) as error:
                await shop.fetchval(SEND, tenant_id, new_instance_id(), "e", "PAY", "{}")
            told.append(str(error.value).replace(tenant_id, "…"))
            assert "42501" == await raised(shop, BEGIN, tenant_id, "order", None, None)
            assert "42501" == await raised(shop, "SELECT foliot.rejections($1)", tenant_id)

        assert told[0] == told[1]

    async def test_may_have_its_tenant_by_a_role_it_is_in(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """One grant for all logins of a service."""
        await postgres.owner.execute("UPDATE foliot.caller_tenant SET role_name = 'foliot_caller'")

        assert await shop.fetchval(BEGIN, ACME, "order", None, None)

    async def test_does_nothing_but_call_the_functions(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """It reads no table, not even its own inbox, and calls none of what they are made of."""
        functions = await postgres.owner.fetch(
            """
            SELECT p.proname FROM pg_proc p
             WHERE p.pronamespace = 'foliot'::regnamespace
               AND has_function_privilege($1, p.oid, 'EXECUTE')
             ORDER BY 1
            """,
            LOGIN,
        )
        tables = await postgres.owner.fetch(
            """
            SELECT c.relname FROM pg_class c
             WHERE c.relnamespace = 'foliot'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
               AND has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
            """,
            LOGIN,
        )

        assert ["enqueue_event", "rejections", "start_instance"] == [name for (name,) in functions]
        assert [] == tables

    async def test_is_not_led_astray_by_its_own_search_path(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """A function of its own, first on its path, is not called with the owner's rights."""
        await shop.execute(
            """
            CREATE FUNCTION pg_temp.jsonb_typeof(jsonb) RETURNS text
              LANGUAGE sql AS $$ SELECT 'object' $$;
            CREATE TEMPORARY TABLE inbox (LIKE pg_class);
            SET search_path = pg_temp, foliot, public
            """
        )

        key = (await started(postgres)).key

        assert "FO010" == await raised(shop, SEND, ACME, key.instance_id, "e", "PAY", "[]")
        assert await shop.fetchval(SEND, ACME, key.instance_id, "e", "PAY", "{}")

    async def test_reads_what_of_its_tenant_could_not_be_applied(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """And of no other."""
        await postgres.owner.execute(
            """
            INSERT INTO foliot.rejected
            SELECT t, p, gen_random_uuid(), 'e' || p, 'PAY', '{}', 'INSTANCE_NOT_FOUND', 'none',
                   now(), now()
              FROM unnest($1::text[]) AS t, generate_series(1, 3) AS p
            """,
            [ACME, OTHER],
        )

        rows = await shop.fetch("SELECT * FROM foliot.rejections($1, p_after => 1)", ACME)

        assert ["e2", "e3"] == [row["event_id"] for row in rows]
        assert {"INSTANCE_NOT_FOUND"} == {row["reason"] for row in rows}


class TestWhatWasTakenIn:
    async def test_is_forgotten_with_its_id_when_it_is_old(
        self, postgres: PostgresWorld, shop: asyncpg.Connection
    ) -> None:
        """What has come by then is in the history; what was put away was there to be read."""
        first = await shop.fetchval(
            "SELECT foliot.start_instance($1, 'order', 'a', '{}', 'r')", ACME
        )
        again = await shop.fetchval(
            "SELECT foliot.start_instance($1, 'order', 'a', '{}', 'r')", ACME
        )
        [start] = await postgres.inbox.starts(10)
        await postgres.inbox.reject_start(start, reason="GONE", message="it is gone")
        await shop.fetchval("SELECT foliot.start_instance($1, 'order', 'b', '{}', 's')", ACME)
        await postgres.move_clock(SHORTEST_MEMORY)

        gone = await postgres.due.forget_answers(SHORTEST_MEMORY, 10)

        counts = await postgres.owner.fetchrow(
            "SELECT (SELECT count(*) FROM foliot.accepted), (SELECT count(*) FROM foliot.rejected)"
        )
        assert first == again
        # Two request ids and two business keys, less the request id of what was put away.
        assert (3, (0, 0)) == (gone, tuple(counts))
