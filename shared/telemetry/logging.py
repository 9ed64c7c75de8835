"""
Logging: one line an event, as JSON for machines or coloured for people, on stderr.

What libraries log through the standard library comes out in the same form.
"""

import logging
import sys
import time
from collections.abc import Callable
from typing import Literal

import structlog
from structlog.typing import Processor

from shared.telemetry.call_names import with_call
from shared.telemetry.redaction import without_secrets, without_secrets_in

COMPLAIN_EVERY_S = 30.0

# They log each message, or each attempt to reconnect, which we tell about ourselves.
QUIET = ("taskiq", "httpx", "httpcore", "asyncio", "alembic")
SILENT = logging.CRITICAL + 1


def configure_logging(
    format_: Literal["json", "console"], level: Literal["debug", "info", "warning", "error"]
) -> None:
    """Set up logging for this process. The last call holds."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        with_call,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendered(format_),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.ERROR))


def quiet(*names: str) -> None:
    """
    Keep libraries from logging at all that would tell what was said, whatever the environment
    wants of them. Call it after they were imported.
    """
    for name in names:
        logging.getLogger(name).setLevel(SILENT)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module. Events come from shared/telemetry/names.py."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


class Throttle:
    """Lets one through every so many seconds, so that a fault that lasts is not a flood."""

    def __init__(
        self,
        every_s: float = COMPLAIN_EVERY_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s = every_s
        self._monotonic = monotonic
        self._next = 0.0

    def allows(self) -> bool:
        now = self._monotonic()
        if now < self._next:
            return False
        self._next = now + self._every_s
        return True

    def reset(self) -> None:
        """The fault is over: the next one is news."""
        self._next = 0.0


def _rendered(format_: Literal["json", "console"]) -> list[Processor]:
    """Tracebacks come without the variables of their frames: those are payloads and secrets."""
    if format_ == "console":
        return [
            without_secrets_in,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
            # Once more, for tracebacks.
            without_secrets,
        ]
    return [
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        without_secrets_in,
        structlog.processors.JSONRenderer(),
    ]
