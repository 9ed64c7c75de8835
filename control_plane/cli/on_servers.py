"""
Servers to play scenarios on: PostgreSQL, Valkey and a control plane, in virtual time, gone
afterwards with everything they had.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from control_plane.cli.connection import connection
from control_plane.cli.development import throwaway
from control_plane.cli.playing import Player
from control_plane.embedded.virtual_time import VirtualTime

POLL_S = "0.05"
"""How often the control plane looks for what is due: nobody rings when the clock is moved."""

LEASE_S = "3600"
"""Leases are kept through every move of the clock, and need not be short."""


@asynccontextmanager
async def player() -> AsyncIterator[Player]:
    """Starts the servers, which takes some seconds; the player plays one scenario at a time."""
    environment = {"FOLIOT_POLL_S": POLL_S, "FOLIOT_LEASE_S": LEASE_S}
    async with (
        throwaway(environment) as serving,
        VirtualTime(serving.running.database_url) as time,
        connection(serving.running.address) as channel,
    ):
        yield Player(channel, serving.running, time)
