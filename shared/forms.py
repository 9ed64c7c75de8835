"""
Forms: what the output of a task must look like, as a JSON Schema.

A form may say what a person can fill in, and cannot cost more than it says: it refers to nothing,
its patterns are RE2's, and how much of an output it looks at is bounded before it does.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, Final, NamedTuple

import re2

from shared import json
from shared.json import Json

MAX_FORM_BYTES: Final = 16 * 1024
"""Of a form as JSON."""

MAX_FORM_WORK: Final = 200_000
"""Values of a form times those of an output that is held against it, 100 bytes counted as one."""

MAX_VIOLATIONS: Final = 10
"""What an output is told at once of what is wrong with it."""

MAX_PATTERN: Final = 200
"""Characters of a pattern."""

MAX_PATTERN_TEXT: Final = 10_000
"""Characters of a text that a pattern is looked for in; a longer one does not match."""

_ONE: Final = frozenset({"items", "not", "if", "then", "else", "additionalProperties"})
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_PLAIN: Final = frozenset(
    {
        "type", "enum", "const", "required", "dependentRequired",
        "minProperties", "maxProperties", "minItems", "maxItems", "uniqueItems",
        "minLength", "maxLength", "pattern", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "$schema", "$comment", "title", "description", "default", "examples", "format",
        "deprecated", "readOnly", "writeOnly",
    }
)  # fmt: skip
KEYWORDS: Final = _ONE | _LISTS | _PLAIN | {"properties"}
"""What a form is made of; any other keyword begins with `x-`, and is for whoever draws it."""


class Violation(NamedTuple):
    """What of an output is not as the form asks, by its place: keys and indexes."""

    path: tuple[str | int, ...]
    message: str


class BadForm(NamedTuple):
    """What is wrong with a form, and where."""

    path: tuple[str | int, ...]
    message: str
    remedy: str


class TooMuchToCheck(Exception):
    """Form and output are too large for one another; `work` is how large."""

    def __init__(self, work: int) -> None:
        super().__init__(f"{work} is over the limit of {MAX_FORM_WORK}")
        self.work = work


def problem_of(form: Mapping[str, Any]) -> BadForm | None:
    """What keeps a form from being one; None if it is good."""
    size = len(json.dump(dict(form)))
    if size > MAX_FORM_BYTES:
        message = f"this form has {size} bytes; it may have {MAX_FORM_BYTES}"
        return BadForm((), message, "ask for less in one task")
    for path, schema in _schemas(form, ()):
        for keyword in schema:
            if keyword not in KEYWORDS and not keyword.startswith("x-"):
                return BadForm(
                    (*path, keyword),
                    "a form cannot say this: it refers to nothing, and is bounded",
                    "use one of: " + ", ".join(sorted(KEYWORDS - {"$schema", "$comment"})),
                )
    wrong = next(iter(_meta().iter_errors(form)), None)
    if wrong is not None:
        place = tuple(wrong.absolute_path)
        message = "this is not what JSON Schema has here"
        return BadForm(place, message, "correct it by JSON Schema 2020-12")
    for path, schema in _schemas(form, ()):
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and _compiled(pattern) is None:
            return BadForm(
                (*path, "pattern"),
                f"this is no regular expression of RE2 of at most {MAX_PATTERN} characters",
                "RE2 has no look-around and no back-references",
            )
    return None


def violations(form: Json, output: Json) -> tuple[Violation, ...]:
    """
    What of an output is not as a good form asks; the first MAX_VIOLATIONS.

    Raises TooMuchToCheck.
    """
    work = _weight(form) * _weight(output)
    if work > MAX_FORM_WORK:
        raise TooMuchToCheck(work)
    found: Iterator[Violation] = (
        one for error in _validator()(form).iter_errors(output) for one in _told(error)
    )
    return tuple(islice(dict.fromkeys(found), MAX_VIOLATIONS))


def _schemas(
    schema: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """The schema and those inside it that are objects, by where they stand."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield from _schemas(value, (*path, keyword))
        elif keyword in _LISTS and isinstance(value, list):
            for at, one in enumerate(value):
                yield from _schemas(one, (*path, keyword, at))
        elif keyword == "properties" and isinstance(value, dict):
            for name, one in value.items():
                yield from _schemas(one, (*path, keyword, name))


def _weight(value: Json) -> int:
    found = 0
    waiting: list[Json] = [value]
    while waiting:
        one = waiting.pop()
        found += 1
        if isinstance(one, str):
            found += len(one) // 100
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            found += sum(len(key) for key in one) // 100
            waiting.extend(one.values())
    return found


@cache
def _validator() -> Any:
    # Imported where it is used: most processes never see a form.
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    ours = {"pattern": _pattern, "uniqueItems": _unique_items}
    return extend(Draft202012Validator, ours)  # type: ignore[no-untyped-call]  # stubs leave it out


@cache
def _meta() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(Draft202012Validator.META_SCHEMA)


def _pattern(validator: Any, pattern: str, text: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(text, "string"):
        return
    compiled = _compiled(pattern)
    if compiled is None or len(text) > MAX_PATTERN_TEXT or compiled.search(text) is None:
        yield ValidationError("")


def _unique_items(validator: Any, unique: bool, items: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not unique or not validator.is_type(items, "array"):
        return
    if len({json.dump(one) for one in items}) < len(items):
        yield ValidationError("")


@cache
def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 18
    return options


def _compiled(pattern: str) -> Any:
    """The pattern in RE2's form, None if it has none."""
    if len(pattern) > MAX_PATTERN:
        return None
    try:
        return re2.compile(pattern, _options())
    except (re2.error, UnicodeEncodeError):
        return None


def _told(error: Any) -> Iterator[Violation]:
    """In our words: the library's repeat the output, which may be long, or a secret."""
    path = tuple(error.absolute_path)
    asked = error.validator_value
    match error.validator:
        case "required":
            for name in asked:
                if name not in error.instance:
                    yield Violation((*path, name), "is required")
        case "dependentRequired":
            for given, names in asked.items():
                for name in names if given in error.instance else ():
                    if name not in error.instance:
                        yield Violation((*path, name), f"is required beside {given!r}")
        case "additionalProperties" if asked is False:
            known = error.schema.get("properties", {})
            for name in sorted(error.instance.keys() - known.keys()):
                yield Violation((*path, name[:_SHOWN]), "is not asked for")
        case keyword:
            yield Violation(path, _words(keyword, asked))


_SHOWN: Final = 100

_WORDS: Final[Mapping[str, str]] = {
    "minProperties": "must have at least {} members",
    "maxProperties": "must have at most {} members",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "pattern": "must match {}",
    "const": "must be {}",
    "enum": "must be one of {}",
    "type": "must be of type {}",
}


def _words(keyword: str | None, asked: Any) -> str:
    words = _WORDS.get(keyword or "")
    if words is not None:
        shown = " or ".join(asked) if keyword == "type" and isinstance(asked, list) else asked
        text = shown if isinstance(shown, str) and keyword == "type" else json.dump(shown)
        return words.format(text[:_SHOWN])
    match keyword:
        case "uniqueItems":
            return "must not have an item twice"
        case "anyOf":
            return "must be as one of the alternatives asks"
        case "oneOf":
            return "must be as exactly one of the alternatives asks"
        case "not":
            return "must not be as it is"
        case "items":
            return "has more items than are asked for"
        case _:
            return "is not asked for"
