"""
Tenants of unlike size, spread over shards and nodes by a hash: how evenly, and how many shards a
turn's batch would meet. A simulation, the same for the same seed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

SHARDS = 128
BATCH = 64
"""Requests of a turn, of as many instances."""

TURNS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """
    `busiest` is the load of the node with the most, in that of the mean node; `largest` the share
    of the largest tenant in all load; `shards` those that a turn of all tenants meets on average.
    """

    nodes: int
    tenants: int
    busiest: float
    largest: float
    shards: float


def spread(*, nodes: int, tenants: int, skew: float, seed: int) -> Spread:
    """The n-th tenant has a load of 1/n ** skew: with a skew of 1, a few have most of it."""
    loads = [1 / rank**skew for rank in range(1, tenants + 1)]
    whole = sum(loads)
    shards = [_shard(f"{seed}:{rank}") for rank in range(tenants)]
    of_nodes = [0.0] * nodes
    for load, shard in zip(loads, shards, strict=True):
        of_nodes[shard % nodes] += load
    return Spread(
        nodes=nodes,
        tenants=tenants,
        busiest=max(of_nodes) / (whole / nodes),
        largest=loads[0] / whole,
        shards=_met(loads, shards, Random(seed)),  # noqa: S311 - chance, not a secret
    )


def _met(loads: Sequence[float], shards: Sequence[int], random: Random) -> float:
    drawn = random.choices(shards, loads, k=BATCH * TURNS)
    return sum(len(set(drawn[at : at + BATCH])) for at in range(0, len(drawn), BATCH)) / TURNS


def _shard(tenant: str) -> int:
    return int.from_bytes(hashlib.sha256(tenant.encode()).digest()[:8]) % SHARDS
