"""
Writers commit in another order than they began in; whoever follows the feed misses nothing.
A cursor that only grows, as over a sequence's numbers, is put in to see that it is caught.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from control_plane.adapters.postgres import feed as feed_adapter
from control_plane.adapters.postgres import write_batch
from control_plane.ports.feed import ORIGIN, FeedEntry, Position
from control_plane.ports.instance_store import Change
from control_plane.startup import restart_foreign_feed
from shared.ids import InstanceId
from tests.contract.material import instance, start, started, step
from tests.contract.test_feed import all_after, is_good, told
from tests.contract.worlds import ACME, PostgresWorld
from tests.faults.mutations import Statement

WRITERS = 6
INSTANCES_OF_A_WRITER = 8
ROUNDS = 40
WITHIN_S = 60.0

ONLY_WHAT_IS_SETTLED = (
    (
        "AND f.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint\n"
        "                     ORDER BY f.xid, f.part\n                     LIMIT $6"
    ),
    "ORDER BY f.xid, f.part LIMIT $6",
)


def bigserial_cursor() -> Statement:
    """The bug: reading on from the largest number that was seen."""
    return Statement(feed_adapter, "READ", ONLY_WHAT_IS_SETTLED)


async def write_turn(connection: asyncpg.Connection, changes: Sequence[Change]) -> None:
    """As a turn does, within a transaction of the test's."""
    text, values = write_batch.statement_of(changes)
    await connection.fetchval(text, *values)


@asynccontextmanager
async def under_way(
    connection: asyncpg.Connection, *changes: Change
) -> AsyncIterator[asyncpg.transaction.Transaction]:
    """The changes, written and not committed before the block ends."""
    transaction = connection.transaction()
    await transaction.start()
    await write_turn(connection, changes)
    yield transaction
    await transaction.commit()


async def missed_by_one_who_reads_in_between(postgres: PostgresWorld) -> set[InstanceId]:
    """Two commits in another order than their ids; a reader looks after each of them."""
    slow, quick = instance(await postgres.now()), instance(await postgres.now())
    found: list[FeedEntry] = []
    position = ORIGIN
    async with under_way(postgres.owner, start(slow)):
        await postgres.store.write([start(quick)])
        found += await all_after(postgres, position)
        position = found[-1].position if found else position
    found += await all_after(postgres, position)
    return {slow.instance_id, quick.instance_id} - {one.instance_id for one in found}


class TestACommitThatWasOvertaken:
    async def test_is_not_missed(self, postgres: PostgresWorld) -> None:
        """The later one waits for the earlier one, however long that takes."""
        assert set() == await missed_by_one_who_reads_in_between(postgres)

    async def test_would_be_missed_by_a_cursor_over_numbers(
        self, postgres: PostgresWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Or the test above would find nothing."""
        monkeypatch.setattr(feed_adapter, "READ", feed_adapter.READ)
        bigserial_cursor().put_in()

        assert 1 == len(await missed_by_one_who_reads_in_between(postgres))

    async def test_holds_newest_back_as_well(self, postgres: PostgresWorld) -> None:
        """Who begins now, begins before what is still under way, and before what overtook it."""
        slow = instance(await postgres.now())
        async with under_way(postgres.owner, start(slow)):
            quick = await started(postgres)
            newest = await postgres.feed.newest(ACME)

        found = await all_after(postgres, newest)
        assert [slow.instance_id, quick.instance_id] == [one for one, _ in told(found)]

    async def test_that_is_rolled_back_never_was(self, postgres: PostgresWorld) -> None:
        """What nobody committed reaches no subscriber."""
        given_up = postgres.owner.transaction()
        await given_up.start()
        await write_turn(postgres.owner, [start(instance(await postgres.now()))])
        kept = await started(postgres)
        await given_up.rollback()

        assert [(kept.instance_id, 1)] == told(await all_after(postgres, ORIGIN))


class TestManyWriters:
    async def test_are_followed_without_a_gap_and_in_the_order_of_each_instance(
        self, postgres: PostgresWorld
    ) -> None:
        """Thousands of entries, written at once by several, with pauses before their commits."""
        missed, out_of_order, count = await followed(postgres, seed=7)

        assert (0, 0) == (missed, out_of_order)
        assert WRITERS * INSTANCES_OF_A_WRITER * (ROUNDS // 2) < count

    async def test_are_not_followed_by_a_cursor_over_numbers(
        self, postgres: PostgresWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Or the test above would find nothing."""
        monkeypatch.setattr(feed_adapter, "READ", feed_adapter.READ)
        bigserial_cursor().put_in()

        missed, _, _ = await followed(postgres, seed=7)

        assert 0 < missed


class TestADatabaseThatWasRestored:
    async def test_from_another_servers_dump_begins_its_feeds_anew(
        self, postgres: PostgresWorld
    ) -> None:
        """Its ids are ahead of this server's: what happens next would come before them."""
        one = await started(postgres)
        known = await postgres.feed.newest(ACME)
        await postgres.owner.execute("UPDATE foliot.feed SET xid = xid + 1000000000")
        theirs = known._replace(xid=known.xid + 1_000_000_000)

        await restart_foreign_feed(postgres.pool)

        newest = await postgres.feed.newest(ACME)
        assert [False, False, False, True] == [
            await is_good(postgres, position) for position in (ORIGIN, known, theirs, newest)
        ]
        await postgres.store.write([step(one)])
        assert [(one.instance_id, 2)] == told(await all_after(postgres, newest))

    async def test_keeps_its_feeds_where_it_is_its_own(self, postgres: PostgresWorld) -> None:
        """Every start of a server looks."""
        await started(postgres)
        known = await postgres.feed.newest(ACME)

        await restart_foreign_feed(postgres.pool)

        assert known == await postgres.feed.newest(ACME)

    async def test_to_an_earlier_day_refuses_later_positions(self, postgres: PostgresWorld) -> None:
        """Another commit under the same id is another one, as its mark says."""
        await started(postgres)
        known = await postgres.feed.newest(ACME)
        await postgres.owner.execute("UPDATE foliot.feed SET mark = (mark + 1) % 2147483647")

        assert not await is_good(postgres, known)


async def followed(postgres: PostgresWorld, seed: int) -> tuple[int, int, int]:
    """How many entries were missed, came out of order, and were written."""
    done = asyncio.Event()
    began = await postgres.now()
    found: list[FeedEntry] = []

    async def follow() -> None:
        position: Position = ORIGIN
        while True:
            was_done = done.is_set()
            page = (await postgres.feed.read({ACME: position}, weight=50_000))[ACME]
            assert page is not None
            found.extend(page.entries)
            if was_done and page.until == position:
                return
            position = page.until

    async def write(number: int) -> None:
        chance = random.Random(seed + number)
        connection = await asyncpg.connect(postgres.url)
        instances = [instance(began) for _ in range(INSTANCES_OF_A_WRITER)]
        changes = [start(one) for one in instances]
        for _ in range(ROUNDS):
            transaction = connection.transaction()
            await transaction.start()
            await write_turn(connection, changes)
            if chance.random() < 0.5:
                await connection.execute("SELECT pg_sleep($1)", chance.random() * 0.01)
            if chance.random() < 0.1:
                await transaction.rollback()
                continue
            await transaction.commit()
            instances = [change.after for change in changes]
            changes = [step(one) for one in instances]
        await connection.close()

    async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
        group.create_task(follow())
        async with asyncio.TaskGroup() as writers:
            for number in range(WRITERS):
                writers.create_task(write(number))
        done.set()
    written = {
        (row["instance_id"], row["seq"])
        for row in await postgres.owner.fetch("SELECT instance_id, seq FROM foliot.history")
    }
    heard = told(found)
    assert len(heard) == len(set(heard)), "an entry came twice"
    newest: dict[InstanceId, int] = {}
    out_of_order = 0
    for instance_id, seq in heard:
        out_of_order += seq != newest.get(instance_id, 0) + 1
        newest[instance_id] = seq
    return len(written - set(heard)), out_of_order, len(written)
