"""Has the server's health service say whether this control plane is ready."""

import asyncio
from collections.abc import Awaitable, Callable
from random import random

from shared.telemetry.endpoint import Vitals
from shared.telemetry.logging import get_logger
from shared.telemetry.names import LogEvent

EVERY_S = 2.0
"""How long the health service may be behind, about."""

_log = get_logger(__name__)


class Readiness:
    """Of no loop that rests longer and longer: what is not well is looked at as often."""

    def __init__(self, vitals: Vitals, told: Callable[[bool], Awaitable[None]]) -> None:
        self._vitals = vitals
        self._told = told

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._told(await self._is_ready())
            try:
                async with asyncio.timeout(EVERY_S * (1 - 0.2 * random())):  # noqa: S311 - jitter
                    await stop.wait()
            except TimeoutError:
                continue

    async def _is_ready(self) -> bool:
        try:
            return all(one.is_well for one in await self._vitals.findings())
        except Exception:  # noqa: BLE001 - a bug in what watches must not end what is watched
            _log.exception(LogEvent.LOOP_CRASHED, loop="readiness", retry_in_s=EVERY_S)
            return False
