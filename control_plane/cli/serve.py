"""`foliot serve`."""

import asyncio

from control_plane.bootstrap import serve, version
from shared.process import loop_factory, spare_the_collector
from shared.settings import Settings
from shared.telemetry.logging import configure_logging
from shared.telemetry.tracing import configure_tracing, end_tracing


def run_serve() -> None:
    settings = Settings()
    configure_logging(settings.log_format, settings.log_level)
    configure_tracing("foliot-control-plane", version())
    spare_the_collector()
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(settings))
    finally:
        end_tracing()
