"""
JSON pointers (RFC 6901) into a task's input, in sets: what is sent, untrusted or redacted.

A pointer stands for its whole subtree. In a pattern a step `*` stands for each member or item.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from shared.json import Json

MAX_STEPS: Final = 32
"""Steps of a pointer: no deeper than a payload may be."""

ANY: Final = "*"

Steps = tuple[str, ...]


def steps_of(pointer: str) -> Steps | None:
    """The steps of a pointer; None if it is none."""
    if pointer == "":
        return ()
    if not pointer.startswith("/") or pointer.count("/") > MAX_STEPS:
        return None
    found = []
    for step in pointer[1:].split("/"):
        plain = step.replace("~1", "").replace("~0", "")
        if "~" in plain:
            return None
        found.append(step.replace("~1", "/").replace("~0", "~"))
    return tuple(found)


def within_both(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """What lies in a subtree of each: of two pointers where one leads to the other, the longer."""
    others = tuple(other)
    return outermost(
        longer
        for left in one
        for right in others
        for longer in (_longer(left, right),)
        if longer is not None
    )


def outermost(pointers: Iterable[str]) -> tuple[str, ...]:
    """The same places with none of them told twice, in order."""
    found = set(pointers)
    return tuple(
        sorted(
            one
            for one in found
            if not any(other != one and _leads_to(other, one) for other in found)
        )
    )


def overlap(pointer: str, pattern: str) -> bool:
    """Whether the one lies in the other's subtree, either way round."""
    left, right = steps_of(pointer) or (), steps_of(pattern) or ()
    return all(theirs in (mine, ANY) for mine, theirs in zip(left, right, strict=False))


def value_at(value: Json, pointer: str) -> tuple[bool, Json]:
    """Whether there is such a place, and what stands there."""
    for step in steps_of(pointer) or ():
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and _is_index(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return False, None
    return True, value


def places(value: Json, pattern: str) -> Iterator[Steps]:
    """Where in a value the pattern leads to."""
    yield from _places(value, steps_of(pattern) or (), ())


def replaced(value: Json, steps: Steps, put: Json) -> Json:
    """The value with something else at a place that it has."""
    if not steps:
        return put
    first, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        return {**value, first: replaced(value[first], rest, put)}
    if isinstance(value, list):
        at = int(first)
        return [*value[:at], replaced(value[at], rest, put), *value[at + 1 :]]
    return value


def _places(value: Json, steps: Steps, at: Steps) -> Iterator[Steps]:
    if not steps:
        yield at
        return
    first, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        for name in value if first == ANY else [first] if first in value else []:
            yield from _places(value[name], rest, (*at, name))
    elif isinstance(value, list):
        if first == ANY:
            found: Iterable[int] = range(len(value))
        else:
            found = [int(first)] if _is_index(first) and int(first) < len(value) else []
        for index in found:
            yield from _places(value[index], rest, (*at, str(index)))


def _leads_to(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith(outer + "/")


def _longer(left: str, right: str) -> str | None:
    if _leads_to(left, right):
        return right
    return left if _leads_to(right, left) else None


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdigit() and len(step) < 10
