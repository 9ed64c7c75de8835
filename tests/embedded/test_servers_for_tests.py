"""What other tests rely on: one pair of servers, and a database of one's own."""

import os
import tempfile
import time
from pathlib import Path

import asyncpg
from redis.asyncio import Redis

from tests import servers as servers_module
from tests.servers import Servers, drop_database, name_of, new_database


class TestTheServersForTests:
    async def test_are_a_durable_postgres_and_a_valkey(self, servers: Servers) -> None:
        """What users run is what is tested: no setting is traded for time."""
        connection = await asyncpg.connect(servers.database_url)
        settings = await connection.fetchrow(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
            " current_setting('server_version_num')::int / 10000, current_setting('data_checksums')"
        )
        await connection.close()
        redis = Redis.from_url(servers.redis_url)
        pong = await redis.ping()
        await redis.aclose()

        assert ("on", "on", 18, "on") == tuple(settings)
        assert pong is True

    async def test_listen_on_no_port(self, servers: Servers) -> None:
        """Anybody on the machine could connect to a port, and there is no password."""
        connection = await asyncpg.connect(servers.database_url)
        addresses = await connection.fetchval("SHOW listen_addresses")
        await connection.close()
        redis = Redis.from_url(servers.redis_url)
        port = await redis.config_get("port")
        await redis.aclose()

        assert "" == addresses
        assert {"port": "0"} == port

    def test_are_swept_up_after_a_run_that_was_killed(self) -> None:
        """Its servers ended with it, but nobody was left to remove the files."""
        left = Path(tempfile.mkdtemp(prefix=servers_module.PREFIX, dir=servers_module.place()))
        (left / "data").mkdir()
        (left / "data" / "lock").touch()
        servers_module._sweep()
        assert left.exists()
        long_ago = time.time() - 2 * servers_module.ABANDONED_AFTER_S
        os.utime(left, (long_ago, long_ago))
        servers_module._sweep()

        assert not left.exists()


class TestANewDatabase:
    async def test_is_empty(self, database_url: str) -> None:
        """A test never meets the rows of another."""
        connection = await asyncpg.connect(database_url)
        tables = await connection.fetchval(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        )
        await connection.close()

        assert 0 == tables

    async def test_is_a_copy_of_its_template(self, servers: Servers, database_url: str) -> None:
        """Migrating once and copying is how many tests get a migrated database."""
        connection = await asyncpg.connect(database_url)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        await connection.close()
        url = await new_database(servers, template=database_url)
        connection = await asyncpg.connect(url)
        number = await connection.fetchval("SELECT number FROM kept")
        await connection.close()
        await drop_database(servers, url)

        assert 7 == number

    async def test_is_gone_once_dropped_even_if_somebody_is_connected(
        self, servers: Servers
    ) -> None:
        """A test that failed leaves connections; the next one must not suffer for it."""
        url = await new_database(servers)
        connection = await asyncpg.connect(url)
        await drop_database(servers, url)
        admin = await asyncpg.connect(servers.database_url)
        left = await admin.fetchval(
            "SELECT count(*) FROM pg_database WHERE datname = $1", name_of(url)
        )
        await admin.close()
        connection.terminate()

        assert 0 == left
