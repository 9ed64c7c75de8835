"""Which control plane a command talks to, and as whom."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import grpc

from control_plane.cli.connection import connection, credential
from control_plane.cli.development import DEFAULT_LISTEN
from control_plane.cli.failing import explained
from control_plane.embedded import attached
from shared.errors import InvalidRequest

CALL_WITHIN_S = 30.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to, and the key; what is not said is that of the `foliot dev` in a directory."""

    address: str
    key: str
    data_dir: Path


@dataclass(frozen=True, slots=True)
class Caller:
    """A channel, and what every call on it carries."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]


def call(target: Target, ask: Callable[[Caller], Awaitable[Answer]]) -> Answer:
    """What the control plane answers; a refusal ends the command with a sentence, and with 1."""
    with explained():
        address, key = _found(target)
        return asyncio.run(_call(address, key, ask))


async def _call(address: str, key: str, ask: Callable[[Caller], Awaitable[Answer]]) -> Answer:
    async with connection(address) as channel, asyncio.timeout(CALL_WITHIN_S):
        return await ask(Caller(channel, credential(key)))


def _found(target: Target) -> tuple[str, str]:
    running = None if target.key else attached(target.data_dir)
    if target.key:
        return target.address or DEFAULT_LISTEN, target.key
    if running is None:
        raise InvalidRequest(
            f"no `foliot dev` runs in {target.data_dir}; start one, or say where to and as whom:"
            " --address and --key (FOLIOT_CONTROL_PLANE, FOLIOT_KEY)",
            field="key",
        )
    return target.address or running.address, running.api_key
