"""What a control plane looks for as it starts, and what it tells of it; on a real PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.memory.queues import MemoryQueues
from control_plane.adapters.postgres.vitals import PostgresVitalSigns
from control_plane.meters.samples import CHECK_EVERY_S, ControlPlaneVitals, UnderWay
from control_plane.startup import MAX_SKEW_S, check_rights, warn_of_skew
from migrations import HEAD
from shared.doorbell import Doorbell
from shared.errors import PreconditionFailed
from shared.postgres.session import ACROSS_ROLE, CONTROL_PLANE_ROLE, open_pool
from shared.telemetry.metric_names import Metric
from tests.executor.eventually import eventually
from tests.telemetry.reading import value


@pytest.fixture
async def pool(migrated_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A control plane's connections."""
    made = await open_pool(migrated_url, role=CONTROL_PLANE_ROLE, max_size=2)
    yield made
    made.terminate()


@pytest.fixture
async def owner(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Whoever made the database."""
    connection = await asyncpg.connect(migrated_url)
    yield connection
    await connection.close()


class TestTheRolesRights:
    async def test_are_there_once_it_is_migrated(self, pool: asyncpg.Pool) -> None:
        """Nobody has to grant anything by hand."""
        await check_rights(pool)

    async def test_that_are_missing_are_named(
        self, pool: asyncpg.Pool, owner: asyncpg.Connection
    ) -> None:
        """A restore without privileges would fail at the first call, and less clearly."""
        await owner.execute(f"REVOKE UPDATE ON foliot.task FROM {ACROSS_ROLE}")

        with pytest.raises(
            PreconditionFailed, match=f"{ACROSS_ROLE} may not UPDATE foliot.task.*--no-privileges"
        ):
            await check_rights(pool)


class TestTheClock:
    @pytest.mark.parametrize(("ahead_s", "told"), [(0.0, []), (60.0, [-60.0]), (-60.0, [60.0])])
    async def test_of_this_machine_is_held_to_the_databases(
        self, pool: asyncpg.Pool, ahead_s: float, told: list[float]
    ) -> None:
        """Credentials expire by the one, and what is due goes by the other."""
        with capture_logs() as logs:
            await warn_of_skew(pool, lambda: time.time() + ahead_s)

        skewed = [one["skew_s"] for one in logs if one["event"] == "clock.skewed"]
        assert pytest.approx(told, abs=MAX_SKEW_S) == skewed


class TestRedis:
    async def test_that_cannot_be_reached_is_told_and_stops_nobody(self) -> None:
        """Losing it costs latency and nothing else."""
        doorbell = Doorbell("redis://127.0.0.1:1/0", "tests")
        stop = asyncio.Event()

        async def rung(_: object) -> None:
            """Nobody rings."""

        with capture_logs() as logs:
            listening = asyncio.ensure_future(doorbell.listen(["q"], rung, stop))
            await eventually(lambda: logs)
            stop.set()
            await listening
        await doorbell.close()

        assert {"doorbell.unavailable"} == {one["event"] for one in logs}


class TestReadiness:
    async def test_follows_the_database(
        self, pool: asyncpg.Pool, owner: asyncpg.Connection, migrated_url: str
    ) -> None:
        """Its schema while it answers, and that it does not when it does not."""
        across = await open_pool(migrated_url, role=ACROSS_ROLE, max_size=1)
        clock = [0.0]
        vitals = vitals_on(pool, across, lambda: clock[0])

        async def lacks() -> list[str]:
            clock[0] += CHECK_EVERY_S
            return [one.remedy for one in await vitals.findings() if not one.is_well]

        assert [] == await lacks()
        await owner.execute("UPDATE foliot.alembic_version SET version_num = '0001'")
        [older] = await lacks()
        await owner.execute("UPDATE foliot.alembic_version SET version_num = '9999'")
        newer = await lacks()
        await owner.execute("UPDATE foliot.release_floor SET revision = '9999'")
        [gone] = await lacks()
        pool.terminate()
        [away] = await lacks()
        across.terminate()
        await vitals.sample()

        assert "run `foliot migrate`" in older
        assert [] == newer
        assert "start a newer release" in gone
        assert "PostgreSQL does not answer" in away
        assert 0.0 == value(Metric.DATABASE_UP, plane="control plane")

    async def test_asks_no_more_often_than_it_says(
        self, pool: asyncpg.Pool, owner: asyncpg.Connection, migrated_url: str
    ) -> None:
        """However many probes there are."""
        across = await open_pool(migrated_url, role=ACROSS_ROLE, max_size=1)
        vitals = vitals_on(pool, across, lambda: 0.0)
        before = [one.is_well for one in await vitals.findings()]
        await owner.execute("UPDATE foliot.alembic_version SET version_num = '0001'")
        after = [one.is_well for one in await vitals.findings()]
        across.terminate()

        assert [True, True, True] == before == after


def vitals_on(pool: asyncpg.Pool, across: asyncpg.Pool, monotonic: object) -> ControlPlaneVitals:
    """Of a process that does nothing else."""
    return ControlPlaneVitals(
        PostgresVitalSigns(pool, across),
        MemoryQueues(MemoryDatabase()),
        UnderWay(
            calls=lambda: 0, waiting=lambda: 0, feed_lag_s=lambda: 0.0, is_draining=lambda: False
        ),
        pools={"requests": pool},
        revision=HEAD,
        monotonic=monotonic,  # type: ignore[arg-type]  # a test's clock
    )
