"""`foliot serve`."""

import asyncio

from control_plane.bootstrap import serve
from shared.process import loop_factory, spare_the_collector
from shared.settings import Settings
from shared.telemetry.logging import configure_logging


def run_serve() -> None:
    settings = Settings()
    configure_logging(settings.log_format, settings.log_level)
    spare_the_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(settings))
