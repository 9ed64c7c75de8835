"""
The inhabited world of hostile calls, in memory: made once, copied as often as it is used up.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from itertools import count
from typing import Any, Final

import grpc

from control_plane.adapters.memory.credentials import MemoryCredentials
from control_plane.adapters.memory.database import MemoryDatabase
from tests.api.serving import PEPPER, Client, Serving, serving_from, with_key
from tests.campaigns.api.world import inhabited, keys

NEVER_REACHED: Final = 1_000_000_000
"""A quota that hostile calls do not come to: they would be told of nothing else."""

QUOTAS: Final[Mapping[str, Any]] = {
    "quota_open_instances": NEVER_REACHED,
    "quota_open_tasks": NEVER_REACHED,
    "quota_definitions": NEVER_REACHED,
    "quota_calls_per_second": NEVER_REACHED,
}


@dataclass(frozen=True, slots=True)
class MemoryWorld:
    """What there is, the key of each role, and what is known of what there is."""

    database: MemoryDatabase
    keys: Mapping[str, str]
    known: Mapping[str, Sequence[str]]

    @classmethod
    async def made(cls) -> "MemoryWorld":
        database = MemoryDatabase()
        texts, stored = keys(PEPPER)
        for key in stored:
            await MemoryCredentials(database).add(key, "Hostile")
        async with serving_from(database, **QUOTAS) as serving:
            administrator = with_key(texts["tenant_admin"])
            async with grpc.aio.insecure_channel(
                serving.address, interceptors=administrator
            ) as channel:
                known = await inhabited(Client(channel, texts["tenant_admin"]))
        return cls(database, texts, known)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Serving]:
        """A control plane on a copy, so that all begin alike whatever was done to others."""
        async with serving_from(
            _copied(self.database), drain_s=0.2, poll_s=1.0, **QUOTAS
        ) as serving:
            yield serving


def _copied(database: MemoryDatabase) -> MemoryDatabase:
    """With counters that begin far above: iterators do not tell where they are."""
    values: dict[str, Any] = {}
    for field in fields(database):
        value = getattr(database, field.name)
        is_counter = isinstance(value, count)
        values[field.name] = count(1_000_000) if is_counter else deepcopy(value)
    return MemoryDatabase(**values)
