"""How a command talks to a control plane: a channel that carries the key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from shared.rpc import AUTHORIZATION, BEARER, channel_options


@asynccontextmanager
async def connection(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a control plane of this machine, without TLS."""
    async with grpc.aio.insecure_channel(address, options=list(channel_options())) as channel:
        yield channel


def credential(api_key: str) -> tuple[tuple[str, str], ...]:
    """The metadata that says who calls."""
    return ((AUTHORIZATION, BEARER + api_key),)
