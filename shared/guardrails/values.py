"""
Values of a document whose keys are closed: each is read, or it is told by its place what is wrong.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from shared.guardrails.policy import MAX_NAME
from shared.json import Json

MAX_VIOLATIONS: Final = 20
"""What is told at once of what is wrong with a document."""

_Named = TypeVar("_Named", bound=StrEnum)
_Read = TypeVar("_Read")

_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?"
)
_MIN_SPAN: Final = timedelta(seconds=1)


class Values:
    """`violations` is what was found wrong on the way, by JSON pointer."""

    def __init__(self) -> None:
        self.violations: dict[str, str] = {}

    def object_of(self, given: Json, at: str, *known: str) -> Mapping[str, Json]:
        if not isinstance(given, dict):
            self.wrong(at, "is an object")
            return {}
        for name, value in given.items():
            if name not in known:
                self.wrong(below(at, name), f"is not known; there are {', '.join(known)}")
            elif value is None:
                self.wrong(below(at, name), "is null; leave out what says nothing")
        return given

    def part(self, body: Mapping[str, Json], name: str, *known: str) -> Mapping[str, Json]:
        given = body.get(name)
        return {} if given is None else self.object_of(given, f"/{name}", *known)

    def list_of(
        self, body: Mapping[str, Json], name: str, at: str, read: Callable[[Json, str], _Read]
    ) -> tuple[_Read, ...] | None:
        given = body.get(name)
        if given is None:
            return None
        if not isinstance(given, list):
            self.wrong(f"{at}/{name}", "is a list")
            return None
        return tuple(read(one, f"{at}/{name}/{index}") for index, one in enumerate(given))

    def one_of(
        self, kind: type[_Named], body: Mapping[str, Json], name: str, at: str
    ) -> _Named | None:
        given = body.get(name)
        if given is None:
            return None
        if not isinstance(given, str) or given not in list(kind):
            self.wrong(f"{at}/{name}", f"is one of {', '.join(kind)}")
            return None
        return kind(given)

    def number(
        self, body: Mapping[str, Json], name: str, at: str, minimum: int, maximum: int
    ) -> int | None:
        given = body.get(name)
        if given is None:
            return None
        if isinstance(given, bool) or not isinstance(given, int) or not minimum <= given <= maximum:
            self.wrong(f"{at}/{name}", f"is a whole number from {minimum} to {maximum}")
            return None
        return given

    def needed(
        self, body: Mapping[str, Json], name: str, at: str, minimum: int, maximum: int
    ) -> int:
        found = self.number(body, name, at, minimum, maximum)
        if found is None:
            self.wrong(f"{at}/{name}", f"is a whole number from {minimum} to {maximum}")
        return found or 0

    def name(self, body: Mapping[str, Json], name: str, at: str) -> str:
        return self.text(body.get(name), f"{at}/{name}")

    def text(self, given: Json, at: str) -> str:
        if not is_name(given):
            self.wrong(at, f"is text of 1 to {MAX_NAME} characters that can be printed")
            return ""
        return str(given)

    def glob(self, given: Json, at: str) -> str:
        found = self.text(given, at)
        if "*" in found[:-1]:
            self.wrong(at, "may have `*` at its end only")
        return found

    def span(
        self, body: Mapping[str, Json], name: str, at: str, longest: timedelta
    ) -> timedelta | None:
        given = body.get(name)
        if given is None:
            return None
        match = _DURATION.fullmatch(given) if isinstance(given, str) else None
        span = (
            timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})
            if match
            else timedelta()
        )
        if not _MIN_SPAN <= span <= longest:
            self.wrong(
                f"{at}/{name}", f"is a duration as PT30M or P7D, of at most {longest.days} days"
            )
            return None
        return span

    def once(self, name: str, keys: list[tuple[str, ...]]) -> None:
        if len(set(keys)) < len(keys):
            self.wrong(f"/{name}", "names something twice")

    def wrong(self, pointer: str, message: str) -> None:
        if len(self.violations) < MAX_VIOLATIONS:
            self.violations.setdefault(pointer[:MAX_NAME], message)


def is_name(given: Json) -> bool:
    """Whether it can be the name of a model, an event, a user and the like."""
    return isinstance(given, str) and 0 < len(given) <= MAX_NAME and given.isprintable()


def below(pointer: str, key: str) -> str:
    """The pointer one step further down."""
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
