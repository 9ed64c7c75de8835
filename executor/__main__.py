"""
`foliot-executor`: takes tasks and carries them out until it is told to end.

Configured by FOLIOT_… environment variables (shared/settings.py). SIGTERM and SIGINT let
running tasks finish, for at most FOLIOT_DRAIN_S seconds; a second one ends at once.

Exits with 0 after a clean end; 1 after a bug; 2 if the configuration cannot work; 3 if
something was left undone, which others will redo.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from importlib.metadata import version
from typing import NoReturn

from pydantic import ValidationError
from pydantic_settings.exceptions import SettingsError

from executor.bootstrap import executor_plane, name_of
from executor.plane import Farewell
from shared.errors import FoliotError
from shared.postgres.lineage import Lineage
from shared.process import loop_factory, spare_the_collector
from shared.settings import Settings, unreadable
from shared.telemetry.endpoint import Endpoint
from shared.telemetry.logging import configure_logging, get_logger
from shared.telemetry.metrics import TENANTS, introduce
from shared.telemetry.names import LogEvent
from shared.telemetry.tracing import configure_tracing, end_tracing

CLEAN = 0
CONFIGURATION = 2
LEFT_UNDONE = 3
INTERRUPTED = 130

_log = get_logger(__name__)


def main() -> None:
    """The console script."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"foliot-executor: {error}\n")
        sys.exit(CONFIGURATION)
    except SettingsError as error:
        sys.stderr.write(f"foliot-executor: {unreadable(error)}\n")
        sys.exit(CONFIGURATION)
    configure_logging(settings.log_format, settings.log_level)
    try:
        configure_tracing("foliot-executor", version("foliot"))
        farewell = _run(settings)
    except FoliotError as error:
        sys.stderr.write(f"foliot-executor: {error.message}\n")
        _exit(CONFIGURATION)
    left = farewell is not None and (farewell.unacknowledged or farewell.abandoned)
    _exit(LEFT_UNDONE if left else CLEAN)


def _run(settings: Settings) -> Farewell | None:
    spare_the_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(settings))


async def _serve(settings: Settings) -> Farewell | None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    _log.info(LogEvent.EXECUTOR_STARTING, name=name_of(settings), version=version("foliot"))
    lineage = Lineage(_forget)
    TENANTS.limit = settings.metrics_tenants
    introduce(version("foliot"), "executor")
    async with contextlib.AsyncExitStack() as exits:
        endpoint = await exits.enter_async_context(Endpoint(settings.metrics_listen))
        # The database may take long to come up, and we may be told to end meanwhile.
        connecting = asyncio.ensure_future(
            exits.enter_async_context(executor_plane(settings, lineage=lineage))
        )
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not connecting.done():
            connecting.cancel()
            await asyncio.wait({connecting})
            return None
        plane = await connecting
        endpoint.vitals = plane.vitals(settings.concurrency)
        return await plane.run(stop)


def _forget() -> NoReturn:
    """
    End at once: outcomes that are kept here are of tasks that the database may know nothing of, or
    may have given to others under the same epochs.
    """
    _log.warning(LogEvent.DATABASE_REPLACED)
    logging.shutdown()
    os._exit(LEFT_UNDONE)


def _exit(code: int) -> NoReturn:
    """End now, whatever a function may still be doing in a thread."""
    end_tracing()
    logging.shutdown()
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
