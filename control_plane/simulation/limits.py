"""
Every bound of a simulation, by name. Reaching one ends it there, with what it has so far.
"""

from datetime import UTC, datetime, timedelta

MAX_STEPS = 1_000
"""Steps of one script."""

MAX_DECISIONS = 10_000
"""Decisions and attempts of one run: mocks can make tasks chase each other without end."""

MAX_SPAN = timedelta(days=10 * 366)
"""How far a run may get from its start."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""When a run may start: the calendar goes on for longer than anything in it."""

MAX_WAIT = timedelta(days=1)
"""How long a failure may have the next attempt wait."""

MAX_MOCKS = 1_000
"""Tasks that one script may mock, and outcomes that it may give to one of them."""
