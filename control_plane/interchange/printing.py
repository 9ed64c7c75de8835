"""
A syntax tree as text: CEL, or ECMAScript where a tree was made of its operators.
"""

import json
import re
from typing import Final

from control_plane.engine.expressions.lexer import WORDS
from control_plane.engine.expressions.parser import RESERVED
from control_plane.engine.expressions.syntax import (
    Binary,
    Call,
    Conditional,
    Has,
    Index,
    ListLiteral,
    Literal,
    Logic,
    Macro,
    MapLiteral,
    Name,
    Node,
    Select,
    Unary,
)

_ADDING: Final = frozenset({"+", "-"})
_MULTIPLYING: Final = frozenset({"*", "/", "%"})
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_CONDITIONAL, _OR, _AND, _RELATION, _ADD, _MULTIPLY, _UNARY, _MEMBER = range(8)


def print_expression(node: Node) -> str:
    """The text of a tree. Parentheses stand where either language needs them."""
    return _text(node, _CONDITIONAL)


def _text(node: Node, least: int) -> str:
    binding, text = _print(node)
    return f"({text})" if binding < least else text


def _print(node: Node) -> tuple[int, str]:
    match node:
        case Literal(value=value):
            is_negative = isinstance(value, int | float) and value < 0
            return (_UNARY if is_negative else _MEMBER), json.dumps(value, ensure_ascii=False)
        case Name(name=name):
            return _MEMBER, name
        case Select(target=target, key=key):
            return _MEMBER, _text(target, _MEMBER) + _member(key)
        case Has(target=target, key=key):
            where = _text(target, _MEMBER)
            if not _is_word(key):
                return _RELATION, f"{json.dumps(key, ensure_ascii=False)} in {where}"
            return _MEMBER, f"has({where}.{key})"
        case Index(target=target, key=index):
            return _MEMBER, f"{_text(target, _MEMBER)}[{_text(index, _CONDITIONAL)}]"
        case Call(function="typeof", arguments=(argument,)):
            return _UNARY, f"typeof {_text(argument, _UNARY)}"
        case Call(function=function, target=receiver, arguments=arguments):
            listed = ", ".join(_text(one, _CONDITIONAL) for one in arguments)
            before = "" if receiver is None else f"{_text(receiver, _MEMBER)}."
            return _MEMBER, f"{before}{function}({listed})"
        case Macro(kind=kind, source=source, variable=variable, steps=steps):
            listed = ", ".join([variable, *(_text(step, _CONDITIONAL) for step in steps)])
            return _MEMBER, f"{_text(source, _MEMBER)}.{kind}({listed})"
        case ListLiteral(items=items):
            return _MEMBER, f"[{', '.join(_text(item, _CONDITIONAL) for item in items)}]"
        case MapLiteral(entries=entries):
            listed = ", ".join(
                f"{_text(key, _CONDITIONAL)}: {_text(value, _CONDITIONAL)}"
                for key, value in entries
            )
            return _MEMBER, f"{{{listed}}}"
        case Unary(operator=operator, operand=operand):
            # A second operator of another kind needs parentheses in CEL.
            return _UNARY, operator + _text(operand, _MEMBER)
        case Binary(operator=operator, left=left, right=right):
            binding = (
                _ADD
                if operator in _ADDING
                else _MULTIPLY
                if operator in _MULTIPLYING
                else _RELATION
            )
            # Relations do not chain: CEL and ECMAScript rank them differently.
            first = binding + 1 if binding == _RELATION else binding
            return binding, f"{_text(left, first)} {operator} {_text(right, binding + 1)}"
        case Logic(operator=operator, terms=terms):
            binding = _OR if operator == "||" else _AND
            return binding, f" {operator} ".join(_text(term, binding + 1) for term in terms)
        case Conditional(condition=condition, chosen=chosen, otherwise=otherwise):
            return _CONDITIONAL, (
                f"{_text(condition, _OR)} ? {_text(chosen, _OR)} : {_text(otherwise, _CONDITIONAL)}"
            )


def _member(key: str) -> str:
    return f".{key}" if _is_word(key) else f"[{json.dumps(key, ensure_ascii=False)}]"


def _is_word(key: str) -> bool:
    return _WORD.fullmatch(key) is not None and key not in RESERVED and key not in WORDS
