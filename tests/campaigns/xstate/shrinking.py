"""
A smaller machine and a shorter story with which the same thing goes wrong.

Greedy: take something away, keep what still fails, until nothing can be taken away.
"""

import copy
from collections.abc import Iterator
from typing import Any, Final

from control_plane.engine import check_spec
from tests.campaigns.xstate.match import Match, Setting, Verdict
from tests.campaigns.xstate.oracle import Oracle
from tests.campaigns.xstate.steps import Step

MAX_TRIES: Final = 3_000
KEPT: Final = frozenset({"id", "context"})
"""Of the root: without them the engines differ in other ways."""


def replay(oracle: Oracle, setting: Setting, steps: list[Step]) -> Verdict:
    """The same story again."""
    left = iter(steps)
    return Match(oracle, setting).play(lambda _: next(left, None))


def shrink(
    oracle: Oracle, setting: Setting, steps: list[Step]
) -> tuple[Setting, list[Step], Verdict]:
    """The smallest failing match that is found within MAX_TRIES, and how it went."""
    best = replay(oracle, setting, steps)
    tries = 0
    sought = best.finding.what if best.finding is not None else ""

    def fails(other: Setting, story: list[Step]) -> bool:
        nonlocal best, tries
        tries += 1
        verdict = replay(oracle, other, story)
        if verdict.finding is None or verdict.finding.what != sought:
            return False
        best = verdict
        return True

    is_smaller = True
    while is_smaller and tries < MAX_TRIES:
        is_smaller = False
        for shorter in _without_one(steps):
            if tries < MAX_TRIES and fails(setting, shorter):
                steps, is_smaller = shorter, True
                break
        for spec in _smaller(setting.spec):
            other = _setting(setting, spec)
            if tries < MAX_TRIES and other is not None and fails(other, steps):
                setting, is_smaller = other, True
                break
    return setting, steps, best


def _without_one(steps: list[Step]) -> Iterator[list[Step]]:
    for at in reversed(range(len(steps))):
        yield steps[:at] + steps[at + 1 :]


def _setting(setting: Setting, spec: dict[str, Any]) -> Setting | None:
    machine, _ = check_spec(spec)
    return None if machine is None else Setting(machine, spec, setting.given, setting.trace)


def _smaller(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The spec without one of its parts, the largest parts first."""
    for path in sorted(_paths(spec), key=len):
        if path[0] in KEPT:
            continue
        copied = copy.deepcopy(spec)
        holder: Any = copied
        for key in path[:-1]:
            holder = holder[key]
        holder.pop(path[-1])
        yield copied


def _paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys: Any = ()
    if isinstance(value, dict):
        keys = value
    elif isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        yield (*above, key)
        yield from _paths(value[key], (*above, key))
