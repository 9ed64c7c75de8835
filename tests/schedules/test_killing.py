"""A control plane that is killed, as a process, in the middle of a start that it has decided."""

import asyncio
import os
import signal
import sys

import pytest

from control_plane.ports.schedule_store import HELP_AFTER
from shared.failpoints import VARIABLE
from tests.contract.worlds import PostgresWorld
from tests.schedules.calendar import Calendar

KILLED_WITHIN_S = 60.0


async def killed_at(point: str, database_url: str) -> int | None:
    """How a control plane ends that kills itself the first time it passes a place."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "control_plane", "serve"),
        env={
            **os.environ,
            "FOLIOT_DATABASE_URL": database_url,
            "FOLIOT_MODE": "dev",
            "FOLIOT_LISTEN": "127.0.0.1:0",
            "FOLIOT_POLL_S": "0.05",
            VARIABLE: f"{point}=kill",
        },
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(KILLED_WITHIN_S):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode


class TestAControlPlaneThatIsKilled:
    @pytest.mark.parametrize(
        ("point", "left"),
        [("loop.schedules.decided", 0), ("turn.committed", 1), ("loop.schedules.started", 1)],
    )
    async def test_leaves_its_start_to_the_next(
        self, crashing: Calendar, postgres: PostgresWorld, point: str, left: int
    ) -> None:
        """Before the start, in its very commit, and after it: one instance, noted once."""
        await crashing.at("2026-01-01T08:59:00Z")
        await crashing.keep("0 9 * * *", overlap="cancel_other")
        await crashing.at("2026-01-01T09:00:01Z")

        ended = await killed_at(point, postgres.url)
        between = await crashing.running()
        await crashing.world.move_clock(HELP_AFTER)
        await crashing.fire()

        schedule = await crashing.look()
        assert (-signal.SIGKILL, left) == (ended, len(between))
        assert ["2026-01-01T09:00"] == await crashing.running()
        assert (1, 0, None) == (schedule.starts, schedule.failures, schedule.firing)
