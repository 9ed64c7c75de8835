"""`foliot serve`."""

import asyncio
from collections.abc import Callable

from control_plane.bootstrap import serve
from shared.settings import Settings
from shared.telemetry.logging import configure_logging


def run_serve() -> None:
    settings = Settings()
    configure_logging(settings.log_format, settings.log_level)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
