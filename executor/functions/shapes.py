"""
What a function takes and gives, held against what is there: by its annotations, through
pydantic, or by a JSON Schema.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError

from shared.errors import InvalidJson, InvalidRequest
from shared.forms import MAX_VIOLATIONS, TooMuchToCheck, problem_of, violations
from shared.json import Json, dump

Described: TypeAlias = "type[Any] | Mapping[str, Json] | Any"
"""A type that pydantic knows, or a JSON Schema."""

_UNTYPED = (inspect.Parameter.empty, inspect.Signature.empty, Any, object, Json, "Json", "Any")
_INVISIBLE = "the annotations of {name!r} cannot be read where it is defined: {problem}; move what"
_REMEDY = " they name to the top of the module, or give `input` and `output` to register()"


class NotOfShape(Exception):
    """A value is not as a function says. `violations` tell what is wrong, by JSON pointers."""

    def __init__(self, found: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{at or 'it'}: {what}" for at, what in found.items()))
        self.violations = dict(found)


class Shape(Protocol):
    def read(self, value: Json) -> Any:
        """What the function is given for JSON. Raises NotOfShape."""

    def write(self, value: Any) -> Json:
        """The JSON of what the function gave. Raises NotOfShape."""


class ModelShape:
    """A type that pydantic knows: a model, a dataclass, `list[int]`, …"""

    def __init__(self, described: Any) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(described)

    def read(self, value: Json) -> Any:
        try:
            # By the rules for JSON: a date is a text there, and a tuple a list.
            return self._adapter.validate_json(dump(value))
        except ValidationError as error:
            raise NotOfShape(_by_pointer(error.errors(include_url=False), value)) from None

    def write(self, value: Any) -> Json:
        try:
            checked = self._adapter.validate_python(value)
            written: Json = self._adapter.dump_python(
                checked, mode="json", by_alias=True, warnings="error"
            )
        except ValidationError as error:
            raise NotOfShape(_by_pointer(error.errors(include_url=False), value)) from None
        except PydanticSerializationError:
            raise NotOfShape({"": "it cannot be written as JSON by its type"}) from None
        return written


class SchemaShape:
    """A JSON Schema of what forms may say: shared/forms.py."""

    def __init__(self, schema: Mapping[str, Json]) -> None:
        problem = problem_of(schema)
        if problem is not None:
            raise InvalidRequest(
                f"a JSON Schema of a function is wrong at {_pointer(problem.path) or 'its top'}:"
                f" {problem.message}; {problem.remedy}",
                field="functions",
            )
        self._schema = dict(schema)

    def read(self, value: Json) -> Any:
        try:
            found = violations(self._schema, value)
        except TooMuchToCheck:
            raise NotOfShape({"": "is too large to be held against its schema"}) from None
        if found:
            raise NotOfShape({_pointer(one.path): one.message for one in found})
        return value

    def write(self, value: Any) -> Json:
        try:
            dump(value)
        except InvalidJson:
            raise NotOfShape({"": "is no JSON"}) from None
        checked: Json = self.read(value)
        return checked


def shapes_of(
    name: str, function: Callable[..., Any], takes: Described = None, gives: Described = None
) -> tuple[Shape | None, Shape | None]:
    """
    What a function takes and gives; None for what may be any JSON. What is not told is read from
    the annotations of its first argument and its answer.

    Raises InvalidRequest for what cannot be checked.
    """
    if takes is None or gives is None:
        first, answer = _annotated(name, function)
        takes = first if takes is None else takes
        gives = answer if gives is None else gives
    return _shape(name, takes), _shape(name, gives)


def _shape(name: str, described: Described) -> Shape | None:
    if any(described is one or described == one for one in _UNTYPED):
        return None
    if isinstance(described, Mapping):
        return SchemaShape(described)
    try:
        return ModelShape(described)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise InvalidRequest(
            f"the function {name!r} is annotated with {described!r}, which pydantic cannot check;"
            " use a model, a dataclass, or Json for anything",
            field="functions",
        ) from error


def _annotated(name: str, function: Callable[..., Any]) -> tuple[Any, Any]:
    """The annotations of the first argument and of the answer, as they are meant."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # Written in C, and told nothing about.
        return Any, Any
    first = next(iter(signature.parameters.values()), None)
    found = [Any if first is None else first.annotation, signature.return_annotation]
    if any(isinstance(one, str) and one not in _UNTYPED for one in found):
        try:
            resolved = inspect.signature(function, eval_str=True)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise InvalidRequest(
                _INVISIBLE.format(name=name, problem=problem) + _REMEDY, field="functions"
            ) from error
        first = next(iter(resolved.parameters.values()), None)
        meant = [Any if first is None else first.annotation, resolved.return_annotation]
        found = [
            given if given in _UNTYPED else resolved_one
            for given, resolved_one in zip(found, meant, strict=True)
        ]
    return found[0], found[1]


def _by_pointer(errors: Iterable[ErrorDetails], value: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for error in errors:
        at = _pointer(_places(error["loc"], value, is_missing=error["type"] == "missing"))
        found.setdefault(at, error["msg"])
        if len(found) == MAX_VIOLATIONS:
            break
    return found


def _places(location: Iterable[Any], value: Any, *, is_missing: bool) -> list[Any]:
    """The way into the value. Pydantic's has more stops: which of several types it tried."""
    places: list[Any] = []
    steps = list(location)
    for number, step in enumerate(steps, 1):
        if _leads_on(step, value):
            value = value[step]
        elif not (is_missing and number == len(steps)):
            continue
        places.append(step)
    return places


def _leads_on(step: Any, value: Any) -> bool:
    if isinstance(value, list | tuple):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, Mapping) and step in value


def _pointer(path: Iterable[Any]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
