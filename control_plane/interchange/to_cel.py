"""
ECMAScript's expressions in a definition's words: data are keys of the context, the event's
data are keys of the event, `In('s')` is a guard of its own.
"""

import re
from dataclasses import dataclass
from typing import Any, Final
from typing import Literal as OneOf

from control_plane.engine.expressions import ExpressionError, compile_expression
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
from control_plane.interchange.ecmascript import NotSayable, read_expression
from control_plane.interchange.event_names import spell_event
from control_plane.interchange.printing import print_expression
from control_plane.interchange.tree_names import names_in
from shared.json import Json

Answered = OneOf["sent", "output", "error"]
"""Whose `_event` an expression sees: a sender's, a done event's, a failed invocation's."""

NAMES: Final = frozenset({"context", "event"})
"""Of what a definition's expressions see, what SCXML has."""

_DELAY: Final = re.compile(r"([0-9]{1,13}\.?[0-9]{0,6}|\.[0-9]{1,6})(ms|s)", re.ASCII)
_OPERATORS: Final = {"===": "==", "!==": "!="}
_EQUALITY: Final = frozenset({"==", "!="})
_NAME_OF_EVENT: Final = Select(0, Name(0, "event"), "type")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """
    What the expressions of a document may name: its data, of which `conditions` are declared as
    true or false, its states (by id, as they are keyed in the definition), and the machine's own
    name. `referred` gathers the keys of states that are referred to by their ids.
    """

    data: frozenset[str]
    conditions: frozenset[str]
    keys: dict[str, str]
    machine_name: str
    referred: set[str]

    def value(self, text: str, answered: Answered = "sent") -> Any:
        """JSON where the expression is a constant, else `{"@expr": …}`. Raises NotSayable."""
        node = _Translator(self, answered).translate(read_expression(text))
        try:
            return constant(node)
        except ValueError:
            return _expression(node)[0]

    def number_with_unit(self, text: str, answered: Answered = "sent") -> Any:
        """
        The milliseconds of `'3s'`, or of `x + 'ms'` with a number x. Raises NotSayable for
        any other way of working out a delay.
        """
        match read_expression(text):
            case Literal(value=str(written)):
                return milliseconds(written)
            case Binary(operator="+", left=number, right=Literal(value="ms" | "s" as unit)):
                node = _Translator(self, answered).translate(number)
                if unit == "s":
                    node = Binary(0, "*", node, Literal(0, 1000))
                return _expression(node)[0]
        raise NotSayable(
            "it works out a delay with its unit, which must be known before",
            "write the number first, and the unit after it: x + 'ms'",
        )

    def reads_data(self, text: str) -> bool:
        """Whether the expression names any of the data."""
        return any(name in self.data for name in names_in(read_expression(text)))

    def guard(self, text: str, answered: Answered = "sent") -> Any:
        """A guard of the definition. Raises NotSayable."""
        return self._guard(read_expression(text), answered)

    def _guard(self, node: Node, answered: Answered) -> Any:
        match node:
            case Call(function="In", arguments=(Literal(value=str(state)),)):
                if state not in self.keys:
                    raise NotSayable(f"In({state!r}) names no state", "correct the id")
                self.referred.add(self.keys[state])
                return {"type": "@stateIn", "state": f"#{self.keys[state]}"}
            case Logic(operator=operator, terms=terms) if any(map(_asks_for_states, terms)):
                guards = [self._guard(term, answered) for term in terms]
                return {"type": "@and" if operator == "&&" else "@or", "guards": guards}
            case Unary(operator="!", operand=operand) if _asks_for_states(operand):
                return {"type": "@not", "guard": self._guard(operand, answered)}
        self._check_condition(node)
        expression, kind = _expression(_Translator(self, answered).translate(node))
        if kind not in {None, "bool"}:
            raise NotSayable(
                f"it gives a value of type {kind} where a condition must give true or false",
                "compare it with something",
            )
        return expression

    def _check_condition(self, node: Node) -> None:
        """What stands for a condition must be one: a definition takes no other value for true."""
        match node:
            case Name(name=name) if name in self.data - self.conditions:
                raise NotSayable(
                    f"it takes the value of {name} for true or false",
                    "compare it with something, or declare it as true or false",
                )
            case Unary(operator="!", operand=operand):
                self._check_condition(operand)
            case Logic(terms=terms):
                for term in terms:
                    self._check_condition(term)


def kind_of(value: Any) -> str | None:
    """The type of a value that was read, where it does not depend on what it reads."""
    if isinstance(value, dict) and "@expr" in value:
        return compile_expression(value["@expr"], NAMES).result
    return "map" if isinstance(value, dict) else None


def milliseconds(written: str) -> int | float:
    """The length of a delay such as `10ms` or `1.5s`. Raises NotSayable for any other text."""
    found = _DELAY.fullmatch(written.strip())
    if found is None:
        raise NotSayable(f"{written!r} is no delay", "write a number and ms or s")
    length = float(found[1]) * (1000 if found[2] == "s" else 1)
    return int(length) if length.is_integer() else length


def _expression(node: Node) -> tuple[dict[str, str], str | None]:
    """The expression of a definition, and its type where that is known."""
    text = print_expression(node)
    try:
        return {"@expr": text}, compile_expression(text, NAMES).result
    except ExpressionError as error:
        raise NotSayable(f"it becomes {text!r}, which cannot be compiled: {error}") from error


def constant(node: Node) -> Json:
    """The JSON of a literal. Raises ValueError for anything that has to be worked out."""
    match node:
        case Literal(value=value):
            return value
        case ListLiteral(items=items):
            return [constant(item) for item in items]
        case MapLiteral(entries=entries):
            found = {str(constant(key)): constant(value) for key, value in entries}
            if "@expr" not in found:
                return found
    raise ValueError("not a constant")


@dataclass(frozen=True, slots=True)
class _Translator:
    vocabulary: Vocabulary
    answered: Answered

    def translate(self, node: Node) -> Node:
        match node:
            case Literal():
                return node
            case Name(name=name):
                return self._name(name)
            case Select() | Index():
                return self._member(node)
            case ListLiteral(items=items):
                return ListLiteral(0, tuple(self.translate(item) for item in items))
            case MapLiteral(entries=entries):
                return MapLiteral(0, tuple((key, self.translate(value)) for key, value in entries))
            case Unary(operator=operator, operand=operand):
                return Unary(0, operator, self.translate(operand))
            case Logic(operator=operator, terms=terms):
                return Logic(0, operator, tuple(self.translate(term) for term in terms))
            case Conditional(condition=condition, chosen=chosen, otherwise=otherwise):
                return Conditional(
                    0,
                    self.translate(condition),
                    self.translate(chosen),
                    self.translate(otherwise),
                )
            case Binary():
                return self._binary(node)
            case Call(function="In"):
                raise NotSayable(
                    "it uses In() inside of another expression",
                    "ask for it by itself, with &&, || and ! around it only",
                )
        raise NotSayable("it uses typeof otherwise than to compare with 'undefined'")

    def _name(self, name: str) -> Node:
        if name == "undefined":
            raise NotSayable("it uses undefined as a value", "use null")
        if name == "_name":
            return Literal(0, self.vocabulary.machine_name)
        if name == "_event":
            raise NotSayable("it uses _event as a whole", "name the members that are needed")
        if name.startswith("_") and name not in self.vocabulary.data:
            raise NotSayable(f"it uses {name}, which a definition does not know", "leave it out")
        if name not in self.vocabulary.data:
            raise NotSayable(f"it uses {name}, which is not in the datamodel", "declare it there")
        return Select(0, Name(0, "context"), name)

    def _member(self, node: Select | Index) -> Node:
        if _is_event(node.target):
            return self._of_event(node)
        if isinstance(node, Index):
            return Index(0, self.translate(node.target), self.translate(node.key))
        if _is_event(getattr(node.target, "target", None)) and self.answered == "sent":
            # The members of a sender's data stand beside the event's type.
            self._of_event(node.target)
            if node.key == "type":
                raise NotSayable(
                    "it reads a datum named 'type', which would be the event's own",
                    "give the datum another name",
                )
            return Select(0, Name(0, "event"), node.key)
        target = self.translate(node.target)
        if node.key == "length":
            # An array's or a text's: objects that call a member of theirs so are rare.
            return Call(0, "size", None, (target,))
        return Select(0, target, node.key)

    def _of_event(self, node: Node) -> Node:
        key = node.key if isinstance(node, Select) else "[…]"
        if key == "name":
            return _NAME_OF_EVENT
        if key == "data":
            return Select(0, Name(0, "event"), "data" if self.answered == "sent" else self.answered)
        raise NotSayable(f"it uses _event.{key}, which a definition does not know", "leave it out")

    def _binary(self, node: Binary) -> Node:
        operator = _OPERATORS.get(node.operator, node.operator)
        if operator in _EQUALITY:
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if _is_undefined(one, other):
                    return self._missing(other, is_wanted=operator == "==")
        left, right = self.translate(node.left), self.translate(node.right)
        if operator in _EQUALITY:
            left, right = _as_event_name(left, right), _as_event_name(right, left)
        elif operator == "/":
            # Of two integers, CEL's quotient is an integer.
            left = (
                Literal(0, float(left.value))
                if isinstance(left, Literal) and isinstance(left.value, int)
                else Call(0, "double", None, (left,))
            )
        elif operator == "+" and _is_text(left) != _is_text(right):
            left, right = _as_text(left), _as_text(right)
        return Binary(0, operator, left, right)

    def _missing(self, node: Node, *, is_wanted: bool) -> Node:
        """Whether a value is undefined: null of what is declared, not there of what is a member."""
        if isinstance(node, Call):
            (node,) = node.arguments
        place = self.translate(node)
        is_declared = isinstance(node, Name) or place == Select(0, Name(0, "event"), self.answered)
        if is_declared or not isinstance(place, Select):
            return Binary(0, "==" if is_wanted else "!=", place, Literal(0, None))
        there = Has(0, place.target, place.key)
        return Unary(0, "!", there) if is_wanted else there


def _is_event(node: object) -> bool:
    return isinstance(node, Name) and node.name == "_event"


def _is_undefined(one: Node, other: Node) -> bool:
    """Of `typeof x == 'undefined'` and of `x == undefined`, whether `one` is the right side."""
    if isinstance(other, Call) and other.function == "typeof":
        return isinstance(one, Literal) and one.value == "undefined"
    return isinstance(one, Name) and one.name == "undefined"


def _as_event_name(node: Node, other: Node) -> Node:
    """A literal that is compared with the event's name, as the engine spells that name."""
    if other == _NAME_OF_EVENT and isinstance(node, Literal) and isinstance(node.value, str):
        return Literal(0, spell_event(node.value))
    return node


def _is_text(node: Node) -> bool:
    match node:
        case Literal(value=value):
            return isinstance(value, str)
        case Binary(operator="+", left=left, right=right):
            return _is_text(left) or _is_text(right)
        case Conditional(chosen=chosen, otherwise=otherwise):
            return _is_text(chosen) and _is_text(otherwise)
    return isinstance(node, Call) and node.function == "string"


def _as_text(node: Node) -> Node:
    return node if _is_text(node) else Call(0, "string", None, (node,))


def _asks_for_states(node: Node) -> bool:
    match node:
        case Call(function="In"):
            return True
        case Logic(terms=terms):
            return any(map(_asks_for_states, terms))
        case Unary(operand=operand):
            return _asks_for_states(operand)
    return False
