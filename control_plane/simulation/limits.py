"""
Every bound of a simulation, by name. Reaching one ends it there, with what it has so far.
"""

from datetime import timedelta

MAX_STEPS = 1_000
"""Steps of one script."""

MAX_DECISIONS = 10_000
"""Decisions and attempts of one run: mocks can make tasks chase each other without end."""

MAX_SPAN = timedelta(days=10 * 366)
"""How far a run may get from its start."""

MAX_MOCKS = 1_000
"""Tasks that one script may mock, and outcomes that it may give to one of them."""
