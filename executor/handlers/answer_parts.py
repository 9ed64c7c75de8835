"""
What of an answer becomes an output: parts of it, by JSON pointers into
`{"status": …, "headers": …, "body": …}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from shared.errors import InvalidRequest
from shared.json import Json

MAX_PARTS = 100

_POINTER = re.compile(r"(/([^~/]|~[01])*)*")

Steps: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One part, or several by names of their own."""

    whole: Steps | None
    named: Mapping[str, Steps]

    def of(self, answer: Json) -> Json:
        """The parts; null for what is not there."""
        if self.whole is not None:
            return _at(answer, self.whole)
        return {name: _at(answer, steps) for name, steps in self.named.items()}


def choice_of(given: Json) -> Choice:
    """A pointer, or an object of pointers. Raises InvalidRequest for anything else."""
    if isinstance(given, str):
        return Choice(_steps(given), {})
    if isinstance(given, dict) and len(given) <= MAX_PARTS:
        named = {name: pointer for name, pointer in given.items() if isinstance(pointer, str)}
        if len(named) == len(given):
            return Choice(None, {name: _steps(pointer) for name, pointer in named.items()})
    raise InvalidRequest(
        "output is a JSON pointer, as '/body/id', or an object of at most"
        f' {MAX_PARTS} of them, as {{"id": "/body/id"}}'
    )


def _steps(pointer: str) -> Steps:
    if not _POINTER.fullmatch(pointer):
        raise InvalidRequest(
            f"{pointer!r} is no JSON pointer; write it as '/body/id', with ~1 for a slash in a name"
        )
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def _at(value: Json, steps: Steps) -> Json:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 10:
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value
