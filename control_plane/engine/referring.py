"""
References to secrets in what a task is given: those stand in the spec, word for word.

Whoever carries the task out puts a secret in the place of each `{"$secret": …}` that it finds in
the input. What an event brought could look like one, and have a secret sent to whoever sent
the event. So nothing computed may hold a reference, or be the name in one.
"""

from dataclasses import dataclass
from typing import Final

import orjson

from control_plane.engine.templates import Array, Computed, Constant, Object, Template
from control_plane.engine.turn import Turn
from shared.json import Json

REFERENCE: Final = "$secret"

_AS_KEY: Final = f'"{REFERENCE}":'.encode()


@dataclass(frozen=True, slots=True, eq=False)
class Referenceless(Computed):
    """An expression whose value holds no reference."""

    def evaluate(self, turn: Turn) -> Json:
        value = Computed.evaluate(self, turn)
        # Quotes inside of texts are escaped, so that only a key reads like this.
        if value.__class__ in (dict, list) and _AS_KEY in orjson.dumps(value):
            raise self.unusable(
                f'its value holds "{REFERENCE}": which secret goes where is for the definition to'
                " say, and not for its data"
            )
        return value


def referenceless(template: Template) -> Template:
    """The template, whose expressions give no reference; those that stand in it stay."""
    match template:
        case Computed():
            return Referenceless(template.expression, template.text, template.json_pointer)
        case Object():
            return Object(tuple((key, referenceless(one)) for key, one in template.members))
        case Array():
            return Array(tuple(referenceless(one) for one in template.items))
        case _:
            return template


def computed_names(template: Template) -> list[str]:
    """Where an expression stands for the name of a secret, as JSON pointers of the spec."""
    match template:
        case Object():
            return [
                pointer
                for key, one in template.members
                for pointer in (
                    _pointers(one)
                    if key == REFERENCE and not isinstance(one, Constant)
                    else computed_names(one)
                )
            ]
        case Array():
            return [pointer for one in template.items for pointer in computed_names(one)]
        case _:
            return []


def _pointers(template: Template) -> list[str]:
    match template:
        case Computed():
            return [template.json_pointer]
        case Object():
            return [pointer for _, one in template.members for pointer in _pointers(one)]
        case Array():
            return [pointer for one in template.items for pointer in _pointers(one)]
        case _:
            return []
