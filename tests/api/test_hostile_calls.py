"""Whatever bytes a method is sent, the answer is one of ours, and the server stays up."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from control_plane.bootstrap import connected, let_in
from tests.api.serving import PEPPER, Client, with_key
from tests.api.test_on_postgres import OWN, settings_for
from tests.campaigns.api.assault import Outcome, assault
from tests.campaigns.api.world import METHODS, inhabited, keys

CALLS_OF_A_METHOD = 20
SEED = 1
"""One that everybody gets: what another one finds is for `make fuzz-api` to find."""

SERVES_WITHIN_S = 60.0


@pytest.fixture
async def outcome(migrated_url: str) -> AsyncIterator[Outcome]:
    """What a control plane on PostgreSQL made of some hostile calls to each of its methods."""
    texts, stored = keys(PEPPER)
    await let_in(migrated_url, stored, "Hostile")
    stop = asyncio.Event()
    async with connected(settings_for(migrated_url), OWN) as control_plane:
        running = asyncio.create_task(control_plane.run(stop))
        async with asyncio.timeout(SERVES_WITHIN_S):
            address = await control_plane.address
        try:
            administrator = with_key(texts["tenant_admin"])
            async with grpc.aio.insecure_channel(address, interceptors=administrator) as channel:
                known = await inhabited(Client(channel, texts["tenant_admin"]))
            async with grpc.aio.insecure_channel(address) as channel:
                yield await assault(channel, texts, known, seed=SEED, count=CALLS_OF_A_METHOD)
            assert not running.done()
        finally:
            stop.set()
            await running


class TestAHostileCall:
    async def test_is_answered_in_our_own_words_whatever_it_holds(self, outcome: Outcome) -> None:
        """INTERNAL means a bug; each other status says which error it is, and whose field."""
        told = [
            f"{method}: {complaint}"
            for method, complaints in outcome.complaints.items()
            for complaint, _ in complaints
        ]

        assert [] == told
        assert len(METHODS) * CALLS_OF_A_METHOD == outcome.answers.total()
