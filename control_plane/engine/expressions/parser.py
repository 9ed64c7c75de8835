"""Tokens to the tree: CEL's grammar, by precedence climbing."""

from typing import Final

from control_plane.engine.expressions.budget import MAX_CHARACTERS, MAX_DEPTH
from control_plane.engine.expressions.errors import ExpressionError, Site, quoted
from control_plane.engine.expressions.lexer import Token, tokens
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
from control_plane.engine.expressions.values import INT_MAX

PRECEDENCE: Final = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    "<": 3,
    "<=": 3,
    ">": 3,
    ">=": 3,
    "in": 3,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
}
"""Of the binary operators; all of them group to the left."""

MACROS: Final = {
    "all": (2,),
    "exists": (2,),
    "exists_one": (2,),
    "existsOne": (2,),
    "map": (2, 3),
    "filter": (2,),
}
"""The number of arguments each takes."""

_INSTEAD: Final = {"and": "; write && for it", "or": "; write || for it"}
"""What was meant by a word that other languages have between two values."""

RESERVED: Final = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "in"),
        *("let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
"""No names; but all except `in` may stand after a dot."""


def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionError at the first character that is wrong."""
    if len(text) > MAX_CHARACTERS:
        raise Site(text, MAX_CHARACTERS).limit(
            f"an expression has at most {MAX_CHARACTERS:,} characters; split it"
        )
    parser = _Parser(text)
    node = parser.expression()
    parser.expect_end()
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0

    def expression(self) -> Node:
        """A conditional, or anything that binds more tightly."""
        position = self._token.position
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Site(self._text, position).limit(
                f"nested deeper than {MAX_DEPTH}; split the expression"
            )
        condition = self._binary(1)
        if self._take("?"):
            chosen = self._binary(1)
            self._expect(":", "between the two values of a conditional")
            condition = Conditional(position, condition, chosen, self.expression())
        self._depth -= 1
        return condition

    def expect_end(self) -> None:
        if self._token.kind != "end":
            meant = _INSTEAD.get(self._token.text, "")
            raise self._unexpected(f"the end of the expression{meant}")

    def _binary(self, least: int) -> Node:
        left = self._unary()
        while True:
            token = self._token
            operator = token.text if token.kind in {"symbol", "word"} else ""
            precedence = PRECEDENCE.get(operator, 0)
            if precedence < least:
                return left
            self._next += 1
            right = self._binary(precedence + 1)
            if operator not in {"&&", "||"}:
                left = Binary(token.position, operator, left, right)
            elif isinstance(left, Logic) and left.operator == operator:
                left = Logic(left.position, operator, (*left.terms, right))
            else:
                left = Logic(token.position, operator, (left, right))

    def _unary(self) -> Node:
        """`!` and `-` may be repeated, but not mixed, as in CEL."""
        operator = self._token.text
        if not self._at("!") and not self._at("-"):
            return self._member(self._primary())
        positions: list[int] = []
        while self._at(operator) and not self._at_negative_number():
            positions.append(self._token.position)
            self._next += 1
        if len(positions) > MAX_DEPTH:
            raise Site(self._text, positions[0]).limit(
                f"nested deeper than {MAX_DEPTH}; leave out pairs of {operator}"
            )
        if self._at_negative_number():
            node: Node = self._negative_number()
        else:
            node = self._primary()
        node = self._member(node)
        for position in reversed(positions):
            node = Unary(position, operator, node)
        return node

    def _at_negative_number(self) -> bool:
        if not self._at("-"):
            return False
        operand = self._tokens[self._next + 1]
        return operand.kind == "literal" and operand.value.__class__ in {int, float}

    def _negative_number(self) -> Literal:
        position = self._token.position
        value = self._tokens[self._next + 1].value
        assert isinstance(value, (int, float))
        self._next += 2
        return Literal(position, -value)

    def _member(self, node: Node) -> Node:
        """What follows a primary: fields, calls and indexes."""
        while True:
            position = self._token.position
            if self._take("."):
                node = self._field(node)
            elif self._take("["):
                key = self.expression()
                self._expect("]", "after an index")
                node = Index(position, node, key)
            else:
                return node

    def _field(self, target: Node) -> Node:
        token = self._token
        if token.kind not in {"word", "quoted"} or token.text == "in":
            raise self._unexpected('a field\'s name; write other names as target["name"]')
        self._next += 1
        if token.kind == "word" and self._take("("):
            return self._method(token, target, self._arguments(")"))
        return Select(token.position, target, token.text)

    def _method(self, token: Token, target: Node, arguments: tuple[Node, ...]) -> Node:
        counts = MACROS.get(token.text)
        if counts is None:
            return Call(token.position, token.text, target, arguments)
        site = Site(self._text, token.position)
        if len(arguments) not in counts:
            raise site.error(
                f"{token.text} takes a name and an expression, like list.{token.text}(x, x > 0)"
            )
        variable, *steps = arguments
        if not isinstance(variable, Name):
            raise site.error(f"the first argument of {token.text} is the name of a variable")
        kind = "exists_one" if token.text == "existsOne" else token.text
        return Macro(token.position, kind, target, variable.name, tuple(steps))

    def _primary(self) -> Node:
        token = self._token
        self._next += 1
        if token.kind == "literal":
            if isinstance(token.value, int) and token.value > INT_MAX:
                raise Site(self._text, token.position).error(
                    f"integers end at {INT_MAX}; write a double, like 1e20"
                )
            return Literal(token.position, token.value)
        if token.kind == "word":
            return self._named(token)
        match token.text if token.kind == "symbol" else "":
            case "(":
                node = self.expression()
                self._expect(")", "to close the parenthesis")
                return node
            case "[":
                return ListLiteral(token.position, self._arguments("]", trailing_comma=True))
            case "{":
                return self._map(token.position)
            case "." if self._token.kind == "word":
                self._next += 1
                return self._named(self._tokens[self._next - 1])
        self._next -= 1
        raise self._unexpected("a value")

    def _named(self, token: Token) -> Node:
        if token.text in RESERVED:
            raise Site(self._text, token.position).error(
                f'{token.text} is a reserved word; of a map write map["{token.text}"]'
            )
        if not self._take("("):
            return Name(token.position, token.text)
        arguments = self._arguments(")")
        if token.text != "has":
            return Call(token.position, token.text, None, arguments)
        if len(arguments) == 1 and isinstance(arguments[0], Select):
            return Has(token.position, arguments[0].target, arguments[0].key)
        raise Site(self._text, token.position).error("has() takes a field, like has(context.vip)")

    def _arguments(self, closing: str, *, trailing_comma: bool = False) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while not self._take(closing):
            if nodes:
                self._expect(",", f"or {closing}")
                if trailing_comma and self._take(closing):
                    break
            nodes.append(self.expression())
        return tuple(nodes)

    def _map(self, position: int) -> MapLiteral:
        entries: list[tuple[Node, Node]] = []
        while not self._take("}"):
            if entries:
                self._expect(",", "or }")
                if self._take("}"):
                    break
            key = self.expression()
            self._expect(":", "between a key and its value")
            entries.append((key, self.expression()))
        return MapLiteral(position, tuple(entries))

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _at(self, symbol: str) -> bool:
        return self._token.kind == "symbol" and self._token.text == symbol

    def _take(self, symbol: str) -> bool:
        if not self._at(symbol):
            return False
        self._next += 1
        return True

    def _expect(self, symbol: str, where: str) -> None:
        if not self._take(symbol):
            raise self._unexpected(f"{symbol} {where}")

    def _unexpected(self, wanted: str) -> ExpressionError:
        token = self._token
        found = quoted(token.text) or "the end of the expression"
        return Site(self._text, token.position).error(f"found {found}, expected {wanted}")
