"""
A definition's expressions in ECMAScript, as SCXML's data model has it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from control_plane.engine.expressions import ExpressionError, compile_expression
from control_plane.engine.expressions.parser import parse
from control_plane.engine.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Name,
    Node,
    Select,
    Unary,
)
from control_plane.interchange.event_names import spell_for_scxml
from control_plane.interchange.printing import print_expression

IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""Keys of the context that can be names of the data model; `_` begins names of the platform."""

_KEYWORDS: Final = frozenset(
    {
        "In", "break", "case", "catch", "class", "const", "continue", "debugger", "default",
        "delete", "do", "else", "enum", "export", "extends", "false", "finally", "for",
        "function", "if", "import", "in", "instanceof", "let", "new", "null", "return", "static",
        "super", "switch", "this", "throw", "true", "try", "typeof", "undefined", "var", "void",
        "while", "with", "yield",
    }
)  # fmt: skip
_OPERATORS: Final = {"==": "===", "!=": "!=="}
_LARGEST_EXACT: Final = 2**53
_NAME_OF_EVENT: Final = Select(0, Name(0, "_event"), "name")
_DATA_OF_EVENT: Final = Select(0, Name(0, "_event"), "data")


class NotWritable(Exception):
    """SCXML has no words for it."""


def is_datum(name: str) -> bool:
    """Whether a key of the context can be the name of a datum."""
    return IDENTIFIER.fullmatch(name) is not None and name not in _KEYWORDS


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What a definition's expressions stand for: the keys its context begins with, the word under
    which a done event has its data, and the parameters of a named guard or action.
    """

    declared: frozenset[str]
    answered: str = ""
    params: Mapping[str, Node] = field(default_factory=dict)

    def write(self, template: Any) -> str:
        """A value of the definition as an expression. Raises NotWritable."""
        return print_expression(self.tree(template))

    def tree(self, template: Any) -> Node:
        """The same as a tree."""
        if isinstance(template, dict):
            if "@expr" in template:
                return self._translate(parse(template["@expr"]))
            return MapLiteral(
                0, tuple((Literal(0, key), self.tree(value)) for key, value in template.items())
            )
        if isinstance(template, list):
            return ListLiteral(0, tuple(map(self.tree, template)))
        return self._translate(Literal(0, template))

    def _translate(self, node: Node) -> Node:
        match node:
            case Literal(value=value):
                if isinstance(value, int) and abs(value) > _LARGEST_EXACT:
                    raise NotWritable("ECMAScript's numbers are exact up to 2^53 only")
                return node
            case Name(name=name):
                raise NotWritable(f"{name!r} as a whole has no counterpart")
            case Select():
                return self._member(node)
            case Index(target=target, key=key):
                return Index(0, self._translate(target), self._translate(key))
            case Has():
                return self._has(node)
            case ListLiteral(items=items):
                return ListLiteral(0, tuple(map(self._translate, items)))
            case MapLiteral(entries=entries):
                return MapLiteral(0, tuple((_key(key), self._translate(at)) for key, at in entries))
            case Unary(operator=operator, operand=operand):
                return Unary(0, operator, self._translate(operand))
            case Logic(operator=operator, terms=terms):
                return Logic(0, operator, tuple(map(self._translate, terms)))
            case Conditional(condition=condition, chosen=chosen, otherwise=otherwise):
                parts = map(self._translate, (condition, chosen, otherwise))
                return Conditional(0, *parts)
            case Binary():
                return self._binary(node)
            case Call(function=function):
                raise NotWritable(f"{function}() has no counterpart")
        raise NotWritable("a loop over a list has no counterpart")

    def _member(self, node: Select) -> Node:
        match node:
            case Select(target=Name(name="context"), key=key):
                if not is_datum(key):
                    raise NotWritable(f"{key!r} cannot be the name of a datum")
                return Name(0, key)
            case Select(target=Name(name="event"), key="type"):
                return _NAME_OF_EVENT
            case Select(target=Name(name="event"), key=key):
                return _DATA_OF_EVENT if key == self.answered else Select(0, _DATA_OF_EVENT, key)
            case Select(target=Name(name="params"), key=key):
                if key not in self.params:
                    raise NotWritable(f"there is no parameter {key!r}")
                return self.params[key]
        return Select(0, self._translate(node.target), node.key)

    def _has(self, node: Has) -> Node:
        if isinstance(node.target, Name) and node.target.name == "context":
            if node.key in self.declared:
                return Literal(0, value=True)
            # What is assigned later only is declared as null.
            return Binary(
                0, "!==", self._member(Select(0, node.target, node.key)), Literal(0, None)
            )
        there = self._member(Select(0, node.target, node.key))
        return Binary(0, "!==", Call(0, "typeof", None, (there,)), Literal(0, "undefined"))

    def _binary(self, node: Binary) -> Node:
        left, right = node.left, node.right
        if node.operator == "in":
            raise NotWritable("'in' has no counterpart")
        if node.operator == "/":
            if isinstance(left, Call) and left.function == "double":
                (left,) = left.arguments
            elif not (_is_double(left) or _is_double(right)):
                raise NotWritable("a quotient of integers is an integer here, and none there")
        if node.operator == "+":
            left, right = _without_string(left), _without_string(right)
        one, other = self._translate(left), self._translate(right)
        if node.operator in _OPERATORS:
            one, other = _as_event_name(one, other), _as_event_name(other, one)
        return Binary(0, _OPERATORS.get(node.operator, node.operator), one, other)


def kind_of_expression(text: str) -> str | None:
    """The type of its result, where it does not depend on what it reads."""
    names = frozenset({"context", "event", "params", "task", "instance", "now"})
    try:
        return compile_expression(text, names).result
    except ExpressionError:
        return None


def _key(node: Node) -> Node:
    if isinstance(node, Literal) and isinstance(node.value, str):
        return node
    raise NotWritable("a key that is worked out has no counterpart")


def _is_double(node: Node) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, float)


def _without_string(node: Node) -> Node:
    """In a sum with a text, ECMAScript makes a text of the other side by itself."""
    if isinstance(node, Call) and node.function == "string" and node.target is None:
        return node.arguments[0]
    return node


def _as_event_name(node: Node, other: Node) -> Node:
    if other == _NAME_OF_EVENT and isinstance(node, Literal) and isinstance(node.value, str):
        return Literal(0, spell_for_scxml(node.value) or node.value)
    return node
