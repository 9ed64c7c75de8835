"""
Every bound the engine keeps, by name. Reaching one is an error that says which.
"""

from datetime import timedelta

MAX_SPEC_BYTES = 512 * 1024
MAX_SPEC_DEPTH = 64
MAX_SPEC_VALUES = 50_000
"""JSON values of a spec, those inside of others counted too."""

MAX_KEY_LENGTH = 256
"""Characters of any key in a spec; of states and events `MAX_NAME_LENGTH`."""

MAX_EXPRESSIONS = 1_000
"""Expressions of a spec, those that read alike counted once."""

MAX_EXPRESSION_CHARACTERS = 32_000
"""Characters of a spec's expressions together, those that read alike counted once."""

PATTERN_CHARACTERS = 500
"""What a `matches` counts as among them: a pattern takes long to compile."""

MAX_NAMED = 1_000
"""Guards, actions or delays, each, that a spec gives names to."""

MAX_CHOICES = 50
"""Event types among which an AI task may choose."""

MAX_CANDIDATES = 50
"""Users and roles, together, that one human task is offered to."""

MAX_CANDIDATE = 128
"""Characters of the name of a user or a role."""

MAX_VOTERS = 20
"""People who may vote on one human task."""

MAX_REMINDERS = 10
"""Reminders of one human task."""

MAX_ESCALATIONS = 10
"""Escalations of one human task."""

MAX_TARGETS = 10_000
"""Targets of all transitions of a spec together."""

MAX_CONTEXT_BYTES = 256 * 1024
MAX_JSON_DEPTH = 32
MAX_STATES = 500
MAX_STATE_DEPTH = 10
MAX_TRANSITIONS = 2_000
MAX_NAME_LENGTH = 200
MAX_CONFIGURATION_PRODUCT = 10_000
"""Combinations of leaves that parallel regions may span before the validator warns."""

MAX_MICROSTEPS = 1_000
"""Microsteps of one event: eventless transitions and raised events together."""

MAX_WORK = 20_000
"""
Work of one event, in actions, guards and members of values: that of its microsteps, and
what names and fan-outs multiply. See `effort`.
"""

FREE_WORK = 20
"""Candidates, or a microstep, of so little work are not worth counting."""

MAX_REMEMBERED = 2_000
"""Leaves that the history states of a spec can remember together; a snapshot holds them."""

MAX_PATH_LENGTH = 500
"""Characters of a state's path: each entry of an instance's history may tell 500 of them."""

MAX_NAME_NESTING = 8
"""Named guards or actions that lead to each other in a row; keeps their recursion small."""

MAX_QUEUED_EVENTS = 1_000
"""Raised events that wait in one macrostep."""

MAX_TASKS_PER_TRANSITION = 100
MAX_FAN_OUT = 1_000
MAX_OPEN_TASKS = 1_000
MAX_WAITING_TASKS = 10_000
"""Tasks of an instance's fan-outs that are created when others of them have ended."""

MAX_HELD_BYTES = 1024 * 1024
"""
What an instance holds for tasks that have one outcome together, as JSON: the outcomes that have
come of each `forEach`, and the inputs that wait there; and as much again for the inputs of what
could be undone. Every event of the instance writes that anew.
"""

MAX_UNDOABLE = 1_000
"""Tasks of an instance that have succeeded and could be undone."""

MAX_ARMED_TIMERS = 1_000
MAX_EMITTED_EVENTS = 100
"""Events one decision may emit."""

MAX_TRACED = 10_000
"""Candidates and their guards' values that the trace of one event tells of."""

MAX_DELAY = timedelta(days=5 * 366)
"""How far ahead a timer may be armed."""

MAX_PLANNED_BYTES = 4 * 1024 * 1024
"""What one machine keeps: configurations, and for each its candidates and step plans."""

MAX_MACHINES = 1_000
MAX_MACHINES_BYTES = 64 * 1024 * 1024
"""Machines that a process keeps, and what they take together, when nobody says otherwise."""
