"""History's partitions are made ahead of time, and never at the cost of those who write."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from control_plane.startup import until_usable

ENSURE = "SELECT foliot.ensure_history_partitions()"
# Far below the lock_timeout of a session, 5 s, and far above that of the function.
AT_ONCE_S = 2.0


async def partitions(connection: asyncpg.Connection) -> Sequence[str]:
    """The months there are, without the default."""
    rows = await connection.fetch(
        """
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'foliot.history'::regclass AND c.relname <> 'history_default'
         ORDER BY 1
        """
    )
    return [name for (name,) in rows]


async def drop(connection: asyncpg.Connection, *names: str) -> None:
    for name in names:
        await connection.execute(f"DROP TABLE foliot.{name}")


async def keep_in_default(connection: asyncpg.Connection, partition: str) -> None:
    """Write a row of a month that has no partition."""
    start = f"{partition.removeprefix('history_y').replace('m', '-')}-02 00:00+00"
    await connection.execute(
        """
        INSERT INTO foliot.history
               (tenant_id, instance_id, seq, type, payload, hash, created_at)
        SELECT 'acme', rpad(lpad(to_hex(at.ms::bigint), 12, '0'), 32, '0')::uuid,
               1, 'instance.started', '{}', '', now()
          FROM (SELECT extract(epoch FROM $1::text::timestamptz) * 1000) AS at(ms)
        """,
        start,
    )


@pytest.fixture
async def owner(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to a database whose partitions are all there."""
    connection = await asyncpg.connect(migrated_url)
    yield connection
    await connection.close()


@pytest.fixture
async def other(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(migrated_url)
    yield connection
    await connection.close()


class TestMakingPartitions:
    async def test_passes_over_a_month_of_which_the_default_holds_rows(
        self, owner: asyncpg.Connection
    ) -> None:
        """One late row must not send all months to come to the default as well."""
        this, following, last = await partitions(owner)
        await drop(owner, this, following, last)
        await keep_in_default(owner, following)

        await owner.execute(ENSURE)

        assert [this, last] == await partitions(owner)
        assert 1 == await owner.fetchval("SELECT count(*) FROM foliot.history_default")

    async def test_says_in_the_log_what_it_passed_over_and_what_to_do(
        self, owner: asyncpg.Connection
    ) -> None:
        """Nothing else tells an operator that a month stays in the default."""
        this, *_ = await partitions(owner)
        await drop(owner, this)
        await keep_in_default(owner, this)
        said: list[asyncpg.PostgresLogMessage] = []
        owner.add_log_listener(lambda _, message: said.append(message))

        await owner.execute(ENSURE)

        (warning,) = said
        assert this in warning.message
        assert warning.hint.startswith("Move them out")

    async def test_gives_way_to_readers_and_is_done_by_the_next_call(
        self, owner: asyncpg.Connection, other: asyncpg.Connection
    ) -> None:
        """Whoever wants to write queues behind it: five seconds of that would be an outage."""
        before = await partitions(owner)
        await drop(owner, before[-1])
        async with other.transaction():
            await other.fetchval("SELECT count(*) FROM foliot.history")
            async with asyncio.timeout(AT_ONCE_S):
                await owner.execute(ENSURE)
            beside_a_reader = await partitions(owner)

        await owner.execute(ENSURE)

        assert before[:-1] == beside_a_reader
        assert before == await partitions(owner)

    async def test_leaves_it_to_whoever_is_at_it_already(
        self, owner: asyncpg.Connection, other: asyncpg.Connection
    ) -> None:
        """Replicas start together; none is to fail because another was faster."""
        before = await partitions(owner)
        await drop(owner, before[-1])
        async with other.transaction():
            await other.execute(ENSURE)
            async with asyncio.timeout(AT_ONCE_S):
                await owner.execute(ENSURE)

        assert before == await partitions(owner)


class TestAControlPlaneThatStarts:
    async def test_has_its_partitions_before_it_serves(
        self, owner: asyncpg.Connection, migrated_url: str
    ) -> None:
        """After months at rest the first row would go to the default."""
        before = await partitions(owner)
        await drop(owner, *before)

        pool = await until_usable(migrated_url, pool_size=1, within_s=0)
        await pool.close()

        assert before == await partitions(owner)

    async def test_starts_also_where_one_cannot_be_made(
        self, owner: asyncpg.Connection, migrated_url: str
    ) -> None:
        """The default takes the rows, so there is no need to refuse."""
        before = await partitions(owner)
        await drop(owner, *before)
        await keep_in_default(owner, before[0])

        pool = await until_usable(migrated_url, pool_size=1, within_s=0)
        await pool.close()

        assert before[1:] == await partitions(owner)
